"""The PyTorch example in a short form: swaps on both ranks at the same steps, and it pays."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples/dlrm/train.py"


def setUpModule():
    if importlib.util.find_spec("torch") is None:
        raise unittest.SkipTest("torch is not installed: apt-get install python3-torch")


class TrainExampleTest(unittest.TestCase):
    def train(self, *arguments):
        done = subprocess.run(
            [sys.executable, EXAMPLE, "--remapd", os.environ["REMAPD"], "--json", *arguments],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def test_two_ranks_follow_remapd(self):
        report = self.train("--samples", "60000")
        self.assertGreaterEqual(report["swaps"], 5)
        self.assertIs(report["ranks_in_step"], True)
        ne = report["ne"]
        self.assertLess(ne["full"], ne["remapd"])
        self.assertLess(ne["remapd"], ne["frequency"])
        self.assertLess(ne["remapd"], ne["hash"])

    def test_a_log_of_ones_own_and_a_plot(self):
        with tempfile.TemporaryDirectory() as directory:
            log, plot = Path(directory) / "log.tsv.gz", Path(directory) / "plot.svg"
            subprocess.run([os.environ["REMAPD"], "generate", "--out", log, "--samples", "12000",
                            "--users", "2000"], check=True, capture_output=True)  # fmt: skip
            drawn = importlib.util.find_spec("matplotlib") is not None
            report = self.train("--samples", "8000", "--events", log, "--features", "user,category",
                                *(["--plot", plot] if drawn else []))  # fmt: skip
            self.assertEqual(report["samples"], 8_000)
            self.assertEqual(list(report["tables"]), ["user", "category"])
            if drawn:
                self.assertIn("remapd, no migration", plot.read_text())


if __name__ == "__main__":
    unittest.main()
