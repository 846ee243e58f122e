"""Two versions of a bead's file become one, field by field: lines that stand side by side do not conflict (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitconvoy.errors import BadFiles
from gitconvoy.model.kinds import BEAD
from gitconvoy.model.plan import Config
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.writer import edit

_ENDING = ("status", "outcome", "closed_at", "close_reason")
"""These belong together: they are taken from the side that has closed the bead."""
_LISTS = BEAD.sets | {"comments"}
_Document = Mapping[str, Any]


def merge_beads(base: bytes, ours: bytes, theirs: bytes, path: str, config: Config) -> bytes | None:
    """Our file with their changes since `base`; None where both changed one field in different ways, or on bad files.

    Where one side has closed the bead, it is closed: with our ending where both have.
    """
    try:
        old, mine, other = (load(data, path) for data in (base, ours, theirs))
    except BadFiles:
        return None
    changes: dict[str, Any] = {}
    for key in dict.fromkeys((*mine, *other)):
        if key in _ENDING or mine.get(key) == other.get(key) or other.get(key) == old.get(key):
            continue
        if mine.get(key) == old.get(key):
            changes[key] = other.get(key)
        elif key in _LISTS and all(isinstance(each.get(key, []), list) for each in (old, mine, other)):
            changes[key] = _merged_list(old.get(key, []), mine.get(key, []), other.get(key, [])) or None
        else:
            return None
    ending = _ending(old, mine, other, config)
    if ending is None:
        return None
    changes |= {key: value for key, value in ending.items() if mine.get(key) != value}
    return edit(ours, changes, BEAD)


def _ending(old: _Document, mine: _Document, other: _Document, config: Config) -> dict[str, Any] | None:
    closed = [config.category(str(each.get("status", "open"))) == "done" for each in (mine, other)]
    side: _Document | None = None
    if any(closed):
        side = mine if closed[0] else other
    elif all(mine.get(key) == old.get(key) for key in _ENDING):
        side = other
    elif all(other.get(key) in (old.get(key), mine.get(key)) for key in _ENDING):
        side = mine
    return None if side is None else {key: side.get(key) for key in _ENDING}


def _merged_list(old: list[Any], mine: list[Any], other: list[Any]) -> list[Any]:
    """Our items without those that they have removed, then those that they have added."""
    was, ours, theirs = ({_key(item) for item in each} for each in (old, mine, other))
    kept = [item for item in mine if _key(item) in theirs or _key(item) not in was]
    return kept + [item for item in other if _key(item) not in was and _key(item) not in ours]


def _key(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)
