"""Statuses, links, readiness and completion against the words of SPEC 4, on random states."""

from __future__ import annotations

from hypothesis import given, settings
from oracles import Oracle, components
from plan_strategies import states

from gitconvoy.model.state import State
from gitconvoy.rules import RULE_NAMES, View

fast = settings(max_examples=60, deadline=None)


@fast
@given(states())
def test_closed_beads_are_the_least_fixpoint(state: State) -> None:
    view, oracle = View(state), Oracle(state)
    assert view.closed.outcomes == oracle.closed
    for bead_id in oracle.nodes:
        status = view.effective(bead_id)
        assert status.closed == (bead_id in view.closed.outcomes) == (status.category == "done")


@fast
@given(states())
def test_links_are_satisfied_as_written(state: State) -> None:
    view, oracle = View(state), Oracle(state)
    for bead_id in oracle.nodes:
        blocking = {
            (holder, link.target, link.type)
            for holder, _, link in oracle.blockers(bead_id)
            if not oracle.satisfied(oracle.closed, bead_id, link)
        }
        assert {(one.holder, one.target, one.type) for one in view.blocked_by(bead_id)} == blocking
        assert view.passes(bead_id) == (not blocking)
        assert all(one.message for one in view.blocked_by(bead_id))


@fast
@given(states())
def test_ready_is_the_conjunction_of_the_rules(state: State) -> None:
    view = View(state)
    for bead_id in state.plan.beads:
        verdicts = view.verdicts(bead_id)
        assert tuple(verdict.rule for verdict in verdicts) == RULE_NAMES
        assert view.is_ready(bead_id) == all(verdict.ok for verdict in verdicts)
        for verdict in verdicts:
            assert verdict.message
            if not verdict.ok:
                others = frozenset(RULE_NAMES) - {verdict.rule}
                assert not view.is_ready(bead_id, waive=others)
                assert view.is_ready(bead_id, waive=frozenset(RULE_NAMES))


@fast
@given(states())
def test_nothing_unready_is_ever_offered(state: State) -> None:
    view, oracle = View(state), Oracle(state)
    in_cycle = {one for part in components(oracle.edges) for one in part}
    offered = view.ready(all=True)
    assert set(view.ready()) <= set(offered)
    for bead_id in offered:
        bead, known = state.plan.beads[bead_id], state.ledger.bead(bead_id)
        assert bead.status == "open"
        assert bead_id not in oracle.closed
        assert bead.type in ("task", "bug")
        assert not known.live
        assert known.failures < 3
        assert bead.assignee is None
        assert bead_id not in state.plan.broken
        assert bead_id not in in_cycle
        assert bead_id not in oracle.ancestors[bead_id]
        assert bead_id not in view.unreachable()
        for _, _, link in oracle.blockers(bead_id):
            assert oracle.satisfied(oracle.closed, bead_id, link)


@fast
@given(states())
def test_unreachable_beads_are_those_behind_failed_ones(state: State) -> None:
    view = View(state)
    assert set(view.unreachable()) == Oracle(state).unreachable
    for bead_id, causes in view.unreachable().items():
        assert not view.effective(bead_id).closed
        assert all(view.effective(cause).failed for cause in causes)
        assert causes


@fast
@given(states())
def test_a_convoy_is_complete_when_each_bead_has_ended(state: State) -> None:
    view, oracle = View(state), Oracle(state)
    closed, dead = oracle.closed, oracle.unreachable
    tracks = state.plan.convoys["hq-cv-1"].tracks
    ended = bool(tracks) and all(one in closed or one in dead for one in tracks)
    partial = any(one in dead or closed.get(one) == "failed" for one in tracks)
    assert view.completion("hq-cv-1") == (("partial" if partial else "done") if ended else None)
    assert view.progress("hq-cv-1") == (sum(one in closed for one in tracks), len(tracks))


@fast
@given(states())
def test_order_of_construction_does_not_matter(state: State) -> None:
    plan = state.plan
    backwards = State(
        type(plan)(
            config=plan.config,
            beads=dict(reversed(list(plan.beads.items()))),
            archive=dict(reversed(list(plan.archive.items()))),
            convoys=plan.convoys,
            broken=plan.broken,
        ),
        state.ledger,
        state.now,
    )
    one, other = View(state), View(backwards)
    assert one.ready(all=True) == other.ready(all=True)
    assert list(one.unreachable().items()) == list(other.unreachable().items())
    assert [one.verdicts(bead_id) for bead_id in plan.beads] == [other.verdicts(bead_id) for bead_id in plan.beads]
