"""Runs of 30 beads in which somebody kills with `kill -9` at random, while scans go on.

    python tests/soak/kills.py --minutes 5

Killed are supervisors, workers, their `done`, hooks, scans, one by one or as whole process groups with the git commands
among them. What must hold is looked at all the time (`runs.Run.look`), and at the end of each run. Prints figures as
JSON; the exit code is 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import gitfixtures  # noqa: E402 - found only by the line above
import mortal  # noqa: E402
import pytest  # noqa: E402
from runs import SIX, THIRTY, Run, begin, kill, launched, settled  # noqa: E402

_SCANS = 2
"""How many scans are on their way at a time."""
_STALE = 5.0
"""Seconds after which a lock file of git's is nobody's: git keeps them for a moment."""
_KINDS = ("supervise", "hook-run", "scan", "reap", "done", "launch")


@dataclass
class Killer:
    """Plays runs until the time is over."""

    folder: Path
    chance: random.Random
    beads: Mapping[str, tuple[str, ...]]
    until: float
    kills: Counter[str] = field(default_factory=Counter)
    stale: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    looks: int = 0
    kept: int = 0
    """Worktrees that hold what would be lost, as something in them was killed."""
    _scans: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def play(self) -> None:
        """Run after run; the last one is played to its end, without killing once the time is over."""
        template = self.folder / "template"
        gitfixtures.build_template(template)
        python = mortal.make(self.folder / "python")
        while time.monotonic() < self.until:
            place = self.folder / f"run{self.runs}"
            place.mkdir()
            repo = gitfixtures.copy_template(template, place / "repo")
            run = begin(repo, python, self.folder / f"outside{self.runs}", self.beads)
            try:
                self._play(run)
            finally:
                run.end()
            self.runs += 1
            shutil.rmtree(place)

    def _play(self, run: Run) -> None:
        assert launched(run)
        looked = time.monotonic()
        while not run.over():
            assert time.monotonic() < self.until + 600, f"the run does not end: {run.here.json('status')}"
            self._scan(run)
            if time.monotonic() < self.until:
                self._kill(run)
            self._unlock(run)
            if time.monotonic() - looked > 2:
                run.look()
                self.looks += 1
                looked = time.monotonic()
            time.sleep(self.chance.uniform(0.05, 0.6))
        for scan in self._scans:
            scan.wait()
        run.repo.git("gc", "--quiet", "--prune=now")  # takes along what a git that was killed was writing
        settled(run, 60, lambda: self._unlock(run))
        self.kept += len(run.kept())
        run.finish()
        self.events.update(event.split()[0] for event in run.here.events())

    def _scan(self, run: Run) -> None:
        self._scans = [scan for scan in self._scans if scan.poll() is None]
        if len(self._scans) < _SCANS:
            command = [*run.mortal.command, "-C", str(run.here.path), "scan"]
            nobody = subprocess.DEVNULL
            self._scans.append(
                subprocess.Popen(command, stdin=nobody, stdout=nobody, stderr=nobody, start_new_session=True)
            )

    def _kill(self, run: Run) -> None:
        there = {pid: kind for pid, line in run.processes().items() if (kind := _kind(line))}
        if there:
            pid = self.chance.choice(sorted(there))
            group = self.chance.random() < 0.3
            if kill(pid, group=group):
                self.kills[f"{there[pid]}{', whole group' if group else ''}"] += 1

    def _unlock(self, run: Run) -> None:
        """Remove lock files that a killed git has left, as git tells people to."""
        for file in run.locks():
            try:
                if time.time() - file.stat().st_mtime > _STALE:
                    file.unlink()
                    self.stale[file.name] += 1
            except FileNotFoundError:
                continue

    def figures(self) -> dict[str, object]:
        """What was done."""
        return {
            "runs": self.runs,
            "beads": self.runs * len(self.beads),
            "kills": sum(self.kills.values()),
            "killed": dict(self.kills),
            "looks": self.looks,
            "events": sum(self.events.values()),
            "events_by_kind": dict(self.events),
            "stale_git_locks": dict(self.stale),
            "worktrees_kept_for_a_person": self.kept,
        }


def _kind(line: str) -> str | None:
    """What a process of a run is; None for git, which is killed with the group of whom it works for."""
    words = line.split()
    if "gitconvoy" in words:
        return next((kind for kind in _KINDS if kind in words), "another command")
    return "worker" if any(word.endswith("/worker") for word in words) else None


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(description="Kill processes of runs at random.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="runs of 6 beads")
    given = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="gitconvoy-soak-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name).resolve()
        gitfixtures.hermetic(patch, folder / "home")
        patch.setenv("TMPDIR", str(folder))
        killer = Killer(folder, random.Random(given.seed), SIX if given.small else THIRTY, began + 60 * given.minutes)
        wrong = ""
        try:
            killer.play()
        except AssertionError as error:
            wrong = f"{error}\n{traceback.format_exc(limit=-2)}"
    figures = {
        **killer.figures(),
        "seconds": round(time.monotonic() - began, 1),
        "load_average": [load, os.getloadavg()],
    }
    print(json.dumps({"ok": not wrong, "wrong": wrong, **figures}, indent=1))  # noqa: T201 - for whoever runs it
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
