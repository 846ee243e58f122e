"""Which lines of a YAML text belong to a node, and which comments to its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gitconvoy.yamlio.positions import Node

COLON = re.compile(r"[ \t]*:")
COMMENT = re.compile(r"[ \t]+#.*")
_REMARK = re.compile(r"#[^\n]*")
"""A comment, where no scalar is."""
BLOCK_HEADER = re.compile(r"[|>][0-9+-]*")


class NotInPlace(Exception):
    """The text is laid out in a way that line edits cannot follow."""


def last_line(text: str, lines: Sequence[str], node: Node) -> int:
    """The last line of a node without the comments and blank lines that follow; parsers count those in."""
    while node.style == "block" and node.children:
        node = node.children[-1]
    if node.style not in ("|", ">"):
        return node.end_line
    header = BLOCK_HEADER.match(text, node.start)
    last = node.end_line - 1
    while last > node.line and not lines[last] and not (header and "+" in header[0]):
        last -= 1
    return last


def comment_at(text: str, value: Node, after_colon: int) -> str:
    """The comment on the line of the key, or on the last line of a value that is no block; with the space before it."""
    start = value.end
    if value.style in ("|", ">"):
        header = BLOCK_HEADER.match(text, value.start)
        start = header.end() if header else value.start
    elif value.style == "block":
        start = after_colon
    match = COMMENT.match(text, start)
    return match[0] if match else ""


def inner_comments(lines: Sequence[str], value: Node, column: int) -> list[str]:
    """The comments on lines of their own inside of a collection, indented by `column`."""
    if value.kind == "scalar":
        return []
    taken: set[int] = set()
    waiting = [value]
    last = value.line
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if node.kind == "scalar":
            end = node.end_line - 1 if node.style in ("|", ">") else node.end_line
            taken.update(range(node.line, end + 1))
            last = max(last, end)
    rows = (row for row in range(value.line, last + 1) if row not in taken)
    return [" " * column + lines[row].strip() for row in rows if lines[row].lstrip().startswith("#")]


def dash_line(lines: Sequence[str], node: Node, child: Node, start: int) -> int:
    """The line of the dash of an item of a block list, not before line `start`. Raises NotInPlace."""
    for number in range(child.line, start - 1, -1):
        line = lines[number]
        if line[: node.column].strip(" ") == "" and line[node.column : node.column + 1] == "-":
            return number
    raise NotInPlace


def comments_by_key(text: str, root: Node | None) -> Iterator[tuple[str, str]]:
    """All comments of a text in their order: the top mapping's key that each stands above or in, and it.

    The key is empty for those below the last entry.
    """
    last, at = "", 0
    for name, scalar in (*_scalars(root), ("", None)):
        start = len(text) if scalar is None else scalar.start
        gap = text[at:start]
        line = gap.find("\n") + 1 or len(gap)
        for key, part in ((last, gap[:line]), (name, gap[line:])):
            yield from ((key, each.rstrip()) for each in _REMARK.findall(part))
        if scalar is not None and scalar.style in ("|", ">"):
            header = text[start : text.find("\n", start) + 1]
            yield from ((name, each.rstrip()) for each in _REMARK.findall(header))
        last, at = name, start if scalar is None else scalar.end


def _scalars(root: Node | None) -> Iterator[tuple[str, Node]]:
    """All scalars of a document in their order, keys too, each with the key of the top mapping that it is in."""
    for key, value in root.pairs() if root is not None and root.kind == "mapping" else ():
        yield key.text, key
        waiting = [value]
        while waiting:
            node = waiting.pop()
            waiting += node.children[::-1]
            if node.kind == "scalar":
                yield key.text, node
