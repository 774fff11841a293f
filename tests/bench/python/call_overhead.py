"""A lookup of 4,096 ids from Python and from C++, and one of a single id from Python.

The last is what Python adds to a batch of any size (and a lookup or so), told apart from the noise
of the lookups. See scripts/bench-python.
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
    one, one_out = ids[:1].copy(), out[:1].copy()
    mapping = remap.Mapping.open(artifact)
    native = python = single = 1e18
    for _ in range(5):  # in turn, so that both meet the same machine
        done = subprocess.run([cpp, artifact], check=True, capture_output=True)
        native = min(native, float(done.stdout))
        python = min(python, best_ns(lambda: mapping.lookup(ids, out=out)))
        single = min(single, best_ns(lambda: mapping.lookup(one, out=one_out)))
    print(json.dumps({
        "ids": BATCH,
        "cpp_us": round(native / 1e3, 2),
        "python_us": round(python / 1e3, 2),
        "one_id_us": round(single / 1e3, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
