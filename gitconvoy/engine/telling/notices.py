"""Who is told what: completion, exhausted, conflict, stranded; each once, whoever sees it (SPEC 4, 7).

Record first, act second: a notice is an event `notify` in the very chain of what it tells of, so it is recorded once,
by whoever wins the race. Delivering is the business of a detached process (`delivering`), which takes recorded notices
into this machine's outbox and out of it. Nothing is recorded where nothing is configured.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence

from gitconvoy.dispatch import outbox
from gitconvoy.dispatch.outbox import Notice
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import Local
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import Event
from gitconvoy.rules.view import View

COMPLETION, EXHAUSTED, CONFLICT, STRANDED = "completion", "exhausted", "conflict", "stranded"
KINDS = (COMPLETION, EXHAUSTED, CONFLICT, STRANDED)


def decide(draft: Draft) -> None:
    """Record a notice of all that was decided and that somebody is to be told; after all other decisions. Pure."""
    if draft.local.notifies:
        for event in tuple(draft.events):
            _about(draft, event)


def _about(draft: Draft, event: Event) -> None:
    limit = draft.state.plan.config.dispatch.max_attempts
    if event.kind == "complete":
        _record(draft, COMPLETION, f"{event.convoy} is complete, {event.reason}", convoy=event.convoy)
    elif event.bead_changes.get("conflict"):
        message = f"{event.bead} was given back: {event.reason}"
        _record(draft, CONFLICT, message, convoy=event.convoy, bead=event.bead, attempt=event.attempt)
    elif event.kind != "retry" and event.bead_changes.get("failures") == limit:
        message = f"{event.bead} failed {limit} times and is not tried again; the last time: {event.reason}"
        _record(draft, EXHAUSTED, message, convoy=event.convoy, bead=event.bead, attempt=event.attempt)


def _record(
    draft: Draft, kind: str, message: str, *, convoy: str | None, bead: str | None = None, attempt: int | None = None
) -> None:
    draft.add("notify", bead=bead, convoy=convoy, attempt=attempt, reason=f"{kind}\n{message}")


def parse(reason: str) -> tuple[str, str] | None:
    """(kind, message) of a `notify` event by its reason; None where it is none of ours."""
    kind, _, message = reason.partition("\n")
    return (kind, message) if kind in KINDS else None


def standstill(view: View, convoy_id: str, reasons: Sequence[str]) -> str:
    """What tells one standstill of a convoy from another: it is told again once something has happened between."""
    tracks = sorted(set(view.plan.convoys[convoy_id].tracks))
    records = [view.ledger.bead(bead) for bead in tracks]
    facts = [(each.id, each.attempt, each.failures, each.status, view.effective(each.id).status) for each in records]
    launched = view.ledger.convoy(convoy_id).launched_at
    return hashlib.sha256(json.dumps([facts, sorted(reasons), launched]).encode()).hexdigest()[:16]


def stranded(draft: Draft, stuck: Iterable[tuple[str, Sequence[str]]]) -> int:
    """Record that these convoys stand still, each with the reasons, unless that was told already; how many are new."""
    told = 0
    for convoy, reasons in stuck if draft.local.notifies else ():
        mark = standstill(draft.view, convoy, reasons)
        if draft.convoy_record(convoy).told == mark:
            continue
        message = f"{convoy} does not move: {'; '.join(reasons[:5])}"
        draft.add("notify", convoy=convoy, reason=f"{STRANDED}\n{message}", convoy_changes={"told": mark})
        told += 1
    return told


def recipients(view: View, convoy_id: str | None, bead_id: str | None, actor: str) -> tuple[str, ...]:
    """Owner, notify and watchers of the convoy; where it has none, the bead's owner, who made it, or the actor here."""
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
        found = [who for who in found if who] or [str(who) for who in more if who]
    return tuple(dict.fromkeys(found))


def watchers(view: View, convoy_id: str) -> tuple[str, ...]:
    """Those of the file and those of the ledger, sorted."""
    convoy = view.plan.convoys.get(convoy_id)
    in_file = convoy.data.get("watchers") or () if convoy is not None else ()
    return tuple(sorted({*in_file, *(view.ledger.convoy(convoy_id).watchers or ())}))


def begin(town: Town, local: Local, tip: str | None) -> None:
    """Before anything is recorded: notices count from the ledger's `tip` on, unless it is known from where."""
    if local.notifies and outbox.cursor(town.common_dir) is None:
        outbox.move_cursor(town.common_dir, tip or "")


def leave_behind(town: Town, local: Local) -> None:
    """See to it that what was recorded is delivered, and what failed tried again, without waiting for it."""
    if not local.notifies:
        return
    due = any(notice.not_before <= time.time() for notice in outbox.read_all(town.common_dir))
    if due or outbox.cursor(town.common_dir) != town.ledger_tip():
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
