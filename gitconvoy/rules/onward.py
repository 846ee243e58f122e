"""What still holds of an earlier state when, since then, nothing happened but that attempts began (SPEC 4).

Whoever dispatches bead after bead asks the same of hundreds of states that differ in this alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitconvoy.model.ledger import BeadRecord, Records
from gitconvoy.model.plan import Bead
from gitconvoy.model.state import State


def begun_since(before: State, after: State) -> frozenset[str] | None:
    """The beads that are live since then; None where anything else differs, or may."""
    old, new = before.ledger, after.ledger
    if before.plan is not after.plan or old.paused != new.paused or after.now < before.now:
        return None
    if old.convoys is not new.convoys and old.convoys != new.convoys:
        return None
    if old.beads is new.beads:
        return frozenset()
    changed = Records.differing(old.beads, new.beads)
    if changed is None:
        return None
    changed = [record for record in changed if old.bead(record.id) != record]
    if not all(_began(old.bead(record.id), record) for record in changed):
        return None
    return frozenset(record.id for record in changed)


def _began(before: BeadRecord, after: BeadRecord) -> bool:
    # Handed-in work that was given back may satisfy a merge-blocks link, or not.
    idle = before.status is None and before.submitted is None
    return idle and after.in_flight and before.failures == after.failures


def fell_due(before: State, after: State, beads: Iterable[Bead]) -> bool:
    """Whether a deferral or a back-off has ended meanwhile."""
    if before.now == after.now:
        return False
    times = [bead.defer_until for bead in beads if bead.defer_until is not None]
    times += [record.not_before for record in after.ledger.beads.values() if record.not_before is not None]
    return any(before.now < at <= after.now for at in times)
