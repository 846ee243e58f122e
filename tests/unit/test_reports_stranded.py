"""`stranded`: which convoys do not move, by class; healthy ones are never listed (SPEC 8)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, bead, config, convoy, epic, fact, live, record, state
from drafts import HERE, local

from gitconvoy.dispatch.leases import NEVER, Lease
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Dispatch
from gitconvoy.reports.stranded import stranded
from gitconvoy.rules.view import View

CONVOY = "hq-cv-1"
RUNNING = live("gt-b", machine=HERE)


def found(*items: Any, known: Any = None, **options: Any) -> list[dict[str, Any]]:
    return [row for row in stranded(View(state(*items, **options)), known or local())["convoys"] if row["id"] == CONVOY]


def cv(*tracks: str, **fields: Any) -> Any:
    return convoy(CONVOY, *tracks, **fields)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([cv()], "empty"),
        ([bead("gt-a"), cv("gt-a")], "feedable"),
        ([bead("gt-a"), bead("gt-b"), cv("gt-a", "gt-b"), RUNNING], "feedable"),
        ([bead("gt-a"), cv("gt-a", paused=True)], "paused"),
        ([bead("gt-a"), cv("gt-a"), ConvoyRecord(CONVOY, paused=True)], "paused"),
        # time, or others, will move it
        ([bead("gt-a"), cv("gt-a"), record("gt-a", attempt=1, failures=1, not_before=NOW + 9)], "waiting"),
        ([bead("gt-a", defer_until=NOW + 9), bead("gt-b", "gt-a"), cv("gt-a", "gt-b")], "waiting"),
        ([bead("gt-a", status="in_progress"), cv("gt-a")], "waiting"),
        ([bead("gt-a", "gt-b"), bead("gt-b"), cv("gt-a"), convoy("hq-cv-2", "gt-b"), RUNNING], "waiting"),
        ([bead("gt-a"), cv("gt-a", owned=True), fact("gt-a")], "waiting"),
        # somebody has to do something
        ([bead("gt-a"), cv("gt-a"), record("gt-a", attempt=3, failures=3)], "stuck"),
        ([bead("gt-a", "gt-b"), bead("gt-b"), cv("gt-a")], "stuck"),
        ([bead("gt-a", "gt-x"), cv("gt-a")], "stuck"),
        ([bead("gt-a", "gt-b"), bead("gt-b", type="decision"), cv("gt-a", "gt-b")], "stuck"),
        ([bead("gt-a", status="blocked"), cv("gt-a")], "stuck"),
        ([bead("gt-a", "gt-b"), bead("gt-b", "gt-a"), cv("gt-a", "gt-b")], "stuck"),
        ([bead("gt-a"), cv("gt-a"), convoy("hq-cv-2", "gt-a")], "stuck"),
        ([bead("other-a"), cv("other-a")], "stuck"),
        ([epic("gt-e"), cv("gt-e")], "stuck"),
    ],
)
def test_classes(items: list[Any], expected: str) -> None:
    rows = found(*items)
    assert [row["class"] for row in rows] == [expected]
    assert rows[0]["reasons"]
    assert all(reason["rule"] and reason["message"] for reason in rows[0]["reasons"])


@pytest.mark.parametrize(
    "items",
    [
        [bead("gt-b"), cv("gt-b"), RUNNING],
        [bead("gt-b"), bead("gt-c", "gt-b"), cv("gt-b", "gt-c"), RUNNING],
        [bead("gt-b"), cv("gt-b"), live("gt-b", submitted="c" * 40, machine=HERE)],
        [bead("gt-a"), cv("gt-a", status="staged_ready")],
        [bead("gt-a"), cv("gt-a", status="closed")],
        [bead("gt-a"), cv("gt-a", status="staged_ready", paused=True)],
    ],
)
def test_healthy_staged_and_closed_convoys_are_never_listed(items: list[Any]) -> None:
    assert found(*items) == []


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ((bead("gt-1"), live("gt-1", machine=HERE)), "waiting"),
        ((bead("gt-1"),), "waiting"),  # ready: the other convoy's business
        ((bead("gt-1", defer_until=NOW + 9),), "waiting"),
        ((bead("gt-1"), record("gt-1", attempt=3, failures=3)), "stuck"),
        ((bead("gt-1", type="decision"),), "stuck"),
        ((bead("gt-1", "gt-gone"),), "stuck"),
        ((bead("gt-1", "gt-3"),), "stuck"),  # a cycle
    ],
)
def test_what_is_behind_others_waits_as_long_as_those_move(first: tuple[Any, ...], expected: str) -> None:
    """gt-1 <- gt-2 <- gt-3 of another convoy, and the epic of gt-3 is what gt-a waits for."""
    chain = (bead("gt-2", "gt-1"), epic("gt-e"), bead("gt-3", "gt-2", parent="gt-e"))
    other = convoy("hq-cv-2", "gt-1", "gt-2", "gt-3")
    rows = found(*first, *chain, other, bead("gt-a", ("waits-for", "gt-e")), bead("gt-b", "gt-e"), cv("gt-a", "gt-b"))
    assert [row["class"] for row in rows] == [expected]


def test_reasons_name_causes_not_what_follows_from_them() -> None:
    items = [bead("gt-a"), bead("gt-b", "gt-a"), bead("gt-c", "gt-b"), cv("gt-a", "gt-b", "gt-c")]
    rows = found(*items, record("gt-a", attempt=3, failures=3))
    assert [(reason["rule"], reason["ids"]) for reason in rows[0]["reasons"]] == [("attempts", ["gt-a"])]


def test_a_long_chain_needs_no_recursion() -> None:
    ids = [f"gt-{number:04}" for number in range(3000)]
    chain = [bead(one, *([ids[at - 1]] if at else []), status="open") for at, one in enumerate(ids)]
    rows = found(*chain, convoy("hq-cv-2", *ids[:-1]), cv(ids[-1]))
    assert [row["class"] for row in rows] == ["waiting"]


def test_the_shape() -> None:
    row = found(bead("gt-a"), bead("gt-b", "gt-a"), cv("gt-a", "gt-b", title="Two"))[0]
    assert (row["title"], row["tracked_count"], row["ready_count"]) == ("Two", 2, 1)
    assert [issue["id"] for issue in row["ready_issues"]] == ["gt-a"]


def test_a_full_town_is_healthy_or_waiting_but_not_feedable() -> None:
    full = config(dispatch=Dispatch(max_workers=1))
    own = [bead("gt-a"), bead("gt-b"), cv("gt-a", "gt-b"), RUNNING]
    assert found(*own, config=full) == []
    others = [bead("gt-a"), bead("gt-b"), cv("gt-a"), convoy("hq-cv-2", "gt-b"), RUNNING]
    assert [row["class"] for row in found(*others, config=full)] == ["waiting"]
    assert [row["class"] for row in found(*others)] == ["feedable"]


def test_paused_by_whoever() -> None:
    items = [bead("gt-a"), cv("gt-a")]
    assert [row["class"] for row in found(*items, paused=True)] == ["paused"]
    assert [row["class"] for row in found(*items, known=local(paused=True))] == ["paused"]
    assert [row["class"] for row in found(*items, config=config(dispatch=Dispatch(paused=True)))] == ["paused"]


def test_a_worker_that_ended_without_a_word_is_stuck() -> None:
    asks = Lease("gt-b", "token-gt-b", NEVER, note="somebody must")
    rows = found(bead("gt-b"), cv("gt-b"), live("gt-b", via="start", machine=HERE), known=local(asks))
    assert [row["class"] for row in rows] == ["stuck"]
    told = rows[0]["reasons"][0]["message"]
    assert told.startswith("gt-b: somebody must; it holds a place until somebody ends it: ")
    assert all(f"{words} gt-b" in told for words in ("done", "fail", "gitconvoy unsling"))
    both = [bead("gt-a"), bead("gt-b"), cv("gt-a", "gt-b"), RUNNING, live("gt-a", "gt/polecat-2", machine=HERE)]
    assert found(*both, known=local(asks)) == []


def test_places_that_nobody_works_in_are_named_to_those_that_wait_for_one() -> None:
    asks = Lease("gt-b", "token-gt-b", NEVER, note="it ended")
    items = [bead("gt-a"), bead("gt-b"), bead("gt-c"), cv("gt-a"), convoy("hq-cv-2", "gt-b", "gt-c"), RUNNING]
    row = found(*items, known=local(asks), config=config(dispatch=Dispatch(max_workers=1)))[0]
    assert (row["class"], [reason["ids"] for reason in row["reasons"]]) == ("stuck", [["gt-a"], ["gt-b"]])
    assert "gitconvoy unsling gt-b" in row["reasons"][1]["message"]
    busy = live("gt-c", "gt/polecat-2", machine=HERE)
    row = found(*items, busy, known=local(asks), config=config(dispatch=Dispatch(max_workers=2)))[0]
    assert (row["class"], len(row["reasons"])) == ("waiting", 2)


def test_a_machine_without_the_dispatcher_says_so() -> None:
    row = found(bead("gt-a"), cv("gt-a"), known=local(via=None, dispatcher="tmux"))[0]
    assert "tmux" in row["reasons"][0]["message"]


def test_frozen_convoys_are_stuck() -> None:
    rows = found(bead("gt-a"), cv("gt-a", "gt-torn"), broken={"gt-torn"})
    assert [row["class"] for row in rows] == ["stuck"]
    assert any("gt-torn" in reason["ids"] for reason in rows[0]["reasons"])
