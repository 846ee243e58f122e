"""What is due in a state: repairs, giving up, completions, feeding (SPEC 4, 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, bead, config, convoy, epic, fact, live, record, state
from drafts import HERE, decided, draft, local

from gitconvoy.dispatch.leases import NEVER, Lease
from gitconvoy.engine import requests
from gitconvoy.engine.local import Local, lease_end
from gitconvoy.engine.settle import completions, feed, give_up, repair, settle
from gitconvoy.engine.wake import next_wake
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord
from gitconvoy.model.plan import Dispatch, Rig
from gitconvoy.planning.planfile import plan_files
from gitconvoy.rules.batch import untracked_retries
from gitconvoy.rules.view import View

CONVOY = "hq-cv-1"


def held(bead_id: str, expires: int, token: str | None = None) -> Lease:
    return Lease(bead_id, token or f"token-{bead_id}", expires)


@pytest.mark.parametrize(
    ("via", "lease", "expected"),
    [
        ("push", None, None),  # no lease before its first heartbeat
        ("push", held("gt-a", NOW + 7), NOW + 7),
        ("claim", None, NOW - 10 + 1800),
        ("start", None, NOW - 10 + 1800),
        ("claim", held("gt-a", NOW + 7), NOW + 7),
        ("claim", held("gt-a", NOW + 7, "of another attempt"), NOW - 10 + 1800),
    ],
)
def test_leases(via: str, lease: Lease | None, expected: int | None) -> None:
    known = local(*([lease] if lease else []))
    assert lease_end(live("gt-a", via=via, machine=HERE), known, 1800) == expected


def test_only_in_flight_attempts_of_this_machine_have_a_lease_here() -> None:
    assert lease_end(live("gt-a", via="claim", machine="elsewhere"), local(), 1800) is None
    assert lease_end(live("gt-a", via="claim", machine=HERE, submitted="c" * 40), local(), 1800) is None


@pytest.mark.parametrize(
    ("attempt", "lease", "expected"),
    [
        (live("gt-a", machine=HERE, via="claim", since=NOW - 1800), None, ["expire gt-a"]),
        (live("gt-a", machine=HERE, via="claim", since=NOW - 1799), None, []),
        (live("gt-a", machine=HERE, via="push", since=NOW - 999_999), None, []),
        (live("gt-a", machine=HERE, via="push"), held("gt-a", NOW), ["expire gt-a"]),
        (live("gt-a", machine=HERE, via="start"), held("gt-a", NOW + 1), []),
        (live("gt-a", machine=HERE, via="start"), held("gt-a", NEVER), []),
        # recorded, but the worker never began
        (live("gt-a", machine=HERE, via="start"), None, ["requeue gt-a"]),
        (live("gt-a", machine=HERE, via="start"), held("gt-a", NOW + 9, "older"), ["requeue gt-a"]),
        # not ours to judge, or not in need of a lease
        (live("gt-a", machine="elsewhere", via="start", since=0), None, []),
        (live("gt-a", machine=HERE, via="claim", since=0, submitted="c" * 40), None, []),
    ],
)
def test_repair(attempt: BeadRecord, lease: Lease | None, expected: list[str]) -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), attempt), local(*([lease] if lease else [])))
    repair(made)
    assert decided(made) == expected
    assert all(event.cause == "scan" and event.token == "token-gt-a" for event in made.events)


@pytest.mark.parametrize(("since", "expected"), [(NOW - 1799, []), (NOW - 1800, ["expire gt-a"])])
def test_a_worker_that_began_is_waited_for_when_its_lease_cannot_be_read(since: int, expected: list[str]) -> None:
    attempt = live("gt-a", machine=HERE, via="start", since=since)
    made = draft(state(bead("gt-a"), attempt), local(begun=frozenset({"token-gt-a"})))
    repair(made)
    assert decided(made) == expected


def test_expiring_counts_and_queues_at_once_requeueing_does_not_count() -> None:
    made = draft(state(bead("gt-a"), live("gt-a", machine=HERE, via="claim", since=0)))
    repair(made)
    after = made.record("gt-a")
    assert (after.live, after.failures, after.not_before, after.attempt) == (False, 1, None, 1)
    made = draft(state(bead("gt-a"), live("gt-a", machine=HERE, via="start", failures=1)))
    repair(made)
    after = made.record("gt-a")
    assert (after.live, after.failures, after.attempt, after.token) == (False, 1, 1, None)


def test_what_this_very_decision_dispatches_needs_no_repair() -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a")), local(via="start"))
    requests.sling(made, ["gt-a"], None)
    settle(made)
    assert decided(made) == ["dispatch gt-a"]


def test_giving_up_is_for_mountains() -> None:
    tired = record("gt-a", attempt=3, failures=3)
    plain = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), tired))
    give_up(plain)
    assert decided(plain) == []
    mountain = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", mountain=True), tired))
    give_up(mountain)
    assert decided(mountain) == ["fail gt-a"]
    assert mountain.view.effective("gt-a").failed
    give_up(mountain)
    assert len(mountain.events) == 1
    staged = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", mountain=True, status="staged_ready"), tired))
    give_up(staged)
    assert decided(staged) == []


def test_a_complete_convoy_says_so_once() -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), fact("gt-a")))
    completions(made)
    completions(made)
    assert decided(made) == ["complete hq-cv-1"]
    after = made.convoy_record(CONVOY)
    assert (after.status, after.outcome, after.completed_at) == ("closed", "done", NOW)


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([fact("gt-a"), fact("gt-b")], "done"),
        ([fact("gt-a", "failed"), fact("gt-b")], "partial"),
        ([fact("gt-a", "failed")], "partial"),  # gt-b is unreachable behind it
        ([fact("gt-a")], None),
    ],
)
def test_outcomes(records: list[BeadRecord], outcome: str | None) -> None:
    made = draft(state(bead("gt-a"), bead("gt-b", "gt-a"), convoy(CONVOY, "gt-a", "gt-b"), *records))
    completions(made)
    assert made.convoy_record(CONVOY).outcome == outcome


def test_an_owned_convoy_stays_open() -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", owned=True), fact("gt-a")))
    completions(made)
    completions(made)
    assert decided(made) == ["complete hq-cv-1"]
    assert made.view.convoy_status(CONVOY) == "open"


def test_an_empty_or_staged_convoy_never_completes() -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY), convoy("hq-cv-2", "gt-a", status="staged_ready"), fact("gt-a")))
    completions(made)
    assert decided(made) == []


DONE = ConvoyRecord(CONVOY, status="closed", file_status="open", completed_at=NOW - 5, outcome="done")


@pytest.mark.parametrize(
    ("known", "more", "expected"),
    [
        (DONE, (), ["reopen hq-cv-1"]),
        # closed by a person, not by `complete`
        (ConvoyRecord(CONVOY, status="closed", file_status="open", close_reason="enough"), (), []),
        (
            ConvoyRecord(CONVOY, status="closed", file_status="open", completed_at=NOW - 5, close_reason="landed"),
            (),
            [],
        ),
        # another open convoy has taken the bead over
        (DONE, (convoy("hq-cv-2", "gt-a"),), []),
        (DONE, (convoy("hq-cv-2", "gt-a", status="staged_ready"),), ["reopen hq-cv-1"]),
    ],
)
def test_opened_again(known: ConvoyRecord, more: tuple[Any, ...], expected: list[str]) -> None:
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), known, *more))
    completions(made)
    assert decided(made) == expected


def test_of_two_that_track_the_bead_one_is_opened_again() -> None:
    two = replace(DONE, id="hq-cv-2")
    both = (convoy(CONVOY, "gt-a", "gt-b"), convoy("hq-cv-2", "gt-b", "gt-c"), DONE, two)
    beads_ = (bead("gt-a", status="closed"), bead("gt-b"), bead("gt-c", status="closed"))
    made = draft(state(*beads_, *both))
    completions(made)
    assert decided(made) == ["reopen hq-cv-1"]
    assert [*plan_files(made.state.plan, made.before.ledger)] == [CONVOY], "whose plan file such a commit writes"
    made = draft(state(*beads_[:2], bead("gt-c"), *both))
    completions(made)
    assert decided(made) == ["reopen hq-cv-1"]


def test_a_convoy_is_not_opened_again_for_what_can_never_start() -> None:
    tracked = (bead("gt-a"), bead("gt-b", "gt-a"), convoy(CONVOY, "gt-a", "gt-b"))
    partial = ConvoyRecord(CONVOY, status="closed", file_status="open", completed_at=NOW - 5, outcome="partial")
    made = draft(state(*tracked, fact("gt-a", "failed"), partial))
    completions(made)
    assert decided(made) == []


def fed(
    *items: Any, known: Local | None = None, dispatch: Dispatch | None = None, **options: Any
) -> list[tuple[str, str]]:
    """(bead, worker) of each dispatch that feeding decides."""
    made = draft(state(*items, config=config(dispatch=dispatch)), known)
    feed(made, **options)
    assert {event.kind for event in made.events} <= {"dispatch"}
    return [(event.bead or "", event.worker or "") for event in made.events]


def beads(*ids: str, **fields: Any) -> list[Any]:
    return [*(bead(each, **fields) for each in ids), convoy(CONVOY, *ids)]


def test_everything_ready_is_dispatched_up_to_capacity_in_order() -> None:
    items: list[Any] = [bead("gt-a"), bead("gt-b", priority=0), bead("gt-c"), bead("gt-d", "gt-c"), epic("gt-e")]
    items.append(convoy(CONVOY, "gt-a", "gt-b", "gt-c", "gt-d", "gt-e"))
    assert fed(*items) == [("gt-b", "gt/polecat-1"), ("gt-c", "gt/polecat-2"), ("gt-a", "gt/polecat-3")]
    assert fed(*items, dispatch=Dispatch(max_workers=2)) == [("gt-b", "gt/polecat-1"), ("gt-c", "gt/polecat-2")]
    assert fed(*items, known=local(max_workers=1)) == [("gt-b", "gt/polecat-1")]


def test_what_is_in_flight_counts_and_keeps_its_worker() -> None:
    items = [*beads("gt-a", "gt-b", "gt-c"), live("gt-a", "gt/polecat-1")]
    assert fed(*items, dispatch=Dispatch(max_workers=2)) == [("gt-b", "gt/polecat-2")]
    submitted = [*beads("gt-a", "gt-b"), live("gt-a", "gt/polecat-1", submitted="c" * 40)]
    assert fed(*submitted, dispatch=Dispatch(max_workers=1)) == [("gt-b", "gt/polecat-1")]


def test_overlapping_beads_of_one_batch_run_one_after_the_other() -> None:
    assert fed(*beads("gt-a", "gt-b", touches=("src/**",))) == [("gt-a", "gt/polecat-1")]


@pytest.mark.parametrize(
    ("known", "dispatch", "asked", "expected"),
    [
        (local(), Dispatch(), False, 1),
        (local(), Dispatch(auto=False), False, 0),
        (local(), Dispatch(auto=False), True, 1),
        (local(), Dispatch(paused=True), True, 0),
        (local(paused=True), Dispatch(), True, 0),
        (local(via=None), Dispatch(), True, 0),
    ],
)
def test_who_may_feed(known: Local, dispatch: Dispatch, asked: bool, expected: int) -> None:
    assert len(fed(*beads("gt-a"), known=known, dispatch=dispatch, asked=asked)) == expected


def test_broken_settings_feed_nothing() -> None:
    made = draft(state(*beads("gt-a"), config_broken=True))
    feed(made, asked=True)
    assert decided(made) == []


def test_feeding_some_convoys_only() -> None:
    items = [bead("gt-a"), bead("gt-b"), convoy(CONVOY, "gt-a"), convoy("hq-cv-2", "gt-b")]
    assert [pair[0] for pair in fed(*items, only={"hq-cv-2"})] == ["gt-b"]


def test_a_bead_slung_without_a_convoy_is_retried_without_one() -> None:
    tried = record("gt-a", attempt=1, failures=1, not_before=NOW)
    assert fed(bead("gt-a"), tried) == [("gt-a", "gt/polecat-1")]
    assert fed(bead("gt-a"), record("gt-a", attempt=1, failures=1, not_before=NOW + 1)) == []
    assert fed(bead("gt-a"), record("gt-a", attempt=1)) == [], "taken back, not failed"
    assert fed(bead("gt-a"), record("gt-a", attempt=3, failures=3)) == [], "exhausted"
    assert fed(bead("gt-a"), record("gt-a", attempt=1, failures=1, convoy=CONVOY)) == [], "its convoy is gone"
    assert fed(bead("gt-a"), convoy(CONVOY, "gt-a", status="staged_ready"), tried) == [], "staged convoys are inert"
    assert fed(bead("gt-a", status="blocked"), tried) == []


def test_due_times() -> None:
    view = View(state(bead("gt-a"), record("gt-a", attempt=1, failures=1, not_before=NOW + 60)))
    assert untracked_retries(view) == []
    assert next_wake(view, local()) == NOW + 60
    deferred = View(state(bead("gt-a", defer_until=NOW + 9), bead("gt-b"), convoy(CONVOY, "gt-a", "gt-b")))
    assert next_wake(deferred, local()) == NOW + 9
    leased = View(state(*beads("gt-a"), live("gt-a", machine=HERE)))
    assert next_wake(leased, local(held("gt-a", NOW + 30))) == NOW + 30
    assert next_wake(leased, local()) is None
    assert next_wake(leased, local(held("gt-a", NOW - 1))) is None
    assert next_wake(leased, local(held("gt-a", NEVER))) is None, "it waits for a person"


def test_one_thing_makes_the_next_due() -> None:
    """A lease that ran out is the last failure of a mountain's bead; the convoy goes on past it and completes."""
    items: list[Any] = [
        bead("gt-a"),
        bead("gt-b", ("conditional-blocks", "gt-a")),
        convoy(CONVOY, "gt-a", "gt-b", mountain=True),
    ]
    made = draft(state(*items, live("gt-a", machine=HERE, via="claim", since=0, failures=2)))
    settle(made)
    assert decided(made) == ["expire gt-a", "dispatch gt-b"]
    assert made.view.effective("gt-a").failed


def test_workers_belong_to_rigs() -> None:
    rigs = (Rig("web", ("web",), workers=("nux",)), Rig("api", ("api",), max_workers=1))
    items = [bead("web-a"), bead("web-b"), bead("api-a"), bead("api-b")]
    made = draft(state(*items, convoy(CONVOY, *(each.id for each in items)), config=config(*rigs)))
    feed(made)
    assert [(event.bead, event.worker) for event in made.events] == [("api-a", "api/polecat-1"), ("web-a", "web/nux")]
