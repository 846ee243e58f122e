"""How an attempt ended, as its supervisor tells the ledger (SPEC 7)."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import leases, logs
from gitconvoy.dispatch.attempts import Job
from gitconvoy.engine import facts, rewound
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.handin.done import Wish, hand_in
from gitconvoy.engine.react import react, transact
from gitconvoy.engine.telling import notices
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, GitError, LostRace
from gitconvoy.model.ledger import BeadRecord

TRIES = 5
"""How often a lock that others hold, or a busy disk, is tried."""


def record_of(town: Town, job: Job) -> BeadRecord:
    """What the ledger holds of the bead now."""
    return town.ledger().bead(job.bead)


def words(error: Exception) -> str:
    """An error in one line."""
    return error.message if isinstance(error, ConvoyError) else str(error)


def is_ours(record: BeadRecord, job: Job) -> bool:
    """Whether it is this attempt that is in flight."""
    return record.in_flight and record.token == job.token


def renew(town: Town, job: Job, *, expires: int | None = None, note: str = "") -> None:
    """Renew the lease of an attempt, from now on for its usual time unless `expires` says until when."""
    until = math.ceil(time.time()) + job.lease if expires is None else expires
    leases.renew(town.common_dir, leases.Lease(job.bead, job.token, until, os.getpid(), note))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Tells how one attempt ended."""

    town: Town
    job: Job
    log: logs.Log

    def conclude(self, ended: str) -> None:
        """Say how it went, where the worker did not."""
        away = self._away() if ended else None
        if ended:
            if away is None:
                self.report(ended, "fail")
        elif self.job.on_exit == "done":
            self._hand_in()
        elif self.job.on_exit == "fail":
            self.report("the worker ended with exit code 0 without saying done", "fail")
        if not self.goes_on():
            return
        said = ended or "the worker ended with exit code 0"
        why = "said neither done nor fail" if not ended and self.job.on_exit == "ask" else "that could not be recorded"
        why = away or why
        renew(self.town, self.job, expires=leases.NEVER, note=f"{said} and {why}")
        notices.look(self.town)

    def goes_on(self) -> bool:
        """Whether the attempt goes on; by a ledger that was set back it does, for that cannot say how it ended."""
        return rewound.look(self.town) is not None or is_ours(record_of(self.town, self.job), self.job)

    def _away(self) -> str | None:
        """Why the repository of the work cannot be used, in words: nothing that ends meanwhile is a failure of it."""
        try:
            return self.town.plan().away_reason(self.job.bead) if self.job.branch else None
        except (OSError, ConvoyError):
            return None

    def go_on(self) -> None:
        """Merge or push what was handed in, where `done` has died before it came to that."""
        try:
            self._patiently(lambda: react(self.town))
        except (OSError, ConvoyError) as error:
            self.log.note(f"what was handed in waits for the next scan: {words(error)}")

    def _hand_in(self) -> None:
        """As `gitconvoy done` would; what that refuses is how the attempt failed.

        That the repository is away is not the worker's fault: somebody says how it went once it is back.
        """
        job = self.job
        wish = Wish(job.bead, job.token, "the worker ended with exit code 0", no_code=not job.branch)
        try:
            self._patiently(lambda: hand_in(self.town, wish))
        except OSError as error:
            self.log.note(f"what it did could not be handed in: {error}")
        except ConvoyError as error:
            hint = f" ({error.hint})" if error.hint else ""
            said = f"the worker ended with exit code 0, but its work was refused: {error.message}{hint}"
            if error.code == "rig-away":
                self.log.note(said)
            else:
                self.report(said, "fail")

    def report(self, reason: str, kind: str, own_fault: bool = False) -> None:
        def request(draft: Draft) -> None:
            # A `done` that died may have handed in all of it: this very decision then takes that up.
            if is_ours(draft.record(self.job.bead), self.job):
                facts.failed(draft, self.job.bead, reason, kind=kind, own_fault=own_fault)

        self._transact(request)

    def _transact(self, request: Callable[[Draft], object]) -> None:
        try:
            self._patiently(lambda: transact(self.town, request, cause="scan"))
        except (OSError, ConvoyError) as error:
            self.log.note(words(error))

    def _patiently(self, act: Callable[[], object]) -> None:
        for left in reversed(range(TRIES)):
            try:
                act()
            except (LostRace, GitError, OSError):
                if not left:
                    raise
                time.sleep(1)
            else:
                return
