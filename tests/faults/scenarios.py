"""What is done to remapd, and what must be true afterwards."""

from __future__ import annotations

import itertools
import pathlib
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import checkpoint_state
from processes import (TABLES, Broker, Cluster, Daemon, FaultRunError, Instance, generate,
                       send_all)
from watcher import Follower, Watcher

MAPPINGS = "remap.mappings"
PATIENCE = 60  # seconds for what ought to take a few

# Each is passed once for every batch, checkpoint or version.
FAILPOINTS = ["ingest", "ingest.done", "checkpoint.write", "checkpoint.rename", "checkpoint.done",
              "commit.done", "publish.blob", "publish.manifest", "publish.done"]


@dataclass
class Verdict:
    """Adds up over the scenarios."""

    kills: int = 0
    halts: int = 0
    calls_failed: int = 0
    bytes_flipped: int = 0
    clock_jumps: int = 0
    broker_faults: int = 0
    takeovers: int = 0
    events_lost: int = 0
    events_repeated: int = 0
    versions_checked: int = 0
    versions_torn: int = 0
    versions_repeated: int = 0
    versions_skipped: int = 0
    state_identical: bool = True
    problems: list[str] = field(default_factory=list)

    def count_events(self, have: int, sent: int) -> None:
        self.events_lost += max(0, sent - have)
        self.events_repeated += max(0, have - sent)

    def expect(self, what: bool, problem: str) -> None:
        if not what:
            self.problems.append(problem)

    def passed(self) -> bool:
        return (not self.problems and self.state_identical and self.events_lost == 0
                and self.events_repeated == 0 and self.versions_torn == 0
                and self.versions_repeated == 0 and self.versions_skipped == 0)


def say(text: str) -> None:
    print(f"faults: {text}", file=sys.stderr, flush=True)


def published_versions(log: pathlib.Path, table: str) -> list[int]:
    """The versions its log says were published, in order."""
    line = re.compile(rf" published table={table} version=(\d+) ")
    return [int(m[1]) for m in line.finditer(log.read_text(errors="replace"))]


def check_versions(verdict: Verdict, watcher: Watcher | Follower, publishers: list[Daemon],
                   reference: Watcher | None) -> None:
    """No version torn, repeated or skipped; the same mappings as without faults."""
    verdict.versions_torn += len(watcher.torn)
    verdict.problems += watcher.torn
    for table in TABLES:
        seen = sorted(watcher.digests[table])
        verdict.versions_checked += len(seen)
        verdict.versions_skipped += len(set(range(1, (seen or [0])[-1] + 1)) - set(seen))
        logged = [v for p in publishers for v in published_versions(p.log, table)]
        verdict.versions_repeated += len(logged) - len(set(logged))
        if reference is None:
            continue
        expected = reference.digests[table]
        verdict.expect(seen == sorted(expected),
                       f"table {table}: versions {seen[:1]}..{seen[-1:]} where the undisturbed run "
                       f"has {len(expected)}")
        different = [v for v in seen if v in expected and watcher.digests[table][v] != expected[v]]
        verdict.versions_torn += len(different)
        verdict.expect(not different, f"table {table}: versions {different[:5]} answer otherwise "
                                      "than in the undisturbed run")


def finish(instance: Instance, watcher: Watcher | Follower, samples: int) -> int:
    """Lets it take everything in and publish what is due, stops it in order; the samples it then had."""
    instance.wait_for_samples(samples, PATIENCE)
    instance.wait_for_versions(PATIENCE)
    time.sleep(0.5)  # were there more than there should be, they would come now
    have = instance.samples()
    newest = {t["name"]: t["version"] for t in instance.get("/status")["tables"]}
    instance.stop()
    watcher.close(newest)
    return have


def undisturbed(broker: Broker, work: pathlib.Path, name: str, events: str, partitions: int,
                samples: int, replication: int = 1) -> tuple[Instance, Watcher, dict]:
    instance = Instance(broker, work, name, events=events, mappings=f"{MAPPINGS}.{name}",
                        partitions=partitions, replication=replication)
    send_all(broker, events, samples)
    instance.start()
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.{name}")
    instance.wait_for_samples(samples, PATIENCE)
    counts = id_counts(instance)
    have = finish(instance, watcher, samples)
    if have != samples:
        raise FaultRunError(f"the undisturbed run took in {have} of {samples} samples")
    return instance, watcher, counts


def id_counts(instance: Instance) -> dict:
    """Exact accesses of every id and label totals, as the daemon tells them."""
    stream = instance.get("/status")["stream"]
    counts = {"labelled": stream["labelled_samples"],
              "labels": round(stream["label_mean"] * stream["labelled_samples"])}
    for table in TABLES:
        ids = instance.get(f"/v1/tables/{table}/heaviest?count=1000")
        counts[table] = {entry["id"]: entry["frequency"] for entry in ids["ids"]}
    return counts


