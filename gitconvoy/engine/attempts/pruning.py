"""Folders of attempts that are over go after a while, and with them what their workers printed (SPEC 7)."""

from __future__ import annotations

import time
from collections.abc import Iterable

from gitconvoy.dispatch import attempts, workplace, workplace_settings
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.model.state import State
from gitconvoy.rules.view import View

MOST = 500
"""Folders that stay at most, of those that may go; the newest."""


def prune(town: Town, known: Iterable[tuple[AttemptFolder, Job]], state: State | None = None) -> None:
    """Remove the folders among `known` that are older than `gitconvoy.keepLogs`, or more than `MOST`.

    The last attempt of a bead that is not closed keeps its folder, and so does one whose worktree or supervisor is
    there. Damaged folders go by their age alone. Nothing is removed where the setting cannot be meant: whoever starts
    workers says so.
    """
    try:
        oldest = time.time() - workplace_settings.keep_logs(town.repo)
    except ConvoyError:
        return
    for folder in attempts.damaged(town.common_dir):
        if attempts.last_used(folder) < oldest and not attempts.supervised(folder):
            _remove(folder)
    dated = sorted(((attempts.last_used(folder), folder, job) for folder, job in known), key=lambda each: -each[0])
    doomed = [(folder, job) for at, (used, folder, job) in enumerate(dated) if used < oldest or at >= MOST]
    if not doomed:
        return
    view = View(state or town.state())
    for folder, job in doomed:
        if not (_matters(view, job) or workplace.there(job) or attempts.supervised(folder)):
            _remove(folder)


def _matters(view: View, job: Job) -> bool:
    """Whether somebody may still ask for what the attempt did: it is its bead's last one, and that is not closed."""
    record = view.ledger.bead(job.bead)
    if record.attempt != job.attempt:
        return False
    now = view.effective(job.bead)
    return record.live or record.handed_in or not (now.closed or now.status == "missing")


def _remove(folder: AttemptFolder) -> None:
    import shutil  # a reaction seldom finds anything to remove

    shutil.rmtree(folder.root, ignore_errors=True)
