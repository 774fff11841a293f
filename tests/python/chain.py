"""Chains of versions in a directory or on a topic, and what C++ answers for each."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

TABLE, ROWS, SEED = "items", 200, 5  # of tests/unit/client/cpp/version_chain.h


class Chain:
    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="remapd-test-")
        self.root = Path(self._temporary.name)
        self.ids: dict[int, np.ndarray] = {}
        self.rows: dict[int, np.ndarray] = {}

    def close(self) -> None:
        self._temporary.cleanup()

    def publish(self, first: int, last: int) -> None:
        out = subprocess.run(
            [os.environ["REMAP_FIXTURE"], str(self.root), str(first), str(last)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        for line in out.splitlines():
            self.note(line)

    def note(self, line: str) -> None:
        """What a fixture says of a version: VERSION ID:ROW ID:ROW ..."""
        version, *pairs = line.split()
        split = [pair.split(":") for pair in pairs]
        self.ids[int(version)] = np.array([int(i) for i, _ in split], np.uint64)
        self.rows[int(version)] = np.array([int(r) for _, r in split], np.int64)

    def version_directory(self, version: int) -> Path:
        return next(self.root.glob(f"*/v{version:012d}"))


class TopicChain:
    """The same on a Kafka topic of its own, published well or badly by tests/python/kafka_fixture.cc."""

    def __init__(self, brokers: str, topic: str, retain: int = 16) -> None:
        self.topic = topic
        self._said = Chain.__new__(Chain)
        self.ids = self._said.ids = {}
        self.rows = self._said.rows = {}
        self._fixture = subprocess.Popen(
            [os.environ["REMAP_KAFKA_FIXTURE"], brokers, topic, str(retain)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        self._fixture.communicate()

    def order(self, what: str, version: int, of: int | str = "") -> str:
        assert self._fixture.stdin and self._fixture.stdout
        self._fixture.stdin.write(f"{what} {version} {of}\n")
        self._fixture.stdin.flush()
        answer = self._fixture.stdout.readline()
        assert answer, f"kafka_fixture gave up at {what} {version}"
        if ":" in answer:
            self._said.note(answer)
        return answer.strip()

    def publish(self, first: int, last: int) -> None:
        for version in range(first, last + 1):
            self.order("publish", version)
