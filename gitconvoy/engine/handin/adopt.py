"""From a note to the event `submit`: whoever decides next finishes what `done` has begun. Pure (SPEC 7)."""

from __future__ import annotations

from gitconvoy.engine import facts
from gitconvoy.engine.draft import Draft


def adopt(draft: Draft) -> None:
    """Submit the work whose branch has the closing commit that a note of a live attempt speaks of.

    The note is written before the branch moves: where `done` died in between, the branch stands elsewhere, and nothing
    is submitted before it says so again.
    """
    for bead, note in sorted(draft.local.handins.items()):
        record = draft.record(bead)
        ours = record.live and record.token == note.token and record.machine == draft.local.machine
        if ours and record.submitted != note.commit and draft.local.branches.get((bead, note.branch)) == note.commit:
            facts.submitted(
                draft, bead, note.commit, branch=note.branch, base=note.base, reason=note.reason, force=note.force
            )
