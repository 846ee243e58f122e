"""What the rules say of one step, on the plan that it was decided on and the ledger before it. Pure (SPEC 4, 7).

Of what the ledger alone cannot prove (leases, machine limits, processes, proofs in other repositories) only the form
is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from gitconvoy.audit.surroundings import Surroundings
from gitconvoy.audit.values import WARNING, Books, Finding, Step
from gitconvoy.checks.transitions import NONE, legal
from gitconvoy.model.ledger import CLAIM, CLOSED, OPEN, PUSH, START, BeadRecord
from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.ready import FORCED_RULES

_Findings = Iterator[Finding]
_TRUNK = re.compile(r"[0-9a-f]{40}")
_FORCED = "--force"
_COUNTED = frozenset({"fail", "expire", "dispatch-failed"})


def judge(step: Step, around: Surroundings, books: Books) -> _Findings:
    """Everything that is wrong with a step; `books` stand before it."""
    check = _CHECKS.get(step.event.kind)
    if check is not None:
        yield from check(step, around, books)
    if step.bead is not None:
        yield from _failures(step, books.bead(step.bead.id))


def _dispatch(step: Step, around: Surroundings, books: Books) -> _Findings:
    event, after = step.event, step.bead
    bead = event.bead or ""
    before = books.bead(bead)
    if after is None:
        yield step.finding("records", "it leaves no record of the attempt")
        return
    yield from _says_what_its_trailers_say(step, after)
    if after.attempt != before.attempt + 1:
        yield step.finding("attempt", f"attempt {after.attempt} follows attempt {before.attempt}")
    if before.live:
        yield step.finding("twice", f"attempt {before.attempt} of {bead} was still live ({before.worker})")
    yield from _ready(step, around, books, after)


def _says_what_its_trailers_say(step: Step, after: BeadRecord) -> _Findings:
    event = step.event
    said = {
        "worker": event.worker,
        "attempt": event.attempt,
        "token": event.token,
        "convoy": event.convoy,
        "status": "in_progress",
        "submitted": None,
        "since": step.at,
    }
    for name, value in said.items():
        found = getattr(after, name)
        if found != value:
            yield step.finding("trailers", f"its record says {name} {found!r}, the commit {value!r}")
    if after.via not in (PUSH, CLAIM, START) or after.machine is None:
        yield step.finding("trailers", "its record does not say how and by which machine the attempt began")


def _ready(step: Step, around: Surroundings, books: Books, after: BeadRecord) -> _Findings:
    """The rules of "ready", and capacity; what a person has forced is no finding."""
    event, bead = step.event, step.event.bead or ""
    rig = around.plan.config.rig_of(bead)
    if around.plan.bead(bead) is None and bead not in around.plan.broken:
        if rig is None or not rig.elsewhere:
            yield step.finding("readable", f"there is no bead {bead} in the plan that was decided on")
        return
    forced = _FORCED in event.force
    waive = (FORCED_RULES if forced else frozenset()) | (frozenset() if event.convoy else frozenset({"tracked"}))
    view = around.view_of_bead(books, bead, step.at)
    ready = view.is_ready(bead, event.worker, waive)
    for verdict in () if ready else view.verdicts(bead, event.worker, waive):
        if verdict.ok or verdict.rule == "live":
            continue  # that an attempt was live is told as such
        if verdict.rule == "status" and books.bead(bead).live:
            continue
        unseen = verdict.rule == "links" and any(_elsewhere(around, each) for each in verdict.ids)
        severity = {"severity": WARNING} if unseen else {}
        yield step.finding(verdict.rule, f"{bead} was not ready: {verdict.message}", bead, *verdict.ids, **severity)
    if bead in around.cyclic:
        yield step.finding("readable", f"{bead} is part of a cycle")
    if event.convoy is not None and event.convoy != view.convoy_of(bead):
        yield step.finding("tracked", f"{event.convoy} is not the one open convoy that tracks {bead}")
    yield from _room(step, Capacity(view, after.machine or ""), after, forced)


def _elsewhere(around: Surroundings, bead: str) -> bool:
    rig = around.plan.config.rig_of(bead)
    return around.plan.bead(bead) is None and rig is not None and rig.elsewhere


def _room(step: Step, capacity: Capacity, after: BeadRecord, forced: bool) -> _Findings:
    reason = None if forced else capacity.refusal(after.id, step.event.convoy)
    if reason is not None:
        yield step.finding("capacity", f"there was no room for {after.id}: {reason}")
    held = capacity.held_by(after.worker or "") if after.via == PUSH else None
    if held is not None and held != after.id:
        yield step.finding("worker-busy", f"{after.worker} already held {held}", after.id, held)


def _own_attempt(step: Step, before: BeadRecord) -> _Findings:
    """The event speaks of the attempt that the ledger knows."""
    event = step.event
    if event.attempt is not None and event.attempt != before.attempt:
        yield step.finding("stale-token", f"it speaks of attempt {event.attempt}; the last one is {before.attempt}")
    elif before.token is not None and event.token != before.token:
        yield step.finding("stale-token", f"its token is not that of attempt {before.attempt}")
    if step.bead is not None and step.bead.attempt != before.attempt:
        yield step.finding("attempt", "only a dispatch begins an attempt")


def _ends_an_attempt(step: Step, around: Surroundings, books: Books) -> _Findings:
    """fail, expire, requeue, unsling, kill, dispatch-failed, submit."""
    before = books.bead(step.event.bead or "")
    if not before.live and not _given_up(step, around, before):
        yield step.finding("not-live", f"{before.id} had no live attempt")
        return
    yield from _own_attempt(step, before)
    if step.bead is not None and step.bead.live and step.event.kind != "submit":
        yield step.finding("records", "the attempt is live after it")


def _given_up(step: Step, around: Surroundings, before: BeadRecord) -> bool:
    """Whether it is the last word on an exhausted bead of a mountain convoy, which needs no attempt."""
    return (
        step.event.kind == "fail"
        and step.bead is not None
        and step.bead.outcome == "failed"
        and before.failures >= around.plan.config.dispatch.max_attempts
    )


def _submit(step: Step, around: Surroundings, books: Books) -> _Findings:
    yield from _ends_an_attempt(step, around, books)
    if step.bead is not None and not step.bead.live:
        yield step.finding("records", "handing in does not end an attempt")


def _done(step: Step, _: Surroundings, books: Books) -> _Findings:
    """By the worker's word, or because the trunk's files say so."""
    before = books.bead(step.event.bead or "")
    if before.live:
        yield from _own_attempt(step, before)
    elif before.status != CLOSED or not _TRUNK.fullmatch(step.event.cause):
        yield step.finding("not-live", f"{before.id} had no live attempt, and no commit of the trunk closed it")
    if step.bead is not None and step.bead.live:
        yield step.finding("records", "the attempt is live after it")


def _merged(step: Step, _: Surroundings, books: Books) -> _Findings:
    before = books.bead(step.event.bead or "")
    if not before.handed_in and not before.live:
        yield step.finding("not-handed-in", f"nothing of {before.id} was handed in")
    elif before.live:
        yield from _own_attempt(step, before)


def _retry(step: Step, _: Surroundings, books: Books) -> _Findings:
    before = books.bead(step.event.bead or "")
    if before.live:
        yield step.finding("live", f"attempt {before.attempt} of {before.id} was live")
    if step.bead is not None and step.bead.failures:
        yield step.finding("records", "failures are left after it")


def _reopen(step: Step, around: Surroundings, books: Books) -> _Findings:
    bead = step.event.bead
    if bead is not None:
        if books.bead(bead).status != CLOSED:
            yield step.finding("not-closed", f"the ledger had not closed {bead}")
        return
    yield from _transition(step, around, books)


def _launch(step: Step, around: Surroundings, books: Books) -> _Findings:
    yield from _transition(step, around, books)
    if step.convoy is not None and step.convoy.status not in (OPEN, None):
        yield step.finding("records", "the convoy is not open after it")


def _complete(step: Step, around: Surroundings, books: Books) -> _Findings:
    convoy = step.event.convoy or ""
    view = around.view_of_convoy(books, convoy, step.at)
    outcome = view.completion(convoy)
    if convoy not in around.plan.convoys:
        yield step.finding("readable", f"there is no convoy {convoy} in the plan that was decided on")
    elif outcome is None:
        unseen = any(_elsewhere(around, bead) for bead in around.plan.convoys[convoy].tracks)
        severity = {"severity": WARNING} if unseen else {}
        yield step.finding("complete", f"{convoy} was not complete", **severity)
    elif step.convoy is not None and step.convoy.outcome != outcome:
        yield step.finding("complete", f"{convoy} ended as {outcome}, not as {step.convoy.outcome}")
    if view.convoy_status(convoy) != OPEN or books.convoy(convoy).completed_at is not None:
        yield step.finding("convoy-transition", f"{convoy} was {view.convoy_status(convoy)}, or complete before")


def _ends_a_convoy(step: Step, around: Surroundings, books: Books) -> _Findings:
    yield from _transition(step, around, books)
    convoy = around.plan.convoys.get(step.event.convoy or "")
    if step.event.kind == "land" and convoy is not None and not convoy.owned and not step.event.force:
        yield step.finding("not-owned", f"{convoy.id} has no owner who lands it")


def _transition(step: Step, around: Surroundings, books: Books) -> _Findings:
    """Effective statuses before and after, by the table of SPEC 3.3; events that end a fact leave the file's word."""
    convoy = step.event.convoy or ""
    if convoy not in around.plan.convoys or step.convoy is None:
        return
    before = around.view_of_convoy(books, convoy, step.at).convoy_status(convoy)
    after = step.convoy.status or around.plan.convoys[convoy].status
    dispatched = any(record.convoy == convoy and record.attempt for record in books.beads.values())
    by_hand = _TRUNK.fullmatch(step.event.cause) is not None
    if not by_hand and NONE not in (before, after) and not legal(before, after, dispatched):
        yield step.finding("convoy-transition", f"{convoy} cannot go from {before} to {after}")


