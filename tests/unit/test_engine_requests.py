"""What workers and people ask for about beads: guards first, then the event (SPEC 7)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, bead, config, convoy, epic, fact, live, record, state
from drafts import HERE, changes, decided, draft, local

from gitconvoy.engine import requests
from gitconvoy.engine.draft import Draft
from gitconvoy.errors import NotFound, Refused, UsageError
from gitconvoy.model.plan import Dispatch, Rig

CONVOY = "hq-cv-1"


def refusal(call: Any, *arguments: Any, **options: Any) -> str:
    """The code of the refusal; it must come with a hint, and nothing may be decided."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    made = next(each for each in arguments if isinstance(each, Draft))
    assert made.events == []
    assert caught.value.hint
    return caught.value.code


def working(**fields: Any) -> Draft:
    """gt-a is held by gt/polecat-1, and gt-a is who asks unless `actor` says otherwise."""
    actor = fields.pop("actor", "gt/polecat-1")
    return draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), live("gt-a", convoy=CONVOY, **fields)), actor=actor)


def test_done_is_a_fact_that_holds_while_the_file_stays() -> None:
    made = working()
    event = requests.done(made, "gt-a", None, "all green")
    assert (event.kind, event.attempt, event.reason) == ("done", 1, "all green")
    after = made.record("gt-a")
    assert (after.status, after.outcome, after.file_status, after.token) == ("closed", "done", "open", None)
    assert made.view.effective("gt-a").source == "ledger"


@pytest.mark.parametrize(
    ("actor", "token", "code"),
    [
        ("gt/polecat-1", None, None),
        ("gt/polecat-1", "token-gt-a", None),
        ("a stranger", "token-gt-a", None),  # the token alone is enough
        ("a stranger", None, "not-yours"),
        ("GT/polecat-1", None, "not-yours"),  # compared as given
        ("gt/polecat-1", "of an older attempt", "stale-token"),
    ],
)
@pytest.mark.parametrize("verb", ["done", "fail"])
def test_tokens_fence(actor: str, token: str | None, code: str | None, verb: str) -> None:
    made = working(actor=actor)
    call = requests.done if verb == "done" else requests.fail
    if code is not None:
        assert refusal(call, made, "gt-a", token, "") == code
    else:
        call(made, "gt-a", token, "")
        assert decided(made) == [f"{verb} gt-a"]


@pytest.mark.parametrize("known", [record("gt-a", attempt=1), fact("gt-a"), record("gt-a", attempt=1, failures=1)])
def test_without_a_live_attempt_there_is_nothing_to_end(known: Any) -> None:
    made = draft(state(bead("gt-a"), known))
    assert refusal(requests.done, made, "gt-a", None) == "not-live"
    assert refusal(requests.fail, made, "gt-a", "token-gt-a", "") == "not-live"


@pytest.mark.parametrize("call", [requests.done, requests.fail, requests.unsling])
def test_an_attempt_outlives_its_beads_file(call: Any) -> None:
    made = draft(state(live("gt-gone")), actor="gt/polecat-1")
    call(made, "gt-gone", *([] if call is requests.unsling else [None, ""]))
    assert not made.record("gt-gone").live


def test_unknown_beads_name_the_nearest() -> None:
    made = working()
    for call in (requests.done, requests.fail):
        with pytest.raises(NotFound) as caught:
            call(made, "gt-aa", None, "")
        assert "gt-a" in caught.value.hint
    assert made.events == []


@pytest.mark.parametrize(("before", "wait"), [(0, 60), (1, 120)])
def test_failures_are_counted_and_kept_back(before: int, wait: int) -> None:
    made = working(failures=before)
    requests.fail(made, "gt-a", None, "no luck")
    after = made.record("gt-a")
    assert (after.failures, after.not_before, after.status) == (before + 1, NOW + wait, None)


def test_the_back_off_doubles_up_to_its_maximum() -> None:
    settings = Dispatch(max_attempts=99)
    assert [settings.delay(failures) for failures in (1, 2, 3, 6, 7, 60)] == [60, 120, 240, 1920, 3600, 3600]


def test_the_last_failure_exhausts_or_closes_in_a_mountain() -> None:
    made = working(failures=2)
    requests.fail(made, "gt-a", None, "")
    assert made.view.exhausted("gt-a")
    assert not made.view.is_ready("gt-a")
    assert made.record("gt-a").not_before is None
    held = live("gt-a", failures=2)
    mountain = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a", mountain=True), held), actor="gt/polecat-1")
    requests.fail(mountain, "gt-a", None, "")
    assert mountain.view.effective("gt-a").failed


