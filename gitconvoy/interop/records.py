"""The records of a file of JSON lines: what each needs, which of several with one id counts (SPEC 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.beads import CONVOY_TYPE
from gitconvoy.interop.fields import TOMBSTONE
from gitconvoy.interop.jsonl import Line, parse
from gitconvoy.interop.sources import embedded
from gitconvoy.model.clock import parse_iso
from gitconvoy.model.kinds import BEAD, CONVOY, Kind

_TIMES = ("updated_at", "deleted_at", "closed_at", "created_at")
_HEAD = ("id", "key", "_type", "_schema", "issue_type", "status", *_TIMES)


@dataclass(frozen=True, slots=True)
class Item:
    """One record: its raw id, its line, and other lines with the same id that lost against it."""

    raw: str
    line: Line
    also: tuple[Line, ...] = ()

    def whole(self) -> Item:
        """The same with all of its line's object, of which `head` has kept a part."""
        return replace(self, line=replace(self.line, data=parse(self.line.raw)))

    @property
    def record(self) -> Mapping[str, Any]:
        """The object of the line."""
        return self.line.data

    @property
    def deleted(self) -> bool:
        """Whether it tells of a bead that was deleted."""
        return self.record.get("status") == TOMBSTONE

    @property
    def issue(self) -> bool:
        """False for other records that beads tools write into the same file, such as memories."""
        return bool(self.record.get("id"))

    @property
    def kind(self) -> Kind:
        """What it becomes."""
        return CONVOY if self.record.get("issue_type") == CONVOY_TYPE and not self.deleted else BEAD

    def changed_since(self, moment: int) -> bool:
        """Whether its time of change, or of making, is that moment or later; a record without any is."""
        for key in _TIMES:
            value = self.record.get(key)
            if isinstance(value, str):
                try:
                    return parse_iso(value) >= moment
                except (ValueError, OverflowError):
                    continue
        return True


def head(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What tells what a record is: of a hundred thousand records no more is held in memory at a time."""
    return {key: record[key] for key in _HEAD if key in record}


def lacking(record: Mapping[str, Any]) -> str | None:
    """What keeps an object from being a record, in words; None where it is one."""
    own = record.get("id")
    if isinstance(own, str) and own:
        if embedded(record):
            return "its dependencies are whole issues, as `bd show --json` prints them, and no links"
        return None
    if own is None and other_type(record) is not None:
        return None
    return "the object has no `id`" if own is None else "the `id` is no text, or empty"


def other_type(record: Mapping[str, Any]) -> str | None:
    """What a record is that is no issue: its `_type`, or `schema` for a header line; None for an issue."""
    other = record.get("_type")
    if isinstance(other, str) and other not in ("", "issue"):
        return other
    return "schema" if "_schema" in record and "id" not in record else None


def items_of(lines: Iterable[Line]) -> list[Item]:
    """Records in the order of their lines. Of several lines with one id a tombstone wins, else the last."""
    by_id: dict[str, list[Line]] = {}
    for line in lines:
        by_id.setdefault(_raw_id(line), []).append(line)
    items = []
    for raw, same in by_id.items():
        best = max(same, key=lambda line: (line.data.get("status") == TOMBSTONE, line.number))
        items.append(Item(raw, best, tuple(line for line in same if line is not best)))
    return sorted(items, key=lambda item: item.line.number)


def _raw_id(line: Line) -> str:
    own = line.data.get("id")
    if isinstance(own, str):
        return own
    key = line.data.get("key")
    return f"{other_type(line.data)}:{key if isinstance(key, str) else hashlib.sha256(line.raw).hexdigest()}"
