"""Rows that several answers share: a bead, a convoy, an attempt (SPEC 8)."""

from __future__ import annotations

import shlex
from typing import Any

from gitconvoy.dispatch.leases import NEVER
from gitconvoy.engine.local import Local
from gitconvoy.engine.settle import lease_end
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import CLOSED, BeadRecord
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


def attempt_row(view: View, local: Local, record: BeadRecord) -> dict[str, Any]:
    """{bead, title, worker, attempt, since, lease_until, note} of a live attempt, and how and where it runs."""
    end = lease_end(record, local, view.config.dispatch.lease)
    bead = view.plan.bead(record.id)
    return {
        "bead": record.id,
        "title": bead.title if bead else "",
        "convoy": record.convoy,
        "worker": record.worker,
        "attempt": record.attempt,
        "since": when(record.since),
        "lease_until": when(end) if end is not None and end < NEVER else None,
        "note": attempt_note(view, local, record),
        "machine": record.machine,
        "via": record.via,
    }


def attempt_note(view: View, local: Local, record: BeadRecord) -> str:
    """What is to be known of an attempt beside its row; empty where all is as it should be."""
    if (away := view.plan.away_reason(record.id)) is not None:
        return f"{away}; nothing of it is lost, it goes on when that is back"
    if record.id in view.plan.broken:
        return "the file of its bead cannot be read: gitconvoy validate says why"
    if view.plan.bead(record.id) is None:
        return "its bead is not in the plan any more: gitconvoy unsling takes it back"
    if asks(local, record):
        return asking(local, record)
    held = local.leases.get(record.id)
    if held is not None and held.token == record.token and held.note:
        return held.note
    end = lease_end(record, local, view.config.dispatch.lease)
    if end is not None:
        return "its lease ran out: the next scan takes it back" if end <= view.now else ""
    if record.machine != local.machine:
        return f"runs on {record.machine}, which alone knows whether it lives"
    return "assigned; no sign of life yet"


def asks(local: Local, record: BeadRecord) -> bool:
    """Whether an attempt waits for a person to say how it went: its worker has ended without a word."""
    held = local.leases.get(record.id)
    return record.in_flight and held is not None and held.token == record.token and held.expires >= NEVER


def asking(local: Local, record: BeadRecord) -> str:
    """What a person has to know of an attempt that asks: that it counts as in flight (SPEC 4), and what ends it."""
    said = local.leases[record.id].note or "its worker has ended without a word"
    speak = f"gitconvoy --actor {shlex.quote(record.worker or '')}"
    ways = f"{speak} done {record.id}, {speak} fail {record.id}, or gitconvoy unsling {record.id}"
    return f"{said}; it holds a place until somebody ends it: {ways}"


def reasons(verdicts: tuple[Verdict, ...]) -> list[dict[str, Any]]:
    """The rules that failed, as {rule, message, ids}."""
    failed = (verdict for verdict in verdicts if not verdict.ok)
    return [{"rule": each.rule, "message": each.message, "ids": list(each.ids)} for each in failed]
