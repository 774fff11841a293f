"""Faults anywhere: system calls that fail, bytes that flip, processes that halt.

Most of it needs no broker: the daemon reads a recorded log and publishes to a directory, so that
hundreds of lives fit into minutes."""

from __future__ import annotations

import functools
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time
from dataclasses import dataclass

import checkpoint_state
from processes import (RUNNING, SAMPLES_PER_MESSAGE, Broker, FaultRunError, FileInstance, Instance,
                       generate, send_all, write_log)
from scenarios import MAPPINGS, PATIENCE, Verdict, check_versions, finish, say, undisturbed
from watcher import Follower, Watcher

BAD_LINES = (3, 500, 2500)  # of the recorded log: they become dead letters
# The tracer is a grandchild: what was started is the daemon.
TRACED = ("strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null")

# What fails while the daemon runs, with what. Counted by each thread for itself.
LATE_CALLS = [
    ("openat", "EMFILE"), ("openat", "EIO"), ("read", "EIO"), ("pread64", "EIO"),
    ("write", "ENOSPC"), ("write", "EIO"), ("fsync", "EIO"), ("rename", "EIO"),
    ("renameat2", "EIO"), ("mkdir", "ENOSPC"), ("unlink", "EIO"), ("unlinkat", "EIO"),
    ("newfstatat", "EIO"), ("getdents64", "EIO"), ("flock", "ENOLCK"), ("mmap", "ENOMEM"),
    ("mprotect", "ENOMEM"), ("madvise", "ENOMEM"), ("brk", "ENOMEM"), ("close", "EIO"),
    ("ftruncate", "EIO"), ("lseek", "EIO"), ("accept4", "EMFILE"), ("epoll_wait", "EINTR"),
    ("sendmsg", "EPIPE"), ("recvmsg", "ECONNRESET"),
]
LATE_TIMES = ["1+2", "2+5", "7+11"]
# What fails once while it starts: the n-th call after the program was loaded.
EARLY_CALLS = [
    ("openat", "EMFILE"), ("read", "EIO"), ("mmap", "ENOMEM"), ("newfstatat", "EIO"),
    ("write", "EIO"), ("fsync", "EIO"), ("mkdir", "ENOSPC"), ("flock", "ENOLCK"),
    ("getdents64", "EIO"), ("rename", "EIO"), ("clone3", "EAGAIN"), ("socket", "EMFILE"),
    ("bind", "ENOMEM"), ("epoll_create1", "EMFILE"), ("timerfd_create", "EMFILE"),
]
EARLY_TIMES = [1, 2, 3, 5, 8, 13, 21]
# Of the connections to a broker.
NETWORK_CALLS = [("sendmsg", "ECONNRESET"), ("recvmsg", "EIO"), ("connect", "ENETUNREACH"),
                 ("socket", "EMFILE"), ("poll", "ENOMEM"), ("setsockopt", "ENOBUFS"),
                 ("write", "EAGAIN"), ("fcntl", "EINVAL")]


@dataclass(frozen=True)
class Reference:
    """What the recorded log gives without faults."""

    log: pathlib.Path
    samples: int
    watcher: Watcher
    state: checkpoint_state.CheckpointState


def recorded(work: pathlib.Path, samples: int) -> pathlib.Path:
    path = work / "events.tsv"
    if not path.exists():
        write_log(path, samples)
        lines = path.read_text().splitlines(keepends=True)
        for at in BAD_LINES:
            lines.insert(at, "no\tevent\n")
        path.write_text("".join(lines))
    return path


def life(instance: FileInstance, seconds: float = PATIENCE) -> int:
    """One life to the end of the log; its exit code."""
    instance.start()
    code = instance.wait(seconds)
    if code is None:
        instance.kill()
        raise FaultRunError(f"the daemon does not come to its end; see {instance.log}")
    return code


@functools.cache
def reference(work: pathlib.Path, samples: int) -> Reference:
    log = recorded(work, samples)
    instance = FileInstance(work, "calm-log", log)
    watcher = Watcher(directory=instance.mappings)
    if life(instance) != 0:
        raise FaultRunError(f"the undisturbed run failed; see {instance.log}")
    state = checkpoint_state.newest(instance.checkpoints)
    watcher.close({name: version for name, version, *_ in state.tables})
    return Reference(log, state.samples, watcher, state)


def check_letters(instance: FileInstance, verdict: Verdict) -> None:
    text = "".join(f.read_text(errors="replace")
                   for f in instance.directory.glob("dead-letters.ndjson*"))
    for at in BAD_LINES:
        verdict.expect(f'"offset":{at + 1},' in text,
                       f"{instance.directory.name}: no dead letter of line {at + 1}")


