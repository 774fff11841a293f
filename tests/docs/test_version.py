"""The version is said in CMakeLists.txt, and whatever has to repeat it repeats the same."""

import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERSION = re.search(r"project\(remapd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


class Version(unittest.TestCase):
    def test_the_debian_changelog_is_of_this_version(self):
        first = (ROOT / "packaging/debian/changelog").read_text().splitlines()[0]
        self.assertEqual(re.match(r"remapd \(([^)-]+)", first)[1], VERSION, first)

    def test_cmake_agrees(self):
        self.assertEqual(os.environ.get("REMAPD_VERSION", VERSION), VERSION)

    def test_the_python_package_names_none_of_its_own(self):
        for path in sorted((ROOT / "client/python").rglob("*.py")):
            self.assertNotIn(f'"{VERSION}"', path.read_text(), path)


if __name__ == "__main__":
    unittest.main()
