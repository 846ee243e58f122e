"""Why an event does not hold on top of another ledger, in the words of whoever lost it (SPEC 7)."""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.audit.values import Books, Finding, Step
from gitconvoy.model.ledger import CLOSED, BeadRecord

_OF_ATTEMPT = frozenset({"attempt", "live", "not-closed", "not-handed-in", "not-live", "stale-token", "twice"})
"""Rules about which attempt of a bead counts: what else they meet is a consequence of that."""
_MOST = 3
"""Reasons told of one event."""


def reason(step: Step, found: Sequence[Finding], books: Books) -> str:
    """What stands against a step on top of `books`, which hold what was pushed first; empty where nothing was found."""
    bead = step.event.bead
    if bead is not None and any(each.rule in _OF_ATTEMPT for each in found):
        return _other_attempt(step.event.kind, books.bead(bead))
    said = list(dict.fromkeys(_words(step, each) for each in found))
    more = f" and {len(said) - _MOST} more" if len(said) > _MOST else ""
    return "; ".join(said[:_MOST]) + more


def _other_attempt(kind: str, there: BeadRecord) -> str:
    """What the other ledger says of the bead."""
    if there.live:
        where = f" on {there.machine}" if there.machine else ""
        known = f"attempt {there.attempt} of it, by {there.worker}{where},"
        return f"{known} was pushed first, and is live" if kind == "dispatch" else f"{known} is the one that counts"
    if there.status == CLOSED:
        return f"it was closed meanwhile ({there.outcome or 'done'})"
    if there.attempt:
        return f"attempt {there.attempt} of it is over, by what was pushed first"
    return "no attempt of it was begun, by what was pushed first"


def _words(step: Step, finding: Finding) -> str:
    if finding.rule == "complete":
        return f"by what was pushed first, {step.event.convoy} is not complete"
    return finding.message
