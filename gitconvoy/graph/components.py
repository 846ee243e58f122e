"""Strongly connected components without recursion (Tarjan's algorithm)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def components(before: Sequence[Sequence[int]], roots: Iterable[int]) -> list[list[int]]:
    """The components of all nodes reachable from `roots`, each after those that precede it."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    open_nodes: list[int] = []
    is_open: set[int] = set()
    found: list[list[int]] = []
    for root in roots:
        if root in order:
            continue
        work = [(root, iter(before[root]))]
        order[root] = low[root] = len(order)
        open_nodes.append(root)
        is_open.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in order:
                    order[other] = low[other] = len(order)
                    open_nodes.append(other)
                    is_open.add(other)
                    work.append((other, iter(before[other])))
                    break
                if other in is_open:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == order[node]:
                    component = open_nodes[_position(open_nodes, node) :]
                    del open_nodes[-len(component) :]
                    is_open.difference_update(component)
                    found.append(component)
    return found


def _position(stack: Sequence[int], node: int) -> int:
    """Where the node stands, looked for from the end."""
    at = len(stack) - 1
    while stack[at] != node:
        at -= 1
    return at


def is_cycle(before: Sequence[Sequence[int]], component: Sequence[int]) -> bool:
    """Whether a node of the component precedes itself."""
    return len(component) > 1 or component[0] in before[component[0]]
