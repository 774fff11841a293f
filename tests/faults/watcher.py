"""A trainer that follows all tables from the first version to the last and misses none.

As a program, `watcher.py BROKERS TOPIC`, it follows until a line of standard input says which
versions are the last, and then prints what it has seen."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np

import remap
from processes import RUNNING, TABLES, FaultRunError, generated_ids


class Watcher:
    """Swaps through the versions one by one, in a thread of its own; `digests` says what each
    version answered for ids of the stream and for some that it never has.

    `origin` is where the versions are, as remap.Client takes it. With `tolerant` versions may be
    missing or damaged: then it is enough that none of those is served."""

    def __init__(self, *, tolerant: bool = False, **origin: str | pathlib.Path) -> None:
        self.tolerant = tolerant
        self.digests: dict[str, dict[int, str]] = {table: {} for table in TABLES}
        self.torn: list[str] = []
        self.served: dict[str, int] = {}  # in the end
        self.stale = 0
        self._clients = {
            table: remap.Client(table=table, rows=rows, max_staged=1000, **origin)
            for table, rows in TABLES.items()
        }
        strangers = np.arange(10**12, 10**12 + 200, dtype=np.uint64)
        self._probes = {table: np.concatenate([np.array(ids, dtype=np.uint64), strangers])
                        for table, ids in generated_ids().items()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _look(self, table: str, client: remap.Client) -> None:
        rows, version = client.lookup_versioned(self._probes[table])
        if rows.min() < 0 or rows.max() >= TABLES[table]:
            self.torn.append(f"table {table}: version {version} gives rows outside the table")
        self.digests[table][version] = hashlib.sha256(rows.tobytes()).hexdigest()

    def _step(self, timeout: float) -> None:
        for table, client in self._clients.items():
            try:
                client.poll(timeout)
            except (remap.UnavailableError, remap.NotFoundError):
                continue  # a broker is away, or knows the topic no more or not yet: part of the game
            while self._may_swap(client):
                before = client.version
                client.swap(allow_unmigrated=self.tolerant)
                if client.version != before + 1 and not self.tolerant:
                    self.torn.append(f"table {table}: from version {before} to {client.version}")
                self._look(table, client)

    def _may_swap(self, client: remap.Client) -> bool:
        if self.tolerant:
            return any(version.swappable for version in client.staged())
        return bool(client.swappable)

    def _follow(self) -> None:
        while not self._over.is_set():
            self._step(0.02)

    def newest(self) -> dict[str, int]:
        return {table: client.version for table, client in self._clients.items()}

    def close(self, expected: dict[str, int] | None = None, seconds: float = 30) -> None:
        """Follows until it serves the versions expected of each table, then stops."""
        end = time.monotonic() + seconds
        while expected and self.newest() != expected and time.monotonic() < end:
            time.sleep(0.05)
        self._over.set()
        self._thread.join()
        self.served = self.newest()
        for table, client in self._clients.items():
            stats = client.stats()
            self.stale += stats.stale
            if stats.rejected and not self.tolerant:
                self.torn.append(f"table {table}: {stats.rejected} versions could not be verified:"
                                 f" {stats.last_problem}")
            client.close()


class Follower:
    """A Watcher in a process of its own. To be begun before the first version."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.digests: dict[str, dict[int, str]] = {table: {} for table in TABLES}
        self.torn: list[str] = []
        self.process = subprocess.Popen([sys.executable, __file__, brokers, topic],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        RUNNING.append(self.process)
        self.process.stdout.readline()  # it follows, from the first version on

    def close(self, expected: dict[str, int]) -> None:
        seen, _ = self.process.communicate(json.dumps(expected).encode() + b"\n")
        if self.process.returncode != 0:
            raise FaultRunError("the client's process failed")
        told = json.loads(seen)
        self.torn = told["torn"]
        self.digests = {table: {int(version): digest for version, digest in digests.items()}
                        for table, digests in told["digests"].items()}


def main() -> None:
    _, brokers, topic = sys.argv
    watcher = Watcher(brokers=brokers, topic=topic)
    time.sleep(1)  # until it has seen that there is none yet
    print("following", flush=True)
    watcher.close(json.loads(sys.stdin.readline()))
    print(json.dumps({"digests": watcher.digests, "torn": watcher.torn}))


if __name__ == "__main__":
    main()
