"""Handed-in work as decisions: submitted, merged, given back, forgotten (SPEC 4, 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import bead, config, convoy, live, record, state
from drafts import HERE, TRUNK, changes, decided, draft, local

from gitconvoy.dispatch.handins import Handin
from gitconvoy.engine import facts, requests, settle
from gitconvoy.engine.catchup import catch_up
from gitconvoy.engine.handin.adopt import adopt
from gitconvoy.engine.handin.merging import waiting
from gitconvoy.engine.handin.proofs import Proven, decide, waits_for
from gitconvoy.engine.local import Local
from gitconvoy.engine.trunk import Step
from gitconvoy.engine.wake import next_wake
from gitconvoy.errors import Refused
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Dispatch
from gitconvoy.reports.handed_in import stuck, wait_of
from gitconvoy.rules.view import View

WORK, TIP = "c" * 40, "d" * 40
NOTE = Handin("gt-a", "t", "convoy/gt-a-1", WORK, TRUNK, "all green", ("--force",))


def submitted(**fields: Any) -> BeadRecord:
    given = {"token": "t", "attempt": 1, "machine": HERE, "branch": "convoy/gt-a-1", "submitted": WORK, **fields}
    return live("gt-a", **given)


def conflicting(**fields: Any) -> BeadRecord:
    return record("gt-a", attempt=1, failures=1, submitted=WORK, branch="convoy/gt-a-1", conflict="a.py", **fields)


def known(**fields: Any) -> Local:
    given = {"handins": {"gt-a": NOTE}, "branches": {("gt-a", "convoy/gt-a-1"): WORK}, **fields}
    return local(**given)


def test_a_note_becomes_the_event() -> None:
    made = draft(state(bead("gt-a"), submitted(submitted=None)), known())
    adopt(made)
    adopt(made)
    assert decided(made) == ["submit gt-a"]
    assert changes(made) == {"submitted": WORK, "branch": "convoy/gt-a-1", "base": TRUNK}
    assert (made.events[0].reason, made.events[0].force) == ("all green", ("--force",))
    assert made.record("gt-a").live
    assert not made.record("gt-a").in_flight


@pytest.mark.parametrize(
    ("attempt", "here"),
    [
        (submitted(submitted=None, token="other"), known()),
        (submitted(submitted=None), known(branches={("gt-a", "convoy/gt-a-1"): TIP})),
        (submitted(submitted=None), known(branches={})),
        (record("gt-a", attempt=1), known()),
    ],
)
def test_other_notes_become_nothing(attempt: BeadRecord, here: Local) -> None:
    made = draft(state(bead("gt-a"), attempt), here)
    adopt(made)
    assert decided(made) == []


def test_a_machine_that_got_another_name_goes_on_with_its_notes() -> None:
    before = submitted(submitted=None, machine="its-old-name", convoy="hq-cv-1")
    made = draft(state(bead("gt-a"), convoy("hq-cv-1", "gt-a", merge="direct"), before), known())
    adopt(made)
    assert decided(made) == ["submit gt-a"]
    assert [record.id for record in waiting(made.state, made.local)] == ["gt-a"]
    assert "the next scan merges" in wait_of(made.state.plan, made.local, made.record("gt-a")).reason
    assert waiting(made.state, replace(made.local, handins={})) == [], "that is up to the other machine"


def test_it_neither_expires_nor_counts_and_is_not_dispatched() -> None:
    made = draft(state(bead("gt-a"), convoy("hq-cv-1", "gt-a"), submitted(via="start", since=1)), known())
    settle.settle(made)
    assert decided(made) == []


@pytest.mark.parametrize("kind", ["live", "conflict"])
def test_the_trunks_file_ends_it_as_merged(kind: str) -> None:
    before = submitted() if kind == "live" else conflicting()
    made = draft(state(bead("gt-a", status="closed"), before))
    catch_up(made, [Step(TIP, {"gt-a": "closed"})])
    catch_up(made, [Step(TIP, {"gt-a": "closed"})])
    assert decided(made) == ["merged gt-a"]
    after = made.record("gt-a")
    assert (after.merged_as, after.submitted, after.conflict, after.status) == (TIP, None, None, None)


@pytest.mark.parametrize(("said", "status"), [("open", "closed"), ("closed", None)])
def test_a_proof_closes_it_where_the_file_does_not(said: str, status: str | None) -> None:
    made = draft(state(bead("gt-a", status=said), submitted()))
    proof = Proven("gt-a", WORK, TIP, "the same patch is in main")
    decide(made, [proof, proof])
    assert decided(made) == ["merged gt-a"]
    after = made.record("gt-a")
    assert (after.merged_as, after.status, after.live) == (TIP, status, False)
    assert made.view.effective("gt-a").closed


def test_a_proof_of_something_older_is_none() -> None:
    made = draft(state(bead("gt-a"), submitted()))
    decide(made, [Proven("gt-a", TIP, TIP, "")])
    assert decided(made) == []


def test_given_back_it_waits_for_a_person() -> None:
    made = draft(
        state(
            bead("gt-a"),
            convoy("hq-cv-1", "gt-a", mountain=True),
            submitted(),
            config=config(dispatch=Dispatch(max_attempts=1)),
        )
    )
    facts.given_back(made, "gt-a", "conflicts in a.py,\nb.py")
    settle.settle(made)
    assert decided(made) == ["fail gt-a"], "not failed for good, and not dispatched"
    after = made.record("gt-a")
    assert (after.live, after.failures, after.submitted, after.handed_in) == (False, 1, WORK, True)
    assert after.conflict == "conflicts in a.py, b.py"
    verdict = next(verdict for verdict in made.view.verdicts("gt-a") if verdict.rule == "attempts")
    assert not verdict.ok
    assert "a.py" in verdict.message
    assert stuck(made.view, made.local) == [{"bead": "gt-a", "reason": "conflicts in a.py, b.py"}]
    requests.retry(made, "gt-a")
    after = made.record("gt-a")
    assert (after.failures, after.submitted, after.conflict) == (0, None, None)
    settle.settle(made)
    assert decided(made)[1:] == ["retry gt-a", "dispatch gt-a"]


def test_more_attempts_in_the_settings_do_not_take_it_from_the_person() -> None:
    made = draft(
        state(bead("gt-a"), convoy("hq-cv-1", "gt-a"), conflicting(), config=config(dispatch=Dispatch(max_attempts=9)))
    )
    settle.settle(made)
    assert decided(made) == []
    with pytest.raises(Refused) as refused:
        requests.sling(made, ["gt-a"], None, force=True)
    assert refused.value.code == "attempts"


def test_what_it_waits_for() -> None:
    assert waits_for(state(bead("gt-a"), submitted()), known()) == {"gt-a": "main"}
    assert waits_for(state(bead("gt-a"), conflicting()), known()) == {"gt-a": "main"}
    assert waits_for(state(bead("gt-a"), submitted(submitted=None)), known()) == {}


def noted(**fields: Any) -> Local:
    """This machine with a note about gt-a."""
    return known(handins={"gt-a": replace(NOTE, **fields)})


@pytest.mark.parametrize(
    ("here", "strategy", "words", "halted"),
    [
        (known(), "mr", "waits for convoy/gt-a-1 to be merged into main", False),
        (known(), "direct", "the next scan merges convoy/gt-a-1 into main", False),
        (known(branches={}), "mr", "convoy/gt-a-1 is gone", True),
        (noted(waits="a lock", tries=1), "direct", "a lock; it is tried again", False),
        (noted(waits="a rebase", place="/there", tries=2), "direct", "a rebase in /there; it is tried again", True),
        (noted(complaint="exit code 3"), "mr", "exit code 3", False),
        (noted(token="other", waits="no"), "mr", "to be merged", False),
    ],
)  # fmt: skip
def test_where_it_waits_in_words(here: Local, strategy: str, words: str, halted: bool) -> None:
    made = state(bead("gt-a"), convoy("hq-cv-1", "gt-a", merge=strategy), submitted(convoy="hq-cv-1"))
    wait = wait_of(made.plan, here, made.ledger.bead("gt-a"))
    assert words in wait.reason
    assert (wait.base, wait.strategy, wait.stuck) == ("main", strategy, halted)
    assert bool(stuck(View(made), here)) is halted


def test_what_is_in_the_way_is_looked_at_again_after_a_while() -> None:
    made = state(bead("gt-a"), submitted())
    first = replace(NOTE, **NOTE.waiting("a rebase", made.now))
    second = replace(first, **first.waiting("a rebase", made.now))
    assert (first.retry_at, second.retry_at) == (made.now + 60, made.now + 120)
    assert next_wake(View(made), known(handins={"gt-a": first})) == made.now + 60
    assert next_wake(View(state(bead("gt-a"), record("gt-a"))), known(handins={"gt-a": first})) is None
