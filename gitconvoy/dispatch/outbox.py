"""Notices that were recorded in the ledger and wait for being delivered by this machine: one small file each.

A notice is known by the ledger commit that recorded it. `cursor` is the ledger commit up to which all notices lie here
or were delivered. `seen` is what standstills were last looked for in. All of it may be deleted: what happens from then
on is told.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.git import config
from gitconvoy.git.repo import Repo
from gitconvoy.store.localfiles import local_folder, write_atomically

COMMAND_KEY, URL_KEY = "gitconvoy.notify", "gitconvoy.notifyUrl"
FIRST_PAUSE, LONGEST_PAUSE = 60, 3600
"""Seconds between tries: doubling from the first to the longest."""


def wanted(repo: Repo) -> bool:
    """Whether any way for notices to leave this machine is configured (see `notifying`)."""
    return bool(config.get(repo, COMMAND_KEY) or config.get_values(repo, URL_KEY))


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told, and who has not been told yet."""

    id: str
    """The ledger commit that recorded it: the same at each try."""
    event: str
    """completion, exhausted, conflict or stranded."""
    at: int
    convoy: str = ""
    convoy_title: str = ""
    bead: str = ""
    bead_title: str = ""
    attempt: int | None = None
    to: tuple[str, ...] = ()
    message: str = ""
    pending: tuple[str, ...] = ()
    """Channels that it has to go through yet (see `notifying`)."""
    failures: int = 0
    not_before: int = 0
    """When it is tried again, epoch seconds."""
    error: str = ""
    """Why the last try failed."""

    @property
    def about(self) -> str:
        """The bead or the convoy."""
        return self.bead or self.convoy

    @property
    def title(self) -> str:
        """One line."""
        name = self.bead_title if self.bead else self.convoy_title
        return f"{self.event}: {self.about}" + (f" ({name})" if name else "")

    def failed(self, error: str, now: int) -> Notice:
        """The same after a try that failed."""
        failures = self.failures + 1
        pause = min(FIRST_PAUSE << min(failures - 1, 20), LONGEST_PAUSE)
        return replace(self, failures=failures, not_before=now + pause, error=error[:500])


def folder(common_dir: Path) -> Path:
    """Where they lie."""
    return local_folder(common_dir) / "notices"


def _file(common_dir: Path, notice_id: str) -> Path:
    return folder(common_dir) / f"{notice_id}.json"


def message_file(common_dir: Path, notice: Notice) -> Path:
    """Where the text of a notice stands while it is delivered."""
    return folder(common_dir) / f"{notice.id}.txt"


def cursor(common_dir: Path) -> str | None:
    """The ledger commit up to which notices were taken in; empty for the beginning, None where nobody knows."""
    try:
        return (folder(common_dir) / "cursor").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def move_cursor(common_dir: Path, tip: str) -> None:
    """From now on notices up to the ledger commit `tip` are taken in."""
    write_atomically(folder(common_dir) / "cursor", f"{tip}\n".encode())


def seen(common_dir: Path) -> str | None:
    """What was noted by the last look for standstills, None where nobody has looked."""
    try:
        return (folder(common_dir) / "seen").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def note_seen(common_dir: Path, scene: str) -> None:
    """Standstills have been looked for in this."""
    write_atomically(folder(common_dir) / "seen", f"{scene}\n".encode())


def put(common_dir: Path, notice: Notice) -> None:
    """Keep a notice, or what has become of it; one that nobody waits for any more goes."""
    if notice.pending:
        write_atomically(_file(common_dir, notice.id), json.dumps(asdict(notice)).encode() + b"\n")
    else:
        _file(common_dir, notice.id).unlink(missing_ok=True)


def known(common_dir: Path, notice_id: str) -> bool:
    """Whether the notice lies here."""
    return _file(common_dir, notice_id).exists()


def read_all(common_dir: Path) -> list[Notice]:
    """All notices that wait, oldest first; damaged files are left out."""
    place = folder(common_dir)
    found = (_read(file) for file in sorted(place.glob("*.json")) if not file.name.startswith("."))
    return sorted((notice for notice in found if notice is not None), key=lambda notice: (notice.at, notice.id))


def _read(file: Path) -> Notice | None:
    try:
        data = json.loads(file.read_bytes())
        return Notice(**{**data, "to": tuple(data["to"]), "pending": tuple(data["pending"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