def check_end(instance: FileInstance, watcher: Watcher, expected: Reference,
              verdict: Verdict) -> None:
    """After a last life without faults everything must be as if there had been none."""
    name = instance.directory.name
    code = life(instance)
    verdict.expect(code == 0, f"{name}: the life after the faults ended with {code}; "
                              f"see {instance.log}")
    if code != 0:
        return
    state = checkpoint_state.newest(instance.checkpoints)
    verdict.count_events(state.samples, expected.samples)
    watcher.close({table: version for table, version, *_ in state.tables})
    check_versions(verdict, watcher, [instance], expected.watcher)
    same = state == expected.state
    verdict.state_identical &= same
    verdict.expect(same, f"{name}: the final state differs from the undisturbed run's")
    check_letters(instance, verdict)


def calls_before_main(instance: FileInstance) -> dict[str, int]:
    """How often the loader makes each call, before the daemon's first line of log."""
    trace = instance.directory / "trace"
    done = subprocess.run(["strace", "-qq", "-o", trace, *instance.command()], check=False,
                          capture_output=True)
    if done.returncode != 0:
        raise FaultRunError(f"strace: {done.stderr.decode(errors='replace')[-500:]}")
    counts: dict[str, int] = {}
    for line in trace.read_text(errors="replace").splitlines():
        call = line.split("(", 1)[0]
        if line.startswith("write(2, "):
            return counts
        counts[call] = counts.get(call, 0) + 1
    raise FaultRunError("the daemon's first line of log is not in the trace")


def fail_late(instance: FileInstance, call: str, error: str, when: str) -> None:
    """Starts it, and lets `call` fail in every thread from the second batch on."""
    instance.start("ingest:2=stop")
    if not instance.wait_until_stopped(PATIENCE):
        raise FaultRunError(f"the daemon does not take anything in; see {instance.log}")
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(instance.process.pid), "-e",
         f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"],
        stderr=subprocess.PIPE)
    RUNNING.append(tracer)
    if not instance.wait_until_traced(PATIENCE):
        raise FaultRunError(f"strace cannot attach: {tracer.stderr.read().decode()}")
    instance.send(signal.SIGCONT)


