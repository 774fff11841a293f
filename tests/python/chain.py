"""A mapping directory with a chain of versions, and what C++ answers for each."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

TABLE, ROWS, SEED = "items", 200, 5  # of tests/unit/trainer/version_chain.h


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
            version, *pairs = line.split()
            split = [pair.split(":") for pair in pairs]
            self.ids[int(version)] = np.array([int(i) for i, _ in split], np.uint64)
            self.rows[int(version)] = np.array([int(r) for _, r in split], np.int64)

    def version_directory(self, version: int) -> Path:
        return next(self.root.glob(f"*/v{version:012d}"))
