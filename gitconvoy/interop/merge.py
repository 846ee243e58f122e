"""A changed line meets a file that people may have edited since the last import (SPEC 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.beads import DEFAULTS, UNWATCHED, base_of, digest, keys_of
from gitconvoy.interop.links import TRACKS, present, written
from gitconvoy.model.imported import PARENT, X_BEADS, imported_links, is_tombstone
from gitconvoy.model.kinds import CONVOY, Kind
from gitconvoy.model.plan import STAGED, Link

_STATUS = ("status", "outcome", "closed_at", "close_reason")
"""Keys that are taken over, or stay, together."""


@dataclass(frozen=True, slots=True)
class Merge:
    """New values for keys of the file (None removes one), and keys that both sides changed, where the file's stay."""

    changes: dict[str, Any]
    conflicts: tuple[str, ...]


def merge(current: Mapping[str, Any], fresh: Mapping[str, Any], kind: Kind) -> Merge:
    """Three-way: the last import is the base, `current` the file as it is, `fresh` what the line says now.

    What a person changed since stays; what only the line changed is taken over. Links are merged one by one. In a
    file that was never imported everything is a person's, so only what it lacks is added. A bead that the line
    declares deleted becomes a tombstone whatever the file says.
    """
    now = {**DEFAULTS[kind.name], **current}
    base = base_of(current)
    changes: dict[str, Any] = {}
    conflicts: list[str] = []
    for keys in _groups(kind):
        wanted = {key: fresh.get(key) for key in keys if now.get(key) != fresh.get(key)}
        if not wanted:
            continue
        facts = bool(base) and keys[0] in UNWATCHED
        if facts or _marks(now, keys) == [base.get(key) for key in keys]:
            changes |= wanted
        elif _marks(fresh, keys) != [base.get(key) for key in keys]:
            conflicts.append(keys[0])
    if is_tombstone(fresh):
        changes |= {key: fresh[key] for key in ("status", "outcome") if key in fresh}
    elif kind is CONVOY and not _may_move(now["status"], changes.get("status")):
        for key in _STATUS:
            changes.pop(key, None)
        conflicts.append("status")
    changes |= _merged_links(current, fresh, kind)
    return Merge({**changes, X_BEADS: fresh[X_BEADS]}, tuple(conflicts))


def says_the_same(current: Mapping[str, Any], fresh: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a document that was never imported says all that a record says; the times of its own making aside."""
    now, new = ({**DEFAULTS[kind.name], **document} for document in (current, fresh))
    keys = [key for key in keys_of(kind) if key not in UNWATCHED and key != "closed_at"]
    same = all((now.get(key) or None) == (new.get(key) or None) for key in keys if key != "outcome")
    outcomes = {document.get("outcome") or "done" for document in (now, new)}
    return same and len(outcomes) == 1 and present(current) == present(fresh)


def untouched(document: Mapping[str, Any], kind: Kind) -> bool:
    """Whether an imported document still says what its import said."""
    base, now = base_of(document), {**DEFAULTS[kind.name], **document}
    keys = tuple(key for key in keys_of(kind) if key not in UNWATCHED)
    same = all(mark == base.get(key) for key, mark in zip(keys, _marks(now, keys), strict=True))
    return same and present(document).keys() == imported_links(document)


def _groups(kind: Kind) -> list[tuple[str, ...]]:
    return [*((key,) for key in keys_of(kind) if key not in _STATUS), _STATUS]


def _marks(document: Mapping[str, Any], keys: tuple[str, ...]) -> list[str | None]:
    values = [document.get(key) for key in keys]
    return [None if value is None else digest(value) for value in values]


def _may_move(now: str, new: str | None) -> bool:
    """Whether a convoy's status may become `new`: never back from open or closed, for an import launches nothing."""
    return new is None or new == "closed" or now in STAGED


def _merged_links(current: Mapping[str, Any], fresh: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    base, now, new = imported_links(current), present(current), present(fresh)
    changes: dict[str, Any] = {}
    if kind is not CONVOY:
        parents = [_parent(keys) for keys in (base, now, new)]
        if parents[0] == parents[1] != parents[2]:
            changes["parent"] = parents[2]
    links = {
        **{key: link for key, link in new.items() if key in now or key not in base},
        **{key: link for key, link in now.items() if key in new or key not in base},
    }
    standing = {key for key in now if key[0] != PARENT}
    merged = [links[key] for key in sorted(links, key=lambda key: key[::-1]) if key[0] != PARENT]
    if {(link.type, link.target) for link in merged} != standing:
        changes |= _listed(merged, kind)
    return changes


def _listed(links: list[Link], kind: Kind) -> dict[str, Any]:
    if kind is CONVOY:
        return {"tracks": [link.target for link in links if link.type == TRACKS]}
    return {"depends_on": [written(link) for link in links] or None}


def _parent(keys: Mapping[tuple[str, str], Any] | frozenset[tuple[str, str]]) -> str | None:
    return next((target for kind, target in keys if kind == PARENT), None)
