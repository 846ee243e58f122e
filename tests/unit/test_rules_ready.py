"""The rules of "ready", the dispatch order and due times, sentence by sentence (SPEC 4, 7)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import NOW, bead, config, convoy, epic, fact, live, record, state

from gitconvoy.model.ledger import BeadRecord, ConvoyRecord
from gitconvoy.model.plan import Bead, Convoy, Dispatch, Rig
from gitconvoy.rules import RULE_NAMES, View, next_due

Item = Bead | Convoy | BeadRecord | ConvoyRecord
CONVOY = convoy("hq-cv-1", "gt-a")


def failing(*items: Item, actor: str | None = None, **fields: Any) -> dict[str, str]:
    """Rule -> message of the rules that gt-a breaks; `is_ready` must agree."""
    view = View(state(*items, **fields))
    found = {one.rule: one.message for one in view.verdicts("gt-a", actor) if not one.ok}
    assert view.is_ready("gt-a", actor) == (not found)
    assert ("gt-a" in view.ready(actor)) == (not found)
    return found


def test_a_ready_bead_passes_every_rule_in_order_with_words() -> None:
    view = View(state(bead("gt-a"), CONVOY))
    assert [(one.rule, one.ok, one.message) for one in view.verdicts("gt-a")] == [
        ("tracked", True, "hq-cv-1 tracks it and is open"),
        ("status", True, "its status is open"),
        ("live", True, "no attempt is live"),
        ("reserved", True, "it is not reserved"),
        ("slingable", True, "beads of type task are dispatched"),
        ("deferred", True, "it is not deferred"),
        ("links", True, "every blocking link is satisfied"),
        ("rig", True, "its rig is gt"),
        ("parked", True, "rig gt is not parked"),
        ("attempts", True, "0 of 3 attempts have failed"),
        ("backoff", True, "it need not wait after a failure"),
        ("overlap", True, "nothing that is being worked on is expected to change the same files"),
        ("paused", True, "dispatch is not paused"),
        ("readable", True, "its file and its convoy are in order, and it is in no cycle"),
    ]
    assert view.verdicts("gt-a")[0].ids == ("hq-cv-1",)
    assert view.ready() == ("gt-a",)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "no open convoy tracks it"),
        ([convoy("hq-cv-1", "gt-a", status="closed")], "no open convoy tracks it"),
        ([convoy("hq-cv-1", "gt-a", status="staged_ready")], "hq-cv-1 tracks it, but is staged_ready, not open"),
        ([convoy("hq-cv-1", "gt-a", paused=True)], "hq-cv-1 tracks it, but is paused"),
        ([CONVOY, ConvoyRecord("hq-cv-1", paused=True)], "hq-cv-1 tracks it, but is paused"),
        (
            [CONVOY, convoy("hq-cv-2", "gt-a", status="staged_ready")],
            "2 convoys that are not closed track it (hq-cv-1, hq-cv-2), so none may dispatch it",
        ),
    ],
)
def test_tracked(items: list[Item], message: str) -> None:
    assert failing(bead("gt-a"), *items) == {"tracked": message}
    assert View(state(bead("gt-a"), *items)).ready(all=True) == ("gt-a",)


def test_tracked_by_a_launch_in_the_ledger() -> None:
    staged = convoy("hq-cv-1", "gt-a", status="staged_warnings")
    assert not failing(bead("gt-a"), staged, ConvoyRecord("hq-cv-1", "open", file_status="staged_ready"))


@pytest.mark.parametrize(
    ("one", "row", "message"),
    [
        (bead("gt-a", status="blocked"), None, "its status is blocked, not open: says its file"),
        (bead("gt-a", status="in_progress"), None, "its status is in_progress, not open: says its file"),
        (bead("gt-a", status="closed"), None, "its status is closed (done), not open: says its file"),
        (bead("gt-a"), fact("gt-a", "failed"), "its status is closed (failed), not open: says the ledger"),
    ],
)
def test_status(one: Bead, row: BeadRecord | None, message: str) -> None:
    assert failing(one, CONVOY, *([row] if row else [])) == {"status": message}


def test_live_in_flight_or_submitted() -> None:
    flying = failing(bead("gt-a"), CONVOY, live("gt-a", "gt/nux", attempt=2))
    assert flying == {
        "status": "its status is in_progress, not open: an attempt is live",
        "live": "attempt 2 is live: gt/nux is at it",
    }
    submitted = failing(bead("gt-a"), CONVOY, live("gt-a", "gt/nux", submitted="c0ffee"))
    assert submitted["live"] == "attempt 1 is live: gt/nux has handed in its work, which is not merged yet"


def test_reserved_for_someone_else() -> None:
    mine = bead("gt-a", assignee="nux")
    assert failing(mine, CONVOY) == {"reserved": "it is reserved for nux"}
    assert failing(mine, CONVOY, actor="slit") == {"reserved": "it is reserved for nux"}
    assert not failing(mine, CONVOY, actor="nux")
    verdicts = View(state(mine, CONVOY)).verdicts("gt-a", "nux")
    assert [one.message for one in verdicts if one.rule == "reserved"] == ["it is reserved for nux"]
    assert "reserved" not in failing(bead("gt-a", assignee="nux", status="hooked"), CONVOY)


@pytest.mark.parametrize("kind", ["epic", "decision", "spike", "story", "milestone", "message", "gate", "unheard-of"])
def test_only_slingable_types_are_dispatched(kind: str) -> None:
    assert failing(bead("gt-a", type=kind), CONVOY) == {"slingable": f"beads of type {kind} are never dispatched"}


def test_types_of_the_config() -> None:
    own = config(types={"ritual": True, "task": False})
    assert not failing(bead("gt-a", type="ritual"), CONVOY, config=own)
    assert "slingable" in failing(bead("gt-a"), CONVOY, config=own)


def test_deferred_and_backoff_end_on_the_second() -> None:
    assert not failing(bead("gt-a", defer_until=NOW), CONVOY, record("gt-a", not_before=NOW, failures=1))
    later = failing(bead("gt-a", defer_until=NOW + 1), CONVOY, record("gt-a", not_before=NOW + 61, failures=1))
    assert later == {
        "deferred": "it is deferred until 2025-11-26T22:13:54Z",
        "backoff": "after its last failure it waits until 2025-11-26T22:14:54Z",
    }


def test_links() -> None:
    view = View(state(bead("gt-a", "gt-x", ("waits-for", "gt-t")), bead("gt-x"), bead("gt-t"), CONVOY))
    verdict = next(one for one in view.verdicts("gt-a") if not one.ok)
    assert (verdict.rule, verdict.message) == ("links", "gt-x is not closed; gt-t is not closed")
    assert verdict.ids == ("gt-x", "gt-t")


def test_rig_known_and_not_parked() -> None:
    rigs = config(Rig("gastown", ("gt",), parked=True), Rig("sub", ("gt-a",)))
    assert failing(bead("gt-a"), CONVOY, config=rigs) == {"parked": "rig gastown is parked"}
    other = config(Rig("other", ("xx",)))
    assert failing(bead("gt-a"), CONVOY, config=other) == {"rig": "no rig has a prefix that fits its id"}


def test_the_rig_with_the_longest_prefix_counts() -> None:
    rigs = config(Rig("gastown", ("gt",), parked=True), Rig("sub", ("gt-a",)))
    view = View(state(bead("gt-a-1"), bead("gt-b"), config=rigs))
    assert view.ready(all=True) == ("gt-a-1",)
    assert view.ready(rig="sub", all=True) == ("gt-a-1",)
    assert view.ready(rig="gastown", all=True) == ()


def test_attempts() -> None:
    assert not failing(bead("gt-a"), CONVOY, record("gt-a", failures=2))
    spent = failing(bead("gt-a"), CONVOY, record("gt-a", failures=3))
    assert spent == {"attempts": "it is exhausted: 3 of 3 attempts have failed"}
    assert not failing(
        bead("gt-a"), CONVOY, record("gt-a", failures=3), config=config(dispatch=Dispatch(max_attempts=4))
    )


def test_overlap_with_work_in_flight_or_submitted_in_the_same_rig() -> None:
    mine = bead("gt-a", touches=("src/**",))
    other = bead("gt-b", touches=("src/a.py", "docs/x.md"))
    message = {"overlap": "it may change the same files as gt-b, being worked on"}
    assert failing(mine, other, CONVOY, live("gt-b")) == message
    assert failing(mine, other, CONVOY, live("gt-b", submitted="c0ffee")) == message
    assert not failing(mine, other, CONVOY)
    assert not failing(mine, bead("gt-b", touches=("docs/",)), CONVOY, live("gt-b"))
    assert not failing(mine, bead("gt-b"), CONVOY, live("gt-b"))
    assert not failing(bead("gt-a"), other, CONVOY, live("gt-b"))
    rigs = config(Rig("gastown", ("gt",)), Rig("sub", ("gt-b",)))
    assert not failing(mine, bead("gt-b-1", touches=("src/**",)), CONVOY, live("gt-b-1"), config=rigs)
    assert not failing(mine, CONVOY, live("gt-gone"))


def test_paused() -> None:
    assert failing(bead("gt-a"), CONVOY, paused=True) == {"paused": "dispatch is paused, says the ledger"}
    stopped = config(dispatch=Dispatch(paused=True))
    words = {"paused": "dispatch is paused, says .convoy/config.yaml"}
    assert failing(bead("gt-a"), CONVOY, config=stopped) == words


def test_one_bad_file_freezes_itself_its_dependants_and_its_convoys() -> None:
    tracked = convoy("hq-cv-1", "gt-a", "gt-bad")
    assert failing(bead("gt-a"), tracked, broken=["gt-bad"]) == {
        "readable": "hq-cv-1 is frozen: files that cannot be read: gt-bad"
    }
    assert failing(bead("gt-a"), CONVOY, broken=["hq-cv-1"]) == {
        "readable": "hq-cv-1 is frozen: files that cannot be read: hq-cv-1"
    }
    assert failing(bead("gt-a", "gt-bad"), CONVOY, broken=["gt-bad"]) == {"links": "the file of gt-bad cannot be read"}
    child = bead("gt-a", parent="gt-b")
    assert failing(child, epic("gt-b", parent="gt-bad"), CONVOY, broken=["gt-bad"]) == {
        "readable": "the file of gt-bad, which it belongs to, cannot be read"
    }
    assert "readable" in failing(bead("gt-a"), CONVOY, broken=["gt-a"])
    assert not failing(bead("gt-a"), CONVOY, convoy("hq-cv-2", "gt-bad"), broken=["gt-bad", "hq-cv-3"])


def test_a_bad_config_freezes_dispatch() -> None:
    assert failing(bead("gt-a"), CONVOY, config_broken=True) == {
        "readable": "the settings (.convoy/config.yaml) cannot be read"
    }


def test_nothing_in_a_cycle_is_dispatched_others_go_on() -> None:
    beads = (bead("gt-a", "gt-b"), bead("gt-b", "gt-a", status="closed"), bead("gt-c"))
    assert failing(*beads, CONVOY) == {"readable": "it is part of a dependency cycle"}
    assert View(state(*beads)).ready(all=True) == ("gt-c",)


def test_a_cycle_of_parents_freezes_its_beads() -> None:
    beads = (bead("gt-a", parent="gt-b"), bead("gt-b", parent="gt-a"), bead("gt-c", parent="gt-b"))
    assert failing(*beads, CONVOY) == {"readable": "its parents form a cycle: gt-a -> gt-b -> gt-a"}
    assert View(state(*beads)).ready(all=True) == ("gt-c",)


def test_archived_beads_and_tombstones_are_never_dispatched() -> None:
    assert failing(bead("gt-a", archived=True), CONVOY) == {"readable": "it is archived"}
    assert "readable" in failing(bead("gt-a", tombstone=True), CONVOY)


def test_ids_without_a_bead_have_one_verdict() -> None:
    view = View(state(broken=["gt-bad"]))
    assert [(one.rule, one.ok, one.message) for one in view.verdicts("gt-none")] == [
        ("readable", False, "there is no bead gt-none")
    ]
    assert [one.message for one in view.verdicts("gt-bad")] == ["its file cannot be read"]
    assert not view.is_ready("gt-none", waive=frozenset(RULE_NAMES))


def test_waived_rules_pass_and_say_so() -> None:
    view = View(state(bead("gt-a", assignee="nux")))
    waive = frozenset({"tracked", "reserved"})
    assert not view.is_ready("gt-a")
    assert not view.is_ready("gt-a", waive=frozenset({"tracked"}))
    assert view.is_ready("gt-a", waive=waive)
    assert [one.message for one in view.verdicts("gt-a", waive=waive) if one.rule in waive] == [
        "waived: no open convoy tracks it",
        "waived: it is reserved for nux",
    ]
    assert all(one.ok for one in view.verdicts("gt-a", waive=waive))


def test_order_is_convoy_priority_bead_priority_longest_remaining_path_id() -> None:
    view = View(
        state(
            convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", "gt-c1", "gt-d"),
            convoy("hq-cv-2", "gt-z", priority=0),
            bead("gt-d", priority=1),
            bead("gt-b"),
            bead("gt-a"),
            bead("gt-c"),
            bead("gt-c1", "gt-c"),
            bead("gt-z", priority=4),
            bead("gt-0"),
        )
    )
    assert view.ready() == ("gt-z", "gt-d", "gt-c", "gt-a", "gt-b")
    assert view.ready(all=True) == ("gt-z", "gt-d", "gt-c", "gt-a", "gt-b", "gt-0")


def test_closed_beads_do_not_lengthen_the_path() -> None:
    view = View(
        state(
            bead("gt-a"),
            bead("gt-b"),
            bead("gt-b1", "gt-b"),
            bead("gt-a1", "gt-a", status="closed"),
            bead("gt-a2", "gt-a1", "gt-b1"),
            convoy("hq-cv-1", "gt-a", "gt-b"),
        )
    )
    assert view.ready() == ("gt-b", "gt-a")


def test_the_next_due_time_is_the_earliest_that_makes_a_bead_ready() -> None:
    tracked = convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", "gt-d", "gt-e")
    items: tuple[Item, ...] = (
        tracked,
        bead("gt-a", defer_until=NOW + 500),
        bead("gt-b", defer_until=NOW + 100),
        record("gt-b", not_before=NOW + 300, failures=1),
        bead("gt-c", defer_until=NOW - 5),
        bead("gt-d", "gt-a", defer_until=NOW + 10),
        bead("gt-e", defer_until=NOW + 10),
        record("gt-e", failures=3),
        bead("gt-f", defer_until=NOW + 10),
    )
    assert next_due(View(state(*items))) == NOW + 300
    assert next_due(View(state(*items, now=NOW + 300))) == NOW + 500
    assert next_due(View(state(*items, now=NOW + 500))) is None
    assert next_due(View(state(*items, paused=True))) is None
