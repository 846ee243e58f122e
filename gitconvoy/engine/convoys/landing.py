"""`land`: the owner closes an owned convoy, and the folders and worktrees of its attempts go (SPEC 7, 8)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts
from gitconvoy.dispatch.attempts import AttemptFolder, attempt_folder
from gitconvoy.engine.attempts import releasing
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.town import Town
from gitconvoy.model.ledger import Event
from gitconvoy.model.state import State


@dataclass(frozen=True, slots=True)
class Landed:
    """The transaction, what was removed (or, in a preview, would be), and what is kept, with the reason."""

    outcome: Outcome[Event | None]
    removed: tuple[Path, ...] = ()
    kept: tuple[str, ...] = ()


def land(town: Town, convoy: str, *, force: bool = False, keep: bool = False, preview: bool = False) -> Landed:
    """Land a convoy. Refused where it is not owned or not complete, without `force`.

    Attempts that are live keep their folders, and so do those whose worktree holds what would be lost.
    """
    outcome = transact(town, lambda draft: convoy_requests.land(draft, convoy, force=force), preview=preview)
    if keep or outcome.value is None:
        return Landed(outcome)
    removed: list[Path] = []
    kept: list[str] = []
    for bead, number, folder in _ended(town, outcome.state, convoy):
        look = releasing.would_keep if preview else releasing.release
        why = look(town, bead, number, outcome.state)
        if why is not None:
            kept.append(why)
            continue
        if attempts.supervised(folder):
            kept.append(f"{folder.root} is kept: the worker of attempt {number} of {bead} has not ended yet")
            continue
        removed.append(folder.root)
        if not preview:
            shutil.rmtree(folder.root, ignore_errors=True)
    return Landed(outcome, tuple(removed), tuple(kept))


def _ended(town: Town, state: State, convoy: str) -> Iterator[tuple[str, int, AttemptFolder]]:
    for bead in sorted(set(state.plan.convoys[convoy].tracks)):
        record = state.ledger.bead(bead)
        for attempt in range(1, record.attempt + 1):
            folder = attempt_folder(town.common_dir, bead, attempt)
            if folder.root.is_dir() and not (record.live and attempt == record.attempt):
                yield bead, attempt, folder
