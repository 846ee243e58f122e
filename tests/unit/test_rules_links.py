"""When blocking links are satisfied (SPEC 4)."""

from __future__ import annotations

import pytest
from builders import LinkSpec, bead, config, epic, live, record, state

from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import OUTCOMES, Bead
from gitconvoy.rules import Blocker, View


def passes(link: LinkSpec, *items: Bead | BeadRecord) -> bool:
    view = View(state(bead("gt-a", link), *items))
    assert view.passes("gt-a") == (not view.blocked_by("gt-a"))
    return view.passes("gt-a")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_blocks_and_conditional_blocks_by_outcome(outcome: str) -> None:
    target = bead("gt-x", status="closed", outcome=outcome)
    assert passes("gt-x", target) == (outcome != "failed")
    assert passes(("merge-blocks", "gt-x"), target) == (outcome != "failed")
    assert passes(("waits-for", "gt-x"), target)
    closed_by_condition = View(state(bead("gt-a", ("conditional-blocks", "gt-x"), assignee="nux"), target))
    assert closed_by_condition.passes("gt-a") == (outcome == "failed")


@pytest.mark.parametrize("kind", ["blocks", "conditional-blocks", "waits-for", "merge-blocks"])
def test_open_missing_and_unreadable_targets_block(kind: str) -> None:
    assert not passes((kind, "gt-x"), bead("gt-x"))
    assert not passes((kind, "gt-x"), bead("gt-x"), live("gt-x"))
    assert not passes((kind, "gt-none"))
    assert not passes((kind, "external:somewhere-1"))
    broken = View(state(bead("gt-a", (kind, "gt-x")), bead("gt-c", parent="gt-x", status="closed"), broken=["gt-x"]))
    assert not broken.passes("gt-a")


@pytest.mark.parametrize(
    "kind", ["related", "relates-to", "discovered-from", "tracks", "duplicates", "supersedes", "x"]
)
def test_other_types_never_block(kind: str) -> None:
    assert passes((kind, "gt-x"), bead("gt-x"))
    assert passes((kind, "gt-none"))


def test_a_tombstone_counts_as_closed_cancelled() -> None:
    gone = bead("gt-x", tombstone=True)
    assert passes("gt-x", gone)
    assert passes(("merge-blocks", "gt-x"), gone)
    assert passes(("waits-for", "gt-x"), gone)


def test_an_archived_target_keeps_its_status() -> None:
    assert passes("gt-x", bead("gt-x", archived=True, status="closed"))
    assert not passes("gt-x", bead("gt-x", archived=True))
    assert not passes("gt-x", bead("gt-x", archived=True, status="closed", outcome="failed"))


def test_waits_for_looks_at_children_not_at_the_target() -> None:
    open_target = bead("gt-t")
    closed = bead("gt-c1", parent="gt-t", status="closed", outcome="failed")
    still = bead("gt-c2", parent="gt-t")
    assert passes(("waits-for", "gt-t"), open_target, closed)
    assert not passes(("waits-for", "gt-t"), open_target, closed, still)
    assert passes(("waits-for", "gt-t", "any-children"), open_target, closed, still)
    assert not passes(("waits-for", "gt-t", "any-children"), open_target, still)
    assert not passes(("waits-for", "gt-t"), bead("gt-t", status="closed"), still)


def test_waits_for_without_children_looks_at_the_target() -> None:
    assert not passes(("waits-for", "gt-t"), epic("gt-t"))
    assert passes(("waits-for", "gt-t", "any-children"), epic("gt-t", status="closed"))


def test_waits_for_leaves_out_the_bead_its_ancestors_and_descendants() -> None:
    beads = (
        epic("gt-e"),
        epic("gt-p", parent="gt-e"),
        bead("gt-a", ("waits-for", "gt-e"), parent="gt-p"),
        bead("gt-s", parent="gt-e", status="closed"),
    )
    assert View(state(*beads)).passes("gt-a")
    only = (epic("gt-e"), bead("gt-a", ("waits-for", "gt-e"), parent="gt-e"))
    assert not View(state(*only)).passes("gt-a")
    assert [one.target for one in View(state(*only)).blocked_by("gt-a")] == ["gt-e"]
    below = (bead("gt-a", ("waits-for", "gt-d")), bead("gt-d", parent="gt-a"), bead("gt-d1", parent="gt-d"))
    assert not View(state(*below)).passes("gt-a")
    assert View(state(*below[:1], bead("gt-d", parent="gt-a", status="closed"), below[2])).passes("gt-a")


def test_merge_blocks_waits_for_the_merge_of_submitted_work() -> None:
    target = bead("gt-x", status="closed")
    link = ("merge-blocks", "gt-x")
    assert passes(link, target, record("gt-x"))
    assert not passes(link, target, record("gt-x", submitted="c0ffee"))
    assert passes(link, target, record("gt-x", submitted="c0ffee", merged_as="cafe"))
    assert passes("gt-x", target, record("gt-x", submitted="c0ffee"))