def test_unsling_counts_nothing() -> None:
    made = working(failures=1, actor="anybody")
    requests.unsling(made, "gt-a", "wrong one")
    after = made.record("gt-a")
    assert (after.live, after.failures, after.attempt, after.token) == (False, 1, 1, None)
    again = draft(state(bead("gt-a")))
    assert refusal(requests.unsling, again, "gt-a") == "not-live"


def test_retry_forgets() -> None:
    made = draft(state(bead("gt-a"), record("gt-a", attempt=3, failures=3, not_before=NOW + 5)))
    requests.retry(made, "gt-a")
    assert (made.record("gt-a").failures, made.record("gt-a").not_before) == (0, None)
    failed = draft(state(bead("gt-a"), fact("gt-a", "failed", failures=3)))
    requests.retry(failed, "gt-a")
    assert failed.record("gt-a").status is None
    assert refusal(requests.retry, draft(state(bead("gt-a"))), "gt-a") == "no-failures"
    assert refusal(requests.retry, working(), "gt-a") == "live"
    for failures in (0, 1):
        done = draft(state(bead("gt-a"), fact("gt-a", failures=failures)))
        assert refusal(requests.retry, done, "gt-a") == "closed", "what succeeded in the end is not tried again"


def test_reopen_ends_the_ledgers_fact_only() -> None:
    made = draft(state(bead("gt-a"), fact("gt-a")))
    assert requests.reopen(made, "gt-a") is not None
    assert not made.view.effective("gt-a").closed
    assert requests.reopen(draft(state(bead("gt-a", status="closed"))), "gt-a") is None


# Claims


def test_a_claim_takes_the_next_in_order_for_the_actor() -> None:
    items: list[Any] = [
        bead("gt-a"),
        bead("gt-b", priority=0),
        bead("gt-c", priority=0, assignee="bo"),
        convoy(CONVOY, "gt-a", "gt-b", "gt-c"),
    ]
    made = draft(state(*items), actor="ada")
    taken = requests.claim(made, "ada", None)
    assert (taken.bead, taken.worker, taken.attempt) == ("gt-b", "ada", 1)
    assert changes(made)["via"] == "claim"
    assert changes(made)["machine"] == HERE
    assert requests.claim(made, "ada", None).bead == "gt-a", "an actor may claim several"
    assert requests.claim(made, "ada", None).bead is None, "gt-c is reserved"
    assert requests.claim(made, "bo", None).bead == "gt-c"
    assert len({event.token for event in made.events}) == 3


@pytest.mark.parametrize(
    ("dispatch", "limit"),
    [(Dispatch(max_workers=1), None), (Dispatch(), 1), (Dispatch(max_workers=1, auto=False), None)],
)
def test_claims_obey_capacity(dispatch: Dispatch, limit: int | None) -> None:
    items: list[Any] = [
        bead("gt-a"),
        bead("gt-b"),
        convoy(CONVOY, "gt-a", "gt-b"),
        live("gt-a", "bo", via="claim", machine=HERE),
    ]
    made = draft(state(*items, config=config(dispatch=dispatch)), local(max_workers=limit))
    assert requests.claim(made, "ada", None).bead is None
    assert decided(made) == []


def test_a_claim_finds_what_a_dead_attempt_has_held() -> None:
    held = live("gt-a", "bo", via="claim", machine=HERE, since=0)
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), held))
    assert requests.claim(made, "ada", None).attempt == 2
    assert decided(made) == ["expire gt-a", "dispatch gt-a"]


def test_claims_by_rig_and_names_that_cannot_be() -> None:
    rigs = (Rig("web", ("web",)), Rig("api", ("api",)))
    made = draft(state(bead("web-a"), bead("api-a"), convoy(CONVOY, "web-a", "api-a"), config=config(*rigs)))
    assert requests.claim(made, "ada", "web").bead == "web-a"
    with pytest.raises(UsageError):
        requests.claim(made, "a\nb", None)
    paused = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a")), local(paused=True))
    assert refusal(requests.claim, paused, "ada", None) == "paused"


# Sling


def sling(*items: Any, beads: tuple[str, ...] = ("gt-a",), worker: str | None = None, **options: Any) -> Draft:
    dispatch = options.pop("dispatch", None)
    known = options.pop("known", None)
    made = draft(state(*items, config=config(dispatch=dispatch)), known)
    requests.sling(made, beads, worker, **options)
    return made


def test_sling_dispatches_at_once() -> None:
    made = sling(bead("gt-a"), convoy(CONVOY, "gt-a"), worker="nux", message="the small one")
    event = made.events[0]
    assert (event.kind, event.worker, event.convoy, event.reason) == ("dispatch", "gt/nux", CONVOY, "the small one")
    assert event.force == ()


