"""Beads and convoys as lines of JSON that are quick to read: all that rules and lists need, without their documents.

SPEC 3.2, 3.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from gitconvoy.model.plan import Bead, Convoy, Link


class Digested(NamedTuple):
    """A bead or a convoy whose file lies at a path and holds a blob, and its line."""

    id: str
    path: str
    blob: str
    said: str


def digest(bead: Bead) -> str:
    """The line; `undigested` gives the bead back."""
    links = [[link.target, link.type, link.gate] for link in bead.links]
    imported = sorted(bead.imported_links)
    said = (bead.title, bead.type, bead.priority, bead.parent, links, bead.labels, bead.touches, bead.status)
    more = (bead.assignee, bead.outcome, bead.owner, bead.defer_until, bead.due_at, bead.archived, bead.tombstone)
    return json.dumps([*said, *more, imported], separators=(",", ":"))


def undigested(found: Sequence[Digested], read: Callable[[Digested], Mapping[str, Any]]) -> list[Bead]:
    """The beads; `read` gives the document of one once somebody asks for it. ValueError for what is no such line."""
    lines = json.loads(f"[{','.join([each.said for each in found])}]")  # at once takes a fifth of one by one
    return [_bead(each, line, read) for each, line in zip(found, lines, strict=True)]


def _bead(of: Digested, line: list[Any], read: Callable[[Digested], Mapping[str, Any]]) -> Bead:
    title, kind, priority, parent, links, labels, touches, status, *more = line
    assignee, outcome, owner, defer_until, due_at, archived, tombstone, imported = more
    return Bead(  # in the order of its fields: by their names takes half as long again
        of.id,
        title,
        of.path,
        kind,
        priority,
        parent,
        tuple([Link(*link) for link in links]) if links else (),
        tuple(labels),
        tuple(touches),
        status,
        assignee,
        outcome,
        owner,
        defer_until,
        due_at,
        archived,
        tombstone,
        frozenset([(kind, target) for kind, target in imported]) if imported else _NONE,
        Unread(partial(read, of)),
    )


def convoy_digest(convoy: Convoy) -> str:
    """The line of a convoy; `undigested_convoys` gives it back."""
    flags = (convoy.paused, convoy.owned, convoy.mountain)
    more = (convoy.priority, convoy.max_workers, convoy.merge, convoy.base_branch, convoy.owner)
    said = [convoy.title, convoy.tracks, convoy.epic, convoy.status, *flags, *more]
    return json.dumps(said, separators=(",", ":"))


def undigested_convoys(found: Sequence[Digested], read: Callable[[Digested], Mapping[str, Any]]) -> list[Convoy]:
    """As `undigested`, of convoys."""
    lines = json.loads(f"[{','.join([each.said for each in found])}]")
    return [_convoy(each, line, read) for each, line in zip(found, lines, strict=True)]


def _convoy(of: Digested, line: list[Any], read: Callable[[Digested], Mapping[str, Any]]) -> Convoy:
    title, tracks, epic, status, paused, owned, mountain, priority, max_workers, merge, base_branch, owner = line
    return Convoy(
        of.id,
        title,
        of.path,
        tuple(tracks),
        epic,
        status,
        paused,
        owned,
        mountain,
        priority,
        max_workers,
        merge,
        base_branch,
        owner,
        Unread(partial(read, of)),
    )


_NONE: frozenset[tuple[str, str]] = frozenset()


class Unread(Mapping[str, Any]):
    """A document that is read when somebody asks for it."""

    __slots__ = ("_document", "_read")

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """`read`: how."""
        self._read = read
        self._document: Mapping[str, Any] | None = None

    def _whole(self) -> Mapping[str, Any]:
        if self._document is None:
            self._document = self._read()
        return self._document

    def __getitem__(self, key: str) -> Any:
        return self._whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())
