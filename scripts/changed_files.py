"""The files of this checkout that scripts/format, scripts/tidy and scripts/check-words look at."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = "origin/main"
# Where there is no origin/main, as many commits count as changed.
LAST_COMMITS = 20


def git(*words):
    """What git prints, or None where it fails: no git, no checkout, no such revision."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def base():
    """The commit from which on files count as changed; None where git knows none."""
    head = git("rev-parse", "HEAD")
    merge_base = git("merge-base", "HEAD", BASE)
    if merge_base and merge_base != head:
        return merge_base.strip()
    last = git("rev-parse", "--verify", f"HEAD~{LAST_COMMITS}")
    return last.strip() if last else None


def _present(paths, suffixes):
    return sorted(ROOT / path for path in set(paths)
                  if path.endswith(suffixes) and (ROOT / path).is_file())


def every_file(suffixes):
    """Files that git tracks or would track, by suffix; without git, those outside build/."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard")
    if listed is not None:
        return _present(listed.splitlines(), suffixes)
    paths = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    return _present([path for path in paths if not path.startswith("build/")], suffixes)


def changed_files(suffixes):
    """Those that differ from base(), committed or not; every file where there is no base."""
    start = base()
    if start is None:
        print("no git history to compare with: all files count as changed", file=sys.stderr)
        return every_file(suffixes)
    changed = git("diff", "--name-only", "--diff-filter=d", start)
    untracked = git("ls-files", "--others", "--exclude-standard")
    return _present(changed.splitlines() + untracked.splitlines(), suffixes)


def add_selection(parser):
    """The options by which these scripts' callers choose files."""
    parser.add_argument("--changed", action="store_true",
                        help=f"only files changed since the merge base with {BASE} (without one: "
                             f"in the last {LAST_COMMITS} commits), uncommitted changes included")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE",
                        help="only these; default: the whole tree")


def selected(options, suffixes):
    if options.files:
        return [path.resolve() for path in options.files if path.name.endswith(suffixes)]
    return changed_files(suffixes) if options.changed else every_file(suffixes)
