"""A merged document as text: each entry keeps the lines of the side that changed it, with the comments of both.

No side is the first: with the sides exchanged the bytes are the same, but for the order of the two in a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.merge.fields import GONE, Clash, contested, resolved
from gitconvoy.merge.order import merged_order
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.canonical import canonical_value, fingerprint, ordered, same
from gitconvoy.yamlio.extent import NotInPlace
from gitconvoy.yamlio.layout import entry, item
from gitconvoy.yamlio.parts import Part, made, split, with_note
from gitconvoy.yamlio.writer import SCHEMA_LINE


@dataclass(frozen=True, slots=True)
class Conflict:
    """Lines of either side, between conflict markers."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    base: tuple[str, ...] | None = None
    """Lines of the base; None where they have no place of their own there, as a link in a list."""


Row = str | Conflict
_Sides = tuple[Part | None, Part | None, Part | None]
"""Base, ours, theirs."""


@dataclass(frozen=True, slots=True)
class Version:
    """One of the three: its text, and the document that it holds."""

    text: str
    data: Mapping[str, Any]


def laid_out(base: Version, ours: Version, theirs: Version, merged: Mapping[str, Any], kind: Kind) -> list[Row]:
    """The lines of the merged file. Raises NotInPlace where a side is laid out too unusually for that."""
    heads, parts, tails = [], [], []
    for each in (base, ours, theirs):
        first, _, rest = each.text.partition("\n")
        hint = first.startswith(SCHEMA_LINE)
        heads.append((first,) if hint else ())
        found, below = split(rest if hint else each.text, each.data)
        parts.append(found)
        tails.append(below)
    rank = {key: number for number, key in enumerate(ordered({*ours.data, *theirs.data}, kind))}
    rows: list[Row] = list(_chosen(heads))
    body, left = _Layout(kind).entries(parts, merged, lambda name: rank[name])
    return rows + body + list(_united(tails[0], tails[1], tails[2], left))


def plain(ours: Version, theirs: Version, merged: Mapping[str, Any], kind: Kind) -> list[Row]:
    """The same in the layout of the canonical writer, without any comment but the first line's."""
    firsts = {each.text.partition("\n")[0] for each in (ours, theirs)}
    heads = sorted((line for line in firsts if line.startswith(SCHEMA_LINE)), key=lambda line: (len(line), line))
    rows: list[Row] = list(heads[:1])
    for key in ordered(merged, kind):
        value = merged[key]
        if contested(value):
            sides = (resolved(value, ours=True), resolved(value, ours=False))
            rows.append(Conflict(*(() if side is GONE else _entry(key, side, kind) for side in sides)))
        else:
            rows += _entry(key, value, kind)
    return rows


def text_of(rows: Iterable[Row], *, ours: bool) -> str:
    """The file as it is once each conflict was decided for one side."""
    lines: list[str] = []
    for row in rows:
        lines += [row] if isinstance(row, str) else row.ours if ours else row.theirs
    return "".join(f"{line}\n" for line in lines)


def _entry(key: str, value: Any, kind: Kind) -> tuple[str, ...]:
    sides_alike = value if key in kind.sets else _by_key(value)
    return tuple(entry(key, sides_alike, "", flow_items=key in kind.sets))


def _by_key(value: Any) -> Any:
    """The same data with the keys of all mappings in order, which two equal values may have in different orders."""
    if isinstance(value, dict):
        return {key: _by_key(value[key]) for key in sorted(value)}
    return [_by_key(item) for item in value] if isinstance(value, list) else value


