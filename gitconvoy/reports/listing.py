"""`list`: convoys, and the beads that they track (SPEC 8)."""

from __future__ import annotations

from typing import Any

from gitconvoy.model.ledger import CLOSED
from gitconvoy.model.plan import STAGED
from gitconvoy.reports import waiting
from gitconvoy.reports.rows import bead_row, convoy_row
from gitconvoy.rules.view import View


def list_convoys(view: View, *, everything: bool = False, status: str | None = None) -> dict[str, Any]:
    """`list`: {convoys[]}, those that are not closed unless asked for; `staged` names both kinds of staged."""
    wanted = {"staged": STAGED}.get(status or "", {status})

    def is_wanted(effective: str) -> bool:
        return effective in wanted if status is not None else everything or effective != CLOSED

    found = (convoy_id for convoy_id in sorted(view.plan.convoys) if is_wanted(view.convoy_status(convoy_id)))
    rows = [convoy_row(view, convoy_id) for convoy_id in found]
    return {"convoys": sorted(rows, key=lambda row: (_RANK.get(row["status"], 9), row["priority"], row["id"]))}


_RANK = {"open": 0, "staged_warnings": 1, "staged_ready": 1, "closed": 2}


def convoy_beads(view: View, convoy_id: str) -> list[dict[str, Any]]:
    """The beads that a convoy tracks, each with its part in it, by id (`list --tree`)."""
    tracks = sorted(set(view.plan.convoys[convoy_id].tracks))
    return [{**bead_row(view, bead), "part": waiting.part(view, bead)} for bead in tracks]
