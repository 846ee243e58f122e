"""Where the next attempt of a bead works, decided with its dispatch. Pure (SPEC 7)."""

from __future__ import annotations

from gitconvoy.engine.attempts.places import Place, place_of
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import START
from gitconvoy.errors import Refused


def place_for(draft: Draft, bead: str, convoy: str | None) -> Place | None:
    """The branch of the attempt that is about to be dispatched, and its base; None where it gets none.

    Where it should get one and cannot (its base branch does not exist), the act fails, says why, and is counted.
    """
    if draft.local.via != START or not draft.local.worktrees:
        return None
    try:
        return place_of(draft.state.plan, draft.local.places, bead, convoy, draft.record(bead).attempt + 1)
    except Refused:
        return None
