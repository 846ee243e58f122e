"""Why the last attempts at beads failed that wait for that: the ledger's history knows (SPEC 4, 8). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from gitconvoy.ledger.read import Entry
from gitconvoy.rules.view import View

EVENTS = frozenset({"fail", "expire", "dispatch-failed", "kill"})
"""What counts as a failure."""
_RULES = frozenset({"attempts", "backoff"})
_FAR = 5000
"""Entries of the ledger that are looked at."""


def waiting_for_it(view: View) -> frozenset[str]:
    """Beads that are exhausted, or kept back after a failure."""
    return frozenset(
        bead
        for bead, record in view.ledger.beads.items()
        if record.failures
        and not record.live
        and not view.effective(bead).closed
        and (view.exhausted(bead) or (record.not_before or 0) > view.now)
    )


def last_failures(beads: Iterable[str], entries: Iterable[Entry]) -> dict[str, str]:
    """The reason of each bead's last failure, in one line; `entries` are the ledger's, newest first."""
    wanted, found = set(beads), {}
    for entry in islice(entries, _FAR) if wanted else ():
        if entry.bead in wanted and entry.event in EVENTS:
            wanted.discard(entry.bead)
            found[entry.bead] = " ".join(entry.reason.split())
            if not wanted:
                break
    return found


def explained(reason: dict[str, Any], bead: str, failures: Mapping[str, str]) -> dict[str, Any]:
    """A rule's reason {rule, message, ids} with the last failure in it, where it rests on that."""
    told = failures.get(bead) if reason["rule"] in _RULES else None
    return {**reason, "message": with_last(str(reason["message"]), told)}


def with_last(message: str, failure: str | None) -> str:
    """A message about failures, and the last one's reason where it is known."""
    return f"{message}; the last one: {failure}" if failure else message
