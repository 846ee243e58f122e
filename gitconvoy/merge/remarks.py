"""Comments that no merge may lose, wherever in an entry they stand: what has no place any more goes above its entry."""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.merge.layout import Row, Version, text_of
from gitconvoy.yamlio.extent import comments_by_key
from gitconvoy.yamlio.positions import compose
from gitconvoy.yamlio.writer import SCHEMA_LINE

_Comments = list[tuple[str, str]]
"""The key of the entry that each stands above or in, and the comment."""


def without_place(rows: Sequence[Row], base: Version, ours: Version, theirs: Version) -> dict[str, list[str]]:
    """Comments that the rows lack though a side added them, or neither side removed them, by the key they go above.

    That is the key of their own entry, or the next one on their side that is left; empty: below all.
    """
    if "#" not in ours.text and "#" not in theirs.text:
        return {}
    was = {comment for _, comment in _comments(base.text)}
    sides = [_comments(each.text) for each in (ours, theirs)]
    both = {comment for _, comment in sides[0]} & {comment for _, comment in sides[1]}
    there = {comment for side in (True, False) for _, comment in _comments(text_of(rows, ours=side))}
    found: dict[str, set[str]] = {}
    for side, version in zip(sides, (ours, theirs), strict=True):
        keys = [*version.data, ""]
        for key, comment in side:
            if comment not in there and (comment not in was or comment in both):
                place = next((each for each in keys[keys.index(key) :] if _row_of(rows, each) is not None), "")
                found.setdefault(place, set()).add(comment)
    return {place: sorted(each) for place, each in found.items()}


def above_entries(rows: Sequence[Row], comments: dict[str, list[str]]) -> list[Row]:
    """The rows with comments on lines of their own above entries."""
    result = list(rows)
    places = {place: _row_of(rows, place) for place in comments}
    for place, row in sorted(places.items(), key=lambda each: -1 if each[1] is None else each[1], reverse=True):
        at = len(rows) if row is None else row
        result[at:at] = comments[place]
    return result


def on_top(rows: Sequence[Row], comments: dict[str, list[str]]) -> list[Row]:
    """The rows with comments above all, where they can harm nothing."""
    hint = 1 if rows and isinstance(rows[0], str) and rows[0].startswith(SCHEMA_LINE) else 0
    return [*rows[:hint], *sorted({line for each in comments.values() for line in each}), *rows[hint:]]


def _row_of(rows: Sequence[Row], key: str) -> int | None:
    """Where an entry of the top mapping begins; None where that cannot be seen."""
    heads = tuple(f"{quote}{key}{quote}:" for quote in ("", '"', "'"))
    for number, row in enumerate(rows):
        lines = (row,) if isinstance(row, str) else (*row.ours[:1], *row.theirs[:1])
        if key and any(line.startswith(heads) for line in lines):
            return number
    return None


def _comments(text: str) -> _Comments:
    return [each for each in comments_by_key(text, compose(text)) if not each[1].startswith(SCHEMA_LINE)]
