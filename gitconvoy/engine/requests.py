"""What people and workers ask for about beads: guards first, then the event. Pure (SPEC 7)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import facts
from gitconvoy.engine.attempts.placing import place_for
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import CLAIM, PUSH, START, Local
from gitconvoy.engine.near import nearest
from gitconvoy.engine.settle import new_token, repair
from gitconvoy.errors import NotFound, Refused, UsageError
from gitconvoy.ledger.codec import one_line
from gitconvoy.model.ledger import CLOSED, BeadRecord, Event
from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.ready import FORCED_RULES
from gitconvoy.rules.view import View


def known_bead(draft: Draft, bead: str) -> None:
    """NotFound unless the trunk's plan has the bead, or the repository of its rig may have it, which is away."""
    plan = draft.state.plan
    if plan.bead(bead) is None and bead not in plan.broken and plan.unseen(bead) is None:
        raise NotFound(
            f"the trunk has no bead {bead}",
            hint=nearest(bead, draft.state.plan.beads)
            or "ids must be exact; a bead planned on another branch applies once that branch is merged",
        )


def worker_name(text: str) -> str:
    """`text` itself, fit to stand in records and trailers. UsageError for control characters and empty names."""
    if not text or one_line(text) != text:
        raise UsageError(f"{text!r} cannot name a worker", hint="one line without control characters", code="worker")
    return text


@dataclass(frozen=True, slots=True)
class Claim:
    """What `next` found; all None where nothing is ready for this actor."""

    bead: str | None = None
    worker: str | None = None
    attempt: int | None = None
    token: str | None = None


def next_ready(view: View, local: Local, actor: str, rig: str | None) -> str | None:
    """The first bead that this actor could claim now, in dispatch order; capacity is obeyed."""
    return Claims(view, local).find(actor, rig)


class Claims:
    """Claims one behind the other: they hold as long as nothing happens to the state but what they themselves take."""

    def __init__(self, view: View, local: Local) -> None:
        self._view = view
        self._capacity = Capacity(view, local.machine, local.max_workers)
        self._taken: set[str] = set()
        """What the view knows nothing of yet; `_capacity` does."""

    def find(self, actor: str, rig: str | None) -> str | None:
        """The bead that would be next for this actor."""
        view, capacity = self._view, self._capacity
        ready = (bead for bead in view.each_ready(actor, rig) if bead not in self._taken)
        return next((bead for bead in ready if capacity.refusal(bead, view.convoy_of(bead)) is None), None)

    def take(self, draft: Draft, actor: str, rig: str | None, token: str) -> Claim:
        """Dispatch it, where there is one."""
        bead = self.find(actor, rig)
        if bead is None:
            return Claim()
        convoy = self._view.convoy_of(bead)
        self._taken.add(bead)
        self._capacity.take(bead, convoy, actor, claim=True)
        with draft.acting(actor):
            event = facts.dispatch(draft, bead, convoy=convoy, worker=actor, via=CLAIM, token=token)
        return Claim(bead, actor, event.attempt, event.token)


def claim(draft: Draft, actor: str, rig: str | None, token: str | None = None) -> Claim:
    """Take the next ready bead for the actor, with a lease from the start. `token`: the attempt's; None: a new one."""
    return ready_to_claim(draft, actor).take(draft, actor, rig, token or new_token())


def ready_to_claim(draft: Draft, actor: str) -> Claims:
    """Refused where this machine dispatches nothing for now; UsageError for an actor that cannot name a worker."""
    _not_paused_here(draft)
    worker_name(actor)
    repair(draft)  # what an attempt that ended without a word has held is free for this claim already
    return Claims(draft.view, draft.local)


def _not_paused_here(draft: Draft) -> None:
    if draft.local.paused:
        raise Refused("dispatch is paused on this machine", hint="git config --unset gitconvoy.paused", code="paused")


@dataclass(frozen=True, slots=True)
class Slung:
    """What `sling` did: the dispatches, and the beads that wait, each with the reason."""

    dispatched: tuple[Event, ...] = ()
    waiting: tuple[tuple[str, Refused], ...] = ()


