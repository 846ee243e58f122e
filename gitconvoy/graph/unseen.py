"""What a repository that is away leaves in doubt: beads of which nobody knows all that precedes them (SPEC 3.4, 7)."""

from __future__ import annotations

from collections.abc import Iterator

from gitconvoy.graph.build import Graph
from gitconvoy.graph.links import WAITS_FOR

_Node = tuple[str, bool]
"""A bead as what it is itself, with what belongs to it (True), or as what others inherit links from (False)."""


def doubtful(graph: Graph) -> frozenset[str]:
    """The ids that, or something that precedes or makes up which, may lie in a repository that is away.

    Empty where none is. Beads of such a repository itself are among them as far as anything names them.
    """
    plan = graph.plan
    if not plan.away:
        return frozenset()
    after: dict[_Node, list[_Node]] = {}
    for before, node in _edges(graph):
        after.setdefault(before, []).append(node)
    waited = {entry.link.target for one in graph.nodes for entry in graph.own(one) if entry.link.type == WAITS_FOR}
    stack = [node for node in after if plan.unseen(node[0]) is not None]
    stack += [
        (one, True)
        for one in graph.nodes
        if (graph.is_epic(one) or one in waited) and plan.may_have_unseen_children(one)
    ]
    found = set(stack)
    while stack:
        for node in after.get(stack.pop(), ()):
            if node not in found:
                found.add(node)
                stack.append(node)
    return frozenset(one for one, itself in found if itself)


def _edges(graph: Graph) -> Iterator[tuple[_Node, _Node]]:
    """(what is in doubt, what is in doubt with it)."""
    for one, bead in graph.nodes.items():
        for itself in (True, False):
            for entry in graph.own(one):
                yield (entry.link.target, True), (one, itself)
            if bead.parent is not None:
                yield (bead.parent, False), (one, itself)
        if bead.parent is not None:
            yield (one, True), (bead.parent, True)
