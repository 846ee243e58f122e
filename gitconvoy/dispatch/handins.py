"""What this machine notes of work that is being handed in: a file per bead, for as long as its attempt lives (SPEC 7).

The note is written before the branch gets its closing commit, so that whoever looks next can finish what a process
that died has begun. It also says what is still to be done for the branch, and what is in the way of that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.git import lock
from gitconvoy.model.ids import is_id
from gitconvoy.store.localfiles import local_folder, write_atomically

NOT_YET, BEGUN, ENDED = "", "begun", "ended"
LOST = "lost"
"""Begun by a process that has died since: nobody knows whether the program has done its work."""
_FIRST_WAIT = 60
_LONGEST_WAIT = 3600


@dataclass(frozen=True, slots=True)
class Handin:
    """Work that an attempt hands in. Times are epoch seconds."""

    bead: str
    token: str
    branch: str
    commit: str
    """What is handed in: the tip that the branch has once its bead is closed there."""
    base: str
    """Where the branch left its base branch."""
    reason: str = ""
    force: tuple[str, ...] = ()
    waits: str = ""
    """What is in the way of merging or pushing it; empty where nothing is."""
    place: str = ""
    """The worktree in which that is, if it is in one."""
    tries: int = 0
    retry_at: int | None = None
    """When it is tried again at the latest."""
    pushing: int | None = None
    """Since when it is being pushed; who does that sees to it that this ends, or has died once `retry_at` is over."""
    pushed: str | None = None
    """The commit that the remote has."""
    told: str = NOT_YET
    """Whether the configured program (`gitconvoy.onSubmit`) was run: NOT_YET, BEGUN or ENDED; `read_all` knows LOST."""
    complaint: str = ""
    """How that program failed; it is not run again by itself."""

    @property
    def lasting(self) -> bool:
        """Whether something is in the way that was there at a second try, too: a busy lock, say, is not."""
        return bool(self.waits) and self.tries > 1

    def waiting(self, reason: str, now: int, place: str = "") -> dict[str, Any]:
        """The fields that say what is in the way, and when it is tried again: after a minute, then twice that, ..."""
        again = now + min(_FIRST_WAIT << min(self.tries, 10), _LONGEST_WAIT)
        return {"waits": reason, "place": place, "tries": self.tries + 1, "retry_at": again, "pushing": None}


FREE: dict[str, Any] = {"waits": "", "place": "", "tries": 0, "retry_at": None, "pushing": None}
"""The same fields once nothing is in the way any more."""


def folder(common_dir: Path) -> Path:
    """Where the notes lie."""
    return local_folder(common_dir) / "handins"


def note_file(common_dir: Path, bead: str, suffix: str = "json") -> Path:
    """A file that belongs to the note of a bead."""
    if not is_id(bead):
        raise ValueError(f"no bead id: {bead!r}")
    return folder(common_dir) / f"{bead}.{suffix}"


def write(common_dir: Path, note: Handin) -> None:
    """Keep a note in place of an earlier one."""
    write_atomically(note_file(common_dir, note.bead), json.dumps(asdict(note)).encode() + b"\n")


def read_one(common_dir: Path, bead: str) -> Handin | None:
    """The note about a bead; None where there is none, or a damaged one."""
    try:
        data = json.loads(note_file(common_dir, bead).read_bytes())
        known = {field.name for field in fields(Handin)}
        note = Handin(**{key: value for key, value in data.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return note if note.bead == bead else None


def read_all(common_dir: Path) -> dict[str, Handin]:
    """Every note of this repository by bead."""
    place = folder(common_dir)
    names = sorted(file.stem for file in place.glob("*.json")) if place.is_dir() else []
    found = ((name, read_one(common_dir, name)) for name in names if is_id(name))
    return {name: _judged(common_dir, note) for name, note in found if note is not None}


def _judged(common_dir: Path, note: Handin) -> Handin:
    """The note, LOST where it speaks of a program that was begun and whoever ran it lives no more."""
    if note.told != BEGUN or lock.held(lock_file(common_dir, note)):
        return note
    now = read_one(common_dir, note.bead)  # it may have ended well just before the lock was looked at
    return replace(now, told=LOST) if now is not None and now.told == BEGUN else now or note


def lock_file(common_dir: Path, note: Handin) -> Path:
    """Held by the process that hands over what this attempt has handed in."""
    return own_file(common_dir, note, "lock")


def own_file(common_dir: Path, note: Handin, name: str) -> Path:
    """A file of the attempt that a note is about: attempts of one bead get into nobody's way."""
    return note_file(common_dir, note.bead, f"{hashlib.sha256(note.token.encode()).hexdigest()[:16]}.{name}")


def drop(common_dir: Path, note: Handin) -> None:
    """Forget a note and what belongs to it. One that a later attempt has written in its place stays."""
    for name in ("title", "body", "lock"):
        own_file(common_dir, note, name).unlink(missing_ok=True)
    there = read_one(common_dir, note.bead)
    if there is None or there.token == note.token:
        note_file(common_dir, note.bead).unlink(missing_ok=True)
