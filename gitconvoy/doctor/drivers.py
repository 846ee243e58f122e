"""The merge drivers: set where hooks are, able to run, and named by the attributes (SPEC 3, 6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitconvoy.doctor.findings import NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.hooking import drivers
from gitconvoy.hooking.layout import survey
from gitconvoy.planning.start import ATTRIBUTES_PATH

_INSTALL = "gitconvoy hooks install"
_WHY = "without them git merges the lines of plan files, and sees conflicts where two people changed different fields"


def in_place(scene: Scene) -> Iterator[Finding]:
    """Does git merge plan files by their fields, where hooks are installed?"""
    repo = scene.repo()
    states = drivers.status(repo)
    hooked = any(place.ours for place in survey(repo))
    if not hooked and not any(each.command for each in states):
        return
    missing = [each for each in states if not each.command or not _runs(each.python)]
    if missing:
        yield _finding(
            ", ".join(each.name for each in missing),
            "git config does not set them, or what they run is gone",
            "merge drivers are set beside the hooks",
            _INSTALL,
            partial(drivers.set_up, repo, sys.executable) if hooked else None,
        )
    old = [each for each in states if each not in missing and not each.current]
    if old:
        yield _finding(
            ", ".join(each.name for each in old),
            "git config has another command for them than this version would set",
            "the command of the version that is installed, or one of your own",
            _INSTALL,
            severity=NOTE,
        )
    there = repo.worktree is not None and (repo.worktree / ATTRIBUTES_PATH).is_file()
    if there and not all(each.declared for each in states):
        yield _finding(
            ".convoy/.gitattributes",
            "it does not name the merge drivers for all files of the plan",
            "`merge=gitconvoy-bead` and its kin",
            "gitconvoy tidy",
            severity=NOTE,
        )


def _runs(python: str | None) -> bool:
    return python is None or (os.access(python, os.X_OK) and Path(python).is_file())


def _finding(
    subject: str, observed: str, expected: str, command: str, fix: object = None, severity: str = WARNING
) -> Finding:
    mend = fix if callable(fix) else None
    return Finding("merge-drivers", subject, severity, observed, expected, _WHY, (command,), mend)