def test_links_are_inherited_by_descendants() -> None:
    beads = (
        epic("gt-e", "gt-x"),
        epic("gt-f", parent="gt-e"),
        bead("gt-a", parent="gt-f"),
        bead("gt-x"),
    )
    blocked = View(state(*beads)).blocked_by("gt-a")
    assert blocked == (
        Blocker("gt-x", "blocks", "gt-e", "gt-x is not closed (a link of gt-e, which this belongs to)", ("gt-x",)),
    )
    assert View(state(*beads, config=config(inherit_blockers=False))).passes("gt-a")


def test_a_link_to_an_own_descendant_is_not_inherited() -> None:
    beads = (epic("gt-e", "gt-b"), bead("gt-a", parent="gt-e"), bead("gt-b", parent="gt-e"))
    view = View(state(*beads))
    assert view.passes("gt-a")
    assert view.passes("gt-b")
    assert not view.passes("gt-e")


def test_a_closed_parents_link_still_blocks_its_descendants() -> None:
    view = View(state(epic("gt-e", "gt-x", status="closed"), bead("gt-a", parent="gt-e"), bead("gt-x")))
    assert not view.passes("gt-a")


def test_a_child_of_an_open_epic_may_run() -> None:
    assert View(state(epic("gt-e"), bead("gt-a", parent="gt-e"))).passes("gt-a")


def test_links_are_inherited_from_all_of_a_cycle_of_parents() -> None:
    beads = (
        epic("gt-e", "gt-x", parent="gt-f"),
        epic("gt-f", "gt-y", parent="gt-e"),
        bead("gt-a", parent="gt-e"),
        bead("gt-b", parent="gt-f"),
    )
    for open_one, closed_one in (("gt-x", "gt-y"), ("gt-y", "gt-x")):
        view = View(state(*beads, bead(open_one), bead(closed_one, status="closed")))
        assert [view.passes(one) for one in ("gt-a", "gt-b", "gt-a")] == [False] * 3
        assert [one.target for one in view.blocked_by("gt-b")] == [open_one]


def test_messages_say_what_is_wrong() -> None:
    view = View(
        state(
            bead(
                "gt-a",
                "gt-open",
                "gt-failed",
                "gt-none",
                "gt-bad",
                "external:x",
                ("conditional-blocks", "gt-open"),
                ("waits-for", "gt-t"),
                ("waits-for", "gt-u", "any-children"),
                ("waits-for", "gt-open"),
                ("merge-blocks", "gt-m"),
                ("conditional-blocks", "gt-done"),
                assignee="nux",
            ),
            bead("gt-open"),
            bead("gt-failed", status="closed", outcome="failed"),
            bead("gt-done", status="closed"),
            bead("gt-t"),
            bead("gt-c1", parent="gt-t", status="closed"),
            bead("gt-c2", parent="gt-t"),
            bead("gt-u"),
            bead("gt-d1", parent="gt-u"),
            bead("gt-m", status="closed"),
            record("gt-m", submitted="c0ffee"),
            broken=["gt-bad"],
        )
    )
    assert [(one.message, one.ids) for one in view.blocked_by("gt-a")] == [
        ("gt-open is not closed", ("gt-open",)),
        ("gt-failed failed, so this cannot start", ("gt-failed",)),
        ("gt-none does not exist", ("gt-none",)),
        ("the file of gt-bad cannot be read", ("gt-bad",)),
        ("external:x lies outside of this repository, its state is unknown", ("external:x",)),
        ("it runs only if gt-open fails; that is not closed yet", ("gt-open",)),
        ("it waits for all children of gt-t: 1 of 2 are not closed", ("gt-c2",)),
        ("it waits for one of the children of gt-u: 1 of 1 are not closed", ("gt-d1",)),
        ("gt-open is not closed", ("gt-open",)),
        ("gt-m is closed, but its work is not merged yet", ("gt-m",)),
        ("it runs only if gt-done fails; that closed as done", ("gt-done",)),
    ]


def test_deep_inheritance_is_worked_out_once_per_ancestor() -> None:
    count = 3_000
    ids = [f"gt-{number:04d}" for number in range(count)]
    nested = [epic(one, "gt-x", parent=ids[at - 1] if at else None) for at, one in enumerate(ids)]
    view = View(state(*nested, bead("gt-x", status="closed"), bead("gt-a", parent=ids[-1])))
    assert view.ready(all=True) == ("gt-a",)
    assert not View(state(*nested, bead("gt-x"), bead("gt-a", parent=ids[-1]))).passes("gt-a")
