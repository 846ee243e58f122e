"""In which order names stand that two sides have put in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any


def merged_order(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], rank: Callable[[str], Any]
) -> list[str] | None:
    """All names of both sides, each after what it stands behind on its side; the same whichever side is which.

    What both sides have is in the order of the side that changed it; None where both did, in different ways. What they
    added in one place stands there by `rank`. No side holds a name twice.
    """
    both = set(ours) & set(theirs)
    shared, other = ([name for name in each if name in both] for each in (ours, theirs))
    if shared != other:
        known = set(base)
        was = [name for name in base if name in both]
        kept = [[name for name in each if name in known] == was for each in (shared, other)]
        if kept[0] == kept[1]:
            return None
        shared = other if kept[0] else shared
    added = [_runs(each, both) for each in (ours, theirs)]
    result: list[str] = []
    for place in ("", *shared):
        result += [place] if place in both else []
        runs = [run[place] for run in added if place in run]
        result += sorted((name for run in runs for name in run), key=rank) if len(runs) > 1 else (runs or [[]])[0]
    return result


def _runs(names: Sequence[str], shared: set[str]) -> dict[str, list[str]]:
    """The names that a side alone has, by the shared one that they stand behind; empty for those in front."""
    found: dict[str, list[str]] = defaultdict(list)
    place = ""
    for name in names:
        if name in shared:
            place = name
        else:
            found[place].append(name)
    return dict(found)
