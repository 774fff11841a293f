"""Runs the fault scenarios and prints the verdict as one JSON object."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import anywhere
import neighbours
import scenarios
from processes import Broker, FaultRunError, kill_all


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", type=lambda names: names.split(","), default=[],
                        help="these scenarios, by name")
    parser.add_argument("--each-failpoint", action="store_true",
                        help="one kill at each failpoint, for ctest")
    options = parser.parse_args()
    quick = options.quick
    plan = {
        "kills_one_partition": dict(kills=27 if quick else 90, samples=40_000 if quick else 120_000,
                                    rate=1000),
        # Whole mini-batches of 64: samples that wait for theirs to fill are not counted yet, and
        # which these are depends on how partitions interleave.
        "kills_many_partitions": dict(kills=6 if quick else 30, samples=300 * 64),
        "broker_away": dict(seconds=8 if quick else 60, samples=20_000),
        "two_daemons": dict(samples=8_000),
        "bad_neighbours": dict(samples=16_000),
        "rights_granted_late": dict(samples=4_000),
        "disk_full": dict(samples=4_000),
        "failing_calls": dict(samples=6_000, every=18 if quick else 1),
        "flipped_bytes": dict(samples=6_000, rounds=1 if quick else 10),
        "failing_connections": dict(samples=6_000, every=8 if quick else 1),
        "damaged_log": dict(rounds=1 if quick else 6),
        "clock_jumps": dict(samples=6_000),
        "halts": dict(count=4 if quick else 40, samples=10_000 if quick else 60_000),
    }
    if not quick or {"topic_changes", "leader_moves"} & set(options.only):
        plan["topic_changes"] = {}
        plan["leader_moves"] = dict(moves=3 if quick else 6, samples=36_000)
    if options.each_failpoint:
        if "REMAPD_KAFKA_BROKERS" not in os.environ:
            print("faults: REMAPD_KAFKA_BROKERS is not set: run by scripts/test")
            return 0
        # Every third of the kills is at random.
        plan = {"kills_one_partition": dict(kills=len(scenarios.FAILPOINTS) * 3 // 2,
                                            samples=30_000, rate=1000)}
    if options.only:
        if not plan.keys() >= set(options.only):
            parser.error(f"--only: there are {', '.join(plan)}")
        plan = {name: plan[name] for name in options.only}

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of `finally`
    began = time.monotonic()
    verdict = scenarios.Verdict()
    work = pathlib.Path(tempfile.mkdtemp(prefix="remapd-faults-"))
    broker = Broker(work / "broker")
    try:
        broker.start()
        for name, settings in plan.items():
            module = next(m for m in (scenarios, neighbours, anywhere) if hasattr(m, name))
            scenario = getattr(module, name)
            scenario(broker, work, verdict, **settings)
    except FaultRunError as error:
        print(f"faults: the run could not be made: {error} (files: {work})", file=sys.stderr)
        return 2
    finally:
        kill_all()
        broker.remove()
    for problem in verdict.problems:
        print(f"faults: {problem}", file=sys.stderr)
    print(json.dumps(dataclasses.asdict(verdict)
                     | {"passed": verdict.passed(), "seconds": round(time.monotonic() - began)}))
    if not verdict.passed():
        print(f"faults: FAILED; logs are in {work}", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
