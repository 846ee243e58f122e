"""What to draw of a convoy: what changes and what is next to it; the rest folded, so that it stays readable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitconvoy.rules.view import View

Row = dict[str, Any]
_Edge = tuple[str, str, str]
"""(what comes first, what waits for it, type of the link)."""

MOST = 60
"""Beads in one picture."""
SMALL = 12
"""A convoy of no more beads is drawn whole."""
MOST_EDGES = 150


def draw(before: View, after: View, row: Mapping[str, Any], marks: Mapping[str, str], ready: Iterable[str]) -> Row:
    """The picture of a convoy: {nodes[], edges[], folded[]}.

    `nodes`: {id, title, wave, mark}, the wave after the change (None: none), the mark one of added, removed, changed,
    moved, ready or "". `edges`: {before, after, type, mark}, mark added, cut or "". `folded`: {wave, count, changed} of
    beads that are not drawn. `row` is the convoy's of `compare`; `marks`: what happens to the files of beads.
    """
    waves = {one: n for n, wave in enumerate(row["waves"]["after"], 1) for one in wave}
    moved = {each["bead"] for each in row["moves"]}
    tracked = [
        set(view.plan.convoys[row["id"]].tracks) if row["id"] in view.plan.convoys else set()
        for view in (before, after)
    ]
    members = tracked[0] | tracked[1] if row["change"] != "removed" else tracked[0]
    old, new = _edges(before, members), _edges(after, members)
    ends = {one for edge in old ^ new for one in edge[:2]}
    touched = {one for one in members if one in marks} | (tracked[0] ^ tracked[1])
    chosen = _choose([ends | touched, (moved | set(ready)) & members, _near(new, ends | touched)], members, waves)
    nodes = sorted(chosen, key=lambda one: (waves.get(one, 0), one))
    mark = {**dict.fromkeys(ready, "ready"), **dict.fromkeys(moved, "moved")}
    if row["change"] == "none" or row["change"] == "changed":
        mark |= dict.fromkeys(tracked[1] - tracked[0], "added") | dict.fromkeys(tracked[0] - tracked[1], "removed")
    mark |= marks
    drawn = sorted(edge for edge in old | new if edge[0] in chosen and edge[1] in chosen)
    changed_first = sorted(drawn, key=lambda edge: edge in old and edge in new)[:MOST_EDGES]
    return {
        "nodes": [
            {"id": one, "title": _title(before, after, one), "wave": waves.get(one), "mark": mark.get(one, "")}
            for one in nodes
        ],
        "edges": [
            {"before": edge[0], "after": edge[1], "type": edge[2], "mark": _mark(edge, old, new, marks)}
            for edge in sorted(changed_first)
        ],
        "folded": _folded(members - set(nodes), waves, {*marks, *moved, *ends}),
    }


def _choose(ranks: Sequence[set[str]], members: set[str], waves: Mapping[str, int]) -> set[str]:
    """The beads to draw: what matters most as long as there is room; nothing by itself where that alone is too much."""
    if len(ranks[0]) > MOST:
        return set()
    chosen: set[str] = set()
    for rank in [*ranks, members if len(members) <= SMALL else set()]:
        more = sorted(rank - chosen, key=lambda one: (waves.get(one, 0), one))
        chosen |= set(more[: MOST - len(chosen)])
    return chosen


def _edges(view: View, members: Iterable[str]) -> set[_Edge]:
    """The blocking links of the convoy's beads, own ones: what is inherited stands at the ancestor."""
    return {
        (link.target, one, link.type)
        for one in members
        if (bead := view.plan.beads.get(one)) is not None
        for link in bead.links
        if link.blocking
    }


def _near(edges: Iterable[_Edge], chosen: set[str]) -> set[str]:
    return {one for edge in edges if edge[0] in chosen or edge[1] in chosen for one in edge[:2]}


def _mark(edge: _Edge, old: set[_Edge], new: set[_Edge], marks: Mapping[str, str]) -> str:
    """The links of a new bead are new with it: it is the bead that stands out."""
    if edge in new:
        return "" if edge in old or marks.get(edge[1]) == "added" else "added"
    return "cut"


def _title(before: View, after: View, bead_id: str) -> str:
    bead = after.plan.bead(bead_id) or before.plan.bead(bead_id)
    return bead.title if bead is not None else ""


def _folded(rest: set[str], waves: Mapping[str, int], changed: set[str]) -> list[Row]:
    groups: dict[int | None, list[str]] = {}
    for one in rest:
        groups.setdefault(waves.get(one), []).append(one)
    return [
        {"wave": wave, "count": len(groups[wave]), "changed": sum(one in changed for one in groups[wave])}
        for wave in sorted(groups, key=lambda wave: wave or 0)
    ]
