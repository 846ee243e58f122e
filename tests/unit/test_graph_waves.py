"""Waves, gates, outside and critical path, sentence by sentence (SPEC 3.4, 5)."""

from __future__ import annotations

import pytest
from builders import bead, config, epic, plan

from gitconvoy.graph import Graph, WavePlan, plan_data, waves
from gitconvoy.model.plan import Bead


def waves_of(*beads: Bead, tracked: tuple[str, ...] = (), inherit: bool = True) -> WavePlan:
    """The waves of a convoy that tracks the given ids, else every bead."""
    graph = Graph.build(plan(*beads, config=config(inherit_blockers=inherit)))
    return waves(graph, tracked or [one.id for one in beads])


@pytest.mark.parametrize("kind", ["blocks", "conditional-blocks", "waits-for", "merge-blocks"])
def test_each_blocking_type_orders(kind: str) -> None:
    assert waves_of(bead("gt-a", (kind, "gt-b")), bead("gt-b")).waves == (("gt-b",), ("gt-a",))


@pytest.mark.parametrize("kind", ["related", "relates-to", "discovered-from", "tracks", "duplicates", "no-such-type"])
def test_no_other_type_orders(kind: str) -> None:
    assert waves_of(bead("gt-a", (kind, "gt-b")), bead("gt-b")).waves == (("gt-a", "gt-b"),)


def test_parent_alone_orders_nothing() -> None:
    found = waves_of(epic("gt-e"), bead("gt-a", parent="gt-e"), bead("gt-b", parent="gt-a"))
    assert found.waves == (("gt-a", "gt-b"),)


def test_no_beads_no_waves() -> None:
    assert waves_of(epic("gt-e")) == WavePlan()
    assert waves_of(bead("gt-a"), tracked=("gt-none",)) == WavePlan()


def test_a_level_counts_what_precedes_through_untracked_beads() -> None:
    found = waves_of(bead("gt-a"), bead("gt-x", "gt-a"), bead("gt-b", "gt-x"), tracked=("gt-a", "gt-b"))
    assert found.waves == (("gt-a",), ("gt-b",))
    assert found.outside == {"gt-b": ("gt-x",)}
    assert found.critical_path == ("gt-a", "gt-b")


def test_a_level_counts_what_precedes_through_a_gate() -> None:
    found = waves_of(bead("gt-a"), bead("gt-x", "gt-a", type="decision"), bead("gt-b", "gt-x"))
    assert found.waves == (("gt-a",), ("gt-b",))
    assert found.gates == {"gt-b": ("gt-x",)}
    assert found.outside == {}


def test_beads_behind_an_epic_come_after_all_its_descendants() -> None:
    beads = (epic("gt-e"), epic("gt-f", parent="gt-e"), bead("gt-a", parent="gt-f"), bead("gt-b", "gt-e"))
    assert waves_of(*beads).waves == (("gt-a",), ("gt-b",))


def test_waits_for_means_the_children_instead_of_the_target() -> None:
    beads = (bead("gt-t", "gt-z"), bead("gt-z"), bead("gt-c", parent="gt-t"), bead("gt-a", ("waits-for", "gt-t")))
    assert waves_of(*beads).waves == (("gt-z",), ("gt-c", "gt-t"), ("gt-a",))
    assert waves_of(*beads, inherit=False).waves == (("gt-c", "gt-z"), ("gt-a", "gt-t"))


def test_waits_for_without_children_means_the_target() -> None:
    assert waves_of(epic("gt-e"), bead("gt-a", ("waits-for", "gt-e"))).gates == {"gt-a": ("gt-e",)}


def test_waits_for_the_own_epic_means_the_siblings() -> None:
    beads = (epic("gt-e"), bead("gt-a", parent="gt-e"), bead("gt-z", ("waits-for", "gt-e"), parent="gt-e"))
    found = waves_of(*beads)
    assert found.waves == (("gt-a",), ("gt-z",))
    assert found.gates == {}


def test_a_child_inherits_the_links_of_its_ancestors() -> None:
    beads = (bead("gt-x"), epic("gt-e", "gt-x"), epic("gt-f", parent="gt-e"), bead("gt-a", parent="gt-f"))
    assert waves_of(*beads).waves == (("gt-x",), ("gt-a",))
    assert waves_of(*beads, inherit=False).waves == (("gt-a", "gt-x"),)


def test_a_link_to_an_own_descendant_is_not_inherited() -> None:
    beads = (epic("gt-e", "gt-b"), bead("gt-a", parent="gt-e"), bead("gt-b", parent="gt-e"), bead("gt-z", "gt-e"))
    assert waves_of(*beads).waves == (("gt-a", "gt-b"), ("gt-z",))


