"""React: read the state, decide, publish one chain of ledger commits, then act (SPEC 7).

Record first, act second; a lost race decides anew; safe to run any number of times from hooks, commands, scans or cron.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import breaker, handins, leases
from gitconvoy.engine import catchup, facts, looks, rewound, seen, settle, trunk, wake
from gitconvoy.engine.attempts import ending
from gitconvoy.engine.attempts.starting import begin
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin import handover, proofs
from gitconvoy.engine.handin.adopt import adopt
from gitconvoy.engine.local import Local
from gitconvoy.engine.settings import require_role
from gitconvoy.engine.telling import board, notices
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, LostRace
from gitconvoy.git import refs
from gitconvoy.ledger import chain
from gitconvoy.ledger.read import REF
from gitconvoy.model.ledger import Event
from gitconvoy.model.state import Asked, State

if TYPE_CHECKING:
    from gitconvoy.engine.handin.merging import Conflict, Round

T = TypeVar("T")
ATTEMPTS = 50
"""How often a lost race is decided anew before the caller is told."""
_WALK_AFTER = 60
"""Seconds after which a scan looks for merged work where a hook has no time to."""
ROUNDS = 20
"""How often at most one transaction acts and decides on what came of it."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatch that was recorded, and whose worker (if any) was started."""

    bead: str
    convoy: str | None
    worker: str
    attempt: int
    token: str
    commit: str
    message: str = ""
    """A person's word to the worker (`sling --message`)."""
    begun: bool = True
    """Whether it stands: an attempt that could not be begun has failed already."""


@dataclass(frozen=True, slots=True)
class _Stalled:
    """A dispatch that was recorded, and whose worker could not be started."""

    bead: str
    token: str
    reason: str
    own_fault: bool
    """See `breaker.own_fault`."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a transaction did. `events` go with their commits, in order; `failed` are (bead, reason)."""

    value: T
    events: tuple[tuple[Event, str], ...]
    dispatched: tuple[Dispatched, ...]
    failed: tuple[tuple[str, str], ...]
    next_wake: int | None
    state: State


def transact(
    town: Town,
    request: Callable[[Draft], T],
    *,
    cause: str = "command",
    feed: bool = True,
    preview: bool = False,
    asked: Asked | None = None,
) -> Outcome[T]:
    """Carry out a request and everything that is due, as one chain published by one compare-and-swap.

    Raises what the request raises (nothing is written then), LostRace, BadFiles for a damaged ledger, Refused where
    this clone has no role or the ledger branch was set back. With `preview` the decisions are returned and nothing is
    written or started. `asked`: which part of the plan is enough for the request (`Town.state`); None: all of it.
    """
    require_role(town.settings)
    if preview:
        rewound.require_whole(town)
        draft, value = _decide(town, request, cause, feed, asked)
        pairs = tuple((event, "") for event in draft.events if event.kind != "init")
        return Outcome(value, pairs, _dispatches(pairs), (), wake.next_wake(draft.view, draft.local), draft.state)
    with town.exclusive():
        return transact_alone(town, request, cause=cause, feed=feed, asked=asked)


Onward = Callable[[tuple[Dispatched, ...]], Callable[[Draft], object] | None]
"""From what was dispatched last to a request that dispatches more at once; None where there is none."""


def transact_alone(
    town: Town,
    request: Callable[[Draft], T],
    *,
    cause: str = "command",
    feed: bool = True,
    asked: Asked | None = None,
    onward: Onward = lambda _: None,
) -> Outcome[T]:
    """As `transact`, for those who have the town's lock, and its role.

    Requests of `onward` follow, each as a chain of its own, as long as nothing can have become due meanwhile: they may
    do nothing but dispatch. The outcome tells of them, too.
    """
    rewound.require_whole(town)
    draft, value, pairs = _publish(town, request, cause, feed, asked)
    draft, pairs, failed = _act_on(town, draft, pairs, cause, feed, asked)
    draft, pairs, failed = _go_on(town, draft, pairs, failed, onward)
    _drop_old_leases(town, draft)
    looks.note(town, draft, pairs[-1][1] if pairs else draft.before.ledger.tip)
    handover.leave_behind(town, draft.state, draft.local, retry=cause == "scan")
    local = replace(_count_for_breakers(town, draft, pairs), handins=handins.read_all(town.common_dir))
    ending.leave_behind(town, (event for event, _ in pairs))
    due = wake.next_wake(draft.view, local)
    if proofs.owed(town.common_dir):
        due = min(due or draft.now + _WALK_AFTER, draft.now + _WALK_AFTER)
    if due is not None:
        wake.leave_behind(town, due)
    notices.leave_behind(town, draft, local)
    names = {each.bead for each in failed}
    started = tuple(each for each in _dispatches(pairs) if each.bead not in names)
    return Outcome(value, pairs, started, tuple((each.bead, each.reason) for each in failed), due, draft.state)


