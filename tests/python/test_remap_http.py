"""remap.Client over the admin server of a running remapd."""

import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

import remap

ROWS = 40
NEWEST = 6  # a version every 1,000 of 6,000 samples


class HttpTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        rng = np.random.default_rng(5)
        items = rng.zipf(1.3, 6_000) % 300
        with open(self.folder / "events.ndjson", "w") as log:
            for i, item in enumerate(items):
                log.write(
                    f'{{"t":{i + 1},"label":{int(item % 3 == 0)},'
                    f'"f":{{"item":[{item}],"user":[{i % 70}]}}}}\n'
                )
        (self.folder / "remapd.toml").write_text(
            f"""
[source.file]
path = "events.ndjson"
at_end = "wait"
[publish]
first_samples = 1000
every_samples = 1000
full_samples = 1000
[[table]]
name = "item"
rows = {ROWS}
max_tracked_ids = 1000
[[table]]
name = "user"
rows = 20
max_tracked_ids = 1000
artifact = "compact"
[[feature]]
name = "item"
[[feature]]
name = "user"
"""
        )
        self.log = open(self.folder / "log", "w+")
        self.addCleanup(self.log.close)
        self.daemon = self.start("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.port()}"

    def start(self, listen: str) -> subprocess.Popen:
        daemon = subprocess.Popen(
            [os.environ["REMAPD"], "run", "-c", "remapd.toml", "--set", f"admin.listen={listen}"],
            cwd=self.folder,
            stderr=self.log,
        )
        self.addCleanup(lambda: (daemon.kill(), daemon.wait()))
        return daemon

    def port(self) -> int:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for line in (self.folder / "log").read_text().splitlines():
                if "admin server" in line:
                    return int(line.split("port=")[1].split()[0])
            time.sleep(0.02)
        self.fail("remapd did not start")

    def follow(self, client: remap.Client, newest: int) -> None:
        deadline = time.monotonic() + 30
        while client.version != newest and time.monotonic() < deadline:
            try:
                client.poll(0.5)
            except remap.UnavailableError:
                time.sleep(0.1)
            # The first that a client finds has no plan from what it had before.
            for staged in client.staged():
                if staged.swappable:
                    client.swap(staged.version, allow_unmigrated=True)
        self.assertEqual(client.version, newest)

    def test_follows_a_daemon(self) -> None:
        for table, rows in (("item", ROWS), ("user", 20)):  # fast, compact
            with (
                self.subTest(table=table),
                remap.Client(url=self.url, table=table, rows=rows) as client,
                remap.Client(
                    directory=self.folder / "mappings", table=table, rows=rows
                ) as beside,
            ):
                self.follow(client, NEWEST)
                self.follow(beside, NEWEST)
                ids = np.arange(400, dtype=np.uint64)
                np.testing.assert_array_equal(client.lookup(ids), beside.lookup(ids))
                self.assertIn(self.url, repr(client))

    def test_the_daemon_may_come_and_go(self) -> None:
        with remap.Client(url=self.url, table="item", rows=ROWS) as client:
            self.follow(client, NEWEST)
            before = client.lookup(np.arange(400))
            self.daemon.kill()
            self.daemon.wait()
            with self.assertRaisesRegex(remap.UnavailableError, self.url):
                client.poll(1)
            np.testing.assert_array_equal(client.lookup(np.arange(400)), before)
            self.start(self.url.removeprefix("http://"))
            self.follow(client, NEWEST)

    def test_mistakes_are_told(self) -> None:
        with self.assertRaisesRegex(ValueError, "one of directory=, brokers= and url="):
            remap.Client(url=self.url, directory=".", table="item", rows=ROWS)
        with self.assertRaisesRegex(ValueError, "no URL of an admin server"):
            remap.Client(url="localhost:9643", table="item", rows=ROWS)
        with self.assertRaisesRegex(ValueError, "cannot be read"):
            remap.Client(url=self.url, token_file="missing", table="item", rows=ROWS)
        with remap.Client(url=self.url, table="itme", rows=ROWS) as client:
            with self.assertRaisesRegex(remap.NotFoundError, "itme"):
                client.poll()


if __name__ == "__main__":
    unittest.main()
