"""SPEC 3.3: which way a convoy may go."""

from __future__ import annotations

import pytest
from builders import bead, convoy, ledger, plan, record

from gitconvoy.checks.transitions import check_merge_transitions, check_transitions, legal
from gitconvoy.model.ledger import ConvoyRecord, Ledger
from gitconvoy.model.plan import Plan

STATES = ("none", "staged_ready", "staged_warnings", "open", "closed")
# rows: from, columns: to, in the order of STATES; "d" is legal only while nothing was dispatched
TABLE = {
    "none": "yyyyn",
    "staged_ready": "yyyyy",
    "staged_warnings": "yyyyy",
    "open": "nddyy",
    "closed": "ynnyy",
}


def plan_with(status: str, **fields: object) -> Plan:
    tracked = bead("gt-aaaaa")
    return plan(tracked) if status == "none" else plan(tracked, convoy("hq-cv-1", "gt-aaaaa", status=status, **fields))


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
@pytest.mark.parametrize("dispatched", [False, True])
def test_the_table(old: str, new: str, dispatched: bool) -> None:
    verdict = TABLE[old][STATES.index(new)]
    expected = verdict == "y" or (verdict == "d" and not dispatched)
    known = ledger(record("gt-aaaaa", convoy="hq-cv-1", attempt=int(dispatched)))
    found = check_transitions(plan_with(old), plan_with(new), known)
    assert legal(old, new, dispatched) is expected
    assert [problem.ids for problem in found] == ([] if expected else [("hq-cv-1",)])
    assert all(problem.code == "convoy-transition" and problem.message and problem.hint for problem in found)


def test_the_position_is_the_status_of_the_convoys_file() -> None:
    (problem,) = check_transitions(plan_with("closed"), plan_with("staged_ready"), Ledger())
    assert (problem.path, problem.at) == (".convoy/convoys/hq-cv-1.yaml", ("status",))


def test_a_launch_known_to_the_ledger_only_counts() -> None:
    launched = ledger(ConvoyRecord("hq-cv-1", status="open", file_status="staged_ready"))
    assert not check_transitions(plan_with("staged_ready"), plan_with("staged_warnings"), launched)
    (problem,) = check_transitions(plan_with("staged_ready"), plan_with("none"), launched)
    assert "is open and cannot be deleted" in problem.message


def test_a_convoy_that_the_ledger_closed_may_not_go_back_to_staged_by_file() -> None:
    ended = ledger(ConvoyRecord("hq-cv-1", status="closed", file_status="open"))
    assert len(check_transitions(plan_with("open"), plan_with("staged_ready"), ended)) == 1
    assert not check_transitions(plan_with("open"), plan_with("closed"), ended)


def test_dispatches_of_another_convoy_do_not_count() -> None:
    other = ledger(record("gt-aaaaa", convoy="hq-cv-2", attempt=1))
    assert not check_transitions(plan_with("open"), plan_with("staged_ready"), other)


def test_the_message_names_the_beads_that_were_dispatched() -> None:
    known = ledger(*(record(f"gt-{n}", convoy="hq-cv-1", attempt=1) for n in range(5)))
    (problem,) = check_transitions(plan_with("open"), plan_with("staged_ready"), known)
    assert "gt-0, gt-1, gt-2, ..." in problem.message


def test_bead_statuses_are_free() -> None:
    old, new = plan(bead("gt-aaaaa", status="closed")), plan(bead("gt-aaaaa", status="pinned"))
    assert not check_transitions(old, new, Ledger())


def test_unreadable_files_are_not_compared() -> None:
    broken = plan(bead("gt-aaaaa"), broken=["hq-cv-1"])
    assert not check_transitions(plan_with("open"), broken, Ledger())
    assert not check_transitions(broken, plan_with("closed"), Ledger())


def test_an_imported_convoy_may_begin_closed() -> None:
    imported = plan_with("closed", data={"x-beads": {"status": "closed"}})
    assert not check_transitions(plan_with("none"), imported, Ledger())


def test_a_merge_that_takes_a_launch_back_is_refused_although_a_branch_said_so() -> None:
    known = ledger(record("gt-aaaaa", convoy="hq-cv-1", attempt=1))
    trunk, topic = plan_with("open"), plan_with("staged_ready")
    assert len(check_merge_transitions([trunk, topic], topic, known)) == 1
    assert not check_merge_transitions([trunk, topic], trunk, known)


def test_a_merge_brings_a_convoy_that_was_made_and_closed_on_the_other_side() -> None:
    sides = [plan_with("none"), plan_with("closed")]
    assert not check_merge_transitions(sides, sides[1], Ledger())
    assert not check_merge_transitions(sides[::-1], sides[1], Ledger())


def test_a_convoy_that_no_parent_has_cannot_begin_closed_in_a_merge() -> None:
    assert len(check_merge_transitions([plan_with("none")] * 2, plan_with("closed"), Ledger())) == 1


def test_a_merge_into_the_trunk_may_not_delete_an_open_convoy() -> None:
    trunk, topic = plan_with("open"), plan_with("none")
    assert len(check_merge_transitions([trunk, topic], topic, Ledger(), trunk)) == 1


def test_merging_the_trunk_into_a_branch_is_always_legal() -> None:
    trunk, topic = plan_with("none"), plan_with("open")
    assert len(check_merge_transitions([topic, trunk], trunk, Ledger())) == 1
    assert not check_merge_transitions([topic, trunk], trunk, Ledger(), trunk)


def test_one_problem_for_each_convoy_whatever_the_number_of_parents() -> None:
    parents = [plan_with("closed"), plan_with("closed")]
    assert len(check_merge_transitions(parents, plan_with("staged_ready"), Ledger())) == 1
