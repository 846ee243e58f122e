"""Rows that several answers share: a bead, a convoy (SPEC 8)."""

from __future__ import annotations

from typing import Any

from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import CLOSED
from gitconvoy.rules.ready import Verdict
from gitconvoy.rules.view import View


def when(seconds: int | None) -> str | None:
    """ISO 8601, or None."""
    return iso(seconds) if seconds is not None else None


def bead_row(view: View, bead_id: str) -> dict[str, Any]:
    """{id, title, type, priority, status (effective), outcome, rig, convoy, assignee, parent} of any id."""
    bead = view.plan.bead(bead_id)
    effective = view.effective(bead_id)
    rig = view.rig_of(bead_id)
    return {
        "id": bead_id,
        "title": bead.title if bead else "",
        "type": bead.type if bead else "",
        "priority": bead.priority if bead else None,
        "status": effective.status,
        "outcome": effective.outcome,
        "rig": rig.name if rig else None,
        "convoy": next(iter(view.tracking(bead_id)), None),
        "assignee": bead.assignee if bead else None,
        "parent": bead.parent if bead else None,
    }


def convoy_row(view: View, convoy_id: str) -> dict[str, Any]:
    """A convoy as `list` and `status` show it; `status` is the effective one, times are ISO 8601."""
    convoy = view.plan.convoys[convoy_id]
    record = view.ledger.convoy(convoy_id)
    closed, total = view.progress(convoy_id)
    status = view.convoy_status(convoy_id)
    return {
        "id": convoy_id,
        "title": convoy.title,
        "status": status,
        "paused": view.convoy_paused(convoy_id),
        "frozen_by": list(view.convoy_frozen_by(convoy_id)),
        "owned": convoy.owned,
        "mountain": convoy.mountain,
        "owner": convoy.owner,
        "epic": convoy.epic,
        "priority": convoy.priority,
        "merge": convoy.merge,
        "base_branch": convoy.base_branch,
        "max_workers": convoy.max_workers,
        "launched_at": when(record.launched_at),
        "completed_at": when(record.completed_at),
        "outcome": (record.outcome or convoy.data.get("outcome")) if status == CLOSED or record.completed_at else None,
        "close_reason": (record.close_reason or convoy.data.get("close_reason")) if status == CLOSED else None,
        "progress": {"total": total, "closed": closed},
    }


def reasons(verdicts: tuple[Verdict, ...]) -> list[dict[str, Any]]:
    """Verdicts as {rule, message, ids}."""
    return [{"rule": each.rule, "message": each.message, "ids": list(each.ids)} for each in verdicts]
