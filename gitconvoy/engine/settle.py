"""What is due in a state: repairs, giving up, completions, free capacity beside ready work. Pure (SPEC 4, 7)."""

from __future__ import annotations

import os
from collections.abc import Collection

from gitconvoy.engine import facts
from gitconvoy.engine.attempts.breaking import Gate
from gitconvoy.engine.attempts.placing import place_for
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import START, lease_end
from gitconvoy.graph.unseen import doubtful
from gitconvoy.model.ledger import OPEN
from gitconvoy.model.plan import Convoy
from gitconvoy.rules.batch import place, queue
from gitconvoy.rules.capacity import Capacity


def new_token() -> str:
    """A random token that makes a dispatch unique and fences it."""
    return os.urandom(8).hex()


def repair(draft: Draft) -> None:
    """Attempts of this machine that never began are re-queued, those whose lease ran out expire.

    One that began and whose lease cannot be read may live: it is waited for as if it had one from the start (SPEC 7).
    """
    with draft.caused_by("scan"):
        for bead, record in sorted(draft.state.ledger.beads.items()):
            if not record.in_flight or record.machine != draft.local.machine:
                continue
            if record.token != draft.before.ledger.bead(bead).token:
                continue  # this very decision dispatches it
            held = draft.local.leases.get(bead)
            unheld = held is None or held.token != record.token
            if record.via == START and unheld and record.token not in draft.local.begun:
                facts.taken_back(draft, bead, "the dispatch was recorded, but its worker never began", "requeue")
                continue
            end = lease_end(record, draft.local, draft.state.plan.config.dispatch.lease)
            if end is not None and end <= draft.now:
                facts.failed(draft, bead, "no sign of life before the lease ran out", kind="expire", wait=False)


def give_up(draft: Draft) -> None:
    """Exhausted beads of mountain convoys fail for good."""
    limit = draft.state.plan.config.dispatch.max_attempts
    for bead, record in sorted(draft.state.ledger.beads.items()):
        exhausted = record.failures >= limit and record.status is None and record.conflict is None
        if exhausted and facts.in_mountain(draft, bead) and draft.view.effective(bead).category == "active":
            facts.given_up(draft, bead)


def completions(draft: Draft) -> None:
    """Convoys that are complete now say so once; those that are no longer complete are open again.

    Of a convoy with beads that a repository leaves in doubt, because it is away, nobody knows the latter.
    """
    view, plan = draft.view, draft.state.plan  # that a convoy completes makes no difference to another one's beads
    doubts = doubtful(view.graph)
    on = view.going_on({each for each in view.completed() if _in_doubt(draft, plan.convoys[each], doubts)})
    for convoy_id in sorted(plan.convoys):
        if convoy_id in on:
            facts.reopen_convoy(draft, convoy_id, "it tracks a bead that is open again")
        elif draft.convoy_record(convoy_id).completed_at is None and view.convoy_status(convoy_id) == OPEN:
            outcome = view.completion(convoy_id)
            if outcome is not None:
                facts.complete(draft, convoy_id, outcome)


def _in_doubt(draft: Draft, convoy: Convoy, doubts: frozenset[str]) -> bool:
    plan = draft.state.plan
    return any(bead in doubts or plan.unseen(bead) is not None for bead in convoy.tracks)


def feed(draft: Draft, *, asked: bool = False, only: Collection[str] | None = None) -> None:
    """Dispatch every ready bead up to capacity, in the order of SPEC 4; `asked` overrides `dispatch.auto: false`."""
    local, config = draft.local, draft.state.plan.config
    if local.via is None or local.paused or draft.state.plan.config_broken or not (asked or config.dispatch.auto):
        return
    view = draft.view
    capacity = Capacity(view, local.machine, local.max_workers)
    ready = queue(view) if only is None else [bead for bead in view.ready() if view.convoy_of(bead) in only]
    gate = Gate(view, local, draft.events)
    for each in place(view, capacity, ready, gate.admits):
        if each.worker is not None:
            where = place_for(draft, each.bead, each.convoy)
            facts.dispatch(
                draft, each.bead, convoy=each.convoy, worker=each.worker, via=local.via, token=new_token(), place=where
            )


def settle(draft: Draft, *, feed_too: bool = True) -> None:
    """Everything that is due, in the order in which one thing makes the next due."""
    repair(draft)
    give_up(draft)
    completions(draft)
    if feed_too:
        feed(draft)
