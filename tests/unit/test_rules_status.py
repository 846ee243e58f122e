"""Effective status of beads and convoys, sentence by sentence (SPEC 1, 3.3, 4)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import bead, config, convoy, epic, fact, live, record, state

from gitconvoy.model.ledger import BeadRecord, ConvoyRecord
from gitconvoy.model.plan import STATUSES, Bead
from gitconvoy.rules import Effective, View

DONE = ("closed", "done")


def status_of(bead_id: str, *items: Bead | BeadRecord, **fields: Any) -> Effective:
    return View(state(*items, **fields)).effective(bead_id)


@pytest.mark.parametrize(("status", "category"), STATUSES.items())
def test_the_files_status_counts_where_nothing_else_does(status: str, category: str) -> None:
    outcome = "done" if status == "closed" else None
    assert status_of("gt-a", bead("gt-a", status=status)) == Effective(status, category, outcome, "file")


def test_statuses_of_the_config_have_their_category() -> None:
    own = config(statuses={**STATUSES, "shipped": "done", "todo": "active"})
    assert status_of("gt-a", bead("gt-a", status="shipped"), config=own) == Effective(*DONE, "done", "file")
    assert status_of("gt-a", bead("gt-a", status="todo"), config=own) == Effective("todo", "active", None, "file")
    assert status_of("gt-a", bead("gt-a", status="odd"), config=own) == Effective("odd", "frozen", None, "file")


def test_the_ledgers_outcome_counts_while_the_file_says_what_it_said() -> None:
    assert status_of("gt-a", bead("gt-a"), fact("gt-a", "failed")) == Effective(*DONE, "failed", "ledger")
    moved = status_of("gt-a", bead("gt-a", status="blocked"), fact("gt-a", "failed", file_status="open"))
    assert moved == Effective("blocked", "frozen", None, "file")
    by_hand = status_of("gt-a", bead("gt-a", status="closed", outcome="skipped"), fact("gt-a", "failed"))
    assert by_hand == Effective(*DONE, "skipped", "file")
    same = status_of("gt-a", bead("gt-a", status="closed"), fact("gt-a", "failed", file_status="closed"))
    assert same == Effective(*DONE, "failed", "ledger")


def test_a_live_attempt_is_in_progress_whatever_the_file_says_short_of_closed() -> None:
    for status in ("open", "blocked", "hooked"):
        assert status_of("gt-a", bead("gt-a", status=status), live("gt-a")).source == "attempt"
    assert status_of("gt-a", bead("gt-a"), live("gt-a")) == Effective("in_progress", "wip", None, "attempt")
    assert status_of("gt-a", bead("gt-a", status="closed"), live("gt-a")).closed


def test_ids_without_a_bead_are_never_closed() -> None:
    assert status_of("gt-a") == Effective("missing", "frozen", None, "missing")
    assert status_of("gt-a", fact("gt-a")) == Effective("missing", "frozen", None, "missing")
    unreadable = Effective("unreadable", "frozen", None, "unreadable")
    assert status_of("gt-a", broken=["gt-a"]) == unreadable
    assert status_of("gt-a", bead("gt-a", status="closed"), broken=["gt-a"]) == unreadable


def test_archived_beads_keep_their_status_and_tombstones_count_as_cancelled() -> None:
    assert status_of("gt-a", bead("gt-a", archived=True)) == Effective("open", "active", None, "file")
    assert status_of("gt-a", bead("gt-a", archived=True, status="closed")).outcome == "done"
    gone = bead("gt-a", tombstone=True, status="open")
    assert status_of("gt-a", gone) == Effective(*DONE, "cancelled", "tombstone")


def test_an_epic_closes_with_its_last_child() -> None:
    beads = (epic("gt-e"), bead("gt-a", parent="gt-e", status="closed", outcome="failed"))
    assert status_of("gt-e", *beads) == Effective(*DONE, "done", "epic")
    assert status_of("gt-e", *beads, bead("gt-b", parent="gt-e")).status == "open"
    assert status_of("gt-e", *beads, bead("gt-b", parent="gt-e"), fact("gt-b")).source == "epic"
    assert status_of("gt-e", *beads, config=config(auto_close_epics=False)).status == "open"


def test_only_an_open_epic_with_children_closes_by_itself() -> None:
    child = bead("gt-a", parent="gt-e", status="closed")
    assert status_of("gt-e", epic("gt-e")).status == "open"
    assert status_of("gt-e", epic("gt-e", status="blocked"), child).status == "blocked"
    assert status_of("gt-e", bead("gt-e", type="milestone"), child).status == "open"
    assert status_of("gt-e", epic("gt-e"), bead("gt-t", parent="gt-e", tombstone=True)).status == "open"


def test_an_epic_waits_for_its_own_links_but_not_for_inherited_ones() -> None:
    beads = (epic("gt-e", "gt-x"), bead("gt-a", parent="gt-e", status="closed"))
    assert status_of("gt-e", *beads, bead("gt-x")).status == "open"
    assert status_of("gt-e", *beads, bead("gt-x", status="closed")).source == "epic"
    above = (epic("gt-p", "gt-x"), epic("gt-e", parent="gt-p"), beads[1], bead("gt-x"))
    assert status_of("gt-e", *above).source == "epic"
    assert status_of("gt-p", *above).status == "open"


def test_epics_close_in_chains() -> None:
    beads = (
        epic("gt-e1"),
        epic("gt-e2", parent="gt-e1"),
        bead("gt-a", parent="gt-e2", status="closed"),
        epic("gt-f", "gt-e1", ("waits-for", "gt-e1"), ("merge-blocks", "gt-e2")),
        bead("gt-b", parent="gt-f", status="closed"),
        epic("gt-g", ("waits-for", "gt-e1", "any-children")),
        bead("gt-c", parent="gt-g", status="closed"),
    )
    assert [status_of(one, *beads).source for one in ("gt-e1", "gt-f", "gt-g")] == ["epic"] * 3


def test_epics_that_wait_for_each_other_stay_open() -> None:
    beads = (
        epic("gt-e", "gt-f"),
        bead("gt-a", parent="gt-e", status="closed"),
        epic("gt-f", "gt-e"),
        bead("gt-b", parent="gt-f", status="closed"),
    )
    assert {status_of(one, *beads).status for one in ("gt-e", "gt-f")} == {"open"}


def test_a_cycle_of_parents_freezes_its_beads() -> None:
    beads = (epic("gt-e", parent="gt-f"), epic("gt-f", parent="gt-e", status="closed"), bead("gt-x"))
    assert status_of("gt-e", *beads).status == "open"
    own = bead("gt-a", ("conditional-blocks", "gt-x"), parent="gt-a")
    assert status_of("gt-a", own, bead("gt-x", status="closed")).status == "open"
    assert not View(state(*beads, own)).is_ready("gt-a", waive=frozenset({"tracked", "links"}))


def test_moot_beads_are_skipped() -> None:
    follower = bead("gt-a", ("conditional-blocks", "gt-x"))
    assert status_of("gt-a", follower, bead("gt-x")).status == "open"
    assert status_of("gt-a", follower, bead("gt-x", status="closed")) == Effective(*DONE, "skipped", "moot")
    assert status_of("gt-a", follower, bead("gt-x", status="closed", outcome="failed")).status == "open"
    assert status_of("gt-a", follower, bead("gt-x", tombstone=True)).source == "moot"
    assert status_of("gt-a", follower, bead("gt-x", status="closed"), live("gt-a")).source == "moot"


def test_moot_is_only_an_open_bead_of_nobody_by_a_link_of_its_own() -> None:
    ended = bead("gt-x", status="closed")
    links = ("conditional-blocks", "gt-x")
    assert status_of("gt-a", bead("gt-a", links, assignee="nux"), ended).status == "open"
    assert status_of("gt-a", bead("gt-a", links, status="in_progress"), ended).status == "in_progress"
    assert status_of("gt-a", epic("gt-e", links), bead("gt-a", parent="gt-e"), ended).status == "open"


def test_what_is_moot_lets_others_pass() -> None:
    beads = (bead("gt-a", ("conditional-blocks", "gt-x")), bead("gt-x", status="closed"), bead("gt-b", "gt-a"))
    assert View(state(*beads)).passes("gt-b")


def test_many_children_and_waiting_epics_are_counted_not_searched() -> None:
    count = 2_000
    children = [bead(f"gt-{number:04d}", parent="gt-e", status="closed") for number in range(count)]
    waiting = [epic(f"gt-w{number:04d}", ("waits-for", "gt-e")) for number in range(count)]
    theirs = [bead(f"gt-x{number:04d}", parent=f"gt-w{number:04d}", status="closed") for number in range(count)]
    view = View(state(epic("gt-e"), *children, *waiting, *theirs))
    assert {view.effective(one.id).source for one in waiting} == {"epic"}


# Convoys


def convoy_status(file_status: str, row: ConvoyRecord | None = None) -> str:
    view = View(state(convoy("hq-cv-1", status=file_status), *([row] if row else [])))
    return view.convoy_status("hq-cv-1")


def test_a_convoys_record_counts_while_the_file_says_what_it_said() -> None:
    assert convoy_status("open") == "open"
    assert convoy_status("open", ConvoyRecord("hq-cv-1", "closed", file_status="open")) == "closed"
    assert convoy_status("closed", ConvoyRecord("hq-cv-1", "open", file_status="open")) == "closed"
    assert convoy_status("open", ConvoyRecord("hq-cv-1", paused=True, file_status="open")) == "open"


def test_both_kinds_of_staged_count_as_the_same() -> None:
    launched = ConvoyRecord("hq-cv-1", "open", file_status="staged_ready")
    assert convoy_status("staged_warnings", launched) == "open"
    assert convoy_status("staged_ready", launched) == "open"
    assert convoy_status("closed", launched) == "closed"


def test_a_convoy_without_a_file_is_not_open() -> None:
    view = View(state(ConvoyRecord("hq-cv-1", "open", file_status="open"), broken=["hq-cv-2"]))
    assert view.convoy_status("hq-cv-1") == "missing"
    assert view.convoy_status("hq-cv-2") == "unreadable"
    assert not view.convoy_paused("hq-cv-1")


def test_a_convoy_is_paused_by_its_file_or_by_the_ledger() -> None:
    view = View(
        state(
            convoy("hq-cv-1", paused=True),
            convoy("hq-cv-2"),
            ConvoyRecord("hq-cv-2", paused=True),
            convoy("hq-cv-3"),
        )
    )
    assert [view.convoy_paused(f"hq-cv-{number}") for number in (1, 2, 3)] == [True, True, False]


def test_tracking_lists_convoys_that_are_not_closed() -> None:
    view = View(
        state(
            convoy("hq-cv-3", "gt-a", "gt-b"),
            convoy("hq-cv-2", "gt-a", status="staged_ready"),
            convoy("hq-cv-1", "gt-a", status="closed"),
        )
    )
    assert view.tracking("gt-a") == ("hq-cv-2", "hq-cv-3")
    assert view.open_convoys_of("gt-a") == ("hq-cv-3",)
    assert view.convoy_of("gt-a") is None
    assert view.convoy_of("gt-b") == "hq-cv-3"
    assert view.tracking("gt-none") == ()


def test_exhausted_is_a_bead_that_failed_too_often_and_is_not_closed() -> None:
    view = View(
        state(
            bead("gt-a"),
            record("gt-a", failures=3),
            bead("gt-b"),
            record("gt-b", failures=2),
            bead("gt-c", status="closed"),
            record("gt-c", failures=5),
        )
    )
    assert [view.exhausted(one) for one in ("gt-a", "gt-b", "gt-c", "gt-none")] == [True, False, False, False]
