"""What an import left in a document: which links it brought, and whether the bead was deleted there (SPEC 5, 10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

X_BEADS = "x-beads"
"""The key under which an import keeps whatever has no field of its own."""
PARENT = "parent"
PARENT_CHILD = "parent-child"


def origin(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block that an import left in a document; empty where there is none, or where a person broke it."""
    block = data.get(X_BEADS)
    return block if block is not None and isinstance(block, Mapping) else {}


def link_records(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str] | None, Mapping[str, Any]]]:
    """The links of the imported line in its order, each with its key (type, target) and its record.

    The first parent-child link is the parent and has the key ("parent", target), as have repetitions of it; the key
    is None for an entry that could not be read as a link.
    """
    records = origin(data).get("dependencies")
    parent: str | None = None
    for record in records if isinstance(records, list) else ():
        if not isinstance(record, Mapping):
            continue
        target, kind = record.get("id"), record.get("type", "blocks")
        if not isinstance(target, str) or not isinstance(kind, str):
            yield None, record
            continue
        if kind == PARENT_CHILD:
            parent = parent if parent is not None else target
            kind = PARENT if target == parent else kind
        yield (kind, target), record


def imported_links(data: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """(type, target) of the links, ("parent", target) for the parent, that an import brought into this document."""
    return frozenset(key for key, _ in link_records(data) if key is not None)


def is_tombstone(data: Mapping[str, Any]) -> bool:
    """Whether the bead was deleted in the history that it was imported from."""
    return origin(data).get("tombstone") is True
