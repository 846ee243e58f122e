"""Workers of every kind, as the supervisor drives them: `command` is its own child, others are a `Running` (SPEC 7)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from gitconvoy.dispatch import registry
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.dispatch.logs import LIMIT, Log
from gitconvoy.dispatch.running import Running, Work
from gitconvoy.dispatch.worker import Worker, environment
from gitconvoy.dispatch.workplace import values

UNKNOWN = 255
"""Stands for an exit code that nobody knows; `ended` says then what is known."""
_STEP = 0.5


class Started(Protocol):
    """What the supervisor needs of a worker that it has started."""

    @property
    def session(self) -> int | None:
        """The session of its processes, where there is one on this machine."""

    @property
    def ended(self) -> str:
        """Why it ended, where its exit code does not say it."""

    def wait(self, seconds: float) -> int | None:
        """Its exit code, negative for a signal; None while it lives, after that many seconds."""

    def reap(self) -> None:
        """Collect it, if it has ended."""

    def stop(self) -> None:
        """End what the supervisor cannot find by itself: it ends all local processes that carry the token anyway."""

    def drained(self) -> None:
        """Wait until everything that was printed is in the log."""


def start(job: Job, folder: AttemptFolder, log: Log, log_limit: int = LIMIT) -> Started:
    """Start the worker of an attempt whose workplace is ready. OSError, ValueError or ConvoyError if it cannot be."""
    if job.kind == registry.COMMAND:
        return Worker(job, folder, log)
    running = registry.running(job.kind)
    running.start(work_of(job, folder, log_limit))
    return Elsewhere(running)


def work_of(job: Job, folder: AttemptFolder, log_limit: int = LIMIT) -> Work:
    """What a dispatcher of another kind is given."""
    return Work(
        bead=job.bead,
        convoy=job.convoy,
        attempt=job.attempt,
        token=job.token,
        worker=job.worker,
        argv=tuple(registry.fill(job.argv, values(job, folder))),
        cwd=Path(job.worktree),
        env=environment(job),
        stdin=folder.bead,
        prompt=folder.prompt,
        log=folder.log,
        folder=folder.root,
        common_dir=folder.root.parent.parent.parent,
        settings=dict(job.settings),
        log_limit=log_limit,
    )


class Elsewhere:
    """A worker that is no child of the supervisor."""

    def __init__(self, running: Running) -> None:
        self._running = running

    @property
    def session(self) -> int | None:
        """The session of its processes, where the kind knows one."""
        found = getattr(self._running, "session", None)
        return found if isinstance(found, int) else None

    @property
    def ended(self) -> str:
        """Why it ended, where its exit code does not say it."""
        return self._running.ended

    def wait(self, seconds: float) -> int | None:
        """As `Started.wait`; asks twice a second."""
        deadline = time.monotonic() + seconds
        while self._running.alive():
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(left, _STEP))
        code = self._running.exit_code
        return UNKNOWN if code is None else code

    def reap(self) -> None:
        """Nothing to collect."""

    def stop(self) -> None:
        """End it."""
        self._running.stop()

    def drained(self) -> None:
        """Nothing is left once it was stopped."""
