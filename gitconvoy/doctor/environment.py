"""The machine: git, HOME, room on the disk, the clock."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gitconvoy import __version__
from gitconvoy.doctor.findings import ERROR, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.errors import ConvoyError
from gitconvoy.git import health
from gitconvoy.model.clock import iso

NEEDED, FOR_MERGING = (2, 31), (2, 38)
"""The oldest git with which anything works, and the one that `merge: direct` and proofs of merging need."""
LITTLE_ROOM = 50 * 1024 * 1024
_BEHIND = 60
"""Seconds by which clocks of machines differ anyway."""


def versions() -> dict[str, str]:
    """gitconvoy and what it stands on; `git` is empty where there is none."""
    return {"gitconvoy": __version__, **health.versions()}


def git_there(scene: Scene) -> Iterator[Finding]:  # noqa: ARG001 - every check is given the scene
    """Is git on PATH, and new enough?"""
    try:
        said = health.git_version()
    except ConvoyError as error:
        yield Finding(
            "git",
            "git",
            ERROR,
            error.message,
            "git is on PATH",
            "everything that gitconvoy keeps is in git",
            ("command -v git", 'echo "$PATH"'),
        )
        return
    numbers = health.version_numbers(said)
    if not numbers or numbers >= FOR_MERGING:
        return
    too_old = numbers < NEEDED
    wanted = ".".join(map(str, NEEDED if too_old else FOR_MERGING))
    why = (
        "older ones lack options that every command needs"
        if too_old
        else "merge: direct and the proof of squashed work merge in memory, which older ones cannot; all else works"
    )
    yield Finding(
        "git", "git", ERROR if too_old else WARNING, f"git is {said}", f"git {wanted} or newer", why, ("git version",)
    )


def home(scene: Scene) -> Iterator[Finding]:  # noqa: ARG001
    """Is there a HOME?"""
    place = os.environ.get("HOME", "")
    if place and Path(place).is_dir():
        return
    yield Finding(
        "home",
        "HOME",
        WARNING,
        f"HOME is {place}, which is no folder" if place else "HOME is not set",
        "HOME names the person's folder",
        "git reads no personal settings then: who commits, credentials, safe.directory; nor do workers find theirs",
        ("export HOME=...",),
    )


def room(scene: Scene) -> Iterator[Finding]:
    """Is there room for new objects?"""
    place = scene.place().common_dir
    free = shutil.disk_usage(place).free
    if free < LITTLE_ROOM:
        yield Finding(
            "room",
            str(place),
            WARNING,
            f"{free // (1024 * 1024)} MiB are free on its disk",
            f"{LITTLE_ROOM // (1024 * 1024)} MiB or more",
            "on a full disk nothing can be dispatched or recorded; what was written stays whole",
            ("df -h .", "git gc"),
        )


def clock(scene: Scene) -> Iterator[Finding]:
    """Is it later than the ledger's last commit?"""
    if scene.ledger_trouble() is not None:
        return
    last, now = scene.town().ledger().tip_time, int(time.time())
    if last - now > _BEHIND:
        yield Finding(
            "clock",
            "the clock",
            WARNING,
            f"it is {iso(now)} here, and the ledger's last commit is of {iso(last)}",
            "no commit is of the future",
            "time stands still for back-offs and leases until the clock has caught up: this clock, or that of the "
            "machine that wrote the commit, is wrong",
            ("date", "git log -1 --format=%cI convoy-ledger"),
        )
