"""What this machine keeps below `<common git dir>/gitconvoy/`: disposable, so what is damaged goes (SPEC 7)."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from gitconvoy.dispatch import handins, leases
from gitconvoy.doctor.findings import NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine import seen
from gitconvoy.git import lock
from gitconvoy.store import failures
from gitconvoy.store.localfiles import TEMPORARY, local_folder

_OLD = 3600
PATIENCE = 3.0
"""Seconds in which the town's lock should be free once."""
_TABLES = ("breakers.json", "rig-parents", "rig-trunks")
_FOLDERS = ("", "leases", "handins", "towns", "attempts")
_DOCTOR = "gitconvoy doctor --fix"


def _files(scene: Scene) -> list[Path]:
    """Our own files; not what is in the folders and worktrees of attempts."""
    root = local_folder(scene.place().common_dir)
    return _within(root / name for name in _FOLDERS)


def _within(folders: Iterable[Path]) -> list[Path]:
    """What lies in the folders, as far as this user may look there."""
    found = []
    for folder in folders:
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
            with suppress(FileNotFoundError):
                found += sorted(folder.iterdir())
    return found


def foreign(scene: Scene) -> Iterator[Finding]:
    """Can this user read and write all of them?"""
    root = local_folder(scene.place().common_dir)
    named = [each for each in (root, *_files(scene)) if _is_foreign(each)]
    if named:
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        yield Finding(
            "own-files",
            str(root),
            WARNING,
            f"not this user's to read and write: {', '.join(map(str, named[:3]))}{more}",
            "all files there belong to the user who runs gitconvoy here",
            "somebody ran gitconvoy as another user (with sudo, perhaps): leases and notes cannot be renewed",
            (f'sudo chown -R "$(id -un)" {shlex.quote(str(root))}',),
        )


def _is_foreign(path: Path) -> bool:
    try:
        there = path.lstat()
    except OSError:
        return False
    if path.is_symlink():
        return False
    return there.st_uid != os.geteuid() or not os.access(path, os.R_OK | os.W_OK)


def damaged(scene: Scene) -> Iterator[Finding]:
    """Can all of them be understood?"""
    common = scene.place().common_dir
    for file in _files(scene):
        if _is_damaged(common, file):
            yield Finding(
                "damaged",
                str(file),
                WARNING,
                "it cannot be understood",
                "a note that gitconvoy can read",
                "it counts as missing; nothing that matters is in it alone",
                (_DOCTOR,),
                partial(_remove, common, file),
            )


def _is_damaged(common: Path, file: Path) -> bool:
    """Whether one of our files is of no use to anybody; what this user cannot read is no matter of damage."""
    if not file.is_file() or file.name.startswith(".") or not os.access(file, os.R_OK):
        return False
    root = local_folder(common)
    if file.parent == root:
        if file.name == "seen":
            return seen.recall(common) is None
        if file.match("index-*.sqlite3"):
            return not _is_database(file)
        return file.name in _TABLES and not _is_table(file)
    if file.parent == leases.folder(common):
        return file.name not in leases.read_all(common)
    if file.parent == handins.folder(common):
        return file.suffix == ".json" and handins.read_one(common, file.stem) is None
    return file.parent == seen.watches_folder(common) and file not in seen.watches(common)


def _is_table(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (OSError, ValueError):
        return False


def _is_database(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.OperationalError:
        return True  # busy, or not to be opened: that says nothing of what is in it
    except sqlite3.DatabaseError:
        return False


def _remove(common: Path, file: Path) -> None:
    if not _is_damaged(common, file):
        return  # somebody has just written a new one in its place
    file.unlink(missing_ok=True)
    if file.suffix == ".sqlite3":
        for other in file.parent.glob(file.name + "-*"):
            other.unlink(missing_ok=True)


def left_over(scene: Scene) -> Iterator[Finding]:
    """Has a write that died left something behind?"""
    now, common = time.time(), scene.place().common_dir
    for file in [*_files(scene), *_within([common, *sorted(common.glob("worktrees/*"))])]:
        if not TEMPORARY.fullmatch(file.name) or not file.is_file():
            continue
        with suppress(OSError):
            if now - file.lstat().st_mtime > _OLD:
                yield Finding(
                    "temporary",
                    str(file),
                    WARNING,
                    "it was begun more than an hour ago, and never put in its place",
                    "such a file is there for a moment",
                    "whoever wrote it died; it only takes room",
                    (_DOCTOR,),
                    partial(file.unlink, missing_ok=True),
                )


def met_bugs(scene: Scene) -> Iterator[Finding]:
    """Did a bug show where nobody was looking?"""
    common = scene.place().common_dir
    met = failures.bugs(common)
    if met:
        files = shlex.join(map(str, failures.files(common)))
        yield Finding(
            "bugs",
            str(failures.file_of(common)),
            NOTE,
            f"it tells of {len(met)}, the last in {met[-1].command} at {met[-1].at}: {met[-1].said}",
            "no bug was met",
            "what ran into it broke off; the next command does what it would have done",
            (f"less {files}", f"rm {files}"),
        )


def busy(scene: Scene) -> Iterator[Finding]:
    """Does somebody keep the town's lock?"""
    file = local_folder(scene.place().common_dir) / "lock"
    end = time.monotonic() + PATIENCE
    while lock.held(file):
        if time.monotonic() >= end:
            holders = lock.holders(file)
            by = f"process {', '.join(map(str, holders))}" if holders else "some process"
            yield Finding(
                "town-lock",
                str(file),
                WARNING,
                f"{by} holds it, and did not let go within {PATIENCE:g} s",
                "whoever writes the ledger holds it for a moment",
                "commands that write the ledger wait for it, and give up after a minute",
                tuple(f"ps -fp {pid}" for pid in holders) or (f"fuser -v {shlex.quote(str(file))}",),
            )
            return
        time.sleep(min(0.05, PATIENCE))