def _chosen(versions: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Three-way: what only one side changed; else the lesser of the two, whichever side has it."""
    old, mine, other = versions
    if other == old:
        return mine
    return other if mine == old else min(mine, other)


def _united(
    old: tuple[str, ...], mine: tuple[str, ...], other: tuple[str, ...], extra: Sequence[str] = ()
) -> tuple[str, ...]:
    """Comments and blank lines three-way: where both sides changed them, what either added is in."""
    if mine == other or other == old:
        found = mine
    elif mine == old:
        found = other
    else:
        was, both = set(old), set(mine) & set(other)
        kept = [line for line in old if line in both and line.strip()]
        added = sorted(tuple(line for line in side if line.strip() and line not in was) for side in (mine, other))
        blank = [""] if any(side[:1] == ("",) for side in (mine, other)) else []
        found = (*blank, *dict.fromkeys((*kept, *added[0], *added[1])))
    return _with(found, extra)


def _with(lines: Sequence[str], more: Iterable[str]) -> tuple[str, ...]:
    """Lines, and those of some more that are not among them."""
    known = set(lines)
    return (*lines, *(line for line in more if line not in known))


class _Layout:
    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def entries(
        self, sides: Sequence[Sequence[Part]], merged: Mapping[str, Any], rank: Callable[[str], Any]
    ) -> tuple[list[Row], list[str]]:
        """The rows of a mapping; and comments that a side added to an entry which is no more."""
        known = [{part.name: part for part in each} for each in sides]
        names = [[part.name for part in each] for each in sides]
        order = merged_order(names[0], names[1], names[2], rank)
        if order is None:
            order = sorted({*names[1], *names[2]}, key=rank)
        rows: list[Row] = []
        left: list[str] = []
        for name in order:
            old, mine, other = (each.get(name) for each in known)
            if name not in merged:
                left += _orphans(old, mine, other)
                continue
            above, body = self._one((old, mine, other), merged[name])
            rows += [*_with(above, left)[len(above) :], *above, *body]
            left = []
        return rows, left

    def _one(self, sides: _Sides, value: Any) -> tuple[tuple[str, ...], list[Row]]:
        """Comments above an entry, and its own rows."""
        old, mine, other = sides
        above = _above(sides)
        if isinstance(value, Clash):
            lines = [tuple(part.text if part else ()) for part in (mine, other, old)]
            return above, [Conflict(*lines)]
        if mine is None or other is None:
            only = mine or other
            assert only is not None
            if self._holds(only, value):
                return above, list(only.text)
        else:
            was = old.text if old else None
            for one, two in ((mine, other), (other, mine)):
                if two.text in (was, one.text) and self._holds(one, value):
                    return above, list(one.text)
        return self._anew(sides, value, above)

    def _holds(self, part: Part, value: Any) -> bool:
        """Whether a part says just that; people may keep a set in an order of their own."""
        if contested(value):
            return False
        return same(part.value, value) or (
            part.name in self._kind.sets and same(canonical_value(part.name, part.value, self._kind), value)
        )

    def _anew(self, sides: _Sides, value: Any, above: tuple[str, ...]) -> tuple[tuple[str, ...], list[Row]]:
        """An entry that both sides changed."""
        _, mine, other = sides
        if isinstance(value, dict | list) and value:
            known = [part for part in (mine, other) if part is not None]
            if all(type(part.value) is type(value) for part in known):
                return self._collection(sides, value, above)
            if contested(value):
                raise NotInPlace
        notes = [part.note if part else "" for part in sides]
        note = _chosen([(each,) for each in notes])[0]
        spare = {each.strip() for each in notes[1:] if each and each != note and each != notes[0]}
        fitting = [part for part in (mine, other) if part is not None and self._holds(part, value)]
        column = (mine or other or _NOWHERE).column
        if fitting:
            best = min(fitting, key=lambda part: part.text)
            lines = list(best.text) if best.children else with_note(best.lines, note, first=best.note_first)
        else:
            name = (mine or other or _NOWHERE).name
            lines = entry(name, value, " " * column, flow_items=name in self._kind.sets)
            spare |= {line.strip() for part in (mine, other) if part for line in part.inner}
            if lines[0].endswith("\\"):
                spare |= {note.strip()} - {""}
            else:
                lines[0] += note
        more = [" " * column + each for each in sorted(spare)]
        return _with(above, more), list(lines)

    def _collection(
        self, sides: _Sides, value: dict[str, Any] | list[Any], above: tuple[str, ...]
    ) -> tuple[tuple[str, ...], list[Row]]:
        old, mine, other = sides
        if old is not None and type(old.value) is not type(value):
            old = None
        like, more = self._alike((old, mine, other))
        above = _with(above, more)
        parts = [part.children or () if part else () for part in like]
        present = [part for part in like if part is not None]
        head = _chosen([part.lines if part else () for part in like]) or present[0].lines
        note = _chosen([(part.note if part else "",) for part in like])[0]
        spare = {part.note.strip() for part in present if part.note and part.note != note}
        column = present[0].column
        above = (
            *above,
            *(f"{' ' * column}{each}" for each in sorted(spare) if old is None or each != old.note.strip()),
        )
        inside = next((child.column for part in present for child in part.children or ()), column + 2)
        if isinstance(value, dict):
            body, left = self.entries(parts, value, str)
        else:
            body, left = self._items(parts, value, inside, present[0].name)
        return above, [*with_note(head, note, first=False), *body, *left]

    def _alike(self, sides: _Sides) -> tuple[_Sides, tuple[str, ...]]:
        """The sides, all in block style with one indentation, if need be written anew; comments that had to move."""
        present = [part for part in sides if part is not None]
        columns = {child.column for part in present for child in part.children or ()}
        if all(part.children is not None for part in present) and len(columns) == 1:
            return sides, ()
        flow = present[0].name in self._kind.sets
        column = present[0].column
        made_ = [part and made(part.name, part.value, column, flow_items=flow) for part in sides]
        old, mine, other = (replace(part, children=part.children or ()) if part else None for part in made_)
        inner = [set(part.inner) | ({" " * column + part.note.strip()} if part.note else set()) for part in present]
        known = set(sides[0].inner) if sides[0] is not None else set()
        kept = {line for line in set().union(*inner) if line not in known or all(line in each for each in inner)}
        return (old, mine, other), tuple(sorted(kept))

    def _items(
        self, sides: Sequence[Sequence[Part]], value: list[Any], column: int, name: str
    ) -> tuple[list[Row], list[str]]:
        """The rows of a list in the order of `value`; and comments on items that are no more."""
        known = [_by_name(each) for each in sides]
        rows: list[Row] = []
        for each in value:
            if isinstance(each, Clash):
                found = [
                    self._lines(each.ours, known[1], column, name),
                    self._lines(each.theirs, known[2], column, name),
                ]
                rows.append(Conflict(*map(tuple, found)))
                continue
            print_ = fingerprint(each)
            three = [parts[print_].pop(0) if parts.get(print_) else None for parts in known]
            old, mine, other = three
            texts = [tuple(part.own) if part else () for part in three]
            own = _chosen(texts) if mine and other else texts[1] or texts[2]
            rows += _above((old, mine, other))
            rows += own or item(each, " " * column, flow_items=name in self._kind.sets)
        left: list[str] = []
        for print_ in sorted({*known[1], *known[2]}):
            for parts in known[1:]:
                for part in parts.get(print_, ()):
                    was = known[0].get(print_)
                    left += [line for line in part.above if line.strip() and not (was and line in was[0].above)]
        return rows, list(dict.fromkeys(left))

    def _lines(self, items: Iterable[Any], parts: Mapping[str, list[Part]], column: int, name: str) -> list[str]:
        lines: list[str] = []
        for each in items:
            found = parts.get(fingerprint(each))
            lines += (
                [*found[0].above, *found.pop(0).own]
                if found
                else item(each, " " * column, flow_items=name in self._kind.sets)
            )
        return lines


_NOWHERE = Part("", None, (), ())


def _above(sides: _Sides) -> tuple[str, ...]:
    old, mine, other = sides
    if mine is None or other is None:
        only = mine or other
        return only.above if only else ()
    return _united(old.above if old else (), mine.above, other.above)


def _orphans(old: Part | None, *sides: Part | None) -> list[str]:
    known = {*old.above} if old else set()
    return [line for part in sides if part for line in part.above if line.strip() and line not in known]


def _by_name(parts: Iterable[Part]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.name, []).append(part)
    return found
