"""When time alone makes the next bead ready (SPEC 7: due times)."""

from __future__ import annotations

from gitconvoy.rules.view import View

TEMPORARY = frozenset({"deferred", "backoff", "overlap"})
"""The rules that time, or the end of other work, satisfies by itself."""


def next_due(view: View) -> int | None:
    """The earliest time after now at which the deferral or backoff of a bead of an open convoy ends.

    A bead that both hold back is due at the later time. Beads that would not be ready even then are passed over.
    """
    times = []
    kept_back = {bead_id for bead_id, bead in view.plan.beads.items() if bead.defer_until is not None}
    kept_back |= {bead_id for bead_id, record in view.ledger.beads.items() if record.not_before is not None}
    for bead_id in kept_back & view.plan.beads.keys():
        due = max(view.plan.beads[bead_id].defer_until or 0, view.ledger.bead(bead_id).not_before or 0)
        if due > view.now and view.is_ready(bead_id, waive=TEMPORARY):
            times.append(due)
    return min(times, default=None)
