"""SPEC 1 "Facts and files": where a person has spoken in the trunk's files, the ledger's facts end for good."""

from __future__ import annotations

from typing import Any

import pytest
from builders import bead, convoy, fact, live, record, state
from drafts import TRUNK, changes, decided, draft

from gitconvoy.engine.catchup import catch_up
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.trunk import Step, whole
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord

CONVOY = "hq-cv-1"


def bead_said(known: BeadRecord, *statuses: str) -> Draft:
    """What follows when the bead's file says these statuses, one commit after the other."""
    made = draft(state(bead("gt-a", status=statuses[-1]), convoy(CONVOY, "gt-a"), known))
    catch_up(made, [Step(f"{number:040}", {"gt-a": said}) for number, said in enumerate(statuses)])
    return made


def convoy_said(known: ConvoyRecord, *statuses: str, dispatched: bool = False, first: str | None = None) -> Draft:
    """The same for a convoy's file; `first` is what it said before the first of these commits."""
    records = [record("gt-a", convoy=CONVOY, attempt=1)] if dispatched else []
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", status=statuses[-1]), known, *records))
    steps, before = [], first
    for number, said in enumerate(statuses):
        earlier = {CONVOY: before} if before is not None else {}
        steps.append(Step(f"{number:040}", {}, {CONVOY: said}, earlier))
        before = said
    catch_up(made, steps)
    return made


@pytest.mark.parametrize(
    ("known", "said", "expected"),
    [
        # a fact holds while the file says what it said when the fact was written
        (fact("gt-a", file_status="open"), "open", []),
        (fact("gt-a", "failed", "blocked"), "blocked", []),
        # the status left file_status: a person has spoken
        (fact("gt-a", file_status="open"), "closed", ["done gt-a"]),
        (fact("gt-a", file_status="open"), "blocked", ["reopen gt-a"]),
        (fact("gt-a", file_status="blocked"), "open", ["reopen gt-a"]),
        (fact("gt-a", file_status="open"), "in_progress", ["reopen gt-a"]),
        # status category done ends a live attempt, nothing else does
        (live("gt-a"), "closed", ["done gt-a"]),
        (live("gt-a", submitted="c" * 40), "closed", ["merged gt-a"]),
        (live("gt-a"), "in_progress", []),
        (live("gt-a"), "blocked", []),
        (live("gt-a"), "open", []),
        # records without a fact and without an attempt have nothing to end
        (record("gt-a", failures=2, attempt=2), "closed", []),
        (record("gt-a", failures=2, attempt=2), "open", []),
    ],
)
def test_beads(known: BeadRecord, said: str, expected: list[str]) -> None:
    assert decided(bead_said(known, said)) == expected


def test_each_commit_between_two_looks_counts() -> None:
    assert decided(bead_said(live("gt-a"), "closed", "open")) == ["done gt-a"]
    assert decided(bead_said(fact("gt-a"), "blocked", "open")) == ["reopen gt-a"]
    assert decided(bead_said(fact("gt-a"), "closed", "open")) == ["done gt-a"]


def test_a_fact_that_ended_is_gone_for_good() -> None:
    made = bead_said(fact("gt-a", "failed"), "blocked", "open", "blocked", "open")
    assert decided(made) == ["reopen gt-a"]
    assert made.record("gt-a").status is None
    assert made.record("gt-a").file_status is None


@pytest.mark.parametrize("said", ["closed", "blocked"])
def test_an_edit_voids_no_count(said: str) -> None:
    after = bead_said(fact("gt-a", "failed", attempt=3, failures=3, merged_as="d" * 40), said).record("gt-a")
    assert (after.attempt, after.failures, after.merged_as) == (3, 3, "d" * 40)


def test_the_trunk_commit_is_the_cause_and_the_merge() -> None:
    made = bead_said(live("gt-a", submitted="c" * 40, attempt=2), "closed")
    event = made.events[0]
    assert (event.cause, event.trunk, event.attempt) == ("0" * 40, TRUNK, 2)
    assert made.record("gt-a").merged_as == "0" * 40
    assert not made.record("gt-a").live
    assert made.cause == "command"


def test_an_archived_file_speaks_too() -> None:
    made = draft(state(bead("gt-a", status="closed", archived=True), fact("gt-a", file_status="open")))
    catch_up(made, [whole(TRUNK, made.state.plan)])
    assert decided(made) == ["done gt-a"]


def test_own_statuses_of_category_done_close() -> None:
    from builders import config

    settings = config(statuses={"open": "active", "shipped": "done"})
    made = draft(state(bead("gt-a", status="shipped"), live("gt-a"), config=settings))
    catch_up(made, [whole(TRUNK, made.state.plan)])
    assert decided(made) == ["done gt-a"]


OPENED = ConvoyRecord(CONVOY, status="open", file_status="staged_ready", launched_at=5)
COMPLETED = ConvoyRecord(CONVOY, status="closed", file_status="staged_ready", launched_at=5, completed_at=9)