@pytest.mark.parametrize(
    ("items", "code", "waived"),
    [
        ([bead("gt-a")], "tracked", False),
        ([bead("gt-a"), convoy(CONVOY, "gt-a", paused=True)], "tracked", False),
        ([bead("gt-a", status="closed"), convoy(CONVOY, "gt-a")], "status", False),
        ([bead("gt-a", assignee="bo"), convoy(CONVOY, "gt-a")], "reserved", True),
        ([epic("gt-a"), convoy(CONVOY, "gt-a")], "slingable", False),
        ([bead("gt-a", defer_until=NOW + 1), convoy(CONVOY, "gt-a")], "deferred", False),
        ([bead("gt-a", "gt-b"), bead("gt-b"), convoy(CONVOY, "gt-a")], "links", False),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), record("gt-a", attempt=3, failures=3)], "attempts", False),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), record("gt-a", failures=1, not_before=NOW + 1)], "backoff", False),
        ([bead("gt-a"), convoy(CONVOY, "gt-a"), live("gt-a")], "status", False),
        (
            [bead("gt-a", touches=("x",)), bead("gt-b", touches=("x",)), convoy(CONVOY, "gt-a", "gt-b"), live("gt-b")],
            "overlap",
            True,
        ),
    ],
)
def test_what_force_waives_and_what_it_does_not(items: list[Any], code: str, waived: bool) -> None:
    made = draft(state(*items))
    assert refusal(requests.sling, made, ["gt-a"], None) == code
    if waived:
        requests.sling(made, ["gt-a"], None, force=True)
        assert [event.force for event in made.events] == [("--force",)]
    else:
        assert refusal(requests.sling, made, ["gt-a"], None, force=True) == code


def test_parked_rigs_and_capacity_can_be_forced() -> None:
    parked = config(Rig("gt", ("gt",), parked=True))
    made = draft(state(bead("gt-a"), convoy(CONVOY, "gt-a"), config=parked))
    assert refusal(requests.sling, made, ["gt-a"], None) == "parked"
    requests.sling(made, ["gt-a"], None, force=True)
    assert decided(made) == ["dispatch gt-a"]
    full: list[Any] = [bead("gt-a"), bead("gt-b"), convoy(CONVOY, "gt-a", "gt-b"), live("gt-b")]
    made = draft(state(*full, config=config(dispatch=Dispatch(max_workers=1))))
    assert refusal(requests.sling, made, ["gt-a"], None) == "capacity"
    requests.sling(made, ["gt-a"], None, force=True)
    assert made.events[0].worker == "gt/polecat-2", "one beyond the rig's own"


def test_no_convoy_waives_tracked_only() -> None:
    assert decided(sling(bead("gt-a"), no_convoy=True)) == ["dispatch gt-a"]
    made = draft(state(bead("gt-a", "gt-b"), bead("gt-b")))
    assert refusal(requests.sling, made, ["gt-a"], None, no_convoy=True) == "links"


def test_a_named_worker_holds_one_pushed_bead() -> None:
    items: list[Any] = [bead("gt-a"), bead("gt-b"), convoy(CONVOY, "gt-a", "gt-b"), live("gt-b", "gt/nux")]
    made = draft(state(*items))
    assert refusal(requests.sling, made, ["gt-a"], "gt/nux") == "worker-busy"
    assert refusal(requests.sling, made, ["gt-a"], "nux", force=True) == "worker-busy"
    claimed = [*items[:3], live("gt-b", "gt/nux", via="claim")]
    assert decided(sling(*claimed, worker="nux")) == ["dispatch gt-a"], "what it claimed is its own business"


def test_of_several_beads_those_that_cannot_start_wait() -> None:
    items: list[Any] = [bead("gt-a"), bead("gt-b", "gt-a"), bead("gt-c"), convoy(CONVOY, "gt-a", "gt-b", "gt-c")]
    made = draft(state(*items))
    slung = requests.sling(made, ["gt-a", "gt-b", "gt-c", "gt-a"], None)
    assert decided(made) == ["dispatch gt-a", "dispatch gt-c"]
    assert [(each, why.code) for each, why in slung.waiting] == [("gt-b", "links")]


def test_machines_that_cannot_sling() -> None:
    items: list[Any] = [bead("gt-a"), convoy(CONVOY, "gt-a")]
    nowhere = draft(state(*items), local(via=None, dispatcher="tmux"))
    assert refusal(requests.sling, nowhere, ["gt-a"], None) == "no-dispatcher"
    paused = draft(state(*items), local(paused=True))
    assert refusal(requests.sling, paused, ["gt-a"], None) == "paused"
    town_paused = draft(state(*items, paused=True))
    assert refusal(requests.sling, town_paused, ["gt-a"], None, force=True) == "paused"
