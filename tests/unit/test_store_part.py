"""A part of a plan gives the answers of all of it: what is ready and why not, what completes, who is in which wave."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import replace

import pytest
from builders import bead, config, convoy, epic, link, state
from hypothesis import assume, given, settings
from plan_strategies import states

from gitconvoy.graph import Graph, waves
from gitconvoy.model.kinds import CONFIG_PATH
from gitconvoy.model.plan import Bead, Config, Convoy
from gitconvoy.model.state import State
from gitconvoy.rules.view import View
from gitconvoy.store import outline
from gitconvoy.store.part import Rest, gathered


def part(whole: State, asked: Collection[str] = (), waves_of: Collection[str] = ()) -> State:
    """The same state with no more of its plan than is needed."""
    plan = whole.plan
    files: dict[str, Bead | Convoy | Config] = {CONFIG_PATH: plan.config}
    for each in (*plan.beads.values(), *plan.archive.values()):
        files[_place(each)] = each
    for each_convoy in plan.convoys.values():
        files[f".convoy/convoys/{each_convoy.id}.yaml"] = each_convoy
    beads = [each for each in files.values() if isinstance(each, Bead)]
    rows = [replace(outline.row_of(each, "", plan.config), path=_place(each)) for each in beads]
    with sqlite3.connect(":memory:", isolation_level=None) as db:
        db.executescript(outline.TABLES)
        outline.begin_anew(db, "tree", rows, {path: "" for path, each in files.items() if not isinstance(each, Bead)})
        assert outline.tree_of(db) == "tree"
        known = {each.id for each in whole.ledger.beads.values() if each.status is not None or each.submitted}
        found = gathered(db, "tree", lambda listed: [files[path] for path, _ in listed], {*asked, *known}, waves_of)
    return replace(whole, plan=replace(found, rest=Rest(found.settled, plan.bead)))


def _place(each: Bead) -> str:
    return f".convoy/{'archive' if each.archived else 'beads'}/{each.id}.yaml"


def in_files(whole: State) -> State:
    """As it would be read from files, where the folder says what is archived."""
    archive = {one: replace(each, archived=True) for one, each in whole.plan.archive.items()}
    return replace(whole, plan=replace(whole.plan, archive=archive))


def of_beads(view: View, ids: Collection[str]) -> dict[str, object]:
    """All that is said of these beads."""
    return {
        one: (
            view.effective(one),
            view.verdicts(one),
            view.blocked_by(one),
            view.remaining(one),
            view.unreachable().get(one),
            view.order_key(one),
            view.tracking(one),
        )
        for one in ids
    }


def of_town(view: View) -> object:
    """What `ready`, `list` and the engine ask of a town."""
    return (
        view.ready(),
        view.ready(all=True),
        {each: (view.progress(each), view.completion(each), view.convoy_status(each)) for each in view.plan.convoys},
        [one for one in view.ledger.beads if view.exhausted(one)],
    )


def sound(whole: State) -> bool:
    """Only such plans are outlined."""
    graph = Graph.build(whole.plan)
    return not whole.plan.broken and not graph.hierarchy.cyclic and not graph.in_cycle


@settings(max_examples=80)
@given(states(most=10))
def test_a_part_says_what_the_whole_says(whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    view, less = View(whole), View(part(whole))
    assert of_town(less) == of_town(view)
    unsettled = [one for one in (*whole.plan.beads, *whole.plan.archive) if one not in less.plan.settled]
    assert of_beads(less, unsettled) == of_beads(view, unsettled)
    for one in (*whole.plan.beads, *whole.plan.archive):
        assert less.effective(one).status == view.effective(one).status
        assert of_beads(View(part(whole, [one])), [one]) == of_beads(view, [one])


@settings(max_examples=80)
@given(states(most=10))
def test_the_waves_of_a_part_are_those_of_the_whole(whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    for tracked in whole.plan.convoys.values():
        less = part(whole, waves_of=tracked.tracks)
        assert waves(View(less).graph, tracked.tracks).waves == waves(View(whole).graph, tracked.tracks).waves


def test_what_nobody_asks_for_is_left_where_it_is() -> None:
    done = [bead(f"gt-{number}", *(link(f"gt-{n}") for n in range(number)), status="closed") for number in range(50)]
    whole = state(*done, bead("gt-open", "gt-49"), convoy("hq-cv-1", "gt-open", "gt-49", status="open"))
    less = part(whole)
    assert set(less.plan.beads) == {"gt-open"}
    assert View(less).ready() == ("gt-open",)
    assert View(less).progress("hq-cv-1") == (1, 2)
    assert set(part(whole, ["gt-3"]).plan.beads) == {"gt-open", "gt-3"}


@pytest.mark.parametrize("outcome", ["done", "failed", "skipped"])
def test_a_link_to_a_bead_below_its_holder_is_not_inherited(outcome: str) -> None:
    family = [
        epic("gt-e", "gt-a"),
        bead("gt-a", parent="gt-e", status="closed", outcome=outcome),
        bead("gt-b", parent="gt-e"),
    ]
    whole = state(*family, convoy("hq-cv-1", "gt-b", status="open"), config=config())
    assert View(part(whole)).ready() == View(whole).ready() == ("gt-b",)