def _pause(step: Step, _: Surroundings, books: Books) -> _Findings:
    if step.event.convoy is None and not step.event.town_changes and books.paused == (step.event.kind == "pause"):
        yield step.finding("records", f"it changes nothing: the town was {'' if books.paused else 'not '}paused")


def _failures(step: Step, before: BeadRecord) -> _Findings:
    after, kind = step.bead, step.event.kind
    if after is None or after.failures == before.failures or (kind == "retry" and not after.failures):
        return
    if not (after.failures == before.failures + 1 and kind in _COUNTED | {"kill"}):
        yield step.finding(
            "records", f"it changes the failures of {after.id} from {before.failures} to {after.failures}"
        )


_CHECKS: dict[str, Callable[[Step, Surroundings, Books], _Findings]] = {
    "dispatch": _dispatch,
    "dispatch-failed": _ends_an_attempt,
    "submit": _submit,
    "merged": _merged,
    "done": _done,
    "fail": _ends_an_attempt,
    "requeue": _ends_an_attempt,
    "expire": _ends_an_attempt,
    "unsling": _ends_an_attempt,
    "kill": _ends_an_attempt,
    "retry": _retry,
    "reopen": _reopen,
    "launch": _launch,
    "complete": _complete,
    "close": _ends_a_convoy,
    "land": _ends_a_convoy,
    "pause": _pause,
    "resume": _pause,
}
