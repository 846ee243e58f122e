"""Attempts that this machine began and that another ledger does not know any more: they are fenced (SPEC 7)."""

from __future__ import annotations

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts as folders
from gitconvoy.engine.town import Town
from gitconvoy.ledger.read import read_ledger
from gitconvoy.model.ledger import PUSH


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt of this machine that is over. `running`: its worker was begun here, and is ended by its supervisor."""

    bead: str
    worker: str
    attempt: int
    branch: str | None
    via: str
    running: bool


def attempts(town: Town, old: str | None, new: str) -> tuple[Lost, ...]:
    """The attempts in flight here that live in the ledger at `old`, and at `new` do not, by bead."""
    if old is None:
        return ()
    before, after = read_ledger(town.repo, old), read_ledger(town.repo, new)
    found = []
    for bead, record in sorted(before.beads.items()):
        if not record.in_flight or record.machine != town.settings.machine or record.token is None:
            continue
        if after.bead(bead).live and after.bead(bead).token == record.token:
            continue
        folder = folders.attempt_folder(town.common_dir, bead, record.attempt)
        running = folder.root.exists() and folders.has_begun(folder, record.token)
        found.append(Lost(bead, record.worker or "", record.attempt, record.branch, record.via or PUSH, running))
    return tuple(found)
