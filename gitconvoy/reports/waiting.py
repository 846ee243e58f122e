"""Why beads wait: `ready`, `blocked`, and the part of each tracked bead in its convoy (SPEC 4, 8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitconvoy.reports.rows import bead_row, reasons
from gitconvoy.rules.view import View

CLOSED, ACTIVE, SUBMITTED, READY, BLOCKED, SKIPPED = "closed", "active", "submitted", "ready", "blocked", "skipped"
_TRACKED = frozenset({"tracked"})
_SKIPPED_OUTCOMES = frozenset({"skipped", "cancelled", "duplicate"})


def ready(view: View, *, rig: str | None = None, everything: bool = False) -> dict[str, Any]:
    """`ready`: {beads[]} in dispatch order; `everything` also those that no open convoy tracks."""
    return {"beads": [bead_row(view, bead) for bead in view.ready(rig=rig, all=everything)]}


def blocked(view: View, *, rig: str | None = None) -> dict[str, Any]:
    """`blocked`: {beads[]}, each open or frozen bead that waits for more than a convoy, with its reasons, by id."""
    found = []
    unseen = {bead_id for bead_id in view.plan.unseen_ids() if view.tracking(bead_id)}
    for bead_id in sorted({*view.plan.beads, *view.plan.broken, *unseen} - view.plan.convoys.keys()):
        known = view.rig_of(bead_id)
        if rig is not None and (known is None or known.name != rig):
            continue
        effective = view.effective(bead_id)
        if effective.category in ("active", "frozen") and not view.is_ready(bead_id, waive=_TRACKED):
            found.append({**bead_row(view, bead_id), "reasons": why_waiting(view, bead_id)})
    return {"beads": [row for row in found if _waits(row)]}


def _waits(row: dict[str, Any]) -> bool:
    """Beads that are merely never dispatched (epics, decisions) wait for nothing, unless a link says so."""
    rules = {reason["rule"] for reason in row["reasons"]}
    return bool(rules - {"slingable", "tracked"})


def why_waiting(view: View, bead_id: str) -> list[dict[str, Any]]:
    """The rules that a bead fails as {rule, message, ids}; behind a failed bead the cause is named too."""
    found = reasons(view.failing(bead_id))
    causes = view.unreachable().get(bead_id)
    if causes:
        message = f"it can no longer start, because {', '.join(causes)} failed"
        found.append({"rule": "unreachable", "message": message, "ids": list(causes)})
    return found


def part(view: View, bead_id: str) -> str:
    """What a tracked bead is to its convoy now: closed, active, submitted, ready, blocked or skipped."""
    record = view.ledger.bead(bead_id)
    effective = view.effective(bead_id)
    if effective.closed:
        return SKIPPED if effective.outcome in _SKIPPED_OUTCOMES else CLOSED
    if record.live:
        return SUBMITTED if record.submitted is not None else ACTIVE
    bead = view.plan.bead(bead_id)
    if bead is not None and not view.config.slingable(bead.type):
        return SKIPPED
    return READY if view.is_ready(bead_id) else BLOCKED


def parts(view: View, beads: Iterable[str]) -> dict[str, list[str]]:
    """The beads by their part, each list in dispatch order."""
    found: dict[str, list[str]] = {name: [] for name in (CLOSED, ACTIVE, SUBMITTED, READY, BLOCKED, SKIPPED)}
    for bead in sorted(set(beads), key=view.order_key):
        found[part(view, bead)].append(bead)
    return found


def why_skipped(view: View, bead_id: str) -> list[dict[str, Any]]:
    """Why a tracked bead is not dispatched although nothing is wrong with it."""
    effective = view.effective(bead_id)
    if effective.closed:
        message = f"closed as {effective.outcome}"
        if effective.source == "moot":
            message = "what it was to follow did not fail, so it is not needed"
        return [{"rule": "status", "message": message, "ids": []}]
    return [reason for reason in why_waiting(view, bead_id) if reason["rule"] == "slingable"]
