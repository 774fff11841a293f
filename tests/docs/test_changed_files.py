"""Which files scripts/format, scripts/tidy and scripts/check-words take for changed."""

import pathlib
import subprocess
import tempfile
import unittest
from unittest import mock

import changed_files


class ChangedFiles(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(changed_files, "ROOT", self.root))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.email", "test@example.org")
        self.git("config", "user.name", "test")

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, *words], check=True, capture_output=True)

    def write(self, *names):
        for name in names:
            (self.root / name).write_text(f"{name}\n")

    def commit(self, *names):
        self.write(*names)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", " ".join(names))

    def changed(self):
        return [path.name for path in changed_files.changed_files((".cc",))]

    def test_what_differs_from_the_merge_base_with_origin_main(self):
        self.commit("old.cc", "gone.cc")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.commit("committed.cc", "document.md")
        (self.root / "gone.cc").unlink()
        self.write("untracked.cc")
        self.assertEqual(self.changed(), ["committed.cc", "untracked.cc"])

    def test_without_origin_the_last_commits(self):
        self.commit("first.cc")
        with mock.patch.object(changed_files, "LAST_COMMITS", 2):
            self.commit("second.cc")
            self.commit("third.cc")
            self.assertEqual(self.changed(), ["second.cc", "third.cc"])

    def test_a_short_history_is_changed_in_whole(self):
        self.commit("first.cc")
        self.assertEqual(self.changed(), ["first.cc"])

    def test_ignored_files_are_no_files_of_the_tree(self):
        (self.root / ".gitignore").write_text("build/\n")
        (self.root / "build").mkdir()
        self.write("kept.cc", "build/made.cc")
        self.assertEqual([path.name for path in changed_files.every_file((".cc",))], ["kept.cc"])


if __name__ == "__main__":
    unittest.main()
