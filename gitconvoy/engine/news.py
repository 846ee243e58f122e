"""What ledger events mean to a person, one line each; hooks and planning commands tell them (SPEC 6, 7)."""

from __future__ import annotations

from itertools import islice

from gitconvoy.engine.town import Town
from gitconvoy.ledger.read import Entry, history
from gitconvoy.model.ledger import Event

MOST = 50
"""Events told at most after one command; the log has them all."""


def line(
    kind: str, *, bead: str | None, convoy: str | None, worker: str | None, attempt: int | None, reason: str
) -> str | None:
    """One line about an event; None for events that nobody has to be told of."""
    return {
        "dispatch": f"dispatched {bead} to {worker} (attempt {attempt})",
        "dispatch-failed": f"attempt {attempt} of {bead} could not be started: {reason}",
        "launch": f"launched {convoy}",
        "complete": f"{convoy} is complete ({reason})",
        "done": f"{bead} is done",
        "merged": f"{bead} is merged",
        "submit": f"{bead} is handed in (attempt {attempt})",
        "fail": f"attempt {attempt} of {bead} failed: {reason}",
        "reopen": f"reopened {bead or convoy}" + (f": {reason}" if reason else ""),
        "retry": f"{bead} may be tried again",
        "expire": f"attempt {attempt} of {bead} expired",
        "requeue": f"attempt {attempt} of {bead} never began; it is queued again",
        "pause": f"paused {convoy or 'everything'}" + (f": {reason}" if reason else ""),
        "close": f"closed {convoy}",
    }.get(kind)


def of(event: Event) -> str | None:
    """One line about an event that was just decided; None for one that nobody has to be told of."""
    return line(
        event.kind,
        bead=event.bead,
        convoy=event.convoy,
        worker=event.worker,
        attempt=event.attempt,
        reason=event.reason,
    )


def since(town: Town, tip: str | None) -> list[Entry]:
    """The ledger's entries that are newer than the commit `tip`, oldest first, at most `MOST`."""
    now = town.ledger_tip()
    if now is None or now == tip:
        return []
    found = []
    for entry in islice(history(town.repo, now), MOST):
        if entry.commit == tip:
            break
        found.append(entry)
    return found[::-1]


def lines(entries: list[Entry]) -> list[str]:
    """What there is to tell of ledger entries."""
    told = (
        line(
            entry.event,
            bead=entry.bead,
            convoy=entry.convoy,
            worker=entry.worker,
            attempt=entry.attempt,
            reason=entry.reason,
        )
        for entry in entries
    )
    return [each for each in told if each is not None]
