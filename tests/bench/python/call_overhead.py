"""A lookup of 4,096 ids from Python and from C++, and what a call costs that looks up nothing.

The last is what Python adds to a batch of any size, told apart from the noise of the lookups (the
two slices it is given cost some 0.3 us of it). See scripts/bench-python.
"""

import json
import subprocess
import sys
import time

import numpy as np

import remap

BATCH, CALLS = 4_096, 2_000


def best_ns(call) -> float:
    best = 1e18
    for _ in range(25):
        begin = time.perf_counter_ns()
        for _ in range(CALLS // 5):
            call()
        best = min(best, (time.perf_counter_ns() - begin) / (CALLS // 5))
    return best


def main() -> None:
    artifact, cpp = sys.argv[1:]
    ids = np.arange(BATCH, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    out = np.empty(BATCH, np.int64)
    mapping = remap.Mapping.open(artifact)
    native = python = empty = 1e18
    for _ in range(5):  # in turn, so that both meet the same machine
        done = subprocess.run([cpp, artifact], check=True, capture_output=True)
        native = min(native, float(done.stdout))
        python = min(python, best_ns(lambda: mapping.lookup(ids, out=out)))
        empty = min(empty, best_ns(lambda: mapping.lookup(ids[:0], out=out[:0])))
    print(json.dumps({
        "ids": BATCH,
        "cpp_us": round(native / 1e3, 2),
        "python_us": round(python / 1e3, 2),
        "empty_call_us": round(empty / 1e3, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
