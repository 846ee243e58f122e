"""The process of a started worker: what it is given, and where its output goes (SPEC 7)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gitconvoy.dispatch import processes, registry
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.dispatch.logs import Log
from gitconvoy.dispatch.output import Output
from gitconvoy.dispatch.workplace import values
from gitconvoy.git.env import clean_env

VARIABLES = frozenset(
    f"GITCONVOY_{name}" for name in ("BEAD", "CONVOY", "ATTEMPT", "TOKEN", "WORKTREE", "BRANCH", "ACTOR", "TOWN")
)
"""What tells a worker which attempt it is."""


def environment(job: Job) -> dict[str, str]:
    """The environment of an attempt's processes: free of git's own variables, and naming the attempt."""
    env = clean_env(
        {
            "GITCONVOY_BEAD": job.bead,
            "GITCONVOY_CONVOY": job.convoy,
            "GITCONVOY_ATTEMPT": str(job.attempt),
            "GITCONVOY_TOKEN": job.token,
            "GITCONVOY_WORKTREE": job.worktree,
            "GITCONVOY_BRANCH": job.branch,
            "GITCONVOY_ACTOR": job.worker,
            "GITCONVOY_TOWN": job.town,
        }
    )
    ours = str(Path(sys.executable).parent)  # the worker finds the gitconvoy that started it, after what it has itself
    env["PATH"] = f"{env['PATH']}{os.pathsep}{ours}" if env.get("PATH") else ours
    env.pop(processes.DETACHED, None)
    return env


def detached_environment() -> dict[str, str]:
    """The environment for processes of ours that outlive whoever starts them: a worker's attempt is not theirs."""
    env = clean_env({processes.DETACHED: "1"})
    if "GITCONVOY_TOKEN" in env:
        env = {name: value for name, value in env.items() if name not in VARIABLES}
    return env


class Worker:
    """A worker that runs, in a session and process group of its own. OSError where it cannot be started."""

    def __init__(self, job: Job, folder: AttemptFolder, log: Log) -> None:
        self._output = Output(log)
        with folder.bead.open("rb") as stdin:
            self._process = subprocess.Popen(
                registry.fill(job.argv, values(job, folder)),
                stdin=stdin,
                stdout=self._output.fileno(),
                stderr=subprocess.STDOUT,
                cwd=job.worktree,
                env=environment(job),
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """Its process id, which is that of its group and of its session too."""
        return self._process.pid

    @property
    def ended(self) -> str:
        """Nothing that its exit code does not say."""
        return ""

    def wait(self, seconds: float) -> int | None:
        """Its exit code, negative for a signal; None while it lives, after that many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def reap(self) -> None:
        """Collect it, if it has ended."""
        self._process.poll()

    def stop(self) -> None:
        """Nothing beyond what the supervisor does: its session and its token find all of it."""

    def drained(self) -> None:
        """Wait until everything that was printed is in the log."""
        self._output.finish()
