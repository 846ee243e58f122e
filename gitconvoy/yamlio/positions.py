"""Where things stand in a YAML text: a tree of nodes with marks, for messages and for edits in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

from gitconvoy.dataclass import dataclass
from gitconvoy.yamlio.events import parse

_ENDS = ("MappingEndEvent", "SequenceEndEvent")


@dataclass(slots=True)
class Node:
    """A scalar, list or mapping of a text. Offsets count characters; lines and columns count from 0."""

    kind: str
    """`scalar`, `list` or `mapping`."""
    start: int
    line: int
    column: int
    end: int = 0
    end_line: int = 0
    style: str = ""
    """Of a scalar: empty for plain, or the quote, `|`, `>`; of a collection: `flow` or `block`."""
    text: str = ""
    children: list[Node] = field(default_factory=list)
    """Items of a list; keys and values of a mapping in turns."""

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)


def compose(text: str) -> Node | None:
    """The tree of the first document, None where there is none. Raises ruamel's YAMLError."""
    return parse(text, _tree)


def _tree(events: Iterator[Any]) -> Node | None:
    root: Node | None = None
    stack: list[Node] = []
    for event in events:
        node = _node(event)
        if node is not None:
            if stack:
                stack[-1].children.append(node)
            elif root is None:
                root = node
            else:
                break
            if node.kind != "scalar":
                stack.append(node)
        elif type(event).__name__ in _ENDS:
            done = stack.pop()
            done.end, done.end_line = event.end_mark.index, event.end_mark.line
    return root


def _node(event: Any) -> Node | None:
    kind = type(event)
    mark = event.start_mark
    if kind is ScalarEvent or kind is AliasEvent:
        end = event.end_mark
        text = getattr(event, "value", "")
        style = getattr(event, "style", "") or ""
        return Node("scalar", mark.index, mark.line, mark.column, end.index, end.line, style, text)
    if kind is MappingStartEvent or kind is SequenceStartEvent:
        name = "mapping" if kind is MappingStartEvent else "list"
        return Node(name, mark.index, mark.line, mark.column, style="flow" if event.flow_style else "block")
    return None


def position_of(root: Node, at: Sequence[str | int]) -> tuple[int, int]:
    """Line and column, from 1, of a key path or of its deepest part that exists."""
    node = place = root
    for step in at:
        found = _step(node, step)
        if found is None:
            break
        place, node = found
    return place.line + 1, place.column + 1


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    if node.kind == "list" and isinstance(step, int) and 0 <= step < len(node.children):
        return node.children[step], node.children[step]
    if node.kind == "mapping":
        for key, value in node.pairs():
            if key.text == step:
                return key, value
    return None
