"""`land`: the owner closes an owned convoy, and the folders of its attempts go (SPEC 7, 8)."""

from __future__ import annotations

import shutil
from pathlib import Path

from gitconvoy.dispatch.attempts import attempt_folder
from gitconvoy.engine import convoy_requests
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.town import Town
from gitconvoy.model.ledger import Event
from gitconvoy.model.state import State


def land(
    town: Town, convoy: str, *, force: bool = False, keep: bool = False, preview: bool = False
) -> tuple[Outcome[Event | None], list[Path]]:
    """Land a convoy; (the transaction, the folders that were, or with `preview` would be, removed).

    Refused where it is not owned or not complete, without `force`. Folders of live attempts stay.
    """
    outcome = transact(town, lambda draft: convoy_requests.land(draft, convoy, force=force), preview=preview)
    folders = [] if keep or outcome.value is None else _ended(town, outcome.state, convoy)
    if not preview:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    return outcome, folders


def _ended(town: Town, state: State, convoy: str) -> list[Path]:
    found = []
    for bead in sorted(set(state.plan.convoys[convoy].tracks)):
        record = state.ledger.bead(bead)
        for attempt in range(1, record.attempt + 1):
            folder = attempt_folder(town.common_dir, bead, attempt).root
            if folder.is_dir() and not (record.live and attempt == record.attempt):
                found.append(folder)
    return found
