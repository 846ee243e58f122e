"""A picture of a convoy as a mermaid flowchart, as forges draw it inside Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from gitconvoy.review.escape import label

_STYLES = {
    "added": "fill:#dafbe1,stroke:#1a7f37,color:#0a3622",
    "removed": "fill:#ffebe9,stroke:#cf222e,color:#58151c,stroke-dasharray:4 3",
    "changed": "fill:#fff8c5,stroke:#9a6700,color:#3d2e00",
    "moved": "fill:#ddf4ff,stroke:#0969da,color:#052c65",
    "ready": "fill:#fbefff,stroke:#8250df,color:#3b1b6b",
    "rest": "fill:#f6f8fa,stroke:#afb8c1,color:#57606a",
}
_LINES = {"added": "stroke:#1a7f37,stroke-width:3px", "cut": "stroke:#cf222e,stroke-width:2px,stroke-dasharray:4 3"}
MARKS = tuple(_STYLES)[:-1]
"""What colours tell apart: the marks of `picture.draw`."""


def flowchart(picture: Mapping[str, Any]) -> str:
    """The text of the flowchart; "" where there is nothing to draw.

    Beads stand in their waves from left to right, what is folded as one node in each. Names of nodes are ours, and
    text of beads stands in quotes, as entities.
    """
    names = {row["id"]: f"b{n}" for n, row in enumerate(picture["nodes"])}
    waves: dict[int | None, list[str]] = {}
    for row in picture["nodes"]:
        waves.setdefault(row["wave"], []).append(_node(names[row["id"]], row))
    for row in picture["folded"]:
        waves.setdefault(row["wave"], []).append(_fold(row, alone=not names))
    if not waves:
        return ""
    lines = ["flowchart LR"]
    for wave in sorted(waves, key=lambda number: number or 0):
        title = "in no wave" if wave is None else f"wave {wave}"
        inside = [f"    {line}" for line in waves[wave]]
        lines += [f'  subgraph w{wave or 0}["{title}"]', *inside, "  end"] if names else waves[wave]
    lines += _edges(picture, names)
    used = {row["mark"] for row in picture["nodes"]} | ({"rest"} if picture["folded"] else set())
    lines += [f"  classDef {name} {style}" for name, style in _STYLES.items() if name in used]
    return "".join(f"{line}\n" for line in lines)


def _node(name: str, row: Mapping[str, Any]) -> str:
    title = f"<br/>{label(row['title'])}" if row["title"] else ""
    style = f":::{row['mark']}" if row["mark"] else ""
    return f'{name}["{label(row["id"], 64)}{title}"]{style}'


def _fold(row: Mapping[str, Any], *, alone: bool) -> str:
    wave = row["wave"]
    beads = f"{row['count']} {'bead' if row['count'] == 1 else 'beads'}" if alone else f"{row['count']} more"
    told = f"<br/>{row['changed']} changed" if row["changed"] else ""
    where = ("in no wave<br/>" if wave is None else f"wave {wave}<br/>") if alone else ""
    return f'f{wave or 0}(["{where}{beads}{told}"]):::rest'


def _edges(picture: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    styles: list[str] = []
    for row in picture["edges"]:
        arrow = {"added": "==>", "cut": "-.->"}.get(row["mark"], "-->")
        words = [row["mark"]] if row["mark"] else []
        words += [row["type"]] if row["type"] != "blocks" else []
        text = f'|"{label(" ".join(words))}"|' if words else ""
        if row["mark"]:
            styles.append(f"  linkStyle {len(lines)} {_LINES[row['mark']]}")
        lines.append(f"  {names[row['before']]} {arrow}{text} {names[row['after']]}")
    if not names:  # waves alone, one after the other
        folded = [f"f{row['wave']}" for row in picture["folded"] if row["wave"]]
        lines += [f"  {one} --> {other}" for one, other in pairwise(folded)]
    return lines + styles
