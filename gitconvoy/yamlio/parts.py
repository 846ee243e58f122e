"""The entries of a YAML text with the lines that are theirs: what a merge puts together anew (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.yamlio.canonical import fingerprint
from gitconvoy.yamlio.extent import COLON, COMMENT, NotInPlace, comment_at, dash_line, inner_comments, last_line
from gitconvoy.yamlio.layout import entry
from gitconvoy.yamlio.positions import Node, compose


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a mapping or an item of a list, as it stands in a text."""

    name: str
    """The key; of an item its value's `fingerprint`."""
    value: Any
    above: tuple[str, ...]
    """Comments and blank lines above it."""
    lines: tuple[str, ...]
    """Its own lines, of a collection in block style (one that has `children`) those of the key alone; no `note`."""
    note: str = ""
    """The comment at the end of its first or last line, with the space before it."""
    note_first: bool = True
    inner: tuple[str, ...] = ()
    """Comments on lines of their own inside of a collection, for who writes it anew."""
    children: tuple[Part, ...] | None = None
    column: int = 0
    """Of its key or dash."""

    @property
    def own(self) -> list[str]:
        """`lines` with the note back in its place."""
        return with_note(self.lines, self.note, first=self.note_first)

    @property
    def text(self) -> list[str]:
        """All lines but those above."""
        lines = self.own
        for child in self.children or ():
            lines += [*child.above, *child.text]
        return lines


def with_note(lines: tuple[str, ...] | list[str], note: str, *, first: bool) -> list[str]:
    """Lines with a comment at the end of the first or of the last one."""
    found = list(lines)
    found[0 if first else -1] += note
    return found


def split(text: str, data: Mapping[str, Any]) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The entries of a text, which holds `data`, and the lines below the last one.

    Raises NotInPlace where entries share lines, or something stands between them that is no comment.
    """
    root = compose(text)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    splitter = _Splitter(text, lines)
    if root is None:
        return (), splitter.between(0, len(lines))
    if root.kind != "mapping" or root.style == "flow":
        raise NotInPlace
    parts, end = splitter.mapping(root, data, 0)
    return parts, splitter.between(end, len(lines))


def made(key: str, value: Any, column: int, *, flow_items: bool, above: tuple[str, ...] = ()) -> Part:
    """A part as the canonical writer lays it out, with comments above."""
    text = "".join(f"{line}\n" for line in entry(key, value, " " * column, flow_items=flow_items))
    ((part,), _) = split(text, {key: value})
    return Part(key, value, above, part.lines, part.note, part.note_first, (), part.children, column)


class _Splitter:
    def __init__(self, text: str, lines: list[str]) -> None:
        self._text = text
        self._lines = lines

    def between(self, start: int, end: int) -> tuple[str, ...]:
        """Lines between entries, which must be blank or comments."""
        found = tuple(self._lines[start:end])
        if any(line.strip() and not line.lstrip().startswith("#") for line in found):
            raise NotInPlace
        return found

    def mapping(self, node: Node, data: Mapping[str, Any], at: int) -> tuple[tuple[Part, ...], int]:
        """The entries of a block mapping whose first one may begin with comments in line `at`; the line after them."""
        parts = []
        for key, value in node.pairs():
            if key.line < at or self._lines[key.line][: key.column].strip(" ") or key.kind != "scalar":
                raise NotInPlace
            above = self.between(at, key.line)
            at = last_line(self._text, self._lines, value) + 1
            parts.append(self._entry(key, value, data[key.text], above, at))
        return tuple(parts), at

    def _entry(self, key: Node, value: Node, data: Any, above: tuple[str, ...], end: int) -> Part:
        colon = COLON.match(self._text, key.end)
        if colon is None:
            raise NotInPlace
        inner = tuple(inner_comments(self._lines, value, key.column))
        note = comment_at(self._text, value, colon.end())
        if value.style == "block" and value.children:
            head = tuple(self._lines[key.line : key.end_line + 1])
            rest = head[-1][len(head[-1]) - len(note) :] if note else ""
            if rest != note or value.children[0].line <= key.end_line:
                raise NotInPlace
            head = (*head[:-1], head[-1].removesuffix(note))
            children = self._children(value, data, key.end_line + 1)
            return Part(key.text, data, above, head, note, True, inner, children, key.column)
        lines = self._lines[key.line : end]
        first = value.style in ("|", ">")
        if note:
            number = value.line - key.line if first else len(lines) - 1
            if not lines[number].endswith(note) or (first and number):
                raise NotInPlace
            lines[number] = lines[number].removesuffix(note)
        return Part(key.text, data, above, tuple(lines), note, first, inner, None, key.column)

    def _children(self, node: Node, data: Any, at: int) -> tuple[Part, ...]:
        if node.kind == "mapping":
            return self.mapping(node, data, at)[0]
        parts = []
        for child, value in zip(node.children, data, strict=True):
            dash = dash_line(self._lines, node, child, at)
            above = self.between(at, dash)
            at = last_line(self._text, self._lines, child) + 1
            match = COMMENT.match(self._text, child.end) if child.style not in ("|", ">", "block") else None
            note = match[0] if match else ""
            lines = self._lines[dash:at]
            if not lines[-1].endswith(note):
                raise NotInPlace
            lines[-1] = lines[-1].removesuffix(note)
            parts.append(Part(fingerprint(value), value, above, tuple(lines), note, False, (), None, node.column))
        return tuple(parts)
