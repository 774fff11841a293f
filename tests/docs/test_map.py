"""CONTRIBUTING.md's map and the paths that documents name: everything is where they say."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROW = re.compile(r"\| .+ \| `(?P<file>[^`]+)` \| `(?P<symbol>[^`]+)` \|")
# `core/base/hash.h`, but no pattern and no path with a placeholder.
PATH = re.compile(r"`((?:core|connectors|client|evaluation|daemon|examples|tests|scripts|configs|"
                  r"systemd|packaging|docs|cmake)/[\w./-]*\w)`")


def rows(text):
    return [(found["file"], found["symbol"]) for found in map(ROW.match, text.splitlines())
            if found]


def problem(file, symbol):
    path = ROOT / file
    if not path.is_file():
        return f"{file}: no such file"
    if not re.search(rf"\b{re.escape(symbol)}\b", path.read_text(encoding="utf-8")):
        return f"{file}: has no {symbol}"
    return None


class Map(unittest.TestCase):
    def test_every_file_and_symbol_exists(self):
        entries = rows((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(entries), 40)
        problems = [found for entry in entries if (found := problem(*entry))]
        self.assertEqual(problems, [], "CONTRIBUTING.md, \"Where things are\"")

    def test_a_missing_file_and_a_missing_symbol_are_found(self):
        self.assertIn("no such file", problem("core/base/nowhere.h", "x"))
        self.assertIn("has no", problem("core/base/hash.h", "NoSuchSymbol"))

    def test_paths_in_documents_exist(self):
        documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
                     *sorted((ROOT / "docs").rglob("*.md"))]
        missing = [f"{document.relative_to(ROOT)}: {path}" for document in documents
                   for path in PATH.findall(document.read_text(encoding="utf-8"))
                   if not (ROOT / path).exists()]
        self.assertEqual(missing, [])

    def test_links_in_documents_lead_somewhere(self):
        link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
        missing = [f"{document.relative_to(ROOT)}: {target}"
                   for document in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
                   for target in link.findall(document.read_text(encoding="utf-8"))
                   if not (document.parent / target).exists()]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
