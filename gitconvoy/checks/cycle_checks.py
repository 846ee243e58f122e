"""Cycles of links and of parents as problems; those that an import brought whole are warnings (SPEC 4, 5)."""

from __future__ import annotations

from collections.abc import Iterator

from gitconvoy.errors import Problem
from gitconvoy.graph.build import Graph
from gitconvoy.graph.cycles import Cycle, cycles
from gitconvoy.model.plan import Plan

MOST_NAMED = 20


def check_cycles(plan: Plan, graph: Graph) -> Iterator[Problem]:
    """Codes `parent-cycle` and `cycle`: one problem each, positioned at an entry to cut, all ids sorted in `ids`."""
    for loop in graph.parent_cycles:
        imported = all(_parent_imported(plan, bead_id) for bead_id in loop)
        yield Problem(
            _path(plan, loop[0]),
            "parent-cycle",
            f"these beads are each other's parents: {' -> '.join((*loop, loop[0]))}",
            f"remove `parent` from one of them, such as {loop[0]}",
            "warning" if imported else "error",
            at=("parent",),
            ids=tuple(sorted(loop)),
        )
    for cycle in cycles(graph):
        holder, index = cycle.cut
        target = graph.nodes[holder].links[index].target
        yield Problem(
            _path(plan, holder),
            "cycle",
            _told(cycle),
            f"cut one link, such as this one of {holder} to {target}",
            "warning" if _all_imported(plan, graph, cycle) else "error",
            at=("depends_on", index),
            ids=cycle.ids,
        )


def _told(cycle: Cycle) -> str:
    if len(cycle.ids) == len(cycle.path):
        return f"these beads wait for each other: {cycle_path(cycle)}"
    named = ", ".join(cycle.ids[:MOST_NAMED]) + (", ..." if len(cycle.ids) > MOST_NAMED else "")
    return f"{len(cycle.ids)} beads wait for each other ({named}); the shortest way round: {cycle_path(cycle)}"


def cycle_path(cycle: Cycle) -> str:
    """`a -> b -> a`: each waits for the next."""
    return " -> ".join((*cycle.path, cycle.path[0]))


def _path(plan: Plan, bead_id: str) -> str:
    bead = plan.bead(bead_id)
    return bead.path if bead else ""


def _parent_imported(plan: Plan, bead_id: str) -> bool:
    bead = plan.bead(bead_id)
    return bead is not None and bead.parent is not None and ("parent", bead.parent) in bead.imported_links


def _all_imported(plan: Plan, graph: Graph, cycle: Cycle) -> bool:
    """Whether all links that keep the cycle together, and the parents that carry them to its beads, are as imported."""
    anchors: set[str] = set()
    for holder, index in cycle.links:
        bead = graph.nodes[holder]
        link = bead.links[index]
        if (link.type, link.target) not in bead.imported_links:
            return False
        anchors |= {holder, link.target}
    return all(_parent_imported(plan, step) for step in _carrying(graph, cycle, anchors))


def _carrying(graph: Graph, cycle: Cycle, anchors: set[str]) -> Iterator[str]:
    """Beads of the cycle and their ancestors that have an anchor above: their `parent` may carry its links to them."""
    hierarchy = graph.hierarchy
    below: dict[str, bool] = {}
    for member in cycle.ids:
        for step in hierarchy.chain(member, below):
            parent = hierarchy.parent(step)
            below[step] = parent is not None and (parent in anchors or below.get(parent, False))
    return (step for step, carried in below.items() if carried)
