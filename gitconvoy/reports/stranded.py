"""`stranded`: the convoys that do not move, and why; a healthy one is never listed (SPEC 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitconvoy.engine.attempts.breaking import Gate, opened
from gitconvoy.engine.local import START, Local
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.reports import waiting
from gitconvoy.reports.attempt_rows import asking, asks
from gitconvoy.reports.handed_in import wait_of
from gitconvoy.reports.hope import Hope
from gitconvoy.reports.rows import bead_row
from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.view import View

FEEDABLE, STUCK, WAITING, EMPTY, PAUSED = "feedable", "stuck", "waiting", "empty", "paused"
_Reasons = list[dict[str, Any]]


def stranded(view: View, local: Local) -> dict[str, Any]:
    """{convoys[]} of the open convoys where nobody works although something is left to do.

    Classes: `feedable` (ready beads, and room for them), `waiting` (time, others or its owner will move it), `stuck`
    (somebody has to do something), `empty` (tracks nothing), `paused`.
    """
    ready: dict[str | None, list[str]] = {}
    for bead in view.ready():
        ready.setdefault(view.convoy_of(bead), []).append(bead)
    found = []
    hope = Hope(view)
    for convoy_id in sorted(view.plan.convoys):
        if view.convoy_status(convoy_id) == "open":
            own = ready.get(convoy_id, [])
            judged = _judge(view, local, hope, convoy_id, own)
            if judged is not None:
                found.append(_row(view, convoy_id, judged, own))
    return {"convoys": found}


def stuck(view: View, local: Local) -> list[tuple[str, _Reasons]]:
    """The convoys for which somebody has to do something, each with the reasons (for notices)."""
    here = {STUCK} if local.via is not None else {STUCK, FEEDABLE}
    rows = stranded(view, local)["convoys"]
    return [(row["id"], row["reasons"]) for row in rows if row["class"] in here]


def _row(view: View, convoy_id: str, judged: tuple[str, _Reasons], ready: list[str]) -> dict[str, Any]:
    convoy = view.plan.convoys[convoy_id]
    return {
        "id": convoy_id,
        "title": convoy.title,
        "class": judged[0],
        "tracked_count": len(set(convoy.tracks)),
        "ready_count": len(ready),
        "ready_issues": [bead_row(view, bead) for bead in ready],
        "reasons": judged[1],
    }


def _reason(rule: str, message: str, *ids: str) -> dict[str, Any]:
    return {"rule": rule, "message": message, "ids": list(ids)}


def _judge(view: View, local: Local, hope: Hope, convoy_id: str, ready: list[str]) -> tuple[str, _Reasons] | None:
    """(class, reasons), None for a convoy that is all right."""
    convoy = view.plan.convoys[convoy_id]
    if not convoy.tracks:
        return EMPTY, [_reason("tracked", f"it tracks nothing: gitconvoy add {convoy_id} BEAD")]
    if (outcome := view.completion(convoy_id)) is not None:
        return WAITING, [_complete(view, convoy_id, outcome)]
    if paused := _paused(view, local, convoy_id):
        return PAUSED, paused
    live = [record for bead in convoy.tracks if (record := view.ledger.bead(bead)).live]
    if ready and (room := _room(view, local, ready)):
        how = (
            "gitconvoy feed dispatches them"
            if local.via
            else f"{local.dispatcher!r} cannot be used here: {local.trouble}"
        )
        return FEEDABLE, [_reason("capacity", f"{len(room)} ready beads and room for them: {how}", *room)]
    if halted := _halted(view, local, live):
        return STUCK, halted
    if live:
        return None
    if ready:
        held = _held_up(view, local)
        return STUCK if held and len(held) == len(view.in_flight) else WAITING, [_waits(view, local, ready), *held]
    return _still(view, hope, convoy_id)


def _halted(view: View, local: Local, live: Sequence[BeadRecord]) -> _Reasons:
    """Why nothing goes on although attempts live: all of them ask, or are handed in and something is in the way."""
    found = []
    for record in live:
        if asks(local, record):
            found.append(_asking(local, record))
            continue
        wait = wait_of(view.plan, local, record) if record.submitted is not None else None
        if wait is None or not wait.stuck:
            return []
        found.append(_reason("live", f"{record.id}: {wait.reason}", record.id))
    return found


def _waits(view: View, local: Local, ready: list[str]) -> dict[str, Any]:
    """Why ready beads get no worker: settings are wrong, a breaker is open, or all are busy."""
    for bead in ready if local.via == START else ():
        rig = view.rig_of(bead)
        if rig is not None and (trouble := local.places.trouble_of(rig.name)):
            return _reason("settings", f"nothing of the rig {rig.name} is dispatched here: {trouble}", bead)
    held = [bead for bead in ready if (rig := view.rig_of(bead)) is not None and opened(local, rig.name) is not None]
    rig = view.rig_of(held[0]) if held else None
    if rig is None or (breaker := opened(local, rig.name)) is None:
        return _reason("capacity", "its ready beads wait for a free worker", *ready)
    failed = f"{breaker.failures} starts of rig {rig.name} in a row failed here"
    return _reason("breaker", f"{failed}: one is tried from {iso(breaker.again)} on", *held)


def _complete(view: View, convoy_id: str, outcome: str) -> dict[str, Any]:
    if view.plan.convoys[convoy_id].owned:
        return _reason("complete", f"complete ({outcome}): its owner lands it with gitconvoy land {convoy_id}")
    return _reason("complete", f"complete ({outcome}): gitconvoy check closes it")


def _paused(view: View, local: Local, convoy_id: str) -> _Reasons:
    found = []
    if view.ledger.convoy(convoy_id).paused:
        found.append(_reason("paused", f"paused in the ledger: gitconvoy resume {convoy_id}", convoy_id))
    if view.plan.convoys[convoy_id].paused:
        found.append(_reason("paused", f"its file says paused: {view.plan.convoys[convoy_id].path}", convoy_id))
    if view.ledger.paused:
        found.append(_reason("paused", "everything is paused in the ledger: gitconvoy resume --all"))
    if view.config.dispatch.paused:
        found.append(_reason("paused", "dispatch.paused is set in .convoy/config.yaml"))
    if local.paused:
        found.append(_reason("paused", "gitconvoy.paused is set in this machine's git config"))
    return found


def _room(view: View, local: Local, ready: list[str]) -> list[str]:
    """Those of the ready beads that could be dispatched now, one after the other."""
    capacity, gate = Capacity(view, local.machine, local.max_workers), Gate(view, local)
    found = []
    for bead in ready:
        worker = capacity.worker_for(bead)
        if worker is not None and capacity.refusal(bead, view.convoy_of(bead)) is None and gate.admits(bead):
            capacity.take(bead, view.convoy_of(bead), worker)
            found.append(bead)
    return found


def _asking(local: Local, record: BeadRecord) -> dict[str, Any]:
    return _reason("live", f"{record.id}: {asking(local, record)}", record.id)


def _held_up(view: View, local: Local) -> _Reasons:
    """The attempts, of whatever convoy, that hold a place although nobody works on them."""
    return [_asking(local, record) for record in view.in_flight if asks(local, record)]


def _still(view: View, hope: Hope, convoy_id: str) -> tuple[str, _Reasons]:
    """Nothing runs and nothing is ready: waiting where some bead will move without anybody's help, else stuck."""
    tracks = set(view.plan.convoys[convoy_id].tracks)
    waits = sorted(bead for bead in tracks if waiting.part(view, bead) == waiting.BLOCKED)
    moving = [bead for bead in waits if hope.moves(bead)]
    told = [(bead, reason) for bead in moving or waits for reason in waiting.why_waiting(view, bead)]
    causes = [pair for pair in told if not _follows(pair[1], tracks)] or told
    reasons = [
        {**reason, "message": f"{bead}: {reason['message']}", "ids": [bead, *reason["ids"]]} for bead, reason in causes
    ]
    return WAITING if moving else STUCK, reasons or [_reason("status", "none of its beads can be dispatched")]


def _follows(reason: dict[str, Any], tracks: set[str]) -> bool:
    """Whether a reason only says that another bead of the same convoy comes first."""
    return reason["rule"] == "links" and tracks.issuperset(reason["ids"])
