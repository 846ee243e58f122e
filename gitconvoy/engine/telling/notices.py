"""Who is told what: completion, exhausted, conflict, stranded; each once, whoever sees it (SPEC 4, 7).

Record first, act second: a notice is an event `notify` in the very chain of what it tells of, so it is recorded once,
by whoever wins the race. Delivering is the business of a detached process (`delivering`), which takes recorded notices
into this machine's outbox and out of it. Nothing is recorded where nothing is configured.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gitconvoy.dispatch import outbox
from gitconvoy.dispatch.leases import NEVER
from gitconvoy.dispatch.outbox import Notice
from gitconvoy.engine.attempts.breaking import next_trial
from gitconvoy.engine.local import Local
from gitconvoy.engine.telling.people import complaint
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import Event
from gitconvoy.rules.due import next_due
from gitconvoy.rules.view import View

if TYPE_CHECKING:
    from gitconvoy.engine.draft import Draft

COMPLETION, EXHAUSTED, CONFLICT, STRANDED = "completion", "exhausted", "conflict", "stranded"
KINDS = (COMPLETION, EXHAUSTED, CONFLICT, STRANDED)

Stuck = Iterable[tuple[str, Sequence[Mapping[str, Any]]]]
"""Convoys that stand still so that somebody has to do something, each with the reasons: {rule, message, ids}."""


def decide(draft: Draft, limit_at: Callable[[str], int | None] = lambda _: None) -> None:
    """Record a notice of all that was decided and that somebody is to be told; after all other decisions. Pure.

    `limit_at` says what `dispatch.max_attempts` was in a commit of the trunk, None where nobody knows any more.
    """
    if draft.local.notifies:
        for event in tuple(draft.events):
            _about(draft, event)
        _lowered(draft, limit_at)


def _about(draft: Draft, event: Event) -> None:
    limit = draft.state.plan.config.dispatch.max_attempts
    if event.kind == "complete":
        _record(draft, COMPLETION, f"{event.convoy} is complete, {event.reason}", convoy=event.convoy)
    elif event.bead_changes.get("conflict"):
        message = f"{event.bead} was given back: {event.reason}"
        _record(draft, CONFLICT, message, convoy=event.convoy, bead=event.bead, attempt=event.attempt)
    elif event.kind != "retry" and (failures := event.bead_changes.get("failures", 0)) >= limit:
        message = f"{event.bead} failed {failures} times and is not tried again; the last time: {event.reason}"
        _record(draft, EXHAUSTED, message, convoy=event.convoy, bead=event.bead, attempt=event.attempt)


def _lowered(draft: Draft, limit_at: Callable[[str], int | None]) -> None:
    """Tell of beads that a lower `dispatch.max_attempts` exhausts, compared with what the ledger last decided on."""
    before, limit = draft.before.ledger, draft.state.plan.config.dispatch.max_attempts
    if before.trunk is None or before.trunk == draft.state.trunk:
        return
    view = View(draft.before)
    over = [
        record
        for bead, record in sorted(before.beads.items())
        if min(record.failures, draft.record(bead).failures) >= limit
        and not (record.live or record.conflict)
        and view.exhausted(bead)
    ]
    limit_then = limit_at(before.trunk) if over else None
    for record in over:
        if limit_then is not None and record.failures < limit_then:
            why = f"dispatch.max_attempts is {limit} now, it was {limit_then}"
            message = f"{record.id} failed {record.failures} times and is not tried again: {why}"
            _record(draft, EXHAUSTED, message, convoy=record.convoy, bead=record.id, attempt=record.attempt)


def _record(
    draft: Draft, kind: str, message: str, *, convoy: str | None, bead: str | None = None, attempt: int | None = None
) -> None:
    draft.add("notify", bead=bead, convoy=convoy, attempt=attempt, reason=f"{kind}\n{message}")


def parse(reason: str) -> tuple[str, str] | None:
    """(kind, message) of a `notify` event by its reason; None where it is none of ours."""
    kind, _, message = reason.partition("\n")
    return (kind, message) if kind in KINDS else None


def standstill(view: View, convoy_id: str, reasons: Sequence[Mapping[str, Any]]) -> str:
    """What tells one standstill of a convoy from another: it is told again once something has happened between.

    Of the reasons only the rules and the ids count: their words name paths and errors, which change by themselves.
    """
    tracks = sorted(set(view.plan.convoys[convoy_id].tracks))
    records = [view.ledger.bead(bead) for bead in tracks]
    facts = [
        (each.id, each.attempt, each.failures, each.status, each.submitted, view.effective(each.id).status)
        for each in records
    ]
    causes = sorted((str(each["rule"]), sorted(each["ids"])) for each in reasons)
    return _digest([facts, causes, view.ledger.convoy(convoy_id).launched_at])


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def scene(view: View, local: Local, trunk: str | None, tip: str | None) -> str:
    """All that standstills follow from, in short: while it stays the same, nobody need look for them again.

    `trunk` and `tip` are the commits of both planes that the view is of.
    """
    plan = view.plan
    rigs = sorted((rig, where.commit) for rig, where in plan.homes.items())
    asked = sorted((each.bead, each.token) for each in local.leases.values() if each.expires >= NEVER)
    put_off = sorted((note.bead, note.token) for note in local.handins.values() if note.lasting)
    here = [local.via, local.dispatcher, local.trouble, local.paused, local.max_workers]
    times = [next_due(view), next_trial(view, local)]
    branches = sorted([*key, commit] for key, commit in local.branches.items())
    return _digest([trunk, tip, rigs, sorted(plan.away), asked, put_off, here, times, branches])


def stranded(draft: Draft, stuck: Stuck) -> int:
    """Record that these convoys stand still, each with the reasons, unless that was told already; how many are new."""
    told = 0
    for convoy, reasons in stuck if draft.local.notifies else ():
        mark = standstill(draft.view, convoy, reasons)
        if draft.convoy_record(convoy).told == mark:
            continue
        message = f"{convoy} does not move: {'; '.join(str(each['message']) for each in reasons[:5])}"
        draft.add("notify", convoy=convoy, reason=f"{STRANDED}\n{message}", convoy_changes={"told": mark})
        told += 1
    return told


def recipients(view: View, convoy_id: str | None, bead_id: str | None, actor: str) -> tuple[str, ...]:
    """Owner, notify and watchers of the convoy; where it has none, the bead's owner, who made it, or the actor here.

    Only those that the schema takes for persons: who made something, and the actor, may be called anything.
    """
    convoy = view.plan.convoys.get(convoy_id) if convoy_id else None
    bead = view.plan.bead(bead_id) if bead_id else None
    found: list[str] = []
    if convoy is not None:
        listed = convoy.data.get("notify") or ()
        found = [convoy.owner or "", *([listed] if isinstance(listed, str) else listed), *watchers(view, convoy.id)]
    for more in (
        [bead.owner if bead else None],
        [convoy.data.get("created_by") if convoy else None, bead.data.get("created_by") if bead else None],
        [actor],
    ):
        found = _fit(found) or _fit(more)
    return tuple(dict.fromkeys(found))


def _fit(names: Iterable[object]) -> list[str]:
    return [who for who in names if isinstance(who, str) and who and complaint(who) is None]


def watchers(view: View, convoy_id: str) -> tuple[str, ...]:
    """Those of the file and those of the ledger, sorted."""
    convoy = view.plan.convoys.get(convoy_id)
    in_file = convoy.data.get("watchers") or () if convoy is not None else ()
    return tuple(sorted({*in_file, *(view.ledger.convoy(convoy_id).watchers or ())}))


def begin(town: Town, local: Local, tip: str | None) -> None:
    """Before anything is recorded: notices count from the ledger's `tip` on, unless it is known from where."""
    if local.notifies and outbox.cursor(town.common_dir) is None:
        outbox.move_cursor(town.common_dir, tip or "")


