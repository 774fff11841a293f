"""What README says of memory is what this build's remapd computes."""

import os
import subprocess
import unittest

from test_figures import ROOT, load


class Memory(unittest.TestCase):
    def test_a_tracked_id_takes_what_the_readme_says(self):
        figures = load()
        said = subprocess.run([os.environ["REMAPD"], *figures.MEMORY[1:]], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertEqual(figures.figure("memory bytes-per-id"),
                         figures.bytes_per_id(said.stdout + said.stderr),
                         "run scripts/update-figures --record memory")


if __name__ == "__main__":
    unittest.main()
