"""The PyTorch example in a short form: swaps on both ranks at the same steps, and it pays."""

import importlib.util
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "connectors/trainer/examples/python/dlrm/train.py"


def setUpModule():
    if importlib.util.find_spec("torch") is None:
        raise unittest.SkipTest("torch is not installed: apt-get install python3-torch")


class TrainExampleTest(unittest.TestCase):
    def test_two_ranks_follow_remapd(self):
        done = subprocess.run(
            [sys.executable, EXAMPLE, "--remapd", os.environ["REMAPD"], "--samples", "60000",
             "--json"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        report = json.loads(done.stdout)
        self.assertGreaterEqual(report["swaps"], 5)
        self.assertIs(report["ranks_in_step"], True)
        ne = report["ne"]
        self.assertLess(ne["full"], ne["remapd"])
        self.assertLess(ne["remapd"], ne["frequency"])
        self.assertLess(ne["remapd"], ne["hash"])


if __name__ == "__main__":
    unittest.main()
