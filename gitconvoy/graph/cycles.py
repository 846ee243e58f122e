"""Cycles of precedence: one per strongly connected component (SPEC 5)."""

from __future__ import annotations

from collections import deque

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.build import Graph
from gitconvoy.graph.precedence import Precedence

_STEPS = 2_000_000
"""Edges looked at in search of a shorter cycle in one component; only a huge knot without short cycles needs more."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """`ids`: all beads of the component, sorted. `path`: a shortest cycle in it from its least id, every bead followed
    by one that precedes it. `cut`: holder and index in its `Bead.links` of an entry whose removal breaks the path.
    `links`: all such entries that keep the component together, sorted.
    """

    ids: tuple[str, ...]
    path: tuple[str, ...]
    cut: tuple[str, int]
    links: tuple[tuple[str, int], ...]


def cycles(graph: Graph) -> tuple[Cycle, ...]:
    """All cycles of the graph by their least id."""
    return tuple(_cycle(graph.precedence, part) for part in graph.cyclic_components)


def _cycle(order: Precedence, part: tuple[int, ...]) -> Cycle:
    inside = frozenset(part)
    edges = {node: [other for other in order.before[node] if other in inside] for node in part}
    entries = {
        (entry.holder, entry.index)
        for node, others in edges.items()
        for other in others
        for entry in order.entries.get((node, other), ())
    }
    walk = _shortest(edges, order.size)
    return Cycle(
        ids=tuple(order.ids[node] for node in part if node < order.size),
        path=tuple(order.ids[node] for node in walk[:-1] if node < order.size),
        cut=_cut(order, walk),
        links=tuple(sorted(entries)),
    )


def _cut(order: Precedence, walk: list[int]) -> tuple[str, int]:
    """The entry behind the last step of the walk, the one that leads back to its least bead."""
    steps = zip(walk[-2::-1], walk[:0:-1], strict=True)
    entry = next(order.entries[step][0] for step in steps if step in order.entries)
    return entry.holder, entry.index


def _shortest(edges: dict[int, list[int]], size: int) -> list[int]:
    """A shortest closed walk of beads, groups between them: [start, ..., start].

    Each search is from one bead, which then leaves: all cycles through it are known. Beads go in the order of their
    ids, so a cycle is found from its least bead.
    """
    best: list[int] = []
    bound = len(edges) + 1
    steps = 0
    knot = _Knot(edges)
    for start in sorted(node for node in edges if node < size):
        if start not in knot.after:
            continue
        walk, cost = _search(knot.after, start, size, bound)
        steps += cost
        if walk:
            best, bound = walk, sum(node < size for node in walk) - 1
        if bound == 1 or steps > _STEPS:
            break
        knot.remove(start)
    return best


def _search(edges: dict[int, dict[int, None]], start: int, size: int, bound: int) -> tuple[list[int], int]:
    """(the shortest walk from `start` back to it, if over fewer than `bound` beads, else []; edges looked at)."""
    came_from: dict[int, int] = {}
    distance = {start: 0}
    queue = deque([start])
    cost = 0
    while queue:
        node = queue.popleft()
        for other in edges[node]:
            cost += 1
            length = distance[node] + (other < size)
            if other == start:
                if length < bound:
                    return _walk_back(came_from, node, start), cost
            elif length < distance.get(other, bound - 1):
                distance[other] = length
                came_from[other] = node
                if other < size:
                    queue.append(other)
                else:
                    queue.appendleft(other)
    return [], cost


def _walk_back(came_from: dict[int, int], node: int, start: int) -> list[int]:
    walk = [start]
    while node != start:
        walk.append(node)
        node = came_from[node]
    return [start, *walk[::-1]]


class _Knot:
    """The edges of a component in both directions, from which nodes can leave."""

    def __init__(self, edges: dict[int, list[int]]) -> None:
        self.after = {node: dict.fromkeys(others) for node, others in edges.items()}
        self._before: dict[int, dict[int, None]] = {node: {} for node in edges}
        for node, others in edges.items():
            for other in others:
                self._before[other][node] = None

    def remove(self, gone: int) -> None:
        """Take a node out, and all that are then on no cycle for want of an edge in or out."""
        stack = [gone]
        while stack:
            node = stack.pop()
            if node not in self.after:
                continue
            for mine, theirs in ((self.after, self._before), (self._before, self.after)):
                for other in mine.pop(node):
                    if other in theirs and other != node:
                        del theirs[other][node]
                        if not theirs[other]:
                            stack.append(other)
