"""What a ledger commit did, read back from it, and the same done to other records (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.git import commits, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.ledger.read import PLAN
from gitconvoy.model.events import ATTEMPT, EVENTS
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event

_Record = TypeVar("_Record", BeadRecord, ConvoyRecord)


@dataclass(frozen=True, slots=True)
class Told:
    """A ledger commit as values: its event with all that it changed, the records around it, its `.convoy` tree."""

    commit: str
    event: Event
    bead: BeadRecord | None
    """The bead's record after it."""
    convoy: ConvoyRecord | None
    """The convoy's record before it."""
    plan: str | None

    @property
    def name(self) -> tuple[object, ...]:
        """What makes two commits tell of the same thing that happened, wherever in a chain they stand."""
        event = self.event
        handed_in = self.bead.submitted if self.bead is not None and event.kind == "submit" else None
        who = (event.kind, event.bead, event.convoy, event.worker, event.attempt, event.token, event.actor)
        return (*who, event.cause, event.reason, event.force, handed_in, *self.watchers)

    @property
    def watchers(self) -> tuple[frozenset[str], frozenset[str]]:
        """Who watches the convoy since then, and who does no more."""
        if "watchers" not in self.event.convoy_changes:
            return frozenset(), frozenset()
        before = frozenset((self.convoy.watchers if self.convoy is not None else None) or ())
        after = frozenset(self.event.convoy_changes["watchers"] or ())
        return after - before, before - after


def told(repo: Repo, commit: str) -> Told | None:
    """What a commit of the ledger tells of; None where it is no event. BadFiles where its records are damaged."""
    info = commits.commit(repo, commit)
    parsed = codec.parse_message(info.message)
    if parsed is None:
        return None
    before = info.parents[0] if info.parents else None
    said = parsed.at(info.time)
    bead_after, convoy_before = _bead(repo, commit, said.bead), _convoy(repo, before, said.convoy)
    paused = _paused(repo, commit)
    event = replace(
        said,
        bead_changes=_differences(_bead(repo, before, said.bead), bead_after),
        convoy_changes=_differences(convoy_before, _convoy(repo, commit, said.convoy)),
        town_changes={"paused": paused} if paused != _paused(repo, before) else {},
    )
    return Told(commit, event, bead_after, convoy_before, trees.tree_at(repo, commit, PLAN))


def _bead(repo: Repo, commit: str | None, bead: str | None) -> BeadRecord | None:
    if bead is None:
        return None
    path = codec.bead_path(bead)
    data = trees.blob_at(repo, commit, path) if commit else None
    return codec.read_bead(data, path) if data is not None else BeadRecord(bead)


def _convoy(repo: Repo, commit: str | None, convoy: str | None) -> ConvoyRecord | None:
    if convoy is None:
        return None
    path = codec.convoy_path(convoy)
    data = trees.blob_at(repo, commit, path) if commit else None
    return codec.read_convoy(data, path) if data is not None else ConvoyRecord(convoy)


def _paused(repo: Repo, commit: str | None) -> bool:
    data = trees.blob_at(repo, commit, "town.yaml") if commit else None
    return codec.read_town(data, "town.yaml") if data is not None else False


def _differences(before: _Record | None, after: _Record | None) -> Mapping[str, Any]:
    if before is None or after is None:
        return {}
    names = [field.name for field in fields(after)]
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


def again(one: Told, bead: BeadRecord | None, convoy: ConvoyRecord | None, paused: bool) -> Event:
    """The same event on other records: what it set is set, whatever stands there; what stands so already is no change.

    Whoever begins or ends an attempt sets all that belongs to it. Watchers are added and taken away one by one.
    """
    convoy_changes = dict(one.event.convoy_changes)
    if convoy is not None and "watchers" in convoy_changes:
        added, gone = one.watchers
        convoy_changes["watchers"] = tuple(sorted({*(convoy.watchers or ()), *added} - gone)) or None
    return replace(
        one.event,
        bead_changes=_new(bead, _bead_changes(one)),
        convoy_changes=_new(convoy, convoy_changes),
        town_changes={name: value for name, value in one.event.town_changes.items() if value != paused},
    )


def _bead_changes(one: Told) -> dict[str, Any]:
    row, names = EVENTS.get(one.event.kind), set(one.event.bead_changes)
    if row is not None and row.bead >= ATTEMPT:
        names |= row.bead if one.event.kind == "dispatch" else ATTEMPT
    return {name: getattr(one.bead, name) for name in names} if one.bead is not None else {}


def _new(record: BeadRecord | ConvoyRecord | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if getattr(record, name) != value} if record else {}
