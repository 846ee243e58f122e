"""Waves, gates, outside blockers and the critical path of a convoy: links, types and `tracks` only (SPEC 3.4, 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.blockers import DirectBlockers
from gitconvoy.graph.build import Graph
from gitconvoy.graph.components import components, is_cycle

_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class WavePlan:
    """What a plan file says (SPEC 3.4), and which tracked slingable beads have no place.

    `waves`: ids by level, sorted. `gates`, `outside`: bead -> sorted ids, without empty entries. `in_cycle`: beads of
    a cycle, and beads behind one that the convoy tracks.
    """

    waves: tuple[tuple[str, ...], ...] = ()
    gates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    critical_path: tuple[str, ...] = ()
    in_cycle: frozenset[str] = frozenset()


def waves(graph: Graph, tracked: Iterable[str]) -> WavePlan:
    """The waves of the beads that a convoy tracks; ids that are no beads are passed over."""
    tracked = frozenset(tracked)
    slingable = graph.plan.config.slingable
    members = [bead_id for bead_id in sorted(tracked & graph.nodes.keys()) if slingable(graph.nodes[bead_id].type)]
    wanted = {graph.precedence.index[bead_id] for bead_id in members}
    parts = components(graph.precedence.before, sorted(wanted))
    levels = _levels(graph.precedence.before, parts, wanted)
    ids = graph.precedence.ids
    rows: list[list[str]] = [[] for _ in range(max((levels.get(node, 0) for node in wanted), default=0))]
    for node in sorted(wanted & levels.keys()):
        rows[levels[node] - 1].append(ids[node])
    gates, outside = DirectBlockers(graph, tracked).of(members)
    return WavePlan(
        waves=tuple(map(tuple, rows)),
        gates=gates,
        outside=outside,
        critical_path=tuple(ids[node] for node in _critical_path(graph.precedence.before, parts, wanted, levels)),
        in_cycle=frozenset(ids[node] for node in wanted - levels.keys()),
    )


def plan_data(convoy_id: str, wave_plan: WavePlan) -> dict[str, Any]:
    """The document of a plan file."""
    return {
        "convoy": convoy_id,
        "waves": [list(wave) for wave in wave_plan.waves],
        "gates": {bead_id: list(ids) for bead_id, ids in sorted(wave_plan.gates.items())},
        "outside": {bead_id: list(ids) for bead_id, ids in sorted(wave_plan.outside.items())},
        "critical_path": list(wave_plan.critical_path),
    }


def _levels(before: list[list[int]], parts: list[list[int]], wanted: set[int]) -> dict[int, int]:
    """Node -> the highest level among itself and all that precedes it; nodes without a place are left out."""
    levels: dict[int, int] = {}
    for part in parts:
        preceding = {other for node in part for other in before[node]}.difference(part)
        own = not wanted.isdisjoint(part)
        if not preceding <= levels.keys() or (own and is_cycle(before, part)):
            continue
        level = max((levels[other] for other in preceding), default=0) + own
        levels.update(dict.fromkeys(part, level))
    return levels


def _critical_path(
    before: list[list[int]], parts: list[list[int]], wanted: set[int], levels: Mapping[int, int]
) -> list[int]:
    """The longest chain of wanted nodes; of several the one with the least ids, from its start on.

    Going against the arrows each node learns its best continuation, (-length, first wanted node), least is best.
    """
    onward: dict[int, tuple[int, int]] = {}
    following: dict[int, int] = {}
    starts = []
    for part in reversed(parts):
        if part[0] not in levels:
            continue
        best = min(onward.get(node, _NOTHING) for node in part)
        if part[0] in wanted:
            node = part[0]
            if best != _NOTHING:
                following[node] = best[1]
            best = (best[0] - 1, node)
            starts.append(best)
        for other in {other for node in part for other in before[node]}.difference(part):
            onward[other] = min(onward.get(other, _NOTHING), best)
    path = [min(starts)[1]] if starts else []
    while path and path[-1] in following:
        path.append(following[path[-1]])
    return path
