"""React: read the state, decide, publish one chain of ledger commits, then act (SPEC 7).

Record first, act second; a lost race decides anew; safe to run any number of times from hooks, commands, scans or cron.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gitconvoy.dispatch import leases
from gitconvoy.engine import catchup, facts, seen, settle, trunk, wake
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.settings import require_role
from gitconvoy.engine.starting import begin
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, LostRace
from gitconvoy.git import read, write
from gitconvoy.ledger import chain
from gitconvoy.ledger.read import REF
from gitconvoy.model.ledger import Event
from gitconvoy.model.state import State

T = TypeVar("T")
ATTEMPTS = 50
"""How often a lost race is decided anew before the caller is told."""


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
    town: Town, request: Callable[[Draft], T], *, cause: str = "command", feed: bool = True, preview: bool = False
) -> Outcome[T]:
    """Carry out a request and everything that is due, as one chain published by one compare-and-swap.

    Raises what the request raises (nothing is written then), LostRace, BadFiles for a damaged ledger, Refused where
    this clone has no role. With `preview` the decisions are returned and nothing is written or started.
    """
    require_role(town.settings)
    if preview:
        draft, value = _decide(town, request, cause, feed)
        pairs = tuple((event, "") for event in draft.events if event.kind != "init")
        return Outcome(value, pairs, _dispatches(pairs), (), wake.next_wake(draft.view, draft.local), draft.state)
    with town.exclusive():
        draft, value, pairs = _publish(town, request, cause, feed)
        failed = _act(town, draft, pairs)
        if failed:
            after, _, more = _publish(town, lambda again: _count_failures(again, failed), "scan", False)
            draft, pairs = after, (*pairs, *more)
        _drop_old_leases(town, draft)
        _look_done(town, draft, pairs)
        due = wake.next_wake(draft.view, draft.local)
        if due is not None:
            wake.leave_behind(town, due)
    names = {bead for bead, _, _ in failed}
    started = tuple(each for each in _dispatches(pairs) if each.bead not in names)
    return Outcome(value, pairs, started, tuple((bead, reason) for bead, _, reason in failed), due, draft.state)


def _decide(town: Town, request: Callable[[Draft], T], cause: str, feed: bool) -> tuple[Draft, T]:
    state = town.state()
    draft = Draft(state, town.local(state.plan), cause=cause, actor=town.actor)
    if state.trunk is not None:
        steps = trunk.steps(town.repo, state.plan, state.trunk, _since(town, state), state.ledger.beads.keys())
        catchup.catch_up(draft, steps)
    value = request(draft)
    settle.settle(draft, feed_too=feed)
    return draft, value


def _since(town: Town, state: State) -> str | None:
    last = seen.recall(town.common_dir)
    return last.commit if last is not None and last.ledger == state.ledger.tip else state.ledger.trunk


def _publish(
    town: Town, request: Callable[[Draft], T], cause: str, feed: bool
) -> tuple[Draft, T, tuple[tuple[Event, str], ...]]:
    for _ in range(ATTEMPTS):
        _adopt_remote_ledger(town)
        draft, value = _decide(town, request, cause, feed)
        if not draft.news:
            return draft, value, ()
        commits = _publish_once(town, draft)
        if commits is not None:
            return draft, value, tuple(zip(draft.events, commits, strict=True))
    raise LostRace("the ledger branch moved each time before our commits could be added", hint="try again in a moment")


def _publish_once(town: Town, draft: Draft) -> tuple[str, ...] | None:
    """The chain's commits; None where somebody else moved the branch since it was read."""
    before = draft.before.ledger
    base = read.commit(town.repo, before.tip).tree if before.tip else None
    prepared = chain.prepare(town.repo, before, base, draft.state.plan.tree, draft.events)
    more = f" and {len(draft.events) - 1} more" if len(draft.events) > 1 else ""
    reason = f"convoy: {draft.events[-1].kind}{more}"
    return prepared.commits if chain.publish(town.repo, prepared, reason) else None


def _adopt_remote_ledger(town: Town) -> None:
    """A clone that becomes the one that dispatches goes on where the shared ledger ends."""
    if read.ref(town.repo, REF) is None:
        tip = town.remote_ledger()
        if tip is not None:
            write.swap_ref(town.repo, REF, None, tip, "convoy: ledger of the remote")


def _dispatches(pairs: tuple[tuple[Event, str], ...]) -> tuple[Dispatched, ...]:
    return tuple(
        Dispatched(
            event.bead or "",
            event.convoy,
            event.worker or "",
            event.attempt or 0,
            event.token or "",
            commit,
            event.reason,
        )
        for event, commit in pairs
        if event.kind == "dispatch"
    )


def _act(town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...]) -> list[tuple[str, str, str]]:
    """Start what was dispatched; (bead, token, reason) of each that could not be started."""
    failed = []
    for each in _dispatches(pairs):
        try:
            begin(town, draft.state, each.bead, each.token, each.message)
        except (OSError, ConvoyError) as error:
            failed.append((each.bead, each.token, f"could not be started: {error}"))
    return failed


def _count_failures(draft: Draft, failed: list[tuple[str, str, str]]) -> None:
    for bead, token, reason in failed:
        if draft.record(bead).token == token:
            facts.failed(draft, bead, reason, kind="dispatch-failed")


def _drop_old_leases(town: Town, draft: Draft) -> None:
    """Leases of attempts that have ended promise nothing any more."""
    for bead, lease in draft.local.leases.items():
        if draft.record(bead).token != lease.token:
            leases.drop(town.common_dir, bead, lease.token)


def _look_done(town: Town, draft: Draft, pairs: tuple[tuple[Event, str], ...]) -> None:
    commit = draft.state.trunk
    tip = pairs[-1][1] if pairs else draft.before.ledger.tip
    if commit is not None and tip is not None:
        seen.remember(town.common_dir, seen.Seen(town.settings.trunk, draft.state.plan.tree or "-", commit, tip))


def react(town: Town, cause: str = "scan") -> Outcome[None]:
    """Do whatever is due; what hooks, scans and cron call."""
    return transact(town, lambda _: None, cause=cause)
