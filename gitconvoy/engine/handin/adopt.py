"""From a note to the event `submit`: whoever decides next finishes what `done` has begun. Pure (SPEC 7)."""

from __future__ import annotations

from gitconvoy.dispatch.handins import Handin
from gitconvoy.engine import facts
from gitconvoy.engine.draft import Draft


def adopt(draft: Draft) -> None:
    """Submit the work whose branch has the closing commit that a note of a live attempt speaks of.

    The note is written before the branch moves: where `done` died in between, the branch stands elsewhere, and nothing
    is submitted before it says so again.
    """
    for bead, note in sorted(draft.local.handins.items()):
        record = draft.record(bead)
        # The note is a file of this machine, whatever that is called by now.
        if record.live and record.token == note.token and record.submitted != note.commit and _stands(draft, note):
            facts.submitted(
                draft, bead, note.commit, branch=note.branch, base=note.base, reason=note.reason, force=note.force
            )


def _stands(draft: Draft, note: Handin) -> bool:
    return draft.local.branches.get((note.bead, note.branch)) == note.commit