def test_gates_are_inherited_and_sorted() -> None:
    beads = (
        bead("gt-g2", type="gate"),
        bead("gt-g1", type="decision"),
        epic("gt-e", "gt-g2"),
        bead("gt-a", "gt-g1", parent="gt-e"),
    )
    found = waves_of(*beads)
    assert found.gates == {"gt-a": ("gt-g1", "gt-g2")}
    assert found.outside == {}


def test_outside_names_untracked_and_missing_blockers() -> None:
    found = waves_of(bead("gt-a", "gt-x", "gt-none", "external:b"), bead("gt-x"), tracked=("gt-a",))
    assert found.outside == {"gt-a": ("external:b", "gt-none", "gt-x")}
    assert found.gates == {}


def test_a_tombstone_is_no_node() -> None:
    found = waves_of(bead("gt-a", "gt-t"), bead("gt-t", "gt-b", tombstone=True), bead("gt-b"))
    assert found.waves == (("gt-a", "gt-b"),)
    assert found.outside == {}


def test_an_epic_whose_descendants_are_all_tracked_is_neither_gate_nor_outside() -> None:
    beads = (
        epic("gt-e"),
        epic("gt-f", parent="gt-e"),
        bead("gt-a", parent="gt-f"),
        bead("gt-b", parent="gt-e"),
        bead("gt-z", "gt-e"),
    )
    covered = waves_of(*beads, tracked=("gt-a", "gt-b", "gt-z"))
    assert covered.gates == covered.outside == {}
    partly = waves_of(*beads, tracked=("gt-b", "gt-z"))
    assert partly.gates == partly.outside == {"gt-z": ("gt-e",)}


def test_an_epic_without_children_is_a_gate() -> None:
    found = waves_of(epic("gt-e"), bead("gt-a", "gt-e"), tracked=("gt-a",))
    assert found.gates == found.outside == {"gt-a": ("gt-e",)}


def test_the_critical_path_has_most_beads_then_least_ids() -> None:
    beads = (bead("gt-a"), bead("gt-b"), bead("gt-c", "gt-b"), bead("gt-d", "gt-a"), bead("gt-e", "gt-c"))
    assert waves_of(*beads).critical_path == ("gt-b", "gt-c", "gt-e")
    diamond = (bead("gt-a"), bead("gt-c", "gt-a"), bead("gt-b", "gt-a"), bead("gt-d", "gt-b", "gt-c"))
    assert waves_of(*diamond).critical_path == ("gt-a", "gt-b", "gt-d")
    assert waves_of(bead("gt-b"), bead("gt-a")).critical_path == ("gt-a",)


def test_beads_in_and_behind_a_cycle_are_left_out() -> None:
    beads = (bead("gt-a", "gt-b"), bead("gt-b", "gt-a"), bead("gt-c", "gt-a"), bead("gt-d"), bead("gt-e", "gt-d"))
    found = waves_of(*beads)
    assert found.waves == (("gt-d",), ("gt-e",))
    assert found.in_cycle == {"gt-a", "gt-b", "gt-c"}
    assert found.critical_path == ("gt-d", "gt-e")


def test_a_cycle_of_others_does_not_unplace() -> None:
    beads = (bead("gt-a"), bead("gt-x", "gt-y", "gt-a"), bead("gt-y", "gt-x"), bead("gt-b", "gt-y"))
    found = waves_of(*beads, tracked=("gt-a", "gt-b"))
    assert found.waves == (("gt-a",), ("gt-b",))
    assert found.in_cycle == frozenset()


def test_the_document_of_a_plan_file() -> None:
    beads = (bead("gt-g", type="gate"), bead("gt-a", "gt-g"), bead("gt-b", "gt-a", "gt-x"), bead("gt-x"))
    assert plan_data("hq-cv-1", waves_of(*beads, tracked=("gt-a", "gt-b", "gt-g"))) == {
        "convoy": "hq-cv-1",
        "waves": [["gt-a"], ["gt-b"]],
        "gates": {"gt-a": ["gt-g"]},
        "outside": {"gt-b": ["gt-x"]},
        "critical_path": ["gt-a", "gt-b"],
    }


def test_deep_chains_and_wide_epics_do_not_recurse() -> None:
    count = 3_000
    ids = [f"gt-{number:04d}" for number in range(count)]
    chain = [bead(one, *ids[at - 1 : at] if at else ()) for at, one in enumerate(ids)]
    found = waves_of(*chain)
    assert len(found.waves) == count
    assert found.critical_path == tuple(ids)
    nested = [epic(one, parent=ids[at - 1] if at else None) for at, one in enumerate(ids)]
    deep = waves_of(*nested, bead("gt-last", parent=ids[-1]), bead("gt-after", ids[0]))
    assert deep.waves == (("gt-last",), ("gt-after",))
    waiting = [bead(one, ("waits-for", "gt-e"), parent="gt-e") for one in ids]
    assert len(waves_of(epic("gt-e"), *waiting).in_cycle) == count