def leave_behind(town: Town, draft: Draft, local: Local) -> None:
    """See to it, without waiting, that what was recorded is delivered, what failed is tried again, and that somebody
    looks for standstills where something that they follow from has changed.
    """
    if not local.notifies:
        return
    due = any(notice.not_before <= time.time() for notice in outbox.read_all(town.common_dir))
    tip = town.ledger_tip()
    news = outbox.cursor(town.common_dir) != tip
    if due or news or outbox.seen(town.common_dir) != scene(draft.view, local, draft.state.trunk, tip):
        spawn(town, ["deliver"], town.home())


def look(town: Town) -> None:
    """Have somebody look for standstills: something has changed that the ledger does not record."""
    if outbox.wanted(town.repo):
        spawn(town, ["deliver"], town.home())


def troubles(town: Town) -> list[str]:
    """The notices that could not be delivered, one line each, for `status`."""
    return [_trouble(notice) for notice in outbox.read_all(town.common_dir) if notice.failures]


def _trouble(notice: Notice) -> str:
    tries = "once" if notice.failures == 1 else f"{notice.failures} times"
    return (
        f"the notice {notice.event} of {notice.about} could not be delivered, tried {tries}: {notice.error}; "
        f"the next scan from {iso(notice.not_before)} on tries again"
    )
