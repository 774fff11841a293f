"""The whole circle over a real broker: accesses from a Producer, remapd, versions to a Client."""

import os
import signal
import subprocess
import tempfile
import time
import unittest
import uuid
from pathlib import Path

import numpy as np
from chain import ROWS as CHAIN_ROWS
from chain import SEED, TABLE, TopicChain

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
full_samples = 2000
full_samples_per_id = 0.0
[[table]]
name = "user"
rows = {ROWS}
[[feature]]
name = "user"
[[table]]
name = "item"
rows = {ROWS}
artifact = "compact"
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
            for wrong, words in (
                ({"labels": labels + 1}, r"labels\[\d+\]: a label is a number from 0 to 1"),
                ({"weights": -np.ones(256)}, r"weights\[0\]: "),
                ({"lengths": [np.ones(256), np.ones(512)]}, "512 lengths for 256 samples.*variable"),
                ({"lengths": np.ones(6)}, "one array for each of the features"),
                ({"lengths": [np.ones(256), np.zeros(256)]}, "'?item.*256 ids given.*add up to 0"),
            ):
                with self.assertRaisesRegex(ValueError, words):
                    producer.send([users, items], **wrong)
            with self.assertRaisesRegex(ValueError, r"column 'item': ids\[1\] is nan"):
                producer.send([users[:2], np.array([1.0, np.nan])])

        self.wait_for(client, lambda: client.swappable, work)
        migration = client.swap()
        matrix = np.ones((ROWS, 2), np.float32)
        migration.apply(matrix)
        self.assertGreater(client.mapping().ids, 0)
        self.assertLess(int(client.lookup(users).max()), ROWS)

        log_text = (work / "log").read_text()
        url = f"http://127.0.0.1:{log_text.partition('port=')[2].split()[0]}"
        answers = []
        for origin in ({"brokers": BROKERS, "topic": mappings}, {"url": url}):
            with remap.Client(table="item", rows=ROWS, **origin) as compact:
                self.wait_for(
                    compact,
                    lambda: any(s.version == 1 and s.swappable for s in compact.staged()),
                    work,
                )
                compact.swap(1, allow_unmigrated=True)
                self.assertGreater(compact.mapping().ids, 0)
                answers.append(compact.lookup(np.arange(1_000)).tolist())
        self.assertEqual(*answers)

        with remap.Producer(
            brokers=BROKERS, topic=events, features=["user", "item"], max_queued_bytes=1_000
        ) as small:
            with self.assertRaisesRegex(ValueError, "max_queued_bytes is 1000"):
                small.send([users, items], labels)
            self.assertTrue(small.send([users[:8], items[:8]], labels[:8], weights=np.ones(8)))

    def wait_for(self, client, true, work):
        deadline = time.monotonic() + 60
        while not true() and time.monotonic() < deadline:
            try:
                client.poll(1)
            except remap.UnavailableError:
                continue
        self.assertTrue(true(), (work / "log").read_text()[-2_000:])

    def test_nothing_is_lost_while_the_broker_stands_still(self):
        temporary = tempfile.TemporaryDirectory(prefix="remapd-test-")
        self.addCleanup(temporary.cleanup)
        state = Path(temporary.name) / "broker"

        def control(command):
            done = subprocess.run(
                [Path(__file__).parents[2] / "scripts/kafka-broker", command, "--state", state],
                check=True, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            return done.stdout.strip()

        brokers = control("start")
        self.addCleanup(control, "remove")
        config = Path(temporary.name) / "remapd.toml"
        config.write_text(
            f'[kafka]\nbrokers = "{brokers}"\n[source]\nkind = "kafka"\n'
            '[source.kafka]\ntopic = "events"\n[[table]]\nname = "user"\nrows = 8\n'
            '[[feature]]\nname = "user"\n'
        )
        subprocess.run([os.environ["REMAPD"], "topics", "--config", str(config), "--create"],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        ids = np.arange(1_000)
        with remap.Producer(brokers=brokers, topic="events", features=["user"],
                            max_queued_bytes=1_200_000) as producer:  # fmt: skip
            self.assertTrue(producer.send([ids]))
            producer.flush()
            pid = int((state / "pid").read_text())
            os.kill(pid, signal.SIGSTOP)
            try:
                taken = [producer.send([ids]) for _ in range(200)]
                self.assertIn(True, taken)
                self.assertIn(False, taken)  # the queue is full, and that is told
                began = time.monotonic()
                self.assertFalse(producer.send([ids], timeout=0.5))
                self.assertGreater(time.monotonic() - began, 0.4)
                with self.assertRaisesRegex(remap.UnavailableError, "stay queued"):
                    producer.flush(2.5)
            finally:
                os.kill(pid, signal.SIGCONT)
            self.assertTrue(producer.send([ids], timeout=60))  # waits for room
            producer.flush(60)
            stats = producer.stats()
            self.assertEqual(stats.batches, 2 + sum(taken))
            self.assertEqual((stats.delivered, stats.failed), (stats.batches, 0))
            self.assertEqual(stats.dropped, 1 + taken.count(False))
            self.assertEqual(stats.queued_bytes, 0)

    def test_a_missing_table_or_topic_is_named(self):
        topic = f"mappings-{uuid.uuid4().hex[:8]}"
        chain = TopicChain(BROKERS, topic)
        self.addCleanup(chain.close)
        chain.publish(1, 1)
        with remap.Client(table="itm", rows=8, brokers=BROKERS, topic=topic) as client:
            with self.assertLogs("remap", "WARNING") as logs:
                self.assertEqual(client.adopt(0.1), 0)
            self.assertIn(f'no table "itm" in topic "{topic}"; there are "{TABLE}"', logs.output[0])
        with remap.Client(table="itm", rows=8, brokers=BROKERS, topic=topic + "x") as client:
            with self.assertLogs("remap"), self.assertRaisesRegex(
                remap.NotFoundError, f'topic "{topic}x" does not exist'
            ):
                client.adopt(0.1)

    def test_the_shortest_loop_begins_with_what_is_there(self):
        topic = f"mappings-{uuid.uuid4().hex[:8]}"
        chain = TopicChain(BROKERS, topic)
        self.addCleanup(chain.close)
        chain.publish(1, 3)
        with remap.Client(
            table=TABLE, rows=CHAIN_ROWS, seed=SEED, brokers=BROKERS, topic=topic
        ) as client:
            client.poll()
            self.assertEqual(client.swappable[-1], 3)
            client.swap(3)
            np.testing.assert_array_equal(client.lookup(chain.ids[3]), chain.rows[3])

    def test_a_broker_that_is_not_there_is_an_error(self):
        with self.assertRaises(remap.UnavailableError):
            remap.Producer(brokers="127.0.0.1:1", topic="events", features=["user"])


class FaultsTest(unittest.TestCase):
    """What can be wrong with versions on a topic: the last good one stays, and it is told."""

    def begin(self, **options):
        topic = f"mappings-{uuid.uuid4().hex[:8]}"
        self.chain = TopicChain(BROKERS, topic, **options)
        self.addCleanup(self.chain.close)
        self.chain.publish(1, 1)  # so that the topic is there
        return topic

    def follow(self, topic, **options):
        """A client that serves version 1."""
        client = remap.Client(
            table=TABLE, rows=CHAIN_ROWS, seed=SEED, brokers=BROKERS, topic=topic, **options
        )
        self.addCleanup(client.close)
        self.assertEqual(client.adopt(30), 1)
        self.serves(client, 1)
        return client

    def serves(self, client, version):
        rows, answered = client.lookup_versioned(self.chain.ids[version])
        self.assertEqual(answered, version)
        np.testing.assert_array_equal(rows, self.chain.rows[version])

    def wait(self, client, version):
        """Polls until the version has been looked at, good or bad."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            client.poll(0.2)
            if any(s.version >= version for s in client.staged()):
                return
        self.fail(f"version {version} does not come: {client.stats()}")

    def test_damaged_and_torn_versions_are_passed_over(self):
        client = self.follow(self.begin())
        for version, fault in ((2, "damaged"), (3, "torn")):
            self.chain.order(fault, version)
            self.wait(client, version)
            self.assertEqual(client.swappable, [])
            self.assertIn(f"version {version} of table", client.stats().last_problem)
            with self.assertRaisesRegex(remap.NotFoundError, "is passed over"):
                client.swap(version)
            self.serves(client, 1)
        self.assertEqual(client.stats().rejected, 2)
        self.chain.publish(4, 4)
        self.wait(client, 4)
        # The plans of those passed over were sound and lead on to the next good one.
        migration = client.swap()
        self.assertEqual((migration.version_from, migration.version_to), (1, 4))
        self.assertEqual([(p.version_from, p.version_to) for p in migration.plans()],
                         [(1, 2), (2, 3), (3, 4)])  # fmt: skip
        self.serves(client, 4)

    def test_a_delta_out_of_order_waits_for_a_snapshot(self):
        client = self.follow(self.begin())
        self.chain.order("delta", 3)  # of version 2, which nobody has
        self.wait(client, 3)
        self.assertEqual(client.swappable, [])
        self.assertIn("a delta to version 2", client.stats().last_problem)
        self.serves(client, 1)
        self.chain.publish(4, 4)
        self.wait(client, 4)
        with self.assertRaisesRegex(remap.MigrationMissingError, "the plan from version 1"):
            client.swap()
        self.serves(client, 1)
        client.swap(4, allow_unmigrated=True)
        self.serves(client, 4)

    def test_a_version_rolled_back_comes_as_a_new_one(self):
        client = self.follow(self.begin())
        self.chain.publish(2, 2)
        self.wait(client, 2)
        client.swap(2)
        self.chain.order("back", 3, 1)
        self.wait(client, 3)
        migration = client.swap()
        self.assertTrue(migration.complete)
        self.serves(client, 3)
        ids = self.chain.ids[1]
        np.testing.assert_array_equal(client.lookup(ids), self.chain.rows[1])
        with self.assertRaisesRegex(remap.RemapError, "roll back in the daemon"):
            client.swap(1)

    def test_the_topic_is_compacted_away_under_a_slow_client(self):
        topic = self.begin(retain=2)
        # It takes from the brokers little at a time, and nothing before it is asked to.
        client = self.follow(topic, properties={
            "queued.min.messages": "1", "queued.max.messages.kbytes": "1",
            "fetch.message.max.bytes": "1000"})  # fmt: skip
        self.chain.publish(2, 9)
        newest = int(self.chain.order("forget", 10))  # all before 10 is gone from the topic
        self.wait(client, newest)
        staged = client.staged()
        self.assertLess(len(staged), newest - 1, "some versions were never seen")
        self.assertEqual(client.swappable, [], "a plan on the way is gone")
        with self.assertRaises(remap.MigrationMissingError):
            client.swap()
        self.serves(client, 1)
        client.swap(newest, allow_unmigrated=True)
        self.assertEqual(client.version, newest)
        # Another one, who comes now, finds the same.
        with remap.Client(
            table=TABLE, rows=CHAIN_ROWS, seed=SEED, brokers=BROKERS, topic=topic
        ) as late:
            self.assertEqual(late.adopt(30), newest)
            ids = np.arange(10_000)
            np.testing.assert_array_equal(late.lookup(ids), client.lookup(ids))
            self.assertEqual(late.mapping().content_hash, client.mapping().content_hash)


if __name__ == "__main__":
    unittest.main()
