"""The whole circle over a real broker: accesses from a Producer, remapd, versions to a Client."""

import os
import subprocess
import tempfile
import time
import unittest
import uuid
from pathlib import Path

import numpy as np

import remap

BROKERS = os.environ.get("REMAPD_KAFKA_BROKERS")
ROWS = 64


def setUpModule():
    if not BROKERS:
        raise unittest.SkipTest("no REMAPD_KAFKA_BROKERS: run under scripts/kafka-broker run --")


class KafkaTest(unittest.TestCase):
    def test_events_go_out_and_versions_come_back(self):
        unique = uuid.uuid4().hex[:8]
        events, mappings = f"events-{unique}", f"mappings-{unique}"
        temporary = tempfile.TemporaryDirectory(prefix="remapd-test-")
        self.addCleanup(temporary.cleanup)
        work = Path(temporary.name)
        config = work / "remapd.toml"
        config.write_text(
            f"""
[instance]
name = "test-{unique}"
[kafka]
brokers = "{BROKERS}"
[source]
kind = "kafka"
[source.kafka]
topic = "{events}"
group = "{unique}"
[sink]
kind = "kafka"
[sink.kafka]
topic = "{mappings}"
[dead_letter.file]
path = "{work}/dead-letters.ndjson"
[checkpoint]
dir = "{work}/checkpoints"
[admin]
listen = "127.0.0.1:0"
[publish]
first_samples = 2000
every_samples = 2000
samples_per_id = 0.0
[[table]]
name = "user"
rows = {ROWS}
[[feature]]
name = "user"
[[table]]
name = "item"
rows = {ROWS}
[[feature]]
name = "item"
"""
        )
        remapd = os.environ["REMAPD"]
        subprocess.run(
            [remapd, "topics", "--config", str(config), "--create", "--partitions", "1"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        client = remap.Client(table="user", rows=ROWS, brokers=BROKERS, topic=mappings)
        self.addCleanup(client.close)
        client.poll(0.5)
        with open(work / "log", "w") as log:
            daemon = subprocess.Popen([remapd, "run", "--config", str(config)], stderr=log)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)

        random = np.random.default_rng(5)
        batches = 20
        with remap.Producer(brokers=BROKERS, topic=events, features=["user", "item"]) as producer:
            for _ in range(batches):
                users = (random.zipf(1.3, 256) % 1_000).astype(np.uint64)
                items = (random.zipf(1.3, 256) % 500).astype(np.int64)
                labels = random.integers(0, 2, 256)
                self.assertTrue(producer.send([users, items], labels))
            producer.flush()
            stats = producer.stats()
            self.assertEqual((stats.batches, stats.delivered), (batches, batches))
            self.assertEqual((stats.dropped, stats.failed), (0, 0))
            with self.assertRaisesRegex(ValueError, "columns"):
                producer.send([users])
            with self.assertRaisesRegex(ValueError, "labels"):
                producer.send([users, items], labels[1:])

        deadline = time.monotonic() + 60
        while not client.swappable and time.monotonic() < deadline:
            try:
                client.poll(1)
            except remap.UnavailableError:
                continue
        self.assertTrue(client.swappable, (work / "log").read_text()[-2_000:])
        migration = client.swap()
        matrix = np.ones((ROWS, 2), np.float32)
        migration.apply(matrix)
        self.assertGreater(client.mapping().ids, 0)
        self.assertLess(int(client.lookup(users).max()), ROWS)

        with remap.Producer(
            brokers=BROKERS, topic=events, features=["user", "item"], max_queued_bytes=1_000
        ) as small:
            self.assertFalse(small.send([users, items], labels))
            self.assertEqual((small.stats().batches, small.stats().dropped), (0, 1))

    def test_a_broker_that_is_not_there_is_an_error(self):
        with self.assertRaises(remap.UnavailableError):
            remap.Producer(brokers="127.0.0.1:1", topic="events", features=["user"])


if __name__ == "__main__":
    unittest.main()
