"""Figures in documents are those of the recorded runs, and the mechanism that says so works."""

import importlib.machinery
import importlib.util
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts/update-figures"


def load():
    loader = importlib.machinery.SourceFileLoader("update_figures", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Figures(unittest.TestCase):
    def test_documents_agree_with_the_records(self):
        done = subprocess.run([SCRIPT, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_figure_that_differs_is_written_again(self):
        module = load()
        name = "demo remapd gap.1"
        wrong = f"wins <!--figure: {name}-->99.9 %<!--/figure--> back"
        right = f"wins <!--figure: {name}-->{module.figure(name)}<!--/figure--> back"
        self.assertNotEqual(wrong, right)
        self.assertEqual(module.updated(wrong), right)

    def test_a_name_without_a_figure_is_an_error(self):
        module = load()
        for name in ("demo nothing gap", "quality epinions 0.5 combined gap", "memory", "nothing"):
            with self.assertRaises(module.FigureError, msg=name):
                module.figure(name)

    def test_the_readme_has_figures_of_its_main_claims(self):
        names = [found["name"] for found in
                 load().MARK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]
        for claim in ("demo block", "quality epinions 0.1 combined gap", "memory bytes-per-id"):
            self.assertIn(claim, names)

    def test_no_percentage_of_the_readme_is_written_by_hand(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        by_hand = re.sub(r"<!--figure: .*?<!--/figure-->", "", text, flags=re.DOTALL)
        # Settings, not measurements: dedicated_share, churn_budget, the demo's --rows and schedule.
        settings = {"30 %", "5 %", "10 %", "1 %"}
        self.assertLessEqual(set(re.findall(r"\b\d[\d.,]* %", by_hand)), settings)


if __name__ == "__main__":
    unittest.main()
