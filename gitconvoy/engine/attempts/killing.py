"""`kill`: a person ends workers, and what they started (SPEC 7, the kill switch)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts, leases
from gitconvoy.engine import facts
from gitconvoy.engine.attempts import ending, releasing
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.requests import known_bead
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.model.ledger import START, Event


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it: the transaction, whose value are the events of the attempts, and what is left."""

    outcome: Outcome[tuple[Event, ...]]
    ended: bool
    """Whether no process of them is left on this machine."""
    kept: tuple[str, ...] = ()
    """Worktrees that stay, each with what would be lost."""
    elsewhere: tuple[str, ...] = ()
    """Beads that somebody is at whom this machine did not start, so that there was no process to end."""


def kill(town: Town, bead: str, reason: str = "") -> Killed:
    """End a bead's attempt and its worker: counted as a failure, kept back for a while, tried again later.

    Refused where nobody is at it.
    """
    said = f"killed by {town.actor}{f': {reason}' if reason else ''}"

    def request(draft: Draft) -> tuple[Event, ...]:
        record = draft.record(bead)
        if not record.live:
            known_bead(draft, bead)
            raise Refused(
                f"{bead} has no live attempt to kill", hint=f"gitconvoy why {bead} says more", code="not-live"
            )
        if not record.in_flight:
            raise Refused(
                f"attempt {record.attempt} of {bead} has handed in its work, so there is no worker to kill",
                hint=f"gitconvoy unsling {bead} takes it back, gitconvoy fail {bead} rejects it",
                code="submitted",
            )
        return (facts.failed(draft, bead, said, kind="kill"),)

    return _end(town, transact(town, request))


def kill_all(town: Town, reason: str = "") -> Killed:
    """Pause the town, take back what this machine has started, and end all of it. Nothing is counted as a failure."""
    said = f"kill --all by {town.actor}{f': {reason}' if reason else ''}"

    def request(draft: Draft) -> tuple[Event, ...]:
        convoy_requests.pause(draft, None, said)
        records = [record for record in draft.view.in_flight if record.machine == draft.local.machine]
        return tuple(facts.taken_back(draft, record.id, said) for record in records if record.via == START)

    killed = _end(town, transact(town, request, feed=False))
    others = (record.id for record in killed.outcome.state.ledger.beads.values() if record.in_flight)
    return replace(killed, elsewhere=tuple(sorted({*killed.elsewhere, *others})))


def _end(town: Town, outcome: Outcome[tuple[Event, ...]]) -> Killed:
    known, elsewhere = [], []
    for event in outcome.value:
        try:
            known.append(attempts.read_job(_folder(town, event)))
        except (OSError, ValueError, TypeError, KeyError):
            elsewhere.append(event.bead or "")
    ended = ending.end(known)
    for _, job in known:
        leases.drop(town.common_dir, job.bead, job.token)
    kept = (releasing.release(town, job.bead, job.attempt, outcome.state) for _, job in known)
    return Killed(outcome, ended, tuple(_told(kept)), tuple(elsewhere))


def _folder(town: Town, event: Event) -> Path:
    return attempts.attempt_folder(town.common_dir, event.bead or "", event.attempt or 0).root


def _told(kept: Iterable[str | None]) -> list[str]:
    return [each for each in kept if each is not None]
