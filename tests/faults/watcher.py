"""A trainer that follows all tables from the first version to the last and misses none."""

from __future__ import annotations

import hashlib
import threading
import time

import numpy as np

import remap
from processes import TABLES, generated_ids


class Watcher:
    """Swaps through the versions one by one, in a thread of its own; `digests` says what each
    version answered for ids of the stream and for some that it never has."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.digests: dict[str, dict[int, str]] = {table: {} for table in TABLES}
        self.torn: list[str] = []
        self.stale = 0
        self._clients = {
            table: remap.Client(table=table, rows=rows, brokers=brokers, topic=topic,
                                max_staged=1000)
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
            while client.swappable:
                before = client.version
                client.swap()
                if client.version != before + 1:
                    self.torn.append(f"table {table}: from version {before} to {client.version}")
                self._look(table, client)

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
        for table, client in self._clients.items():
            stats = client.stats()
            self.stale += stats.stale
            if stats.rejected:
                self.torn.append(f"table {table}: {stats.rejected} versions could not be verified:"
                                 f" {stats.last_problem}")
            client.close()
