"""Leases: a file per bead, renewed by heartbeats; the promise that an attempt still lives (SPEC 7)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gitconvoy.model.ids import is_id
from gitconvoy.store.localfiles import local_folder, write_atomically

NEVER = 253402300799
"""The last second of the year 9999: a lease that waits for a person."""


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
    """Hold or renew a lease."""
    if not is_id(lease.bead):
        raise ValueError(f"no bead id: {lease.bead!r}")
    write_atomically(folder(common_dir) / lease.bead, json.dumps(asdict(lease)).encode() + b"\n")


def drop(common_dir: Path, bead: str, token: str) -> None:
    """End a lease, if it is still the one with this token."""
    found = read_all(common_dir).get(bead)
    if found is not None and found.token == token:
        (folder(common_dir) / bead).unlink(missing_ok=True)


def read_all(common_dir: Path) -> dict[str, Lease]:
    """Every lease of this repository by bead; damaged files count as missing."""
    leases = {}
    place = folder(common_dir)
    for file in sorted(place.iterdir()) if place.is_dir() else ():
        lease = None if file.name.startswith(".") else _read(file)
        if lease is not None and lease.bead == file.name:
            leases[lease.bead] = lease
    return leases


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
