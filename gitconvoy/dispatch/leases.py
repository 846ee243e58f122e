"""Leases: a file per bead, renewed by heartbeats; the promise that an attempt still lives (SPEC 7)."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.model.ids import is_id
from gitconvoy.store.localfiles import local_folder, make_folder, write_atomically

NEVER = 253402300799
"""The last second of the year 9999: a lease that waits for a person."""
_UNSETTLED = 0.1
"""Seconds after which no new file can have the same stamp: no clock of a file system is coarser."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Held by whoever knows the token, until `expires` (epoch seconds). `note` says what it waits for."""

    bead: str
    token: str
    expires: int
    pid: int | None = None
    """The process that renews it, where there is one."""
    note: str = ""


def folder(common_dir: Path) -> Path:
    """Where the lease files lie."""
    return local_folder(common_dir) / "leases"


def write(common_dir: Path, lease: Lease) -> None:
    """Hold a lease, whoever held one before: for those who know from the ledger whose the bead is."""
    file = _file(common_dir, lease.bead)
    with _alone(common_dir):
        _put(file, lease)


def renew(common_dir: Path, lease: Lease) -> bool:
    """Hold a lease on, unless another attempt holds one by now; whether that was done.

    A file that is missing or damaged is written anew.
    """
    file = _file(common_dir, lease.bead)
    with _alone(common_dir):
        found = _read(file)
        if found is not None and found.token != lease.token:
            return False
        _put(file, lease)
        return True


def drop(common_dir: Path, bead: str, token: str) -> None:
    """End a lease, if it is still the one with this token."""
    file = _file(common_dir, bead)
    if not file.exists():
        return
    with _alone(common_dir):
        found = _read(file)
        if found is not None and found.token == token:
            file.unlink(missing_ok=True)


def _file(common_dir: Path, bead: str) -> Path:
    if not is_id(bead):
        raise ValueError(f"no bead id: {bead!r}")
    return folder(common_dir) / bead


def _put(file: Path, lease: Lease) -> None:
    write_atomically(file, json.dumps(asdict(lease)).encode() + b"\n")


@contextmanager
def _alone(common_dir: Path) -> Iterator[None]:
    """Nobody else writes leases while the block runs, so that what was read still holds."""
    place = folder(common_dir)
    make_folder(place)
    handle = os.open(place / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_all(common_dir: Path) -> dict[str, Lease]:
    """Every lease of this repository by bead; damaged files count as missing."""
    leases = {}
    place = folder(common_dir)
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as listing:
        for file in sorted(listing, key=lambda each: each.name):
            lease = None if file.name.startswith(".") else _known(file)
            if lease is not None and lease.bead == file.name:
                leases[lease.bead] = lease
    return leases


def _known(file: os.DirEntry[str]) -> Lease | None:
    """A lease by its file as it is now: each change makes another file, so none that has settled is read twice."""
    try:
        about = file.stat()
    except OSError:
        return None
    if abs(time.time() - about.st_ctime) < _UNSETTLED:
        return _read(Path(file.path))
    return _read_once(file.path, (about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size))


@lru_cache(maxsize=1 << 14)
def _read_once(path: str, _stamp: tuple[int, ...]) -> Lease | None:
    return _read(Path(path))


def _read(file: Path) -> Lease | None:
    try:
        data = json.loads(file.read_bytes())
        return Lease(
            bead=str(data["bead"]),
            token=str(data["token"]),
            expires=int(data["expires"]),
            pid=int(data["pid"]) if data.get("pid") is not None else None,
            note=str(data.get("note", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
