"""A picture of a convoy as a mermaid flowchart, as forges draw it inside Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gitconvoy.model.markdown_text import short

_STYLES = {
    "added": "fill:#dafbe1,stroke:#1a7f37,color:#0a3622",
    "removed": "fill:#ffebe9,stroke:#cf222e,color:#58151c,stroke-dasharray:4 3",
    "changed": "fill:#fff8c5,stroke:#9a6700,color:#3d2e00",
    "moved": "fill:#ddf4ff,stroke:#0969da,color:#052c65",
    "ready": "fill:#fbefff,stroke:#8250df,color:#3b1b6b",
    "rest": "fill:#f6f8fa,stroke:#afb8c1,color:#57606a",
}
_LINES = {"added": "stroke:#1a7f37,stroke-width:3px", "cut": "stroke:#cf222e,stroke-width:2px,stroke-dasharray:4 3"}
_MOST_TITLES = 30
"""In a picture of more beads ids alone can be read."""
_MOST_FOLDED = 30
"""Nodes of a picture of waves alone."""
_LABEL = re.compile(r"[^\w .,-]|_", re.ASCII)
_LIST = re.compile(r"\d+(?=\.)|(?=-)")
"""What mermaid takes for the beginning of a list, which it refuses to draw."""


def flowchart(picture: Mapping[str, Any]) -> str:
    """The text of the flowchart; "" where there is nothing to draw.

    Waves stand from left to right, each a box of its beads; waves of which nothing is drawn are one node together.
    Names of nodes are ours, and text of beads stands in quotes, as entities.
    """
    names = {row["id"]: f"b{n}" for n, row in enumerate(picture["nodes"])}
    titles = len(names) <= _MOST_TITLES
    drawn: dict[int | None, list[str]] = {}
    for row in picture["nodes"]:
        drawn.setdefault(row["wave"], []).append(row["id"])
    folded = {row["wave"]: row for row in picture["folded"]}
    if not drawn and not folded:
        return ""
    lines, columns = ["flowchart LR"], []
    for group in _groups(sorted({*drawn, *folded}, key=lambda wave: wave or 0), drawn):
        first = group[0]
        if first in drawn:
            rows = [row for row in picture["nodes"] if row["wave"] == first]
            inside = [_node(names[row["id"]], row, titles) for row in rows]
            inside += [_fold([folded[first]], "more")] if first in folded else []
            title = "in no wave" if first is None else f"wave {first}"
            lines += [f'  subgraph w{first or 0}["{title}"]', *(f"    {line}" for line in inside), "  end"]
        else:
            lines.append(f"  {_fold([folded[wave] for wave in group], 'beads')}")
        columns.append(f"f{first or 0}" if first in folded else names[drawn[first][0]])
    lines += _edges(picture, names)
    # After the links, which are styled by number: what nobody sees keeps the waves in their order.
    lines += [f"  {one} {'~~~' if names else '-->'} {other}" for one, other in pairwise(columns)]
    used = {row["mark"] for row in picture["nodes"]} | ({"rest"} if folded else set())
    lines += [f"  classDef {name} {style}" for name, style in _STYLES.items() if name in used]
    return "".join(f"{line}\n" for line in lines)


def _groups(waves: Sequence[int | None], drawn: Mapping[int | None, Any]) -> list[list[int | None]]:
    """Waves by themselves; of those of which nothing is drawn, all in a row. Where nothing at all is, some in a row."""
    row = len(waves) if drawn else -(-len(waves) // _MOST_FOLDED)
    groups: list[list[int | None]] = []
    for wave in waves:
        last = groups[-1] if groups else [None]
        if None not in (wave, last[-1]) and not {wave, last[-1]} & drawn.keys() and len(last) < row:
            groups[-1].append(wave)
        else:
            groups.append([wave])
    return groups


def _node(name: str, row: Mapping[str, Any], titles: bool) -> str:
    title = f"<br/>{label(row['title'])}" if titles and row["title"] else ""
    style = f":::{row['mark']}" if row["mark"] else ""
    return f'{name}["{label(row["id"], 64)}{title}"]{style}'


def _fold(rows: Sequence[Mapping[str, Any]], word: str) -> str:
    """One node for beads that are not drawn, of a wave ("more") or of whole waves ("beads")."""
    count, changed = (sum(row[key] for row in rows) for key in ("count", "changed"))
    waves = [row["wave"] for row in rows]
    where = "in no wave" if waves[0] is None else f"wave {waves[0]}"
    where = f"waves {waves[0]} to {waves[-1]}" if len(waves) > 1 else where
    told = f"{count} more" if word == "more" else f"{where}<br/>{count} {'bead' if count == 1 else 'beads'}"
    return f'f{waves[0] or 0}(["{told}{f"<br/>{changed} changed" if changed else ""}"]):::rest'


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
    return lines + styles


def label(text: object, limit: int = 36) -> str:
    """Any text inside a quoted mermaid label: all but letters, digits and a few signs as its entities (SPEC 9)."""
    line = short(text, limit)
    found = _LIST.match(line)
    start = found.end() if found else -1
    return "".join(
        f"#{ord(sign)};" if n == start or (ord(sign) < 128 and _LABEL.fullmatch(sign)) else sign
        for n, sign in enumerate(line)
    )
