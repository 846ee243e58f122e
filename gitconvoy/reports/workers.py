"""`workers`: each rig's pool, and whoever else holds a bead; how much room is left (SPEC 3.5, 4)."""

from __future__ import annotations

from typing import Any

from gitconvoy.engine.attempts.breaking import opened
from gitconvoy.engine.local import Local
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.reports.attempt_rows import asks, attempt_row
from gitconvoy.rules.view import View

WORKING, ASKS, IDLE, STOPPED = "working", "asks", "idle", "stopped"


def workers(view: View, local: Local, *, rig: str | None = None, idle: bool = False) -> dict[str, Any]:
    """{workers[], capacity[]}. A worker that holds several beads has a row for each.

    `state`: working; asks (its attempt waits for a person); idle; stopped (idle, and its rig is parked, or its
    repository is away, or its dispatcher cannot start workers).
    """
    held: dict[str, list[BeadRecord]] = {}
    for record in view.in_flight:
        held.setdefault(record.worker or "", []).append(record)
    rows = []
    for name, each in sorted(view.config.rigs.items()):
        stopped = "its rig is parked" if each.parked else _stopped(view, local, name)
        for worker in view.config.workers_of(each):
            rows += _rows(view, local, worker, name, held.pop(worker, []), stopped)
    for worker, records in sorted(held.items()):
        rows += _rows(view, local, worker, None, records, "")
    rows = [row for row in rows if rig is None or row["rig"] == rig]
    if idle:
        rows = [row for row in rows if row["bead"] is None]
    return {"workers": rows, "capacity": _capacity(view, local, rig)}


def _stopped(view: View, local: Local, rig: str) -> str:
    if rig in view.plan.away:
        return f"its repository cannot be used: {view.plan.away[rig]}"
    breaker = opened(local, rig)
    return f"its dispatcher failed to start {breaker.failures} times in a row" if breaker is not None else ""


def _rows(
    view: View, local: Local, worker: str, rig: str | None, records: list[BeadRecord], stopped: str
) -> list[dict[str, Any]]:
    if not records:
        state = STOPPED if stopped else IDLE
        return [{"worker": worker, "rig": rig, "state": state, **dict.fromkeys(_NOTHING), "note": stopped}]
    found = []
    for record in records:
        of_bead = view.rig_of(record.id)
        row = attempt_row(view, local, record)
        state = ASKS if asks(local, record) else WORKING
        found.append({**row, "worker": worker, "rig": rig or (of_bead.name if of_bead else None), "state": state})
    return found


_NOTHING = ("bead", "title", "convoy", "attempt", "since", "lease_until", "machine", "via")


def _capacity(view: View, local: Local, rig: str | None) -> list[dict[str, Any]]:
    """How many are in flight, of how many at most: the town, this machine, each rig, each open convoy with a limit."""
    flying = view.in_flight
    rows = [("town", len(flying), view.config.dispatch.max_workers)]
    if local.max_workers is not None:
        rows.append(
            (f"machine {local.machine}", sum(each.machine == local.machine for each in flying), local.max_workers)
        )
    for name, each in sorted(view.config.rigs.items()):
        count = sum((own := view.rig_of(record.id)) is not None and own.name == name for record in flying)
        most = each.max_workers if each.max_workers is not None else len(view.config.workers_of(each))
        rows.append((f"rig {name}", count, most))
    for convoy_id, convoy in sorted(view.plan.convoys.items()):
        if convoy.max_workers is not None and view.convoy_status(convoy_id) == "open":
            rows.append((f"convoy {convoy_id}", sum(each.convoy == convoy_id for each in flying), convoy.max_workers))
    wanted = [row for row in rows if rig is None or row[0] == f"rig {rig}"]
    return [{"of": name, "in_flight": count, "most": most} for name, count, most in wanted]
