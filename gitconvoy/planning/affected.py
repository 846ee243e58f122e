"""Which plan files a change of the plan can concern, so that not all have to be worked out again (SPEC 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitconvoy.graph.build import Graph
from gitconvoy.model.plan import Config, Plan


def affected(old: Plan, new: Plan, graph: Graph | None = None) -> frozenset[str]:
    """Ids of the convoys of either plan whose plan files may differ between the two; all others' are the same.

    `graph`: that of the new plan, where there is one already.

    A plan file depends on what its beads are preceded by, so a changed bead concerns the convoys that track it, a bead
    below it (which inherits its links), or a bead that one of those precedes, in the old plan or in the new one.
    """
    every = old.convoys.keys() | new.convoys.keys()
    if _settings(old.config) != _settings(new.config):
        return frozenset(every)
    found = {convoy_id for convoy_id in every if _tracks(old, convoy_id) != _tracks(new, convoy_id)}
    known, ids = _ids(old), _ids(new)
    changed = [bead_id for bead_id in known | ids if _differs(old, new, bead_id)]
    if changed:
        concerned = _reached(graph or Graph.build(new), changed)
        if not known.isdisjoint(changed):
            concerned |= _reached(Graph.build(old), changed)
        found |= {c for c in every - found if not concerned.isdisjoint(new.convoys[c].tracks)}
    return frozenset(found)


def _settings(config: Config) -> tuple[Any, ...]:
    return config.types, config.inherit_blockers


def _tracks(plan: Plan, convoy_id: str) -> frozenset[str] | None:
    convoy = plan.convoys.get(convoy_id)
    return frozenset(convoy.tracks) if convoy else None


def _ids(plan: Plan) -> set[str]:
    return {*plan.beads, *plan.archive}


def _differs(old: Plan, new: Plan, bead_id: str) -> bool:
    before, after = old.bead(bead_id), new.bead(bead_id)
    return before is not after and _core(old, bead_id) != _core(new, bead_id)


def _core(plan: Plan, bead_id: str) -> tuple[Any, ...] | None:
    """What plan files read of a bead."""
    bead = plan.bead(bead_id)
    return (bead.type, bead.parent, bead.links, bead.tombstone) if bead else None


def _reached(graph: Graph, changed: Iterable[str]) -> set[str]:
    """The changed beads and those below them, and all beads that one of these precedes, also through others."""
    order = graph.precedence
    after: list[list[int]] = [[] for _ in order.before]
    for node, preceding in enumerate(order.before):
        for other in preceding:
            after[other].append(node)
    seeds = {one for bead_id in changed for one in (bead_id, *graph.descendants(bead_id))}
    stack = [order.index[one] for one in seeds if one in order.index]
    seen = set(stack)
    while stack:
        for node in after[stack.pop()]:
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seeds | {order.ids[node] for node in seen if node < order.size}
