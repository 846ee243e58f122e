"""When the ledger closed what, from its history; for `tidy` (SPEC 1)."""

from __future__ import annotations

from collections.abc import Collection

from gitconvoy.engine.town import Town
from gitconvoy.ledger.read import history

_CLOSES_BEADS = frozenset({"done", "merged", "fail", "dispatch-failed", "expire"})
_CLOSES_CONVOYS = frozenset({"complete", "close", "land"})


def closing_times(
    town: Town, beads: Collection[str], convoys: Collection[str], tip: str | None = None
) -> dict[str, int]:
    """When each of these closed beads and convoys was closed, epoch seconds: its newest event that could do that.

    `tip` is the ledger commit to look back from; by default the ledger's tip.
    """
    wanted = {*beads, *convoys}
    found: dict[str, int] = {}
    for entry in history(town.repo, tip or town.ledger_tip()):
        if len(found) == len(wanted):
            break
        if entry.event in _CLOSES_BEADS and entry.bead in wanted:
            found.setdefault(entry.bead or "", entry.at)
        elif entry.event in _CLOSES_CONVOYS and entry.convoy in wanted:
            found.setdefault(entry.convoy or "", entry.at)
    return found
