"""Edits of a YAML text line by line: only the lines of what changes are touched (SPEC 3.1)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.canonical import fingerprint, ordered, same
from gitconvoy.yamlio.extent import COLON, NotInPlace, comment_at, dash_line, inner_comments, last_line
from gitconvoy.yamlio.layout import entry, item, value_lines
from gitconvoy.yamlio.positions import Node, compose


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    """Lines `start` up to `end` (excluded) become `lines`. Of several at one place, the innermost stands first."""

    start: int
    end: int
    outward: int
    number: int
    lines: tuple[str, ...]


def patch(text: str, old: Mapping[str, Any], wanted: Mapping[str, Any], kind: Kind) -> str:
    """The text, which ends with a line break, with new top-level values; None removes a key.

    `old` is what the text holds, `wanted` the canonical new values that differ. Raises NotInPlace where the layout
    is too unusual; the caller verifies that the result reads as it should.
    """
    root = compose(text)
    if root is None:
        added = [line for key in ordered(wanted, kind) for line in _new_entry(key, wanted[key], kind)]
        return text + "".join(f"{line}\n" for line in added)
    return _Patch(text, kind).apply(root, old, wanted)


def _new_entry(key: str, value: Any, kind: Kind) -> list[str]:
    return [] if value is None else entry(key, value, "", flow_items=key in kind.sets)


class _Patch:
    """Collects the changes of one text; offsets and lines are those of the original throughout."""

    def __init__(self, text: str, kind: Kind) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._kind = kind
        self._changes: list[_Change] = []

    def apply(self, root: Node, old: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
        """The new text."""
        if root.kind != "mapping" or root.style == "flow":
            raise NotInPlace
        entries = {key.text: (key, value) for key, value in root.pairs()}
        order = ordered({**old, **wanted}, self._kind)
        for key in (key for key in order if key in wanted):
            if key not in entries:
                place = self._place_for(key, order, entries)
                self._change(place, place, _new_entry(key, wanted[key], self._kind), 0)
            elif wanted[key] is None:
                self._remove(*entries[key], 0)
            else:
                self._replace(*entries[key], old[key], wanted[key], 0, sets=key in self._kind.sets)
        return self._result()

    def _result(self) -> str:
        lines = self._lines
        for change in sorted(self._changes, reverse=True):
            lines[change.start : change.end] = change.lines
        return "\n".join(lines)

    def _change(self, start: int, end: int, lines: list[str], depth: int) -> None:
        self._changes.append(_Change(start, end, -depth, len(self._changes), tuple(lines)))

    def _begins_line(self, key: Node) -> None:
        """A key that is to change must begin its line and be followed by its colon."""
        if self._lines[key.line][: key.column].strip(" ") or not COLON.match(self._text, key.end):
            raise NotInPlace

    def _place_for(self, key: str, order: list[str], entries: Mapping[str, tuple[Node, Node]]) -> int:
        """The line before which a new key belongs: after the nearest key that stands before it canonically."""
        before = [entries[known] for known in order[: order.index(key)] if known in entries]
        if before:
            return self._last_line(before[-1][1]) + 1
        return min(node.line for node, _ in entries.values())

    def _last_line(self, node: Node) -> int:
        return last_line(self._text, self._lines, node)

    def _remove(self, key: Node, value: Node, depth: int) -> None:
        self._begins_line(key)
        self._change(key.line, self._last_line(value) + 1, self._inner_comments(value, key.column), depth)

    def _replace(self, key: Node, value: Node, old: Any, new: Any, depth: int, *, sets: bool = False) -> None:
        """One entry gets a new value: inside of it where both are lists or mappings in block style, else wholly."""
        self._begins_line(key)
        if value.style == "block" and new and value.kind == "mapping" and isinstance(new, dict):
            self._merge(value, old, new, depth + 1)
        elif value.style == "block" and new and value.kind == "list" and isinstance(new, list):
            self._relist(key, value, old, new, depth + 1, sets=sets)
        else:
            self._rewrite(key, value, new, depth, sets=sets)

    def _rewrite(self, key: Node, value: Node, new: Any, depth: int, *, sets: bool) -> None:
        indent = " " * key.column
        colon = COLON.match(self._text, key.end)
        head = self._text[key.start - key.column : colon.end() if colon else key.end]
        last = self._last_line(value)
        lines = value_lines(head, new, indent, flow_items=sets)
        above = self._inner_comments(value, key.column)
        comment = self._line_comment(key, value)
        if comment and lines[0].endswith("\\"):
            above.append(indent + comment.strip())
        else:
            lines[0] += comment
        self._change(key.line, last + 1, above + lines, depth)

    def _merge(self, node: Node, old: Mapping[str, Any], new: Mapping[str, Any], depth: int) -> None:
        """A nested mapping: keys stay where they are, new ones go to the end."""
        entries = {key.text: (key, value) for key, value in node.pairs()}
        for name, (key, value) in entries.items():
            if name not in new:
                self._remove(key, value, depth)
            elif not same(old[name], new[name]):
                self._replace(key, value, old[name], new[name], depth)
        end = self._last_line(node) + 1
        for name, inner in new.items():
            if name not in entries:
                self._change(end, end, entry(name, inner, " " * node.column), depth)

    def _relist(self, key: Node, node: Node, old: list[Any], new: list[Any], depth: int, *, sets: bool) -> None:
        """A list: items that stay keep their lines and the comments above them, in the new order."""
        chunks: dict[str, deque[tuple[int, list[str]]]] = defaultdict(deque)
        start = key.end_line + 1
        spans = []
        for child, value in zip(node.children, old, strict=True):
            dash = dash_line(self._lines, node, child, start)
            last = self._last_line(child)
            spans.append((start, dash, last + 1))
            chunks[fingerprint(value)].append((len(spans) - 1, self._lines[dash : last + 1]))
            start = last + 1
        picked = [_pick(chunks, value) for value in new]
        above = self._comments_above(spans, {number for number, _ in picked if number is not None})
        lines = []
        for value, (number, chunk) in zip(new, picked, strict=True):
            lines += above.get(number, []) if number is not None else []
            lines += chunk or item(value, " " * node.column, flow_items=sets)
        self._change(spans[0][0], spans[-1][2], lines + above.get(len(spans), []), depth)

    def _comments_above(self, spans: list[tuple[int, int, int]], kept: set[int]) -> dict[int, list[str]]:
        """The lines above each kept item; those of items that go stay with the next one, or at the list's end."""
        above: dict[int, list[str]] = {}
        waiting: list[str] = []
        for number, (start, dash, _) in enumerate(spans):
            waiting += self._lines[start:dash]
            if number in kept:
                above[number], waiting = waiting, []
        above[len(spans)] = waiting
        return above

    def _line_comment(self, key: Node, value: Node) -> str:
        colon = COLON.match(self._text, key.end)
        return comment_at(self._text, value, colon.end() if colon else key.end)

    def _inner_comments(self, value: Node, column: int) -> list[str]:
        """Comments inside of a collection that goes: they stay, above what takes its place."""
        return inner_comments(self._lines, value, column)


def _pick(chunks: Mapping[str, deque[tuple[int, list[str]]]], value: Any) -> tuple[int | None, list[str]]:
    found = chunks.get(fingerprint(value))
    return found.popleft() if found else (None, [])
