"""Cycles of precedence and of parents (SPEC 5)."""

from __future__ import annotations

from builders import bead, config, epic, plan

from gitconvoy.graph import Cycle, Graph, cycles
from gitconvoy.model.plan import Bead


def cycles_of(*beads: Bead) -> tuple[Cycle, ...]:
    return cycles(Graph.build(plan(*beads)))


def test_a_diamond_is_no_cycle() -> None:
    assert cycles_of(bead("gt-a"), bead("gt-b", "gt-a"), bead("gt-c", "gt-a"), bead("gt-d", "gt-b", "gt-c")) == ()


def test_a_self_link_is_a_cycle() -> None:
    assert cycles_of(bead("gt-a", ("related", "gt-a"), "gt-a")) == (
        Cycle(("gt-a",), ("gt-a",), ("gt-a", 1), (("gt-a", 1),)),
    )
    assert cycles_of(bead("gt-a", ("related", "gt-a"))) == ()


def test_one_cycle_per_component_with_the_entry_to_cut() -> None:
    found = cycles_of(
        bead("gt-c", "gt-a"),
        bead("gt-a", "gt-x", "gt-b"),
        bead("gt-b", "gt-c"),
        bead("gt-x"),
        bead("gt-p", "gt-q", "gt-a"),
        bead("gt-q", "gt-p"),
    )
    assert [cycle.ids for cycle in found] == [("gt-a", "gt-b", "gt-c"), ("gt-p", "gt-q")]
    assert found[0].path == ("gt-a", "gt-b", "gt-c")
    assert found[0].cut == ("gt-c", 0)
    assert found[0].links == (("gt-a", 1), ("gt-b", 0), ("gt-c", 0))
    assert found[1].cut == ("gt-q", 0)
    assert found[1].links == (("gt-p", 0), ("gt-q", 0))


def test_the_path_is_a_shortest_cycle_of_the_component() -> None:
    found = cycles_of(bead("gt-a", "gt-b"), bead("gt-b", "gt-c"), bead("gt-c", "gt-d"), bead("gt-d", "gt-c", "gt-a"))
    assert [cycle.path for cycle in found] == [("gt-c", "gt-d")]
    assert found[0].ids == ("gt-a", "gt-b", "gt-c", "gt-d")


def test_a_child_behind_its_own_epic_is_a_cycle() -> None:
    found = cycles_of(epic("gt-e"), bead("gt-a", "gt-e", parent="gt-e"), bead("gt-b", parent="gt-e"))
    assert found == (Cycle(("gt-a",), ("gt-a",), ("gt-a", 0), (("gt-a", 0),)),)


def test_an_epic_behind_its_own_child_is_none() -> None:
    assert cycles_of(epic("gt-e", "gt-a"), bead("gt-a", parent="gt-e")) == ()


def test_a_child_that_waits_for_its_siblings_is_none() -> None:
    siblings = (bead("gt-a", parent="gt-e"), bead("gt-z", ("waits-for", "gt-e"), parent="gt-e"))
    assert cycles_of(epic("gt-e"), *siblings) == ()
    both = (bead("gt-a", ("waits-for", "gt-e"), parent="gt-e"), siblings[1])
    assert [cycle.ids for cycle in cycles_of(epic("gt-e"), *both)] == [("gt-a", "gt-z")]


def test_the_cut_of_an_inherited_link_is_in_the_ancestors_file() -> None:
    found = cycles_of(
        epic("gt-e", ("related", "gt-b"), "gt-x"), bead("gt-a", parent="gt-e"), bead("gt-x", "gt-a", "gt-b")
    )
    assert [(cycle.ids, cycle.path) for cycle in found] == [(("gt-a", "gt-x"), ("gt-a", "gt-x"))]
    assert found[0].cut == ("gt-x", 0)
    assert found[0].links == (("gt-e", 1), ("gt-x", 0))
    other = cycles_of(epic("gt-e", "gt-a"), bead("gt-b", parent="gt-e"), bead("gt-a", "gt-b"))
    assert other[0].path == ("gt-a", "gt-b")
    assert other[0].cut == ("gt-e", 0)


def test_a_cycle_through_the_descendants_of_an_epic() -> None:
    found = cycles_of(epic("gt-e"), bead("gt-c", "gt-z", parent="gt-e"), bead("gt-z", "gt-e"))
    assert [(cycle.ids, cycle.cut) for cycle in found] == [(("gt-c", "gt-z"), ("gt-z", 0))]


def test_tombstones_are_no_nodes() -> None:
    assert cycles_of(bead("gt-a", "gt-t"), bead("gt-t", "gt-a", tombstone=True)) == ()


def test_archived_beads_are_nodes() -> None:
    found = cycles_of(bead("gt-a", "gt-t"), bead("gt-t", "gt-a", archived=True))
    assert [cycle.ids for cycle in found] == [("gt-a", "gt-t")]


def test_a_cycle_in_the_ledgers_eyes_closed_is_still_one() -> None:
    graph = Graph.build(plan(bead("gt-a", "gt-b", status="closed"), bead("gt-b", "gt-a"), bead("gt-c", "gt-a")))
    assert graph.in_cycle == {"gt-a", "gt-b"}


def test_parent_cycles_are_reported_from_the_least_id_on() -> None:
    graph = Graph.build(
        plan(
            epic("gt-c", parent="gt-b"),
            epic("gt-b", parent="gt-a"),
            epic("gt-a", parent="gt-c"),
            bead("gt-x", parent="gt-a"),
            bead("gt-s", parent="gt-s"),
        )
    )
    assert graph.parent_cycles == (("gt-a", "gt-c", "gt-b"), ("gt-s",))
    assert graph.descendants("gt-a") == ("gt-a", "gt-b", "gt-c", "gt-x")
    assert graph.ancestors("gt-x") == ("gt-a", "gt-c", "gt-b")
    assert cycles(graph) == ()


def test_unknown_ids_have_nobody() -> None:
    graph = Graph.build(plan(bead("gt-a", parent="gt-none")))
    assert graph.children("gt-none") == graph.descendants("gt-none") == graph.ancestors("gt-none") == ()
    assert graph.preceded_by("gt-none") == frozenset()
    assert graph.ancestors("gt-a") == ()


def test_inheritance_can_be_switched_off() -> None:
    beads = (epic("gt-e", "gt-x"), bead("gt-a", parent="gt-e"), bead("gt-x", "gt-a"))
    assert len(cycles(Graph.build(plan(*beads)))) == 1
    assert cycles(Graph.build(plan(*beads, config=config(inherit_blockers=False)))) == ()


def test_big_knots_are_untied_in_linear_time() -> None:
    count = 3_000
    ids = [f"gt-{number:04d}" for number in range(count)]
    ring = cycles_of(*(bead(one, ids[at - 1]) for at, one in enumerate(ids)))
    assert len(ring[0].path) == len(ring[0].ids) == count
    assert ring[0].path[:2] == (ids[0], ids[-1])
    assert ring[0].cut == (ids[1], 0)
