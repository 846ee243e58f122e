"""How a bead stands, as against what it is: what of its document people and workers change all the time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.model.clock import parse_iso
from gitconvoy.model.plan import OUTCOMES, STATUSES

KEYS = frozenset({"status", "outcome", "closed_at", "close_reason", "assignee"})
_SECOND = len("2030-01-31T12:00:00Z")


def only_stands(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a bead's document is in order as `before` is, because it differs in nothing but in how the bead stands.

    False where that takes more than a glance: the schema and the settings may still have nothing against it.
    """
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    changed |= before.keys() ^ after.keys()
    return changed <= KEYS and all(_is_sound(key, after[key]) for key in changed & after.keys())


def _is_sound(key: str, value: object) -> bool:
    """Whether every schema and every config takes the value."""
    if not isinstance(value, str):
        return False
    if key == "closed_at":
        return _is_time(value)
    known = {"status": value in STATUSES, "outcome": value in OUTCOMES, "close_reason": True}
    return known.get(key, False)


def _is_time(text: str) -> bool:
    try:
        return len(text) == _SECOND and text.isascii() and text.endswith("Z") and parse_iso(text) >= 0
    except ValueError:
        return False