def kill_plan(kills: int, seed: int) -> Iterator[str]:
    """Failpoints in turn, each at an early and at a later hit, and every third kill at random."""
    rng = random.Random(seed)
    points = itertools.cycle(FAILPOINTS)
    for number in range(kills):
        yield "" if number % 3 == 2 else f"{next(points)}:{rng.randint(1, 4)}=kill"


def killed_over_and_over(instance: Instance, kills: int, seed: int, verdict: Verdict) -> None:
    rng = random.Random(seed)
    for number, failpoint in enumerate(kill_plan(kills, seed)):
        instance.start(failpoint)
        # At random: also while it is still starting.
        died = instance.wait(20 if failpoint else rng.uniform(0.05, 1.5))
        if died is None:
            instance.kill()
        elif died != -signal.SIGKILL:
            raise FaultRunError(f"the daemon ended by itself ({died}); see {instance.log}")
        verdict.kills += 1
        if (number + 1) % 10 == 0:
            say(f"{number + 1} of {kills} kills")


def kills_one_partition(broker: Broker, work: pathlib.Path, verdict: Verdict, *, kills: int,
                        samples: int, rate: float) -> None:
    say(f"{kills} kills, one partition: state and versions must be those of an undisturbed run")
    calm, reference, _ = undisturbed(broker, work, "calm-1", "events.calm-1", 1, samples)
    harried = Instance(broker, work, "harried-1", events="events.harried-1",
                       mappings=f"{MAPPINGS}.harried-1")
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.harried-1")
    sender = generate(broker, "events.harried-1", samples, rate=rate)
    killed_over_and_over(harried, kills, 1, verdict)
    harried.start()
    if sender.wait() != 0:
        raise FaultRunError("the generator failed")
    verdict.count_events(finish(harried, watcher, samples), samples)
    check_versions(verdict, watcher, [harried], reference)
    ours, theirs = (checkpoint_state.newest(i.checkpoints) for i in (harried, calm))
    verdict.state_identical &= ours == theirs
    verdict.expect(ours == theirs, "the final state differs from the undisturbed run's")


def kills_many_partitions(broker: Broker, work: pathlib.Path, verdict: Verdict, *, kills: int,
                          samples: int) -> None:
    say(f"{kills} kills, four partitions: every event must be counted once")
    events = "events.many"
    _, calm_watcher, calm = undisturbed(broker, work, "calm-4", events, 4, samples)
    verdict.versions_torn += len(calm_watcher.torn)
    harried = Instance(broker, work, "harried-4", events=events,
                       mappings=f"{MAPPINGS}.harried-4", partitions=4)
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.harried-4")
    killed_over_and_over(harried, kills, 2, verdict)
    harried.start()
    harried.wait_for_samples(samples, PATIENCE)
    counts = id_counts(harried)
    verdict.count_events(finish(harried, watcher, samples), samples)
    check_versions(verdict, watcher, [harried], None)
    for part, expected in calm.items():
        verdict.expect(counts[part] == expected,
                       f"{part}: the counts differ from the undisturbed run's")


