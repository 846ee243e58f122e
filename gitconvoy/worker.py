"""For workers written in Python: claim beads, do them, say so; from one long-lived process (docs/workers.md).

    from gitconvoy.worker import Worker

    worker = Worker.open("/path/to/repository", actor="gastown/nux")
    while (task := worker.claim()) is not None:
        worker.done(task, reason="all green")

What was read stays in memory and is followed by differences, so that a claim costs what has changed. A `Worker` belongs
to one process and one thread; each process, and each thread, opens its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import claiming, requests
from gitconvoy.engine.attempts import beating
from gitconvoy.engine.attempts.fates import explained
from gitconvoy.engine.react import transact
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.git import batch

__all__ = ["Task", "Worker"]


@dataclass(frozen=True, slots=True)
class Task:
    """A bead that is this worker's: the attempt with its token, and the ledger commit that dispatched it."""

    bead: str
    attempt: int
    token: str
    commit: str | None
    document: Mapping[str, Any]
    """The bead as its file has it: `title`, `description`, ..."""


class Worker:
    """Somebody who claims beads. All errors are `gitconvoy.errors.ConvoyError`s with a code and a hint."""

    def __init__(self, town: Town) -> None:
        self._town = town

    @classmethod
    def open(cls, path: str | PathLike[str], actor: str | None = None) -> Worker:
        """The worker `actor` (None: as `gitconvoy` itself finds who acts) of the repository around `path`."""
        town = Town.open(Path(path), actor)
        batch.live_long(town.repo)
        return cls(town)

    @property
    def actor(self) -> str:
        """Under which name beads are claimed."""
        return self._town.actor

    def claim(self, rig: str | None = None) -> Task | None:
        """Take the next ready bead, of one rig or of any; None where nothing is ready for this worker.

        The dispatch is on the disk when this returns, and nobody else has got the bead. It has a lease from the start
        (`dispatch.lease`): whoever works for longer calls `heartbeat` in between. Refused (`not-begun`) where the lease
        cannot be written; the bead is queued again then.
        """
        granted = claiming.claim(self._town, rig)
        found = granted.claim
        if found.bead is None or found.token is None:
            return None
        if granted.commit is None:
            raise _not_begun(found.bead, granted)
        bead = self._town.plan().bead(found.bead)
        return Task(found.bead, found.attempt or 0, found.token, granted.commit, dict(bead.data) if bead else {})

    def heartbeat(self, task: Task) -> None:
        """Say that the attempt still lives. Refused where it has ended meanwhile."""
        beating.heartbeat(self._town, task.bead, task.token)

    def done(self, task: Task, reason: str = "") -> None:
        """The attempt is done, and there is nothing to merge (as `gitconvoy done --no-code`); what waited goes on."""
        with explained(self._town, task.bead, task.token):
            transact(self._town, lambda draft: requests.done(draft, task.bead, task.token, reason))

    def fail(self, task: Task, reason: str) -> None:
        """The attempt failed: counted, and tried again after a while."""
        with explained(self._town, task.bead, task.token):
            transact(self._town, lambda draft: requests.fail(draft, task.bead, task.token, reason))


def _not_begun(bead: str, granted: claiming.Granted) -> Refused:
    reasons = dict(granted.outcome.failed) if granted.outcome is not None else {}
    hint = "check permissions and space of the git directory; gitconvoy doctor says more"
    return Refused(f"{bead} {reasons.get(bead, 'could not be begun')}", hint=hint, code="not-begun")
