"""Completion of convoys and unreachable beads, sentence by sentence (SPEC 4)."""

from __future__ import annotations

import pytest
from builders import bead, convoy, epic, fact, live, record, state

from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Bead
from gitconvoy.rules import View

FAILED = bead("gt-x", status="closed", outcome="failed")


def completion(*items: Bead | BeadRecord, tracks: tuple[str, ...] = (), **fields: bool) -> str | None:
    """Of a convoy that tracks the given ids, else every bead."""
    ids = tracks or tuple(item.id for item in items if isinstance(item, Bead))
    return View(state(*items, convoy("hq-cv-1", *ids, **fields))).completion("hq-cv-1")


def unreachable(*items: Bead | BeadRecord) -> dict[str, tuple[str, ...]]:
    return dict(View(state(*items)).unreachable())


@pytest.mark.parametrize("outcome", ["done", "skipped", "cancelled", "duplicate"])
def test_done_when_each_bead_is_closed(outcome: str) -> None:
    assert completion(bead("gt-a", status="closed", outcome=outcome), bead("gt-b"), fact("gt-b")) == "done"
    assert completion(bead("gt-a", status="closed", outcome=outcome), bead("gt-b")) is None


def test_partial_when_any_is_failed_or_unreachable() -> None:
    assert completion(FAILED, bead("gt-a", status="closed")) == "partial"
    assert completion(FAILED, bead("gt-a", "gt-x"), bead("gt-b", "gt-a")) == "partial"
    assert completion(FAILED, bead("gt-a", "gt-x"), bead("gt-b")) is None
    assert completion(FAILED, bead("gt-a", "gt-x"), tracks=("gt-a",)) == "partial"


def test_an_empty_convoy_never_completes() -> None:
    view = View(state(convoy("hq-cv-1")))
    assert view.completion("hq-cv-1") is None
    assert view.completion("hq-cv-none") is None
    assert view.progress("hq-cv-1") == view.progress("hq-cv-none") == (0, 0)


def test_missing_and_unreadable_beads_never_end() -> None:
    ended = bead("gt-a", status="closed")
    assert completion(ended, tracks=("gt-a", "gt-none")) is None
    frozen = state(ended, convoy("hq-cv-1", "gt-a", "gt-bad"), broken=["gt-bad"])
    assert View(frozen).completion("hq-cv-1") is None


def test_tombstones_and_archived_beads_have_ended() -> None:
    gone = (bead("gt-a", tombstone=True), bead("gt-b", archived=True, status="closed"))
    assert completion(*gone) == "done"


def test_an_exhausted_bead_keeps_its_convoy_incomplete() -> None:
    assert completion(bead("gt-a"), record("gt-a", failures=3), mountain=False) is None
    assert completion(bead("gt-a"), fact("gt-a", "failed", failures=3), mountain=True) == "partial"


def test_an_open_epic_whose_children_are_closed_counts_as_closed() -> None:
    view = View(state(epic("gt-e"), bead("gt-a", parent="gt-e", status="closed"), convoy("hq-cv-1", "gt-e", "gt-a")))
    assert view.completion("hq-cv-1") == "done"
    assert view.progress("hq-cv-1") == (2, 2)


def test_unreachable_is_transitive_over_blocks_and_merge_blocks() -> None:
    found = unreachable(
        FAILED,
        bead("gt-a", "gt-x"),
        bead("gt-b", ("merge-blocks", "gt-a")),
        bead("gt-c", ("waits-for", "gt-b")),
        bead("gt-d", ("conditional-blocks", "gt-x")),
        bead("gt-e", ("related", "gt-x")),
        bead("gt-f", "gt-a", status="closed"),
        bead("gt-g", "gt-f"),
    )
    assert found == {"gt-a": ("gt-x",), "gt-b": ("gt-x",)}


def test_unreachable_over_inherited_links() -> None:
    beads = (FAILED, epic("gt-e", "gt-x"), epic("gt-f", parent="gt-e"), bead("gt-a", parent="gt-f"))
    assert set(unreachable(*beads)) == {"gt-e", "gt-f", "gt-a"}
    below = (epic("gt-e", "gt-y"), bead("gt-y", parent="gt-e", status="closed", outcome="failed"))
    assert set(unreachable(*below, bead("gt-a", parent="gt-e"))) == {"gt-e"}


def test_behind_an_epic_none_of_whose_remaining_children_can_close() -> None:
    beads = (
        FAILED,
        epic("gt-e"),
        bead("gt-c1", parent="gt-e", status="closed"),
        bead("gt-c2", "gt-x", parent="gt-e"),
        bead("gt-a", "gt-e"),
        bead("gt-w", ("waits-for", "gt-e")),
        bead("gt-w1", ("waits-for", "gt-e", "any-children")),
    )
    assert set(unreachable(*beads)) == {"gt-a", "gt-c2", "gt-e", "gt-w"}
    assert set(unreachable(*beads, bead("gt-c3", parent="gt-e"))) == {"gt-c2"}


def test_a_failed_child_is_closed_and_lets_its_epic_close() -> None:
    child = bead("gt-c", parent="gt-e", status="closed", outcome="failed")
    assert unreachable(epic("gt-e"), child, bead("gt-a", "gt-e")) == {}


def test_what_runs_already_may_still_close() -> None:
    assert unreachable(FAILED, bead("gt-a", "gt-x"), live("gt-a"), bead("gt-b", "gt-a")) == {}
    assert completion(FAILED, bead("gt-a", "gt-x"), live("gt-a")) is None


def test_chains_of_epics_do_not_recurse() -> None:
    count = 3_000
    ids = [f"gt-{number:04d}" for number in range(count)]
    nested = [epic(one, parent=ids[at - 1] if at else None) for at, one in enumerate(ids)]
    found = unreachable(FAILED, *nested, bead("gt-last", "gt-x", parent=ids[-1]), bead("gt-after", ids[0]))
    assert len(found) == count + 2
    assert set(found.values()) == {("gt-x",)}