def _decide(town: Town, request: Callable[[Draft], T], cause: str, feed: bool, asked: Asked | None) -> tuple[Draft, T]:
    state = town.state(asked)
    draft = Draft(state, town.local(state.plan, state.ledger), cause=cause, actor=town.actor, last=town.last_view)
    if state.trunk is not None:
        steps = trunk.steps(town.repo, state.plan, state.trunk, _since(town, state), state.ledger.beads.keys())
        catchup.catch_up(draft, steps)
    adopt(draft)
    proofs.decide(draft, proofs.look(town, state, draft.local))
    value = request(draft)
    settle.settle(draft, feed_too=feed)
    notices.decide(draft, partial(trunk.max_attempts, town.repo))
    town.last_view = draft.view
    return draft, value


def _since(town: Town, state: State) -> str | None:
    last = seen.recall(town.common_dir)
    return last.commit if last is not None and last.ledger == state.ledger.tip else state.ledger.trunk


def _publish(
    town: Town, request: Callable[[Draft], T], cause: str, feed: bool, asked: Asked | None
) -> tuple[Draft, T, tuple[tuple[Event, str], ...]]:
    for _ in range(ATTEMPTS):
        _adopt_remote_ledger(town)
        draft, value = _decide(town, request, cause, feed, asked)
        if not draft.news:
            return draft, value, ()
        notices.begin(town, draft.local, draft.before.ledger.tip)
        commits = _publish_once(town, draft)
        if commits is not None:
            return draft, value, tuple(zip(draft.events, commits, strict=True))
    raise LostRace("the ledger branch moved each time before our commits could be added", hint="try again in a moment")


def _publish_once(town: Town, draft: Draft, move: chain.Move | None = None) -> tuple[str, ...] | None:
    """The chain's commits; None where somebody else moved the branch since it was read."""
    before = draft.before.ledger
    base, page = chain.tree_of(town.repo, before.tip), board.render(draft.view)
    prepared = chain.prepare(town.repo, before, base, draft.state.plan.tree, draft.events, page)
    more = f" and {len(draft.events) - 1} more" if len(draft.events) > 1 else ""
    reason = f"convoy: {draft.events[-1].kind}{more}"
    if not chain.publish(town.repo, prepared, reason, move):
        return None
    town.know(prepared.ledger)
    return prepared.commits


def _adopt_remote_ledger(town: Town) -> None:
    """A clone that becomes the one that dispatches, or does so again, goes on where the shared ledger ends."""
    tip = town.remote_ledger()
    if tip is not None:
        chain.follow(town.repo, refs.ref(town.repo, REF), tip, "convoy: ledger of the remote")


def _dispatches(pairs: tuple[tuple[Event, str], ...], failed: Iterable[_Stalled] = ()) -> tuple[Dispatched, ...]:
    ended = {each.token for each in failed}
    return tuple(
        Dispatched(
            event.bead or "",
            event.convoy,
            event.worker or "",
            event.attempt or 0,
            event.token or "",
            commit,
            event.reason,
            event.token not in ended,
        )
        for event, commit in pairs
        if event.kind == "dispatch"
    )


def _act(town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...]) -> list[_Stalled]:
    """Start what was dispatched; those that could not be started."""
    failed = []
    for each in _dispatches(pairs):
        try:
            begin(town, draft.state, each.bead, each.token, each.message)
        except (OSError, ConvoyError) as error:
            said = f"could not be started: {error}"
            failed.append(_Stalled(each.bead, each.token, said, breaker.own_fault(error)))
    return failed


