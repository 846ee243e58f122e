"""What only the ledger knows, as new values for keys of documents (SPEC 1, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.model.clock import iso
from gitconvoy.model.imported import is_tombstone
from gitconvoy.model.ledger import CLOSED, LIVE
from gitconvoy.rules.view import View

Facts = Mapping[str, Mapping[str, Any]]
"""Id -> key -> new value; None takes a key away."""


def ledger_facts(view: View, closed_at: Mapping[str, int]) -> Facts:
    """What the ledger's facts make of the plan's own documents, where their files do not say it yet.

    Closed beads and convoys are closed, beads at work are in_progress and assigned to their worker, launched convoys
    are open. What only follows from other beads (an epic whose children are closed) is nobody's fact: whoever reads
    the export decides that anew. `closed_at`: when each was closed, epoch seconds, as far as that is known.
    """
    found: dict[str, dict[str, Any]] = {}
    for bead in view.plan.beads.values():
        effective, record = view.effective(bead.id), view.ledger.bead(bead.id)
        if effective.source == "ledger":
            outcome = None if effective.outcome == "done" else effective.outcome
            facts = {"status": CLOSED, "outcome": outcome, **_ended(closed_at.get(bead.id))}
            found[bead.id] = facts | ({"assignee": record.worker} if record.worker else {})
        elif effective.source == "attempt":
            found[bead.id] = {"status": LIVE, "assignee": record.worker, **_changed(record.since)}
    for convoy in view.plan.convoys.values():
        status, known = view.convoy_status(convoy.id), view.ledger.convoy(convoy.id)
        if status != convoy.status:
            found[convoy.id] = {"status": status}
            if status == CLOSED:
                found[convoy.id] |= {"close_reason": known.close_reason, **_ended(closed_at.get(convoy.id))}
            else:
                found[convoy.id] |= _changed(known.launched_at)
    return {one: facts for one, facts in found.items() if not _is_gone(view, one)}


def _ended(at: int | None) -> dict[str, Any]:
    return {"closed_at": iso(at), **_changed(at)} if at is not None else {}


def _changed(at: int | None) -> dict[str, Any]:
    return {"updated_at": iso(at)} if at is not None else {}


def _is_gone(view: View, one: str) -> bool:
    bead = view.plan.bead(one)
    return bead is not None and is_tombstone(bead.data)
