"""What the rules make of beads in other repositories, and of repositories that are away (SPEC 4, 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import bead, config, convoy, epic, fact, ledger, live, plan, state
from drafts import decided, draft

from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.engine import joining, trunk
from gitconvoy.engine.settle import settle
from gitconvoy.graph import Graph
from gitconvoy.graph.unseen import doubtful
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Abroad, Plan, Rig
from gitconvoy.model.state import State
from gitconvoy.planning.planfile import plan_files, stale
from gitconvoy.rules.view import View
from gitconvoy.store import values

RIGS = config(Rig("gt", ("gt",)), Rig("web", ("web", "site")))
WHY = "the repository of the rig web cannot be used: moved"
THERE = Abroad("web", "/elsewhere/web", "c" * 40)
AWAY: dict[str, Any] = {"away": {"web": "moved"}, "config": RIGS}


def failing(view: View, one: str) -> dict[str, str]:
    return {verdict.rule: verdict.message for verdict in view.verdicts(one) if not verdict.ok}


# --- rules -----------------------------------------------------------------------------------------------------------


def test_own_beads_of_a_rig_that_is_away_are_not_ready() -> None:
    view = View(state(bead("web-a"), bead("gt-a"), convoy("hq-cv-1", "web-a", "gt-a"), **AWAY))
    assert failing(view, "web-a") == {"rig": WHY}
    assert view.ready() == ("gt-a",)


@pytest.mark.parametrize("kind", ["blocks", "conditional-blocks", "waits-for", "merge-blocks"])
def test_dependants_of_what_cannot_be_seen(kind: str) -> None:
    view = View(state(bead("gt-a", (kind, "site-x")), convoy("hq-cv-1", "gt-a"), fact("site-x"), **AWAY))
    assert failing(view, "gt-a") == {"links": f"site-x cannot be seen: {WHY}"}
    assert failing(view, "site-x") == {"rig": WHY}


def test_an_id_of_another_rig_is_missing_all_the_same() -> None:
    view = View(state(bead("gt-a", "gt-no"), convoy("hq-cv-1", "gt-a"), **AWAY))
    assert failing(view, "gt-a") == {"links": "gt-no does not exist"}
    assert view.effective("gt-no").status == "missing"


def test_effective_statuses_of_what_cannot_be_seen() -> None:
    view = View(state(live("web-a"), fact("web-b"), convoy("hq-cv-1", "web-a", "web-b"), **AWAY))
    assert (view.effective("web-a").status, view.effective("web-a").category) == ("in_progress", "wip")
    assert (view.effective("web-b").status, view.effective("web-b").category) == ("away", "frozen")
    assert view.completion("hq-cv-1") is None
    assert view.convoy_frozen_by("hq-cv-1") == ()
    assert [record.id for record in view.in_flight] == ["web-a"]


@pytest.mark.parametrize(("known", "closed"), [(None, False), (frozenset({"gt-e"}), False), (frozenset(), True)])
def test_epics_with_children_that_may_be_there(known: frozenset[str] | None, closed: bool) -> None:
    items = (epic("gt-e"), bead("gt-a", parent="gt-e", status="closed"), bead("gt-b", ("waits-for", "gt-e")))
    view = View(state(*items, bead("gt-c", ("waits-for", "gt-e", "any-children")), away_parents=known, **AWAY))
    assert view.effective("gt-e").closed is closed
    assert view.passes("gt-b") is closed
    assert view.passes("gt-c"), "one is enough, and one has closed"
    if not closed:
        assert failing(view, "gt-b")["links"] == f"it waits for the children of gt-e: {WHY}"


def test_an_epic_is_not_given_up_while_children_may_be_there() -> None:
    items = (epic("gt-e"), bead("gt-f"), bead("gt-a", "gt-f", parent="gt-e"), fact("gt-f", "failed"))
    assert "gt-e" in View(state(*items, **AWAY)).unreachable()
    assert "gt-e" not in View(state(*items, away_parents=None, **AWAY)).unreachable()


# --- decisions -------------------------------------------------------------------------------------------------------


def test_a_completed_convoy_is_not_opened_again_in_doubt() -> None:
    done = ConvoyRecord("hq-cv-1", status="closed", file_status="open", launched_at=1, completed_at=2, outcome="done")
    for items in (
        (convoy("hq-cv-1", "web-a"),),
        (convoy("hq-cv-1", "gt-m"), bead("gt-m", ("conditional-blocks", "web-a"))),
        (convoy("hq-cv-1", "gt-e"), epic("gt-e"), bead("gt-m", ("conditional-blocks", "web-a"), parent="gt-e")),
    ):
        made = draft(state(*items, done, **AWAY))
        settle(made)
        assert decided(made) == []
    made = draft(state(convoy("hq-cv-1", "gt-a"), bead("gt-a"), done, **AWAY))
    settle(made)
    assert decided(made) == ["reopen hq-cv-1", "dispatch gt-a"]


def test_live_attempts_are_left_alone() -> None:
    made = draft(state(live("web-a", machine="here"), convoy("hq-cv-1", "web-a"), **AWAY))
    settle(made)
    assert decided(made) == []


def test_what_files_say_there_has_its_own_commit() -> None:
    joined = plan(bead("gt-a"), bead("web-a", status="closed"), abroad={"web-a": THERE})
    assert trunk.whole("d" * 40, joined).beads == {"gt-a": "open"}
    (step,) = trunk.abroad(joined)
    assert (step.commit, step.beads, step.convoys) == (THERE.commit, {"web-a": "closed"}, {})


# --- checks and plan files -------------------------------------------------------------------------------------------


def test_what_cannot_be_seen_is_a_warning() -> None:
    found = check_plan(
        plan(bead("gt-a", "web-a", "gt-no", parent="site-e"), convoy("hq-cv-1", "gt-a", "web-a"), **AWAY)
    )
    assert sorted((each.code, each.severity, each.ids[1]) for each in found) == [
        ("dangling", "error", "gt-no"),
        ("elsewhere", "warning", "site-e"),
        ("elsewhere", "warning", "web-a"),
        ("elsewhere", "warning", "web-a"),
    ]


@pytest.mark.parametrize(
    ("items", "known", "kept"),
    [
        ((bead("gt-a"),), None, False),
        ((bead("gt-a", "gt-b"), bead("gt-b")), None, False),
        ((bead("gt-a", "web-x"),), frozenset(), True),
        ((bead("gt-a", "gt-b"), bead("gt-b", "web-x")), frozenset(), True),
        ((bead("gt-a", parent="gt-e"), epic("gt-e", "web-x")), frozenset(), True),
        ((bead("gt-a", parent="web-e"),), frozenset(), True),
        ((bead("gt-a", parent="gt-e"), epic("gt-e"), bead("gt-b", "web-x", parent="gt-e")), None, False),
        ((bead("gt-a", "gt-e"), epic("gt-e"), bead("gt-b", "web-x", parent="gt-e")), frozenset(), True),
        ((bead("gt-a", "gt-e"), epic("gt-e")), None, True),
        ((bead("gt-a", "gt-e"), epic("gt-e")), frozenset({"gt-e"}), True),
        ((bead("gt-a", "gt-e"), epic("gt-e")), frozenset(), False),
        ((bead("gt-a", ("waits-for", "gt-b")), bead("gt-b")), None, True),
    ],
)
def test_plan_files_in_doubt_are_left_alone(
    items: tuple[object, ...], known: frozenset[str] | None, kept: bool
) -> None:
    made = plan(convoy("hq-cv-1", "gt-a"), *items, away_parents=known, **AWAY)  # type: ignore[arg-type]
    assert ("hq-cv-1" not in plan_files(made)) is kept
    assert bool(stale(made)) is not kept
    assert doubtful(Graph.build(replace(made, away={}))) == frozenset()


def test_a_convoy_that_tracks_what_cannot_be_seen_keeps_its_plan_file() -> None:
    assert plan_files(plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", "web-a"), **AWAY)) == {}


# --- plans -----------------------------------------------------------------------------------------------------------


def test_taking_a_joined_plan_apart_and_together() -> None:
    own = plan(bead("gt-a"), bead("web-own"), config=RIGS)
    joined = replace(
        own,
        beads={**own.beads, "web-a": bead("web-a", parent="gt-a"), "web-b": bead("web-b", parent="web-a")},
        archive={"web-c": bead("web-c", status="closed", archived=True)},
        broken=frozenset({"web-x"}),
        homes={"web": THERE},
        abroad=dict.fromkeys(("web-a", "web-b", "web-c", "web-x"), THERE),
    )
    assert joining.without(joined) == own
    assert joining.without(own) is own
    assert joining.carried(own, joined) == joined
    both = joining.carried(plan(bead("gt-a"), bead("WEB-A"), config=RIGS), joined)
    assert "web-a" not in both.beads
    assert joining.parents_elsewhere(joined) == {"web": {"gt-a", "web-a"}}
    assert joining.join(own, {}) is own


def test_ids_that_are_named_and_cannot_be_seen() -> None:
    made = plan(
        bead("gt-a", "web-b", parent="web-e"), bead("web-c"), convoy("hq-cv-1", "web-a", "gt-no", "web-c"), **AWAY
    )
    assert made.unseen_ids() == {"web-a", "web-b", "web-e"}
    assert replace(made, away={}).unseen_ids() == frozenset()


def test_the_declaration_in_the_config() -> None:
    read = values.config({"rigs": {"web": {"elsewhere": True}, "gt": None}})
    assert [rig.name for rig in read.rigs.values() if rig.elsewhere] == ["web"]


def test_a_plan_that_knows_of_no_other_repository_is_as_before() -> None:
    view = View(State(Plan(config=RIGS, beads={"web-a": bead("web-a")}), ledger()))
    assert view.plan.away_reason("web-a") is None
    assert view.plan.unseen("web-b") is None
    assert "rig" not in failing(view, "web-a")