def await_end(instance: FileInstance, seconds: float, verdict: Verdict, what: str) -> None:
    """Until it ends, with whatever code, or waits for better times, and says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and instance.alive():
        instance.get("/status")  # so that the admin server has something to do, too
        time.sleep(0.05)
    if instance.alive():
        log = instance.log.read_text(errors="replace")
        verdict.expect("trying again" in log or "failed" in log or "cannot" in log,
                       f"{what}: the daemon stands still and says nothing")
        instance.kill()


def failing_calls(_: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int,
                  every: int) -> None:
    """`every`: one case in so many."""
    cases = [(call, error, when) for when in LATE_TIMES for call, error in LATE_CALLS]
    cases += [(call, error, n) for n in EARLY_TIMES for call, error in EARLY_CALLS]
    cases = cases[::every]
    say(f"{len(cases)} times a system call fails: state and versions must be those of an "
        "undisturbed run")
    expected = reference(work, samples)
    loader = FileInstance(work, "loader", expected.log)
    before_main = calls_before_main(loader)
    for number, (call, error, when) in enumerate(cases):
        name = f"{call}-{error}-{when}"
        problems = len(verdict.problems)
        instance = FileInstance(work, name, expected.log)
        watcher = Watcher(directory=instance.mappings)
        if isinstance(when, int):
            at = before_main.get(call, 0) + when
            instance.start(under=(*TRACED, "-e", f"trace={call}", "-e",
                                  f"inject={call}:error={error}:when={at}"))
        else:
            fail_late(instance, call, error, when)
        await_end(instance, 20, verdict, name)
        verdict.calls_failed += 1
        check_end(instance, watcher, expected, verdict)
        if len(verdict.problems) == problems:
            shutil.rmtree(instance.directory)
        if (number + 1) % 20 == 0:
            say(f"{number + 1} of {len(cases)} calls")


def failing_connections(broker: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int,
                        every: int) -> None:
    cases = NETWORK_CALLS[::every]
    say(f"{len(cases)} system calls of connections fail over and over")
    events = "events.connections"
    calm, calm_watcher, _ = undisturbed(broker, work, "calm-connections", events, 1, samples)
    for call, error in cases:
        name = f"{call}-{error}"
        mappings = f"{MAPPINGS}.{name}"
        instance = Instance(broker, work, name, events=events, mappings=mappings)
        watcher = Watcher(brokers=broker.address, topic=mappings)
        instance.start(under=(*TRACED, "-e", f"trace={call}", "-e",
                              f"inject={call}:error={error}:when=30..3000+37"))
        verdict.calls_failed += 1
        verdict.count_events(finish(instance, watcher, samples), samples)
        check_versions(verdict, watcher, [instance], calm_watcher)
        same = (checkpoint_state.newest(instance.checkpoints)
                == checkpoint_state.newest(calm.checkpoints))
        verdict.state_identical &= same
        verdict.expect(same, f"{name}: the final state differs from the undisturbed run's")


def flip_a_byte(path: pathlib.Path, rng: random.Random) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    path.write_bytes(damaged)


def damage(instance: FileInstance, kind: str, rng: random.Random) -> bool:
    """Flips a byte in one of its files; False: there is none of that kind."""
    if kind == "checkpoint":
        files = sorted(instance.checkpoints.glob("checkpoint-*.remapd"))[-1:]
    else:
        files = sorted(instance.mappings.rglob(kind))
    if not files:
        return False
    flip_a_byte(rng.choice(files), rng)
    return True


def flipped_bytes(_: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int,
                  rounds: int) -> None:
    """Killed, damaged, started again: every event counts once, no damaged version is served."""
    kinds = ["checkpoint", "mapping.remap", "delta.remap", "plan.remap", "manifest.json",
             "epoch.json"]
    say(f"{rounds * len(kinds)} times a byte flips in a file of a daemon that was killed")
    expected = reference(work, samples)
    good = {table: set(digests.values()) for table, digests in expected.watcher.digests.items()}
    rng = random.Random(1)
    for number in range(rounds * len(kinds)):
        kind = kinds[number % len(kinds)]
        name = f"flipped-{number}-{kind}"
        instance = FileInstance(work, name, expected.log)
        early = Watcher(directory=instance.mappings, tolerant=True)
        # Of the checkpoints one must be left that is whole.
        instance.start("checkpoint.done:2=kill" if kind == "checkpoint" else
                       f"ingest.done:{rng.randint(samples // 400, samples // 220)}=kill")
        if instance.wait(PATIENCE) != -signal.SIGKILL:
            raise FaultRunError(f"the daemon was not killed; see {instance.log}")
        verdict.kills += 1
        if not damage(instance, kind, rng):
            raise FaultRunError(f"there is no {kind} in {instance.directory}")
        verdict.bytes_flipped += 1
        late = Watcher(directory=instance.mappings, tolerant=True)
        code = life(instance)
        verdict.expect(code == 0, f"{name}: the life after it ended with {code}; "
                                  f"see {instance.log}")
        if code != 0:
            continue
        state = checkpoint_state.newest(instance.checkpoints)
        verdict.count_events(state.samples, expected.samples)
        newest = {table: version for table, version, *_ in state.tables}
        for watcher in (early, late):
            watcher.close(newest)
            verdict.problems += watcher.torn
            for table, digests in watcher.digests.items():
                wrong = [v for v, digest in digests.items() if digest not in good[table]]
                verdict.versions_checked += len(digests)
                # Without its manifest a version never was: what follows builds on the one before.
                if kind == "manifest.json":
                    wrong = [v for v, digest in digests.items()
                             if early.digests[table].get(v, digest) != digest]
                verdict.versions_torn += len(wrong)
                verdict.expect(not wrong, f"{name}: table {table}: versions {wrong} answer "
                                          "otherwise than they should")
            verdict.expect(watcher.served == newest,
                           f"{name}: a client stays at {watcher.served} of {newest}")
        check_letters(instance, verdict)
        shutil.rmtree(instance.directory)


def halts(broker: Broker, work: pathlib.Path, verdict: Verdict, *, count: int,
          samples: int) -> None:
    say(f"{count} times daemon, broker or client are halted at random and go on later")
    events, mappings = "events.halting", f"{MAPPINGS}.halting"
    calm, calm_watcher, _ = undisturbed(broker, work, "calm-halting", "events.calm-halting", 1,
                                        samples)
    instance = Instance(broker, work, "halting", events=events, mappings=mappings)
    follower = Follower(broker.address, mappings)
    sender = generate(broker, events, samples, rate=samples / count)
    instance.start()
    rng = random.Random(3)
    processes = {"daemon": instance.process.pid, "broker": broker.pid(),
                 "client": follower.process.pid}
    for number in range(count):
        halted = [p for name, p in processes.items() if rng.random() < 0.5 or
                  name == list(processes)[number % 3]]
        for pid in halted:
            os.kill(pid, signal.SIGSTOP)
        verdict.halts += len(halted)
        # Now and then longer than any timeout of the connections between them.
        time.sleep(15 if number % 8 == 7 else rng.uniform(0.05, 1.0))
        for pid in rng.sample(halted, len(halted)):
            os.kill(pid, signal.SIGCONT)
            time.sleep(rng.uniform(0, 0.1))
        time.sleep(rng.uniform(0.1, 0.8))
    if sender.wait() != 0:
        raise FaultRunError("the generator failed")
    verdict.count_events(finish(instance, follower, samples), samples)
    check_versions(verdict, follower, [instance], calm_watcher)
    same = (checkpoint_state.newest(instance.checkpoints)
            == checkpoint_state.newest(calm.checkpoints))
    verdict.state_identical &= same
    verdict.expect(same, "after the halts the final state differs from the undisturbed run's")


def clock_jumps(_: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int) -> None:
    say("the clock is set back and forth while the daemon runs")
    expected = reference(work, samples)
    libraries = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise FaultRunError("libfaketime is not installed")
    instance = FileInstance(work, "jumping", expected.log)
    watcher = Watcher(directory=instance.mappings)
    offset = instance.directory / "offset"
    offset.write_text("+0\n")
    # Only the time of day can be set; clocks that count from the start cannot.
    instance.environment = {"LD_PRELOAD": str(libraries[0]), "FAKETIME_TIMESTAMP_FILE": str(offset),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    jumps = ["-3600", "+86400", "-31536000", "+0", "-1", "+315360000", "+0"]
    instance.start(",".join(f"ingest:{4 * n + 2}=stop" for n in range(len(jumps))))
    for jump in jumps:
        if not instance.wait_until_stopped(PATIENCE):
            raise FaultRunError(f"the daemon does not take anything in; see {instance.log}")
        offset.write_text(f"{jump}\n")
        instance.send(signal.SIGCONT)
        verdict.clock_jumps += 1
    verdict.expect(instance.wait(PATIENCE) == 0, "the daemon does not live through clock jumps")
    check_end(instance, watcher, expected, verdict)


def batches_of(log: pathlib.Path) -> list[tuple[int, int, int]]:
    """Of a segment of a partition: where each batch begins, its bytes, its messages."""
    data, at, found = log.read_bytes(), 0, []
    while at + 27 <= len(data):
        (length,) = struct.unpack_from(">i", data, at + 8)
        (last_delta,) = struct.unpack_from(">i", data, at + 23)
        found.append((at, 12 + length, last_delta + 1))
        at += 12 + length
    return found


def damage_segment(broker: Broker, topic: str, rng: random.Random) -> int:
    """Flips a byte of a batch in the middle of the topic's partition 0, under the broker that is
    stopped; the messages in that batch."""
    segment = max(broker.state.rglob(f"{topic}-0/*.log"), key=lambda log: log.stat().st_size)
    batches = batches_of(segment)
    at, size, messages = batches[len(batches) // 2]
    data = bytearray(segment.read_bytes())
    # Behind the length: with that one damaged the broker itself does not find the batches after it.
    data[at + rng.randrange(17, size)] ^= 1 << rng.randrange(8)
    segment.write_bytes(data)
    return messages


def damaged_log(broker: Broker, work: pathlib.Path, verdict: Verdict, *, rounds: int) -> None:
    say(f"{rounds} times a byte flips in the broker's log of events, and of mappings")
    rng = random.Random(5)
    samples = 4000
    for number in range(rounds):
        name = f"damaged-{number}"
        events, mappings = f"events.{name}", f"{MAPPINGS}.{name}"
        instance = Instance(broker, work, name, events=events, mappings=mappings)
        if generate(broker, events, samples, rate=4000).wait() != 0:
            raise FaultRunError("the generator failed")
        broker.stop()
        lost = damage_segment(broker, events, rng)
        verdict.bytes_flipped += 1
        broker.start()
        instance.start()
        left = samples - lost * SAMPLES_PER_MESSAGE
        have = instance.wait_for_samples(left, PATIENCE)
        time.sleep(1)
        told = instance.get("/status")["input"]["lost_events"]
        verdict.expect(told == lost, f"{name}: {lost} messages are damaged, {told} told as lost")
        verdict.count_events(instance.samples(), left)
        if have < left:
            continue
        before = {t["name"]: t["version"] for t in instance.get("/status")["tables"]}
        instance.stop()
        broker.stop()
        damage_segment(broker, mappings, rng)
        verdict.bytes_flipped += 1
        broker.start()
        late = Watcher(brokers=broker.address, topic=mappings, tolerant=True)
        instance.start()
        send_all(broker, events, samples, seed=2)
        verdict.count_events(finish(instance, late, left + samples), left + samples)
        verdict.problems += late.torn
        for table, version in late.served.items():
            verdict.expect(version > before[table],
                           f"{name}: a client stays at version {version} of table {table}")
