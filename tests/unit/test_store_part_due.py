"""A reaction decides on the part of a plan that it reads what it would decide on all of it (SPEC 4, 7)."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

from builders import NOW, bead, convoy, epic, fact, live, state
from drafts import TRUNK, draft, local
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from parts import in_files, part, sound
from plan_strategies import states

from gitconvoy.engine import catchup, facts, settle, trunk, wake
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.telling import board, notices
from gitconvoy.engine.trunk import Step
from gitconvoy.model.ledger import CLOSED, OPEN, PUSH, ConvoyRecord, Event
from gitconvoy.model.plan import Convoy
from gitconvoy.model.state import Asked, State
from gitconvoy.store import part as store_part

STATUSES = ("open", "open", "closed", "in_progress", "blocked")
CONVOYS = ("hq-cv-1", "hq-cv-2", "hq-cv-3")


@st.composite
def towns(draw: st.DrawFn) -> State:
    """A state with three convoys, each in any status by its file and by the ledger."""
    found = draw(states(most=10))
    ids = [*found.plan.beads, *found.plan.archive] or ["gt-none"]
    convoys = {each: _convoy(draw, each, ids) for each in CONVOYS}
    drawn = {each: _record(draw, convoys[each]) for each in CONVOYS}
    records = {each: record for each, record in drawn.items() if record is not None}
    return replace(
        found, plan=replace(found.plan, convoys=convoys), ledger=replace(found.ledger, convoys=records, trunk=TRUNK)
    )


def _convoy(draw: st.DrawFn, convoy_id: str, ids: list[str]) -> Convoy:
    tracks = draw(st.lists(st.sampled_from(ids), unique=True, max_size=3))
    status = draw(st.sampled_from(["open", "open", "staged_ready", "closed"]))
    return convoy(convoy_id, *tracks, status=status, mountain=draw(st.booleans()), owned=draw(st.booleans()))


def _record(draw: st.DrawFn, about: Convoy) -> ConvoyRecord | None:
    said = draw(st.sampled_from([about.status, "open", "staged_ready"]))
    known = ConvoyRecord(about.id, launched_at=1, file_status=said)
    return draw(
        st.sampled_from(
            [
                None,
                None,
                replace(known, status=OPEN),
                replace(known, status=OPEN, paused=True),
                replace(known, status=CLOSED, completed_at=2, outcome="done"),
                replace(known, status=CLOSED, close_reason="enough"),
                replace(known, completed_at=2, outcome="partial"),
            ]
        )
    )


@st.composite
def histories(draw: st.DrawFn, whole: State) -> list[Step]:
    """What the commits between said of beads that the ledger knows, and of convoys."""
    beads = st.dictionaries(st.sampled_from(sorted(whole.ledger.beads) or ["gt-none"]), st.sampled_from(STATUSES))
    convoys = st.dictionaries(st.sampled_from(CONVOYS), st.sampled_from(["open", "staged_ready", "closed"]))
    step = st.builds(Step, st.just("c" * 40), beads, convoys, convoys)
    return draw(st.lists(step, max_size=2))


def reaction(known: State, steps: list[Step], merged: set[str]) -> tuple[list[Event], bytes, int | None]:
    """The events of a reaction, the page of the board after them, and when something is due next."""
    made = draft(known, local(via=PUSH, notifies=True, max_workers=3))
    catchup.catch_up(made, [*steps, trunk.whole(TRUNK, known.plan)])
    for one in sorted(merged):
        if made.record(one).handed_in:
            facts.merged(made, one, "d" * 40, "it is there")
    with patch.object(settle, "new_token", lambda: f"{len(made.events):016x}"):
        settle.settle(made)
    notices.decide(made)
    return list(made.events), board.render(made.view), wake.next_wake(made.view, made.local)


@settings(max_examples=300)
@given(st.data(), towns())
def test_a_reaction_decides_on_the_part_what_it_decides_on_the_whole(data: st.DataObject, whole: State) -> None:
    assume(sound(whole))
    whole = in_files(whole)
    steps = data.draw(histories(whole))
    merged = data.draw(st.sets(st.sampled_from(sorted(whole.ledger.beads) or ["gt-none"])))
    with patch.object(store_part, "_MOST", 1):  # also of small plans no more than a part
        less = part(whole, Asked(due=True))
    assert reaction(less, steps, merged) == reaction(whole, steps, merged)


def test_what_can_no_longer_close_is_known_whoever_tracks_what_is_before_it() -> None:
    whole = state(
        bead("gt-failed", status="closed", outcome="failed"),
        bead("gt-before", "gt-failed"),
        bead("gt-a", "gt-before"),
        *(bead(f"gt-later-{number}") for number in range(9)),
        convoy("hq-cv-1", "gt-a", status="open"),
    )
    less = part(whole, Asked(due=True))
    assert set(less.plan.beads) == {"gt-a", "gt-before"}
    assert reaction(less, [], set()) == reaction(whole, [], set())
    assert [event.reason for event in reaction(less, [], set())[0] if event.kind == "complete"] == ["outcome partial"]


def test_an_epic_that_a_merge_closes_lets_others_begin() -> None:
    whole = state(
        epic("gt-e"),
        bead("gt-child", parent="gt-e"),
        bead("gt-a", "gt-e"),
        *(bead(f"gt-later-{number}") for number in range(9)),
        live("gt-child", submitted="c0ffee"),
        convoy("hq-cv-1", "gt-a", status="open"),
    )
    less = part(whole, Asked(due=True))
    assert set(less.plan.beads) == {"gt-e", "gt-child", "gt-a"}
    told = reaction(less, [], {"gt-child"})
    assert told == reaction(whole, [], {"gt-child"})
    assert ("dispatch", "gt-a") in [(event.kind, event.bead) for event in told[0]]


def test_what_no_open_convoy_tracks_is_left_where_it_is() -> None:
    staged = [bead(f"gt-staged-{number}") for number in range(30)]
    backlog = [bead(f"gt-later-{number}", "gt-next") for number in range(30)]
    whole = state(
        *(bead("gt-done", status="closed"), bead("gt-next", "gt-known"), bead("gt-known"), *staged, *backlog),
        fact("gt-known", "done", "open"),
        convoy("hq-cv-1", "gt-done", "gt-next", status="open"),
        convoy("hq-cv-2", *(each.id for each in staged), status="staged_ready"),
    )
    less = part(whole, Asked(due=True))
    assert set(less.plan.beads) == {"gt-next", "gt-known"}
    made: Draft = draft(less, local(via=PUSH))
    settle.settle(made)
    assert [(event.kind, event.bead) for event in made.events] == [("dispatch", "gt-next")]
    assert made.now == NOW
