"""Beads and their links as a drawing for Graphviz or Mermaid (SPEC 10). Titles are data: they cannot end a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.waves import waves
from gitconvoy.model.plan import Bead
from gitconvoy.rules.view import View

MAX_TITLE = 60
PARENT = "parent"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_COLOURS = {"active": "#ffffff", "wip": "#fff3bf", "frozen": "#e9ecef", "done": "#d3f9d8"}
_DOT_STYLES = {"blocks": "solid", PARENT: "dotted"}
_ARROWS = {"blocks": "-->", PARENT: "-.-"}


@dataclass(frozen=True, slots=True)
class _Edge:
    """From what comes first, or from the parent, to the bead that has the link."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What both ways of drawing show: beads by wave (0: in none), each with a short name, and edges."""

    view: View
    names: Mapping[str, str]
    groups: Sequence[tuple[int, tuple[Bead, ...]]]
    edges: Sequence[_Edge]


def drawing(view: View, beads: Sequence[Bead]) -> Drawing:
    """The beads in their waves, as if one convoy tracked them all, and every link among them."""
    by_id = {bead.id: bead for bead in sorted(beads, key=lambda bead: bead.id)}
    rows = waves(view.graph, by_id).waves
    level = {one: number for number, row in enumerate(rows, 1) for one in row}
    groups = [
        (number, tuple(bead for one, bead in by_id.items() if level.get(one, 0) == number))
        for number in range(len(rows) + 1)
    ]
    names = {one: f"b{number}" for number, one in enumerate(by_id, 1)}
    return Drawing(view, names, [group for group in groups if group[1]], list(_edges(by_id)))


def _edges(beads: Mapping[str, Bead]) -> Iterator[_Edge]:
    for one, bead in beads.items():
        if bead.parent in beads:
            yield _Edge(bead.parent or "", one, PARENT)
        for link in sorted(bead.links, key=lambda link: (link.target, link.type)):
            if link.target in beads:
                yield _Edge(link.target, one, link.type)


def dot(drawn: Drawing) -> str:
    """A directed graph in the language of Graphviz; a cluster for each wave."""
    lines = ["digraph beads {", "  rankdir=LR;", '  node [shape=box, style=filled, fontname="sans-serif"];']
    for number, beads in drawn.groups:
        nodes = [
            f"{drawn.names[b.id]} [label={_quoted(_label(b))}, fillcolor={_quoted(_colour(drawn, b))}];" for b in beads
        ]
        if number:
            lines += [
                f"  subgraph cluster_{number} {{",
                f'    label="wave {number}";',
                *(f"    {n}" for n in nodes),
                "  }",
            ]
        else:
            lines += [f"  {node}" for node in nodes]
    for edge in drawn.edges:
        style = f"style={_DOT_STYLES.get(edge.kind, 'dashed')}"
        label = "" if edge.kind in _DOT_STYLES else f", label={_quoted(edge.kind)}"
        head = ", arrowhead=none" if edge.kind == PARENT else ""
        lines.append(f"  {drawn.names[edge.source]} -> {drawn.names[edge.target]} [{style}{label}{head}];")
    return "\n".join([*lines, "}", ""])


def mermaid(drawn: Drawing) -> str:
    """A flowchart for Mermaid, which shows in Markdown of many hosts; a subgraph for each wave."""
    lines = ["flowchart LR"]
    for number, beads in drawn.groups:
        nodes = [f'{drawn.names[bead.id]}["{_entities(_label(bead))}"]' for bead in beads]
        if number:
            lines += [f'  subgraph w{number}["wave {number}"]', *(f"    {node}" for node in nodes), "  end"]
        else:
            lines += [f"  {node}" for node in nodes]
    for edge in drawn.edges:
        arrow = _ARROWS.get(edge.kind, f'-. "{_entities(edge.kind)}" .->')
        lines.append(f"  {drawn.names[edge.source]} {arrow} {drawn.names[edge.target]}")
    for category, colour in _COLOURS.items():
        members = [drawn.names[b.id] for _, beads in drawn.groups for b in beads if _category(drawn, b) == category]
        if members:
            lines += [f"  classDef {category} fill:{colour},color:#000", f"  class {','.join(members)} {category}"]
    return "\n".join([*lines, ""])


def _label(bead: Bead) -> str:
    title = _UNSEEN.sub(" ", bead.title)
    return f"{bead.id}\n{title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + '…'}"


def _category(drawn: Drawing, bead: Bead) -> str:
    return drawn.view.effective(bead.id).category


def _colour(drawn: Drawing, bead: Bead) -> str:
    return _COLOURS[_category(drawn, bead)]


def _quoted(text: str) -> str:
    r"""A double-quoted string of Graphviz: a backslash is doubled, so that `\N` and its kin mean nothing."""
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    """Text of a Mermaid label: all that could end it, or mean something to it or to HTML, as entity codes."""
    return "".join(
        "<br/>" if char == "\n" else char if char.isalnum() or char in " .,_-/…" else f"#{ord(char)};" for char in text
    )
