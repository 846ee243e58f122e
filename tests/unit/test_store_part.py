"""A part of a plan gives the answers of all of it: what is ready and why not, what completes, who is in which wave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from builders import bead, config, convoy, epic, fact, ledger, link, live, state
from hypothesis import assume, given, settings
from parts import in_files, part, sound
from plan_strategies import states

from gitconvoy.graph import waves
from gitconvoy.model.plan import Link
from gitconvoy.model.state import Asked, State
from gitconvoy.rules.due import next_due
from gitconvoy.rules.view import View


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


@settings(max_examples=80)
@given(states(most=10))
def test_of_a_bead_that_is_asked_for_all_is_said(whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    view = View(whole)
    for one in (*whole.plan.beads, *whole.plan.archive):
        assert of_beads(View(part(whole, Asked([one]))), [one]) == of_beads(view, [one])


@settings(max_examples=80)
@given(states(most=10))
def test_what_is_ready_and_what_is_closed_is_said_of_all(whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    view, least = View(whole), View(part(whole, Asked()))
    less, more = View(part(whole, Asked(ready=True))), View(part(whole, Asked(ready=True, untracked=True)))
    assert less.ready() == view.ready()
    assert (more.ready(), more.ready(all=True)) == (view.ready(), view.ready(all=True))
    for found in (less, more, least):
        assert found.closed.outcomes == view.closed.outcomes
        assert {one: found.progress(one) for one in whole.plan.convoys} == {
            one: view.progress(one) for one in whole.plan.convoys
        }
        assert next_due(found) == next_due(view)
        assert {*found.plan.beads, *found.plan.archive, *found.plan.left()} == {*whole.plan.beads, *whole.plan.archive}
        for one in (*whole.plan.beads, *whole.plan.archive):
            assert found.effective(one) == replace(view.effective(one), source=found.effective(one).source)
            assert found.order_key(one) == view.order_key(one)


@settings(max_examples=80)
@given(states(most=10))
def test_the_waves_of_a_part_are_those_of_the_whole(whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    for tracked in whole.plan.convoys.values():
        less, view = View(part(whole, Asked(convoys=[tracked.id]))), View(whole)
        assert waves(less.graph, tracked.tracks).waves == waves(view.graph, tracked.tracks).waves
        assert of_beads(less, tracked.tracks) == of_beads(view, tracked.tracks)
        assert less.completion(tracked.id) == view.completion(tracked.id)


def test_what_nobody_asks_for_is_left_where_it_is() -> None:
    done = [bead(f"gt-{number}", *(link(f"gt-{n}") for n in range(number)), status="closed") for number in range(50)]
    late = [bead(f"gt-late-{number}", "gt-open") for number in range(50)]
    whole = state(*done, *late, bead("gt-open", "gt-49"), convoy("hq-cv-1", "gt-open", "gt-49", status="open"))
    assert set(part(whole).plan.beads) == {"gt-open", *(each.id for each in late)}
    less = part(whole, Asked(ready=True))
    assert set(less.plan.beads) == {"gt-open"}
    assert View(less).ready() == ("gt-open",)
    assert View(less).progress("hq-cv-1") == (1, 2)
    assert View(less).remaining("gt-open") == 2
    recorded = replace(whole, ledger=ledger(live("gt-7"), fact("gt-8", "done", "open")))
    assert {"gt-7", "gt-8"} <= part(recorded).plan.beads.keys()
    assert set(part(whole, Asked(["gt-3"])).plan.beads) == {"gt-3"}
    assert set(part(whole, Asked(["gt-late-7"])).plan.beads) == {"gt-open", "gt-late-7"}
    assert not part(whole, Asked()).plan.beads


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_condition_that_a_file_decided_is_followed(outcome: str) -> None:
    whole = state(
        bead("gt-a", status="closed", outcome=outcome),
        bead("gt-b", Link("gt-a", "conditional-blocks")),
        bead("gt-c", "gt-b"),
        convoy("hq-cv-1", "gt-b", "gt-c", status="open"),
    )
    for asked in (Asked(ready=True), Asked(all_open=True), Asked(["gt-b"])):
        assert View(part(whole, asked)).closed.outcomes == View(whole).closed.outcomes
    assert View(part(whole, Asked(ready=True))).ready() == View(whole).ready() != ()


@pytest.mark.parametrize("outcome", ["done", "failed", "skipped"])
def test_a_link_to_a_bead_below_its_holder_is_not_inherited(outcome: str) -> None:
    family = [
        epic("gt-e", "gt-a"),
        bead("gt-a", parent="gt-e", status="closed", outcome=outcome),
        bead("gt-b", parent="gt-e"),
    ]
    whole = state(*family, convoy("hq-cv-1", "gt-b", status="open"), config=config())
    assert View(part(whole)).ready() == View(whole).ready() == ("gt-b",)
