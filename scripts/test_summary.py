"""The closing lines of scripts/test, from ctest's JUnit file and its log: what failed, what was
skipped and why, and "N passed, N failed". Fails if a test did.

  test_summary.py RESULTS_XML CTEST_LOG
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


def skipped_cases(log):
    """GoogleTest cases that skipped themselves: (name, reason), in order."""
    cases, reason = [], ""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("[ RUN      ]"):
            reason = ""
        elif re.search(r": Skipped$", line) and number + 1 < len(lines):
            reason = lines[number + 1].strip()
        elif found := re.match(r"\[  SKIPPED \] (\S+) \(\d+ ms\)$", line):
            cases.append((found[1], reason))
    return cases


def main(results, log):
    outcomes = {"passed": [], "failed": [], "skipped": []}
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        status = case.get("status")
        kind = {"run": "passed", "fail": "failed"}.get(status)
        if kind is None:  # not run: skipped by itself, or never started
            note = case.find("skipped")
            reason = "" if note is None else note.get("message", "")
            kind = "skipped" if status == "disabled" or "SKIP" in reason.upper() else "failed"
        outcomes[kind].append(case.get("name"))

    with open(log, errors="replace", encoding="utf-8") as text:
        cases = skipped_cases(text.read())
    for name in outcomes["skipped"]:
        print(f"skipped: {name}")
    for name, reason in cases:
        print(f"skipped: {name}" + (f": {reason}" if reason else ""))
    for name in outcomes["failed"]:
        print(f"FAILED: {name}")
    print(f"{len(outcomes['passed'])} passed, {len(outcomes['failed'])} failed")
    return 1 if outcomes["failed"] or not outcomes["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
