"""The ledger's records as this machine read them last: so that a long ledger is not parsed again for each command.

Of one commit at a time, from which those at other commits follow by the records that differ. Disposable, and kept where
this machine keeps its own files already: deleted, damaged or not writable, every answer is the same, only later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from gitconvoy.errors import GitError
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import following, read_ledger
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Ledger
from gitconvoy.store.cache import generation
from gitconvoy.store.localfiles import local_folder, write_atomically

_ABOUT = ("tip", "paused", "tip_time", "trunk")
_BEAD = tuple(field.name for field in fields(BeadRecord))
_CONVOY = tuple(field.name for field in fields(ConvoyRecord))
_WATCHERS = _CONVOY.index("watchers")
_SOME = 50
"""Records read anew that are worth writing all down."""


def ledger_at(repo: Repo, tip: str | None) -> Ledger:
    """The ledger at a commit of its branch, as `read.read_ledger`."""
    folder = local_folder(repo.common_dir)
    if tip is None or not folder.is_dir():
        return read_ledger(repo, tip)
    file = folder / f"ledger-{generation('checked ' + repr((_BEAD, _CONVOY)))}.json"
    before = _recall(file)
    found = _following(repo, before, tip)
    new = _changed(before.beads, found.beads) + _changed(before.convoys, found.convoys)
    if new >= max(_SOME, len(before.beads) // 20):
        _remember(file, found)
    return found


def _following(repo: Repo, before: Ledger, tip: str) -> Ledger:
    try:
        return following(repo, before, tip)
    except GitError:
        return read_ledger(repo, tip)  # what was kept is of a commit that is gone, or nothing can be read at all


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> int:
    return sum(before.get(one) is not record for one, record in after.items())


def _recall(file: Path) -> Ledger:
    """The ledger that was kept; an empty one where none was, or what was is damaged."""
    try:
        digest, _, data = file.read_bytes().partition(b"\n")
        if digest != _digest(data):
            return Ledger()
        about, beads, convoys = json.loads(data)
        return Ledger(
            beads={line[0]: BeadRecord(*line) for line in beads},
            convoys={line[0]: ConvoyRecord(*_with_watchers(line)) for line in convoys},
            **dict(zip(_ABOUT, about, strict=True)),
        )
    except (OSError, ValueError, TypeError, LookupError):
        return Ledger()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _with_watchers(line: list[Any]) -> list[Any]:
    watchers = line[_WATCHERS]
    return [*line[:_WATCHERS], tuple(watchers) if watchers is not None else None, *line[_WATCHERS + 1 :]]


def _remember(file: Path, ledger: Ledger) -> None:
    about = attrgetter(*_ABOUT)(ledger)
    beads, convoys = map(attrgetter(*_BEAD), ledger.beads.values()), map(attrgetter(*_CONVOY), ledger.convoys.values())
    data = json.dumps([about, list(beads), list(convoys)], separators=(",", ":")).encode()
    try:
        write_atomically(file, _digest(data) + b"\n" + data)
    except OSError:
        return
