"""Daemons that come up beside a healthy one with something wrong, and rights that come late."""

from __future__ import annotations

import copy
import pathlib
import time
from dataclasses import dataclass

from processes import Broker, Daemon, FaultRunError, Instance, free_port, generate, send_all
from scenarios import MAPPINGS, PATIENCE, Verdict, check_versions, finish, say, undisturbed
from watcher import Watcher

LATE = 10  # seconds without an event taken in that nobody may cause


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with the second daemon's configuration."""

    name: str
    change: tuple[str, str]  # what stands in the healthy one's, and instead
    ends_with: int | None  # its exit code; None: it waits
    says: str  # in its log


def mistakes(healthy: Instance, own: pathlib.Path, broker: Broker) -> list[Mistake]:
    """`own`: a directory with a damaged checkpoint, and a file where a directory should be."""
    events, mappings = "events.beside", f"{MAPPINGS}.beside"
    own_checkpoints = f'dir = "{own}/checkpoints"'
    return [
        Mistake("other-ids", ("max_tracked_ids = 20000", "max_tracked_ids = 30000"), 78,
                "max_tracked_ids"),
        Mistake("other-table", ('name = "item"', 'name = "itm"'), 78, "other features"),
        Mistake("no-events", (f'topic = "{events}"', 'topic = "events.besid"'), None,
                "events.besid"),
        Mistake("no-mappings", (f'topic = "{mappings}"', 'topic = "remap.mapings"'), None,
                "remap.mapings"),
        Mistake("not-compacted", (f'topic = "{mappings}"', f'topic = "{events}"'), 78, "compact"),
        Mistake("no-brokers", (broker.address, f"127.0.0.1:{free_port()}"), None, "kafka.brokers"),
        Mistake("damaged", (own_checkpoints, f'dir = "{own}/damaged"'), 1, "checkpoint.dir"),
        Mistake("no-directory", (own_checkpoints, f'dir = "{own}/file/checkpoints"'), 74,
                "[checkpoint]"),
        Mistake("no-letters", (f'{own}/dead-letters.ndjson', f'{own}/file/letters'), 74,
                "[dead_letter.file]"),
        Mistake("port-in-use", ('listen = "', f'listen = "127.0.0.1:{healthy.port}" # '), 75,
                str(healthy.port)),
        Mistake("unknown-key", ("[publish]", "[publish]\nfirst = 1"), 78, "publish.first"),
    ]


def beside(healthy: Instance, work: pathlib.Path, broker: Broker, number: int) -> tuple[Daemon, Mistake]:
    own = work / f"beside-{number}"
    (own / "damaged").mkdir(parents=True)
    (own / "damaged" / "checkpoint-00000000000000000001.remapd").write_text("damaged")
    (own / "file").write_text("not a directory")
    mistake = mistakes(healthy, own, broker)[number]
    second = copy.copy(healthy)
    second.directory, second.config, second.log = own, own / "remapd.toml", own / "log"
    second.port, second.process = free_port(), None
    text = healthy.config.read_text()
    text = text.replace(str(healthy.port), str(second.port))
    text = text.replace(f"{healthy.directory}/dead-letters", f"{own}/dead-letters")
    # Those whose statistics would not fit are given the healthy one's checkpoints.
    if mistake.says not in ("max_tracked_ids", "other features"):
        text = text.replace(f'dir = "{healthy.checkpoints}"', f'dir = "{own}/checkpoints"')
    if mistake.change[0] not in text:
        raise FaultRunError(f"{mistake.name}: there is no {mistake.change[0]} to change")
    second.config.write_text(text.replace(*mistake.change))
    return second, mistake


def bad_neighbours(broker: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int) -> None:
    say("daemons with each kind of bad configuration come up beside a healthy one")
    _, reference, _ = undisturbed(broker, work, "alone", "events.alone", 1, samples)
    healthy = Instance(broker, work, "beside", events="events.beside",
                       mappings=f"{MAPPINGS}.beside")
    watcher = Watcher(brokers=broker.address, topic=f"{MAPPINGS}.beside")
    count = len(mistakes(healthy, work, broker))
    healthy.start()
    sender = generate(broker, "events.beside", samples, rate=samples / (6 * count))
    healthy.wait_for_samples(1000, PATIENCE)
    for number in range(count):
        second, mistake = beside(healthy, work, broker, number)
        second.start()
        if mistake.ends_with is None:
            verdict.expect(second.wait_for_log(mistake.says, PATIENCE),
                           f"{mistake.name}: it does not say {mistake.says}")
            verdict.expect(second.alive(), f"{mistake.name}: it did not wait")
            second.stop()
        else:
            code = second.wait(PATIENCE)
            verdict.expect(code == mistake.ends_with,
                           f"{mistake.name}: it ended with {code}, not {mistake.ends_with}")
            verdict.expect(second.wait_for_log(mistake.says, 1),
                           f"{mistake.name}: it does not say {mistake.says}")
        before = healthy.samples()
        if before < samples:
            have = healthy.wait_for_samples(before + 1, LATE)
            verdict.expect(have > before, f"{mistake.name}: the healthy one stands still")
        verdict.expect(healthy.alive(), f"{mistake.name}: it ended the healthy one")
    if sender.wait() != 0:
        raise FaultRunError("the producer could not send everything")
    epochs = {t["epoch"] for t in healthy.get("/status")["tables"]}
    verdict.expect(epochs == {1}, f"tables were claimed: epochs {epochs}")
    verdict.count_events(finish(healthy, watcher, samples), samples)
    check_versions(verdict, watcher, [healthy], reference)


class StrictBroker(Broker):
    """One that asks who may do what; what is not said is allowed."""

    def start(self) -> None:
        self.address = self._call(
            "start", "--property",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "--property", "allow.everyone.if.no.acl.found=true")

    def rights(self, change: str, topic: str) -> None:
        """Of everybody. `change`: "--add" takes all rights on the topic, "--remove" gives them back:
        once something is said of a topic, nothing that is not said is allowed."""
        self.tool("kafka.admin.AclCommand", change, "--force", "--deny-principal", "User:*",
                  "--operation", "Write", "--topic", topic)


def rights_granted_late(_: Broker, work: pathlib.Path, verdict: Verdict, *, samples: int) -> None:
    say("the rights on the topic of versions come after the daemon")
    broker = StrictBroker(work / "strict")
    try:
        broker.start()
        events, mappings = "events.late", f"{MAPPINGS}.late"
        instance = Instance(broker, work, "late", events=events, mappings=mappings)
        send_all(broker, events, samples)
        broker.rights("--add", mappings)
        instance.start()
        verdict.expect(instance.wait_for_log("authorization failed", PATIENCE),
                       "the log does not say that a right is missing")
        status = instance.get("/status") or {}
        verdict.expect(mappings in (status.get("problem") or ""),
                       f"/status says {status.get('problem')!r} of a missing right")
        time.sleep(5)
        verdict.expect(instance.alive(), "it gave up waiting for its rights")
        broker.rights("--remove", mappings)
        have = instance.wait_for_samples(samples, PATIENCE) if instance.alive() else 0
        verdict.count_events(have, samples)
        watcher = Watcher(brokers=broker.address, topic=mappings)
        finish(instance, watcher, samples)
        check_versions(verdict, watcher, [instance], None)
        verdict.expect(all(watcher.digests.values()), "nothing was published")
    finally:
        broker.remove()