def _act_on(
    town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...], cause: str, feed: bool, asked: Asked | None
) -> tuple[Draft, tuple[tuple[Event, str], ...], list[_Stalled]]:
    """Act behind what was recorded, and decide on what comes of that, until nothing does any more.

    Starts that failed are counted. Where a merge moved a branch, the state is read again: it may be the trunk.
    """
    failed: list[_Stalled] = []
    acted = pairs
    for _ in range(ROUNDS):
        stalled = _act(town, draft, acted)
        merges = _merge(town, draft)
        if not stalled and not merges:
            break

        def concluding(again: Draft, stalled: list[_Stalled] = stalled, merges: Round | None = merges) -> None:
            _count_failures(again, stalled)
            _give_back(again, merges.conflicts if merges is not None else ())

        draft, _, acted = _publish(town, concluding, cause if merges else "scan", feed and bool(merges), asked)
        failed, pairs = failed + stalled, (*pairs, *acted)
    _forget_notes(town, draft)
    return draft, pairs, failed


def _merge(town: Town, draft: Draft) -> Round | None:
    """Merge what waits for that on this machine; None where nothing does, and then nothing of that is loaded."""
    if not any(record.live and record.submitted is not None for record in draft.state.ledger.beads.values()):
        return None
    from gitconvoy.engine.handin import merging

    return merging.merge_all(town, draft.state, draft.local)


def _go_on(
    town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...], failed: list[_Stalled], onward: Onward
) -> tuple[Draft, tuple[tuple[Event, str], ...], list[_Stalled]]:
    """Dispatch what is asked for next on top of what was just published, without reading it.

    We have the lock, so leases and notes are as they were; the trunk and the clock are looked at, and the ledger's
    branch decides for itself. Dispatches alone make nothing complete, due or ready.
    """
    request = onward(_dispatches(pairs, failed))
    due = wake.next_wake(draft.view, draft.local) if request is not None else None
    with chain.moving(town.repo, "convoy: dispatch") as move:
        while request is not None and not failed:
            ledger, now = town.ledger(), max(int(time.time()), draft.now)
            if town.trunk() != draft.state.trunk or (due is not None and now >= due) or not pairs:
                break
            state = replace(draft.state, ledger=ledger, now=now)
            more = Draft(state, draft.local, cause=draft.cause, actor=draft.actor, last=draft.view)
            request(more)
            commits = _publish_once(town, more, move) if more.events and ledger.tip == pairs[-1][1] else None
            if commits is None:
                break
            added = tuple(zip(more.events, commits, strict=True))
            draft, added, failed = _act_on(town, more, added, draft.cause, False, None)
            pairs = (*pairs, *added)
            request = onward(_dispatches(added, failed))
    return draft, pairs, failed


def _give_back(draft: Draft, conflicts: Iterable[Conflict]) -> None:
    for conflict in conflicts:
        record = draft.record(conflict.bead)
        if record.live and record.token == conflict.token:
            facts.given_back(draft, conflict.bead, conflict.reason)


def _forget_notes(town: Town, draft: Draft) -> None:
    """Notes about work that is merged, given back, or whose attempt was lost."""
    for note in draft.local.handins.values():
        record = draft.record(note.bead)
        if not record.live or record.token != note.token:
            handins.drop(town.common_dir, note)


def _count_failures(draft: Draft, failed: list[_Stalled]) -> None:
    for each in failed:
        if draft.record(each.bead).token == each.token:
            facts.failed(draft, each.bead, each.reason, kind="dispatch-failed", own_fault=each.own_fault)


def _count_for_breakers(town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...]) -> Local:
    """Tell the breakers of what could not be started; what this machine knows after that."""
    events = [event for event, _ in pairs if event.kind == "dispatch-failed" and not event.own_fault]
    for event in events:
        rig = draft.view.rig_of(event.bead or "")
        if rig is not None:
            breaker.count(town.repo, rig.name, event.at, event.reason)
    return replace(draft.local, breakers=breaker.read_all(town.common_dir)) if events else draft.local


def _drop_old_leases(town: Town, draft: Draft) -> None:
    """Leases of attempts that have ended promise nothing any more."""
    for bead, lease in draft.local.leases.items():
        if draft.record(bead).token != lease.token:
            leases.drop(town.common_dir, bead, lease.token)


def react(town: Town, cause: str = "scan") -> Outcome[None]:
    """Do whatever is due; what hooks, scans and cron call. Scans have time for more proofs (`proofs.walk`)."""
    first = transact(town, lambda _: None, cause=cause, asked=Asked(due=True))
    walked = proofs.walk(town) if cause == "scan" else proofs.Walk()
    if not walked.marks:
        return first
    second = transact(town, lambda draft: proofs.conclude(town, draft, walked), cause=cause, asked=Asked(due=True))
    return replace(
        second,
        events=first.events + second.events,
        dispatched=first.dispatched + second.dispatched,
        failed=first.failed + second.failed,
    )