def sling(
    draft: Draft,
    beads: Sequence[str],
    worker: str | None,
    *,
    force: bool = False,
    no_convoy: bool = False,
    message: str = "",
) -> Slung:
    """Dispatch these beads now. One that may not be dispatched is refused, naming the rule; of several, it waits."""
    ready_to_sling(draft)
    repair(draft)
    capacity = Capacity(draft.view, draft.local.machine, draft.local.max_workers)
    waive = (FORCED_RULES if force else frozenset()) | (frozenset({"tracked"}) if no_convoy else frozenset())
    events, waiting = [], []
    for bead in dict.fromkeys(beads):
        known_bead(draft, bead)
        refusal = sling_refusal(draft, bead, worker, capacity, waive=waive, force=force) or _no_place(draft, bead)
        if refusal is None:
            events.append(_sling_one(draft, bead, worker, capacity, force=force, message=message))
        elif len(beads) == 1:
            raise refusal
        else:
            waiting.append((bead, refusal))
    return Slung(tuple(events), tuple(waiting))


def ready_to_sling(draft: Draft) -> None:
    """Refused where this machine may not dispatch, or does not know how."""
    _not_paused_here(draft)
    if draft.local.via is None:
        raise Refused(draft.local.trouble, hint="gitconvoy next --claim works without it", code="no-dispatcher")


def _no_place(draft: Draft, bead: str) -> Refused | None:
    """Where its rig has a repository of its own, whose settings give no workplace."""
    rig = draft.view.rig_of(bead)
    if rig is None or draft.local.via != START or not (trouble := draft.local.places.trouble_of(rig.name)):
        return None
    return Refused(
        f"nothing of the rig {rig.name} can be started: {trouble}",
        code="configuration",
        hint="mend that setting; `gitconvoy next --claim` works without it",
    )


def _sling_one(draft: Draft, bead: str, worker: str | None, capacity: Capacity, *, force: bool, message: str) -> Event:
    convoy = draft.view.convoy_of(bead)
    name = address(draft, bead, worker) if worker else capacity.worker_for(bead) or _spare_worker(draft, bead, capacity)
    capacity.take(bead, convoy, name)
    return facts.dispatch(
        draft,
        bead,
        convoy=convoy,
        worker=name,
        via=draft.local.via or PUSH,
        token=new_token(),
        place=place_for(draft, bead, convoy),
        reason=message,
        force=("--force",) if force else (),
    )


def _spare_worker(draft: Draft, bead: str, capacity: Capacity) -> str:
    """A worker beyond the rig's own, where --force waives that all of those are busy."""
    rig = draft.state.plan.config.rig_of(bead)
    names = (f"{rig.name if rig else 'town'}/polecat-{number}" for number in count(1))
    return next(name for name in names if capacity.held_by(name) is None)


def address(draft: Draft, bead: str, worker: str) -> str:
    """A worker's full address: `name` becomes `rig/name` of the bead's rig."""
    rig = draft.state.plan.config.rig_of(bead)
    return worker if "/" in worker or rig is None else f"{rig.name}/{worker}"


def sling_refusal(
    draft: Draft, bead: str, worker: str | None, capacity: Capacity, *, waive: frozenset[str], force: bool
) -> Refused | None:
    """Why this bead may not be dispatched now, with what to do; None where it may."""
    who = address(draft, bead, worker) if worker else None
    broken = draft.view.failing(bead, actor=who, waive=waive)
    if broken:
        first = broken[0]
        forced = first.rule in FORCED_RULES
        if first.rule == "tracked" and not draft.view.tracking(bead):
            hint = "--no-convoy dispatches it without one"
        else:
            hint = "--force waives it" if forced else f"gitconvoy why {bead} says more"
        return Refused(f"{bead} is not dispatched: {first.message}", hint=hint, code=first.rule)
    held = capacity.held_by(who) if who is not None and draft.local.via == PUSH else None
    if held is not None:
        hint = f"gitconvoy unsling {held} takes that one back"
        return Refused(f"{who} already holds {held}", hint=hint, code="worker-busy")
    reason = None if force else _no_room(draft, bead, worker, capacity)
    if reason is not None:
        return Refused(f"{bead} is not dispatched: {reason}", hint="--force waives capacity", code="capacity")
    return None


