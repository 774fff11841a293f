"""Terms that this project does not use are in no document, source or configuration."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts/check-words"


def load():
    loader = importlib.machinery.SourceFileLoader("check_words", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Words(unittest.TestCase):
    def test_the_tree_has_none_of_them(self):
        done = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_refused_word_is_found_with_its_line_and_what_to_write(self):
        check = load()
        self.assertEqual(check.problems("docs/x.md", "fine\nthe Newcomers' rows\n"),
                         ['docs/x.md:2: "Newcomers": write new id, new ids'])
        self.assertEqual(check.problems("core/x.h", "// makes room for ids\n"), [])
        self.assertEqual(len(check.problems("core/x.h", "// whoever looks at it\n")), 1)
        self.assertEqual(check.problems("core/x.cc", "// nobody\n"), [])

    def test_what_is_allowed_is_needed(self):
        check = load()
        for path, _, _ in check.ALLOWED:
            self.assertTrue((ROOT / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