@pytest.mark.parametrize(
    ("known", "said", "dispatched", "expected"),
    [
        # staged_ready and staged_warnings count as the same
        (OPENED, "staged_ready", True, []),
        (OPENED, "staged_warnings", True, []),
        # a person confirms the launch in the file: the anchor moves, nothing else
        (OPENED, "open", True, ["launch hq-cv-1"]),
        (OPENED, "closed", True, ["close hq-cv-1"]),
        (COMPLETED, "closed", True, ["close hq-cv-1"]),
        (COMPLETED, "open", True, ["reopen hq-cv-1"]),
        (COMPLETED, "staged_warnings", True, []),
        # a person opens a convoy in its file: launch; later on: reopen
        (ConvoyRecord(CONVOY), "open", False, ["launch hq-cv-1"]),
        (ConvoyRecord(CONVOY, launched_at=5), "open", False, ["reopen hq-cv-1"]),
        (ConvoyRecord(CONVOY), "staged_ready", False, []),
        (ConvoyRecord(CONVOY), "closed", False, []),
    ],
)
def test_convoys(known: ConvoyRecord, said: str, dispatched: bool, expected: list[str]) -> None:
    assert decided(convoy_said(known, said, dispatched=dispatched)) == expected


def test_confirming_a_launch_keeps_its_time() -> None:
    made = convoy_said(OPENED, "open")
    assert changes(made) == {"file_status": "open"}
    assert made.convoy_record(CONVOY).launched_at == 5


def test_closing_in_the_file_ends_the_fact() -> None:
    made = convoy_said(COMPLETED, "closed")
    after = made.convoy_record(CONVOY)
    assert (after.status, after.file_status, after.completed_at) == (None, None, None)
    assert made.view.convoy_status(CONVOY) == "closed"


def test_back_to_staged_is_legal_until_something_was_dispatched() -> None:
    open_in_file = ConvoyRecord(CONVOY, status="open", file_status="open", launched_at=5)
    made = convoy_said(open_in_file, "staged_ready")
    assert decided(made) == ["reopen hq-cv-1"]
    assert made.view.convoy_status(CONVOY) == "staged_ready"


@pytest.mark.parametrize("known", [ConvoyRecord(CONVOY, status="open", file_status="open", launched_at=5)])
def test_an_illegal_transition_freezes_the_convoy(known: ConvoyRecord) -> None:
    made = convoy_said(known, "staged_ready", dispatched=True)
    assert decided(made) == ["pause hq-cv-1"]
    assert "no convoy may" in made.events[0].reason
    assert made.view.convoy_paused(CONVOY)
    assert made.view.convoy_status(CONVOY) == "open"
    assert decided(convoy_said(made.convoy_record(CONVOY), "staged_ready", dispatched=True)) == [], "told once"
    assert decided(convoy_said(made.convoy_record(CONVOY), "open", dispatched=True)) == ["launch hq-cv-1"]


@pytest.mark.parametrize(
    ("before", "dispatched", "frozen"), [("closed", False, True), ("open", True, True), ("open", False, False)]
)
def test_an_illegal_transition_between_files_alone(before: str, dispatched: bool, frozen: bool) -> None:
    made = convoy_said(ConvoyRecord(CONVOY, launched_at=5), "staged_ready", dispatched=dispatched, first=before)
    assert decided(made) == (["pause hq-cv-1"] if frozen else [])
    assert made.view.convoy_paused(CONVOY) is frozen


def test_closed_by_the_ledger_and_staged_in_the_file_is_illegal() -> None:
    known = ConvoyRecord(CONVOY, status="closed", file_status="open", launched_at=5, completed_at=9)
    made = convoy_said(known, "staged_ready", dispatched=True)
    assert decided(made) == ["pause hq-cv-1"]
    assert made.view.convoy_status(CONVOY) == "closed"


def test_only_the_last_word_launches() -> None:
    assert decided(convoy_said(ConvoyRecord(CONVOY), "open", "staged_ready", first="staged_ready")) == []
    assert decided(convoy_said(ConvoyRecord(CONVOY), "open", "closed", first="staged_ready")) == []
    assert decided(convoy_said(ConvoyRecord(CONVOY), "open", "open", first="staged_ready")) == ["launch hq-cv-1"]


def test_a_convoy_without_a_file_is_left_alone() -> None:
    made = draft(state(bead("gt-a")))
    catch_up(made, [Step("0" * 40, {}, {CONVOY: "open"})])
    assert decided(made) == []


def test_nothing_new_decides_nothing() -> None:
    known: list[Any] = [
        live("gt-a"),
        fact("gt-b"),
        ConvoyRecord(CONVOY, status="open", file_status="open", launched_at=5),
    ]
    made = draft(state(bead("gt-a"), bead("gt-b"), convoy(CONVOY, "gt-a", "gt-b"), *known))
    catch_up(made, [whole(TRUNK, made.state.plan)])
    assert decided(made) == []
    assert not made.news
