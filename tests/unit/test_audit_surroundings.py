"""The part of a plan that an audit looks at gives the answers of the whole plan, on random states (SPEC 4, 7)."""

from __future__ import annotations

from dataclasses import replace

from builders import NOW, bead, plan
from hypothesis import given, settings
from plan_strategies import states

from gitconvoy.audit.surroundings import Surroundings
from gitconvoy.audit.values import Books
from gitconvoy.model.plan import Bead
from gitconvoy.model.state import State
from gitconvoy.rules import View
from gitconvoy.rules.capacity import Capacity

fast = settings(max_examples=150, deadline=None)


def books(state: State) -> Books:
    found = Books(paused=state.ledger.paused)
    for record in state.ledger.beads.values():
        found.put(record)
    for group in state.ledger.convoys.values():
        found.put(group)
    return found


@fast
@given(states())
def test_a_bead_is_judged_as_in_the_whole_plan(state: State) -> None:
    whole, around = View(state), Surroundings(state.plan)
    for bead_id in (*state.plan.beads, *state.plan.archive):
        part = around.view_of_bead(books(state), bead_id, state.now)
        expected = {verdict.rule: (verdict.ok, verdict.message) for verdict in whole.verdicts(bead_id)}
        found = {verdict.rule: (verdict.ok, verdict.message) for verdict in part.verdicts(bead_id)}
        if bead_id in around.cyclic:
            assert not expected.pop("readable")[0]
            found.pop("readable")
        assert found == expected
        assert part.effective(bead_id) == whole.effective(bead_id)
        assert Capacity(part, "here").refusal(bead_id, None) == Capacity(whole, "here").refusal(bead_id, None)


@fast
@given(states())
def test_a_convoy_is_judged_as_in_the_whole_plan(state: State) -> None:
    whole, around = View(state), Surroundings(state.plan)
    for convoy_id in state.plan.convoys:
        part = around.view_of_convoy(books(state), convoy_id, state.now)
        assert part.completion(convoy_id) == whole.completion(convoy_id)
        assert part.convoy_status(convoy_id) == whole.convoy_status(convoy_id)


@fast
@given(states(), states())
def test_cycles_are_those_of_the_plan_whatever_was_looked_at_before(one: State, other: State) -> None:
    before = Surroundings(one.plan)
    before.cyclic  # noqa: B018 - worked out, so that the next one may share it
    assert Surroundings(other.plan, before).cyclic == Surroundings(other.plan).cyclic


def test_a_change_of_status_alone_shares_the_cycles() -> None:
    before = Surroundings(plan(bead("gt-a", "gt-b"), bead("gt-b", "gt-a"), bead("gt-c")))
    assert before.cyclic == {"gt-a", "gt-b"}
    closed: dict[str, Bead] = {**before.plan.beads, "gt-c": replace(before.plan.beads["gt-c"], status="closed")}
    after = Surroundings(replace(before.plan, beads=closed), before)
    assert after.cyclic is before.cyclic


def test_far_away_beads_are_left_out() -> None:
    """So that a dispatch costs what it touches, at any size of the plan."""
    chain = [bead(f"gt-{number}", *([f"gt-{number - 1}"] if number else [])) for number in range(100)]
    part = Surroundings(plan(*chain)).view_of_bead(Books(), "gt-50", NOW)
    assert set(part.plan.beads) == {"gt-49", "gt-50"}
