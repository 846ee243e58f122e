"""Precedence, waves and cycles against the words of SPEC 5, on random plans."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from oracles import Oracle, components, girth
from plan_strategies import states

from gitconvoy.graph import Graph, cycles, waves
from gitconvoy.model.state import State

fast = settings(max_examples=60, deadline=None)


@fast
@given(states())
def test_hierarchy_is_what_the_parents_say(state: State) -> None:
    graph, oracle = Graph.build(state.plan), Oracle(state)
    for bead_id in graph.nodes:
        above = oracle.ancestors[bead_id]
        assert set(graph.ancestors(bead_id)) == above - {bead_id}
        assert set(graph.descendants(bead_id)) == oracle.descendants[bead_id]
        assert (bead_id in graph.hierarchy.cyclic) == (bead_id in above)
        for other in graph.nodes:
            assert graph.hierarchy.is_descendant(bead_id, other) == (other in above)
            assert set(graph.waited(bead_id, other)) == set(oracle.waited(bead_id, other))


@fast
@given(states())
def test_blockers_are_own_and_inherited_ones(state: State) -> None:
    graph, oracle = Graph.build(state.plan), Oracle(state)
    for bead_id in graph.nodes:
        found = [(entry.holder, entry.index, entry.link) for entry in graph.blockers_of(bead_id)]
        assert sorted(found, key=str) == sorted(oracle.blockers(bead_id), key=str)
        assert all(entry.inherited == (entry.holder != bead_id) for entry in graph.blockers_of(bead_id))


@fast
@given(states())
def test_precedence_is_that_of_the_specification(state: State) -> None:
    graph = Graph.build(state.plan)
    assert {bead_id: set(graph.preceded_by(bead_id)) for bead_id in graph.nodes} == Oracle(state).edges


@fast
@given(states())
def test_waves_are_levels(state: State) -> None:
    plan, tracked = state.plan, state.plan.convoys["hq-cv-1"].tracks
    graph = Graph.build(plan)
    found = waves(graph, tracked)
    placed = {bead_id: number for number, wave in enumerate(found.waves, 1) for bead_id in wave}
    assert placed == Oracle(state).levels(tracked)
    assert all(wave == tuple(sorted(wave)) and wave for wave in found.waves)
    slingable = {one for one in tracked if one in graph.nodes and plan.config.slingable(graph.nodes[one].type)}
    assert found.in_cycle == slingable - placed.keys()
    assert found.critical_path == Oracle(state).critical_path(tracked)


@fast
@given(states())
def test_gates_and_outside_are_direct_blockers(state: State) -> None:
    plan, tracked = state.plan, state.plan.convoys["hq-cv-1"].tracks
    graph, oracle = Graph.build(plan), Oracle(state)
    slingable = {one for one, bead in graph.nodes.items() if plan.config.slingable(bead.type)}
    found = waves(graph, tracked)
    for bead_id in slingable & set(tracked):
        direct = oracle.direct_blockers(bead_id, tracked)
        assert set(found.gates.get(bead_id, ())) == (direct & graph.nodes.keys()) - slingable
        assert set(found.outside.get(bead_id, ())) == direct - set(tracked)
    for table in (found.gates, found.outside):
        assert slingable & set(tracked) >= table.keys()
        assert list(table) == sorted(table)
        assert all(ids and list(ids) == sorted(ids) for ids in table.values())


@fast
@given(states())
def test_waves_never_look_at_statuses(state: State) -> None:
    plan = state.plan
    beads = {one: replace(bead, status="closed", outcome="failed") for one, bead in plan.beads.items()}
    tracked = plan.convoys["hq-cv-1"].tracks
    assert waves(Graph.build(plan), tracked) == waves(Graph.build(replace(plan, beads=beads)), tracked)


@fast
@given(states())
def test_archiving_changes_no_wave(state: State) -> None:
    plan = state.plan
    moved = replace(plan, beads={}, archive={**plan.archive, **plan.beads})
    tracked = plan.convoys["hq-cv-1"].tracks
    assert waves(Graph.build(plan), tracked) == waves(Graph.build(moved), tracked)


@fast
@given(states())
def test_cycles_are_the_components(state: State) -> None:
    oracle = Oracle(state)
    found = cycles(Graph.build(state.plan))
    assert {frozenset(cycle.ids) for cycle in found} == components(oracle.edges)
    assert [cycle.ids for cycle in found] == sorted(tuple(sorted(cycle.ids)) for cycle in found)
    for cycle in found:
        assert cycle.path[0] == min(cycle.path)
        assert len(set(cycle.path)) == len(cycle.path) == girth(oracle.edges, cycle.ids)
        following = (*cycle.path[1:], cycle.path[0])
        assert all(after in oracle.edges[one] for one, after in zip(cycle.path, following, strict=True))
        assert set(cycle.links) == _entries(oracle, cycle.ids, cycle.ids)
        assert cycle.cut in _entries(oracle, cycle.path[-1:], cycle.path[:1])


def _entries(oracle: Oracle, after: tuple[str, ...], before: tuple[str, ...]) -> set[tuple[str, int]]:
    """The entries of `depends_on` by which one of `before` precedes one of `after`."""
    return {
        (holder, index)
        for bead_id in after
        for holder, index, link in oracle.blockers(bead_id)
        if oracle.expansion(bead_id, link) & set(before)
    }


@fast
@given(states())
def test_remaining_path_counts_open_beads_behind_a_bead(state: State) -> None:
    oracle = Oracle(state)
    found = Graph.build(state.plan).shape.remaining(oracle.closed)
    assert found.keys() == oracle.edges.keys() - oracle.closed
    cyclic = {bead_id for bead_id in oracle.edges if bead_id in oracle.reach[bead_id]}
    for bead_id in oracle.edges:
        if bead_id not in oracle.closed and not any(bead_id in oracle.reach[other] for other in cyclic):
            behind = [other for other, before in oracle.edges.items() if bead_id in before]
            longest = max((found[other] for other in behind if other not in oracle.closed), default=0)
            assert found[bead_id] == 1 + longest
