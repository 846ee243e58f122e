"""What a view takes over from an earlier state is what it would have found by itself."""

from __future__ import annotations

from dataclasses import replace

from builders import bead, convoy, ledger, live, record, state
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import states

from gitconvoy.model.ledger import BeadRecord, Ledger, Records
from gitconvoy.model.state import State
from gitconvoy.rules import View
from gitconvoy.rules.onward import begun_since

fast = settings(max_examples=150, deadline=None, derandomize=True)
kinds_of_change = st.sampled_from(["begin", "begin", "begin", "close", "fail", "hand in", "forget", "wait"])


def changed(state: State, bead_id: str, how: str) -> State:
    """The state after something happened to a bead, lawful or not."""
    if how == "wait":
        return replace(state, now=state.now + 4000)
    now = state.ledger.bead(bead_id)
    after = {
        "begin": replace(now, status="in_progress", attempt=now.attempt + 1, worker="gt/w", submitted=None),
        "close": replace(now, status="closed", outcome="done", file_status="open"),
        "fail": replace(now, status=None, failures=now.failures + 1, not_before=state.now + 3600),
        "hand in": replace(now, status="in_progress", submitted="1" * 40),
        "forget": BeadRecord(bead_id),
    }[how]
    return replace(state, ledger=replace(state.ledger, beads=Records.replaced(state.ledger.beads, after)))


def answers(view: View) -> list[object]:
    beads = sorted(view.plan.beads)
    return [
        view.ready(),
        view.ready(all=True),
        view.ready(actor="gt/w"),
        dict(view.unreachable()),
        [view.effective(one) for one in beads],
        [view.verdicts(one) for one in beads],
        [view.blocked_by(one) for one in beads],
        [view.remaining(one) for one in beads],
        [(view.convoy_status(one), view.completion(one), view.progress(one)) for one in sorted(view.plan.convoys)],
        view.in_flight,
    ]


@fast
@given(states(), st.lists(st.tuples(st.integers(0, 7), kinds_of_change), max_size=5), st.data())
def test_a_view_that_goes_on_answers_as_a_new_one(
    state: State, steps: list[tuple[int, str]], data: st.DataObject
) -> None:
    ids = sorted(state.plan.beads) or ["gt-none"]
    view = View(state)
    for number, how in steps:
        if data.draw(st.booleans()):
            answers(view)
        state = changed(state, ids[number % len(ids)], how)
        view = View(state, view)
        assert answers(view) == answers(View(state))


def test_what_is_no_beginning_is_looked_at_anew() -> None:
    before = state(
        bead("gt-a"), bead("gt-b"), convoy("hq-cv-1", "gt-a", "gt-b", status="open"), record("gt-b", failures=1)
    )
    begun = changed(before, "gt-a", "begin")
    assert begun_since(before, begun) == frozenset({"gt-a"})
    assert begun_since(before, before) == begun_since(before, changed(before, "gt-a", "forget")) == frozenset()
    assert begun_since(begun, before) is None
    assert begun_since(before, changed(before, "gt-a", "close")) is None
    assert begun_since(before, replace(begun, ledger=replace(begun.ledger, paused=True))) is None
    assert begun_since(before, replace(begun, plan=replace(begun.plan))) is None
    assert begun_since(before, replace(begun, now=before.now - 1)) is None
    assert begun_since(before, replace(before, ledger=Ledger())) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3)), max_size=200))
@fast
def test_records_are_a_mapping(changes: list[tuple[int, int]]) -> None:
    model = {f"gt-{number}": live(f"gt-{number}") for number in range(5)}
    records, first = ledger(*model.values()).beads, dict(model)
    states_ = [records]
    for number, attempt in changes:
        one = record(f"gt-{number}", attempt=attempt)
        records = Records.replaced(records, one)
        model[one.id] = one
        states_.append(records)
    assert records == model
    assert (len(records), list(records), sorted(records.keys())) == (len(model), list(model), sorted(model))
    assert list(records.values()) == list(model.values())
    assert all(records.get(one) == model[one] == records[one] for one in model)
    assert (records.get("none"), "none" in records, "gt-0" in records) == (None, False, True)
    for old in states_[:: max(1, len(states_) // 5)]:
        differing = Records.differing(old, records)
        assert differing is not None
        assert {each.id for each in differing} >= {one for one in model if old.get(one) != model[one]}
    assert states_[0] == first