def _no_room(draft: Draft, bead: str, worker: str | None, capacity: Capacity) -> str | None:
    full = capacity.refusal(bead, draft.view.convoy_of(bead))
    if full is None and worker is None and capacity.worker_for(bead) is None:
        return "each worker of its rig holds a bead"
    return full


def own_attempt(draft: Draft, bead: str, token: str | None) -> BeadRecord:
    """The live attempt that the caller may speak for: by its token, without one as its worker. Refused otherwise.

    What became of the caller's own attempt only the ledger's history knows: see `attempts.fates`.
    """
    record = draft.record(bead)
    if not record.live:
        known_bead(draft, bead)  # an attempt outlives its bead's file: whoever has it may end it all the same
        state = draft.view.effective(bead)
        hint = f"gitconvoy why {bead} says more"
        if not record.attempt and token is None and not state.closed:
            hint = f"nobody was given it yet; a person closes it with: gitconvoy bead close {bead}"
        raise Refused(f"{bead} has no live attempt (it is {state.status})", hint=hint, code="not-live")
    if token is not None and token != record.token:
        raise Refused(
            f"the token is not that of attempt {record.attempt} of {bead}, which {record.worker} has now",
            hint="your branch and files are untouched; gitconvoy mine lists what you hold",
            code="stale-token",
        )
    if token is None and draft.actor != record.worker:
        raise Refused(
            f"attempt {record.attempt} of {bead} belongs to {record.worker}, not to {draft.actor}",
            hint="give its token (--token or GITCONVOY_TOKEN), or speak as its worker (--actor)",
            code="not-yours",
        )
    return record


def done(draft: Draft, bead: str, token: str | None, reason: str = "", force: tuple[str, ...] = ()) -> Event:
    """The worker is done and there is nothing to merge: a ledger fact."""
    own_attempt(draft, bead, token)
    return facts.done(draft, bead, reason=reason, force=force)


def fail(draft: Draft, bead: str, token: str | None, reason: str) -> Event:
    """The worker could not do it: counted, kept back, queued again."""
    own_attempt(draft, bead, token)
    return facts.failed(draft, bead, reason)


def unsling(draft: Draft, bead: str, reason: str = "") -> Event:
    """Take a dispatch back without counting it."""
    if not draft.record(bead).live:
        known_bead(draft, bead)
        raise Refused(
            f"{bead} has no live attempt to take back", hint=f"gitconvoy why {bead} says more", code="not-live"
        )
    return facts.taken_back(draft, bead, reason)


def retry(draft: Draft, bead: str) -> Event:
    """Forget a bead's failures, so that it is dispatched again."""
    known_bead(draft, bead)
    record = draft.record(bead)
    if record.live:
        raise Refused(
            f"attempt {record.attempt} of {bead} is still live", hint=f"gitconvoy unsling {bead}", code="live"
        )
    if record.status == CLOSED and record.outcome != "failed":
        raise Refused(f"{bead} is closed, {record.outcome}", hint=f"gitconvoy bead reopen {bead}", code="closed")
    forgettable = record.failures or record.not_before is not None or record.conflict is not None
    if not forgettable and record.status != CLOSED:
        raise Refused(
            f"{bead} has no failures to forget", hint=f"gitconvoy why {bead} says what it waits for", code="no-failures"
        )
    return facts.retry(draft, bead)


def reopen(draft: Draft, bead: str) -> Event | None:
    """End the ledger's fact that closed the bead; None where the ledger has none (its file is edited then)."""
    known_bead(draft, bead)
    return facts.reopen_bead(draft, bead) if draft.record(bead).status == CLOSED else None
