"""What gitconvoy's hooks cost a commit: paired with the same commit without hooks, in one run.

    python benchmarks/hooks.py [--beads N] [--rounds N]

Prints medians in milliseconds, their difference and their ratio. Two cases: a commit that touches nothing under
`.convoy/` (the shims leave early), and a commit that closes a bead and dispatches the next (both hooks work).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gitconvoy.git.env import clean_env

ENV = clean_env({"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})


def run(root: Path, *command: str) -> None:
    """Run a command in the repository; CalledProcessError where it fails."""
    subprocess.run(command, cwd=root, env=ENV, check=True, capture_output=True)


def git(root: Path, *words: str) -> None:
    """Run git in the repository."""
    run(root, "git", *words)


def timed_commit(root: Path, *words: str) -> float:
    """Milliseconds of one `git commit`."""
    begin = time.perf_counter()
    git(root, *words, "commit", "-qam", "change")
    return (time.perf_counter() - begin) * 1000


def town(root: Path, beads: int) -> Path:
    """A town with a chain of beads in one open convoy, hooks installed."""
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.invalid"), ("gitconvoy.wake", "false")):
        git(root, "config", key, value)
    (root / "code.txt").write_text("0\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "begin")
    run(root, sys.executable, "-I", "-m", "gitconvoy", "init", "--prefix", "gt")
    folder = root / ".convoy" / "beads"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(beads):
        after = f"depends_on:\n  - gt-{number - 1:05d}\n" if number else ""
        (folder / f"gt-{number:05d}.yaml").write_text(
            f"id: gt-{number:05d}\ntitle: Bead {number}\n{after}status: open\n"
        )
    git(root, "add", ".")
    git(root, "commit", "-qm", "plan")
    tracked = [f"gt-{number:05d}" for number in range(min(beads, 100))]
    run(root, sys.executable, "-I", "-m", "gitconvoy", "launch", *tracked)
    return root


def report(name: str, hooked: list[float], bare: list[float]) -> None:
    """One row: medians, what the hooks add, the ratio."""
    with_hooks, without = statistics.median(hooked), statistics.median(bare)
    print(
        f"{name:<44} without {without:7.1f} ms   with {with_hooks:7.1f} ms   "
        f"adds {with_hooks - without:7.1f} ms   ratio {with_hooks / without:5.2f}"
    )


def main() -> None:
    """Measure both cases, alternating with and without hooks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--beads", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    off = ("-c", "core.hooksPath=/dev/null")
    with tempfile.TemporaryDirectory(prefix="gitconvoy-bench-") as name:
        root = town(Path(name), options.beads)
        plain: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * options.rounds):
            (root / "code.txt").write_text(f"round {number}\n")
            plain[number % 2 == 0].append(timed_commit(root, *(off if number % 2 else ())))
        report("commit outside .convoy/", plain[True], plain[False])
        closing: dict[bool, list[float]] = {True: [], False: []}
        for number in range(min(options.rounds, options.beads - 1)):
            for hooks in (False, True):
                file = root / ".convoy" / "beads" / f"gt-{number:05d}.yaml"
                text = file.read_text()
                changed = text.replace("status: open", "status: closed") if hooks else text + "# looked at\n"
                file.write_text(changed)
                closing[hooks].append(timed_commit(root, *(() if hooks else off)))
        report(f"commit that closes one of {options.beads} beads", closing[True], closing[False])


if __name__ == "__main__":
    main()