def broker_away(broker: Broker, work: pathlib.Path, verdict: Verdict, *, seconds: float,
                samples: int) -> None:
    say(f"broker stopped for {seconds:.0f} s, then killed and brought back")
    instance = Instance(broker, work, "steadfast", events="events.steadfast",
                        mappings=f"{MAPPINGS}.steadfast")
    send_all(broker, "events.steadfast", samples // 2)
    instance.start()
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.steadfast")
    instance.wait_for_samples(1000, PATIENCE)
    for stop in (broker.stop, broker.kill):
        stop()
        verdict.broker_faults += 1
        end = time.monotonic() + seconds
        told = False
        while time.monotonic() < end:
            status = instance.get("/status")
            told |= bool(status and (status["problem"] or any(t["problem"]
                                                             for t in status["tables"])))
            time.sleep(0.5)
        verdict.expect(instance.alive(), "the daemon ended while the broker was away")
        verdict.expect(told, "/status said nothing of the broker being away")
        broker.start()
    # Samples of another seed: those of the same would be the first half again.
    send_all(broker, "events.steadfast", samples - samples // 2, seed=2)
    sent = -(-(samples // 2) // 40) * 40 + -(-(samples - samples // 2) // 40) * 40
    verdict.count_events(finish(instance, watcher, sent), sent)
    check_versions(verdict, watcher, [instance], None)


def leader_moves(_: Broker, work: pathlib.Path, verdict: Verdict, *, moves: int,
                 samples: int) -> None:
    say(f"three brokers, {moves} times the leader of a topic is killed and comes back")
    cluster = Cluster(work / "cluster")
    try:
        cluster.start()
        _, calm, counts = undisturbed(cluster, work, "calm", "events.calm", 1, samples,
                                      replication=3)
        mappings = f"{MAPPINGS}.moving"
        instance = Instance(cluster, work, "moving", events="events.moving", mappings=mappings,
                            replication=3)
        sender = generate(cluster, "events.moving", samples, rate=samples / (15 * moves))
        instance.start()
        watcher = Watcher(brokers=cluster.address, topic=mappings)
        for move in range(moves):
            topic = (mappings, "events.moving")[move % 2]
            node = cluster.leader_of(topic)
            before = instance.samples()
            cluster.nodes[node].kill()
            verdict.broker_faults += 1
            # Another node leads, and everything goes on, while this one is away.
            if before < samples - 2000:
                have = instance.wait_for_samples(before + 2000, PATIENCE)
                verdict.expect(have >= before + 2000, f"nothing goes on without node {node}")
            verdict.expect(cluster.wait_for_another_leader(topic, node, PATIENCE),
                           f"{topic} is led by a dead node")
            cluster.nodes[node].start()
            verdict.expect(cluster.wait_for_replicas(topic, PATIENCE), f"node {node} stays behind")
        if sender.wait() != 0:
            raise FaultRunError("the producer could not send everything")
        instance.wait_for_samples(samples, PATIENCE)
        verdict.expect(id_counts(instance) == counts, "counts differ from the undisturbed run's")
        verdict.count_events(finish(instance, watcher, samples), samples)
        check_versions(verdict, watcher, [instance], calm)
    finally:
        cluster.remove()


def topic_changes(broker: Broker, work: pathlib.Path, verdict: Verdict) -> None:
    say("events deleted under the daemon, partitions added, the topic deleted and made anew")
    name, samples = "events.changing", 4000
    instance = Instance(broker, work, "adaptable", events=name, mappings=f"{MAPPINGS}.adaptable")
    instance.start()
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.adaptable")
    send_all(broker, name, samples)
    instance.wait_for_samples(samples, PATIENCE)
    instance.stop()
    # While nobody reads, 50 messages come and go: they can only be counted as lost.
    send_all(broker, name, 2000, seed=2)
    records = work / "delete.json"
    records.write_text('{"version":1,"partitions":[{"topic":"%s","partition":0,"offset":150}]}'
                       % name)
    broker.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", str(records))
    verdict.broker_faults += 1
    instance.start()
    send_all(broker, name, samples, seed=3)
    instance.wait_for_samples(2 * samples, PATIENCE)
    lost = instance.get("/status")["input"]["lost_events"]
    verdict.expect(lost == 50, f"50 messages were deleted unread, {lost} are told as lost")
    verdict.count_events(instance.samples(), 2 * samples)

    broker.tool("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", name, "--partitions",
                "3")
    verdict.broker_faults += 1
    time.sleep(3)  # the next refresh of metadata finds them
    send_all(broker, name, samples, seed=4)
    verdict.count_events(instance.wait_for_samples(3 * samples, PATIENCE), 3 * samples)

    broker.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", name)
    verdict.broker_faults += 1
    time.sleep(3)
    broker.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", name, "--partitions",
                "1")
    time.sleep(3)
    send_all(broker, name, samples, seed=5)
    verdict.count_events(finish(instance, watcher, 4 * samples), 4 * samples)
    check_versions(verdict, watcher, [instance], None)


def two_daemons(broker: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int) -> None:
    say("two daemons of one name: stalled and woken, killed and taken over")
    events, mappings = "events.two", f"{MAPPINGS}.two"
    first = Instance(broker, work, "two-a", events=events, mappings=mappings)
    second = Instance(broker, work, "two-b", events=events, mappings=mappings)
    watcher = Watcher(brokers=broker.address, topic=mappings)
    first.start("publish.manifest:8=stop")  # halts with a version half published
    send_all(broker, events, samples)
    if not first.wait_for_log("version=2", PATIENCE):
        raise FaultRunError(f"nothing was published; see {first.log}")
    time.sleep(2)
    second.start()
    second.wait_for_samples(samples, PATIENCE)
    verdict.takeovers += 1
    first.send(signal.SIGCONT)
    code = first.wait(PATIENCE)
    verdict.expect(code == 78, f"the daemon that was overtaken ended with {code}, not 78")
    verdict.expect(first.wait_for_log("has taken table", 1),
                   "the daemon that was overtaken did not say why it stopped")
    second.kill()
    verdict.kills += 1
    first.start()  # takes over from its own older checkpoint
    verdict.takeovers += 1
    verdict.count_events(finish(first, watcher, samples), samples)
    check_versions(verdict, watcher, [first, second], None)


def disk_full(broker: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int) -> None:
    say("no space for checkpoints: the daemon goes on, says so, and nothing is lost")
    instance = Instance(broker, work, "cramped", events="events.cramped",
                        mappings=f"{MAPPINGS}.cramped")
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.cramped")
    send_all(broker, "events.cramped", samples)
    instance.start("checkpoint.write:2=ENOSPC")
    instance.wait_for_samples(samples, PATIENCE)
    end = time.monotonic() + 10
    problem = None
    while not problem and time.monotonic() < end:
        time.sleep(0.2)
        problem = instance.get("/status")["checkpoint"]["problem"]
    verdict.expect(bool(problem) and "No space left" in problem,
                   f"/status said {problem!r} of a full disk")
    instance.kill()
    verdict.kills += 1
    instance.start()
    verdict.count_events(finish(instance, watcher, samples), samples)
    check_versions(verdict, watcher, [instance], None)
