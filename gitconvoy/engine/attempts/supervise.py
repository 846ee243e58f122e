"""One supervisor for each started worker: sets its workplace up, runs it, renews its lease, and turns its exit into an
event (SPEC 7).

It may die at any moment: the lease then runs out, and whoever dispatches the bead next ends what is left of it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from gitconvoy.dispatch import (
    attempts,
    breaker,
    leases,
    logs,
    processes,
    registry,
    started,
    workplace,
    workplace_settings,
)
from gitconvoy.dispatch.attempts import AttemptFolder, Begun, Job
from gitconvoy.dispatch.program import ending
from gitconvoy.dispatch.started import Started
from gitconvoy.dispatch.worker import environment
from gitconvoy.engine import rewound
from gitconvoy.engine.attempts import ending as ends
from gitconvoy.engine.attempts import releasing
from gitconvoy.engine.attempts.verdict import TRIES, Verdict, is_ours, record_of, renew, words
from gitconvoy.engine.react import react
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.errors import ConvoyError, LostRace
from gitconvoy.ledger.read import history

LOOK = 1.0
"""Seconds between looks at the ledger's tip while the worker runs, at most."""
LINGER = {"fail": 20.0}
LINGER_ELSE = 600.0
"""Seconds that a worker may take to end by itself once it has said how it went."""
_PATIENCE = 5
"""Looks for which `done` may be at merging what it has handed in, before somebody else is asked to see to it."""
_TAKEN = frozenset({"unsling", "requeue", "expire", "kill", "dispatch-failed", "gone"})
"""Events after which the worker is ended at once."""


def supervise(root: Path) -> None:
    """Run the attempt of this folder to its end.

    Left alone where the ledger knows of another attempt by now, where this one has a supervisor, or had one: a worker
    is never started twice.
    """
    folder, job = attempts.read_job(root)
    with attempts.supervising(folder) as free:
        if not free:
            return
        town = Town.open(Path(job.town), actor=job.worker)
        if _take(town, folder, job):
            if job.kind == registry.COMMAND:
                processes.adopt_orphans()  # daemons of the worker stay below us, whatever else they drop
            Supervisor(town, folder, job).run()


def _take(town: Town, folder: AttemptFolder, job: Job) -> bool:
    for attempt in range(TRIES):
        try:
            with town.exclusive():
                if attempts.read_begun(folder) is not None or not is_ours(record_of(town, job), job):
                    return False
                attempts.note_begun(folder, _begun())
                renew(town, job)
                return True
        except LostRace:
            if attempt == TRIES - 1:
                raise
    return False


def _begun(session: int | None = None) -> Begun:
    mine = os.getpid()
    return Begun(
        supervisor=mine,
        supervisor_identity=processes.identity(mine) or "",
        session=session,
        identity=(processes.identity(session) or "") if session is not None else "",
        boot=processes.boot(),
    )


