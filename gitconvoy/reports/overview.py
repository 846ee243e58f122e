"""`status`: one convoy in full, or the whole town at a glance (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitconvoy.engine.local import Local
from gitconvoy.engine.wake import next_wake
from gitconvoy.graph import waves
from gitconvoy.reports import waiting
from gitconvoy.reports.attempt_rows import attempt_row
from gitconvoy.reports.failures import explained
from gitconvoy.reports.handed_in import standing, stuck
from gitconvoy.reports.listing import list_convoys
from gitconvoy.reports.rows import bead_row, convoy_row, when
from gitconvoy.reports.stranded import stranded
from gitconvoy.rules.view import View

_NONE: Mapping[str, str] = {}


def convoy_status(view: View, local: Local, convoy_id: str, failures: Mapping[str, str] = _NONE) -> dict[str, Any]:
    """`status ID`: convoy, progress, waves, active, submitted, ready, blocked, skipped, next_wake.

    `failures`: why the last attempts at beads failed (`failures.last_failures`).
    """
    row = convoy_row(view, convoy_id)
    tracks = set(view.plan.convoys[convoy_id].tracks)
    groups = waiting.parts(view, tracks)
    plan = waves(view.graph, tracks)
    unreachable = [bead for bead in view.unreachable() if bead in tracks]
    return {
        "convoy": {key: value for key, value in row.items() if key != "progress"},
        "progress": row["progress"],
        "waves": [
            {"wave": n, "beads": [_wave_bead(view, bead) for bead in wave]} for n, wave in enumerate(plan.waves, 1)
        ],
        "active": attempts(view, local, groups[waiting.ACTIVE]),
        "submitted": attempts(view, local, groups[waiting.SUBMITTED]),
        "ready": [bead_row(view, bead) for bead in groups[waiting.READY]],
        "blocked": [
            {
                **bead_row(view, bead),
                "reasons": [explained(reason, bead, failures) for reason in waiting.why_waiting(view, bead)],
            }
            for bead in groups[waiting.BLOCKED]
        ],
        "skipped": [
            {**bead_row(view, bead), "reasons": waiting.why_skipped(view, bead)} for bead in groups[waiting.SKIPPED]
        ],
        "failed": [bead for bead in sorted(tracks) if view.effective(bead).failed],
        "stuck": [row for row in stuck(view, local, failures) if row["bead"] in tracks],
        "unreachable": unreachable,
        "completion": view.completion(convoy_id),
        "next_wake": when(next_wake(view, local)),
    }


def _wave_bead(view: View, bead_id: str) -> dict[str, Any]:
    record = view.ledger.bead(bead_id)
    return {
        **bead_row(view, bead_id),
        "part": waiting.part(view, bead_id),
        "worker": record.worker if record.live else None,
        "blocked_by": sorted({blocker.target for blocker in view.blocked_by(bead_id)}),
    }


def attempts(view: View, local: Local, beads: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of the live attempts of these beads; submitted ones say where they wait, and for what."""
    rows = []
    for bead in beads:
        record = view.ledger.bead(bead)
        row = attempt_row(view, local, record)
        rows.append({**row, **standing(view.plan, local, record)} if record.submitted else row)
    return rows


def town_status(view: View, local: Local, failures: Mapping[str, str] = _NONE) -> dict[str, Any]:
    """`status` without an id: open and staged convoys, what is active, submitted, ready and stuck, and what is due.

    `failures` as for `convoy_status`.
    """
    live = [record for _, record in sorted(view.ledger.beads.items()) if record.live]
    return {
        "convoys": list_convoys(view)["convoys"],
        "active": [attempt_row(view, local, record) for record in live if record.in_flight],
        "submitted": attempts(view, local, [record.id for record in live if not record.in_flight]),
        "ready": [bead_row(view, bead) for bead in view.ready()],
        "stranded": [
            {**row, "reasons": [explained(each, next(iter(each["ids"]), ""), failures) for each in row["reasons"]]}
            for row in stranded(view, local)["convoys"]
        ],
        "exhausted": sorted(bead for bead in view.ledger.beads if view.exhausted(bead)),
        "stuck": stuck(view, local, failures),
        "paused": paused_by(view, local),
        "next_wake": when(next_wake(view, local)),
    }


def paused_by(view: View, local: Local) -> list[str]:
    """Who says that nothing at all is dispatched, in words; empty where nobody does."""
    found = []
    if view.ledger.paused:
        found.append("the ledger (gitconvoy resume --all)")
    if view.config.dispatch.paused:
        found.append("dispatch.paused in .convoy/config.yaml")
    if local.paused:
        found.append("gitconvoy.paused in this machine's git config")
    return found


def held_by(view: View, local: Local, actor: str) -> dict[str, Any]:
    """`mine`: {beads[]}, those whose live attempt is the actor's, with the token that `done` may be given."""
    records = [record for _, record in sorted(view.ledger.beads.items()) if record.live and record.worker == actor]
    return {
        "beads": [
            {**bead_row(view, record.id), **attempt_row(view, local, record), "token": record.token}
            for record in records
        ]
    }
