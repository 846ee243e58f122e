"""Rows of attempts, and what is to be known of each (SPEC 8)."""

from __future__ import annotations

import shlex
from typing import Any

from gitconvoy.dispatch.leases import NEVER
from gitconvoy.engine.local import Local, lease_end
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.reports.rows import when
from gitconvoy.rules.view import View


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