class Supervisor:
    """The one supervisor of an attempt."""

    def __init__(self, town: Town, folder: AttemptFolder, job: Job) -> None:
        self._town = town
        self._folder = folder
        self._job = job
        self._log_limit = workplace_settings.log_limit(town.repo)
        self._log = logs.Log(folder.log, self._log_limit)
        self._verdict = Verdict(town, job, self._log)
        self._step = min(LOOK, max(job.lease / 4, 0.1))
        self._began = self._renewed = time.monotonic()
        self._worker: Started | None = None
        self._troubles: set[str] = set()
        """What was in the way of looking at the ledger or of renewing the lease so far."""
        self._tip: str | None = None
        self._over: str | None = None
        """The event that ended the attempt; `submit` where its work was handed in."""
        self._over_since = 0.0
        self._asked = False
        """Whether a scan was asked to go on with the work that was handed in."""

    def run(self) -> None:
        """From the end of what was before to the end of the attempt.

        Should this fail unexpectedly, the worker is ended first: nobody would read what it prints, or renew its lease.
        """
        try:
            worker = self._start() if self._take_over() and self._prepare() else None
            if worker is not None:
                ended = self._watch(worker)
                self._end_all(worker)
                if ended is not None and self._over is None:
                    self._verdict.conclude(ended)
                elif self._over == "submit":
                    self._verdict.go_on()
            self._finish()
        except BaseException as error:
            self._log.note(f"the supervisor failed ({type(error).__name__}: {error}): what it has started is ended")
            self._end_all(self._worker)
            raise

    # Setting up

    def _take_over(self) -> bool:
        """End what is left of earlier attempts: two workers on one bead help nobody."""
        if ends.end(ends.earlier(self._town, self._job), supervisor=True, meanwhile=self._beat):
            return True
        self._fail_to_start("processes of an earlier attempt cannot be ended", own_fault=True)
        return False

    def _prepare(self) -> bool:
        """Make the workplace, while the lease is renewed; whether the worker may start."""
        if not self._job.branch:
            return not self._taken()
        site = workplace.Site(self._job, self._folder, environment(self._job), self._log)
        errors: list[BaseException] = []

        def act() -> None:
            try:
                site.prepare()
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits for this one
                errors.append(error)

        maker = threading.Thread(target=act, daemon=True)
        maker.start()
        while maker.is_alive():
            maker.join(self._step)
            if self._taken():
                self._end_all()  # a set-up command, if it is that far
                maker.join(processes.GRACE)
                break  # whatever git still does is not waited for
        if not errors:
            return not self._taken()
        if not isinstance(errors[0], (ConvoyError, OSError)):
            raise errors[0]
        if not self._taken():
            self._fail_to_start(f"its worktree could not be made: {errors[0]}", breaker.own_fault(errors[0]))
        return False

    def _start(self) -> Started | None:
        try:
            worker = started.start(self._job, self._folder, self._log, self._log_limit)
        except (OSError, ValueError, ConvoyError) as error:
            what = self._job.argv[0] if self._job.argv else "the worker"
            self._fail_to_start(f"{what} could not be started: {getattr(error, 'strerror', None) or error}")
            return None
        self._worker = worker
        self._note_trouble(lambda: attempts.note_begun(self._folder, _begun(worker.session)))
        self._close_breaker()
        return worker

    def _fail_to_start(self, reason: str, own_fault: bool = False) -> None:
        """`own_fault`: the dispatcher and this machine are not to blame."""
        self._log.note(reason)
        self._end_all()
        self._verdict.report(reason, "dispatch-failed", own_fault)

    def _close_breaker(self) -> None:
        """A start ends the row of failures; where they had stopped the rig, its beads are fed again."""
        town = self._town
        try:
            rig = town.plan().config.rig_of(self._job.bead)
            before = breaker.read_all(town.common_dir).get(rig.name) if rig is not None else None
            if rig is None or before is None:
                return
            with town.exclusive():
                breaker.reset(town.common_dir, rig.name)
            if before.open:
                react(town)
        except (OSError, ConvoyError):
            return  # the next start closes it

    # While it runs

    def _watch(self, worker: Started) -> str | None:
        """Wait for the worker: "" for exit 0, a reason for any other end, None where its attempt was over before."""
        limit = self._job.timeout
        while True:
            self._town.repo.rest()
            code = worker.wait(self._step)
            self._collect(worker)
            if code is not None:
                self._look()
                return "" if code == 0 else worker.ended or f"the worker {ending(code)}"
            if limit is not None and time.monotonic() - self._began > limit:
                reason = f"the time limit of {limit} s was reached"
                self._log.note(reason)
                return reason
            if self._taken():
                self._log.note(f"the attempt is over ({self._over}), so its worker is ended")
                return None

    def _taken(self) -> bool:
        """Renew the lease if it is time; whether the worker has to be ended now."""
        self._look()
        if self._over is None:
            return False
        if self._over in _TAKEN:
            return True
        return time.monotonic() - self._over_since > LINGER.get(self._over, LINGER_ELSE)

    def _look(self) -> None:
        """See how the ledger stands to the attempt; a heartbeat while it is in flight.

        What cannot be read or written now, as on a full disk, is tried again at the next step: the worker goes on.
        """
        self._note_trouble(self._look_at_the_ledger)
        self._beat()

    def _look_at_the_ledger(self) -> None:
        """How the attempt ended is found once: the event lies behind us when the ledger moves on for other reasons."""
        tip = self._town.ledger_tip()
        now = time.monotonic()
        if tip != self._tip and (lost := rewound.look(self._town)) is not None:
            raise lost.refusal()  # whether the attempt goes on is not for such a branch to say
        if tip != self._tip and self._over in (None, "submit"):
            over = self._fate(self._tip)
            if over is not None and over != self._over:
                self._over, self._over_since = over, now
        self._tip = tip
        if self._over == "submit" and not self._asked and now - self._over_since > _PATIENCE * self._step:
            self._asked = True
            spawn(self._town, ["scan"], self._town.home())

    def _beat(self) -> None:
        """Renew the lease, if it would be more than a third over at the next step."""
        now = time.monotonic()
        if self._over is None and now - self._renewed + self._step >= self._job.lease / 3:
            self._note_trouble(self._renew)

    def _renew(self) -> None:
        """Not where the bead is somebody else's by now, which a look that failed has not shown."""
        held = leases.read_all(self._town.common_dir).get(self._job.bead)
        if held is None or held.token == self._job.token:
            renew(self._town, self._job)
        self._renewed = time.monotonic()

    def _note_trouble(self, act: Callable[[], object]) -> None:
        """Do it; where the disk or git is in the way, say so in the log, once for each thing that is."""
        try:
            act()
        except (OSError, ConvoyError) as error:
            trouble = words(error)
            if trouble not in self._troubles:
                self._log.note(f"the supervisor met an error and goes on: {trouble}")
            self._troubles.add(trouble)

    def _fate(self, since: str | None) -> str | None:
        """The event that ended this attempt, `submit` where its work waits for being merged; None while it goes on."""
        record = record_of(self._town, self._job)
        if record.token == self._job.token:
            return "submit" if record.submitted is not None else None
        tip = self._town.ledger_tip()
        for entry in islice(history(self._town.repo, tip), 1000) if tip is not None else ():
            own = entry.bead == self._job.bead and entry.attempt == self._job.attempt
            if own and entry.event != "dispatch":
                return entry.event
            if entry.commit == since:
                break
        return "gone"

    # The end

    def _end_all(self, worker: Started | None = None) -> None:
        """End the worker, its group, its session, and whatever else it started, by itself or by others."""
        session = worker.session if worker is not None else None
        if worker is not None:
            worker.stop()

        def meanwhile() -> None:
            self._beat()
            if worker is not None:
                self._collect(worker)

        gone = processes.end(lambda: attempts.processes_of(self._job, session, os.getpid()), reap=meanwhile)
        if not gone:
            self._log.note("some of its processes could not be ended")
        if worker is not None:
            worker.wait(processes.GRACE)
            worker.drained()

    def _collect(self, worker: Started) -> None:
        """Collect what has ended: the worker, and orphans that came to us. No other child is being waited for here."""
        worker.reap()
        if self._job.kind == registry.COMMAND:
            processes.collect(but=worker.session)

    def _finish(self) -> None:
        """Give up the lease and the worktree of an attempt that is over; one that waits for a person keeps both."""
        if self._verdict.goes_on():
            return
        leases.drop(self._town.common_dir, self._job.bead, self._job.token)
        kept = releasing.let_go(self._town, self._folder, self._job)
        if kept is not None:
            self._log.note(kept)
        self._log.close()
