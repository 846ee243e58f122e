"""The breaker of a rig: pure decisions over counted failures to start (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders import bead, convoy, state
from drafts import HERE, decided, draft, local

from gitconvoy.dispatch import breaker
from gitconvoy.dispatch.breaker import REST, Breaker
from gitconvoy.engine import facts, settle
from gitconvoy.engine.attempts.breaking import Gate, next_trial
from gitconvoy.engine.local import START, Local
from gitconvoy.model.ledger import LIVE, BeadRecord
from gitconvoy.model.state import State

NOW = 10_000
BEADS = ("gt-a", "gt-b", "gt-c")


def town(*records: BeadRecord) -> State:
    return state(*map(bead, BEADS), convoy("hq-cv-1", *BEADS), *records, now=NOW)


def here(failures: int, last: int, limit: int = 3) -> Local:
    return local(via=START, breakers={"gt": Breaker(failures, last, "no such file", limit)}, breaker_limit=limit)


def fed(known: Local, *records: BeadRecord) -> list[str]:
    made = draft(town(*records), known)
    settle.feed(made)
    return decided(made)


def test_below_the_limit_all_are_fed() -> None:
    assert len(fed(here(2, NOW))) == 3


def test_an_open_breaker_feeds_none_and_later_one() -> None:
    assert fed(here(3, NOW - REST + 1)) == []
    assert fed(here(3, NOW - REST)) == ["dispatch gt-a"]
    assert fed(here(3, NOW, limit=0)) == ["dispatch gt-a", "dispatch gt-b", "dispatch gt-c"], "0 turns it off"


def test_while_one_is_tried_no_other_is() -> None:
    trial = BeadRecord("gt-a", machine=HERE, via=START, attempt=1, token="1", since=NOW - 5, status=LIVE)
    leases = here(3, NOW - REST - 10)
    assert fed(leases, trial) == []
    assert fed(leases, replace(trial, machine="elsewhere")) == ["dispatch gt-b"]
    assert fed(leases, replace(trial, since=NOW - REST - 20)) == ["dispatch gt-b"], "it was begun before"


def test_failures_of_the_same_decision_count() -> None:
    live = BeadRecord("gt-a", machine=HERE, via=START, attempt=1, token="1", since=NOW - 5, status=LIVE)
    made = draft(town(live), here(2, NOW - 9))
    facts.failed(made, "gt-a", "no such file", kind="dispatch-failed")
    settle.feed(made)
    assert decided(made) == ["dispatch-failed gt-a"]


def test_what_is_due_to_one_bead_does_not_count() -> None:
    live = BeadRecord("gt-a", machine=HERE, via=START, attempt=1, token="1", since=NOW - 5, status=LIVE)
    made = draft(town(live), here(2, NOW - 9))
    facts.failed(made, "gt-a", "no such branch", kind="dispatch-failed", own_fault=True)
    settle.feed(made)
    assert decided(made) == ["dispatch-failed gt-a", "dispatch gt-b", "dispatch gt-c"]


def test_assigning_is_never_stopped() -> None:
    assert len(fed(replace(here(3, NOW), via="push"))) == 3


def test_the_next_trial_is_due_while_beads_are_ready() -> None:
    view = draft(town()).view
    assert next_trial(view, here(3, NOW - 10)) == NOW - 10 + REST
    assert next_trial(view, here(2, NOW - 10)) is None
    assert next_trial(view, local()) is None
    assert Gate(view, local(via=START)).admits("gt-a")


def test_other_rigs_go_on() -> None:
    made = draft(town(), local(via=START, breakers={"web": Breaker(9, NOW)}))
    settle.feed(made)
    assert len(decided(made)) == 3


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    folder = tmp_path / "gitconvoy"
    folder.mkdir()
    for text in ("", "[]", '{"gt": 3}', '{"gt": {"failures": "x"}}'):
        (folder / "breakers.json").write_text(text)
        assert breaker.read_all(tmp_path) == {}
    breaker.reset(tmp_path, "gt")
