"""Fields that beads has no key for: they travel under `gitconvoy` in a record's `metadata` (SPEC 3.2, 3.3, 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitconvoy.interop.fields import one_line
from gitconvoy.model.ids import is_id
from gitconvoy.model.imported import is_tombstone
from gitconvoy.model.kinds import CONVOY, Kind
from gitconvoy.model.plan import OUTCOMES

METADATA = "metadata"
OURS = "gitconvoy"
MAX_PATTERN = 500
MAX_WORKERS = 10_000


def _touches(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    fits = {each for each in value if isinstance(each, str) and one_line(each, MAX_PATTERN) == each}
    return sorted(each for each in fits if not each.startswith("!")) or None


def _limit(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WORKERS
    return value if whole else None


_BEAD: Mapping[str, Callable[[Any], Any]] = {
    "touches": _touches,
    "outcome": lambda value: value if value in OUTCOMES else None,
}
_CONVOY: Mapping[str, Callable[[Any], Any]] = {
    "epic": lambda value: value if isinstance(value, str) and is_id(value) else None,
    "max_workers": _limit,
    "paused": lambda value: True if value is True else None,
}
_MEANT = {"outcome": "done"}
"""What a document means that leaves these keys out; such values do not travel."""


def readers(kind: Kind) -> Mapping[str, Callable[[Any], Any]]:
    """The fields of a kind that beads knows nothing of, each with what makes its value fit; None where it does not."""
    return _CONVOY if kind is CONVOY else _BEAD


def unpacked(fields: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The fields of a document, with those that came in its metadata at their own place."""
    metadata = fields.get(METADATA)
    ours = metadata.get(OURS) if isinstance(metadata, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(ours, Mapping):
        return dict(fields)
    known = readers(kind)
    read = {key: known[key](value) for key, value in ours.items() if key in known}
    left = {key: value for key, value in ours.items() if read.get(key) is None}
    rest = {key: value for key, value in metadata.items() if key != OURS} | ({OURS: left} if left else {})
    others = {key: value for key, value in fields.items() if key != METADATA} | ({METADATA: rest} if rest else {})
    return {**others, **{key: value for key, value in read.items() if value is not None}}


def packed(document: Mapping[str, Any], kind: Kind, metadata: Any) -> dict[str, Any]:
    """A record's metadata with the document's own fields in it; other entries of `metadata` stay. Empty: none."""
    known = readers(kind)
    kept = dict(metadata) if isinstance(metadata, Mapping) else {}
    was = kept.pop(OURS, None)
    left = {key: value for key, value in was.items() if key not in known} if isinstance(was, Mapping) else {}
    ours = {**left, **{key: document[key] for key in known if _travels(document, key)}}
    return {**kept, OURS: ours} if ours else kept


def _travels(document: Mapping[str, Any], key: str) -> bool:
    value = document.get(key)
    if key == "outcome" and is_tombstone(document):
        return False
    return value is not None and value is not False and value != [] and value != _MEANT.get(key)
