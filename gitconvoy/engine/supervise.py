"""One supervisor for each started worker: runs it, renews its lease, and turns its exit into an event (SPEC 7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gitconvoy.dispatch import attempts, leases, registry
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.engine import facts, requests
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import transact
from gitconvoy.engine.town import Town
from gitconvoy.errors import LostRace, Refused
from gitconvoy.git.env import clean_env
from gitconvoy.model.ledger import CLOSED, BeadRecord

LOOK = 2.0
"""Seconds between looks at the ledger's tip while the worker runs."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def supervise(root: Path) -> None:
    """Run the attempt of this folder to its end. A job whose token is not the attempt's any more is left alone."""
    folder, job = attempts.read_job(root)
    town = Town.open(Path(job.town), actor=job.worker)
    with town.exclusive():
        if not _ours(town, job):
            return
        _renew(town, job, os.getpid())
    try:
        worker = _start(folder, job)
    except (OSError, ValueError) as error:
        _report(
            town,
            job,
            f"{job.argv[0] if job.argv else 'the worker'} could not be started: {error}",
            "dispatch-failed",
        )
        return
    ended = _watch(town, job, worker)
    if ended is not None:
        _conclude(town, job, ended)


def _record(town: Town, job: Job) -> BeadRecord:
    return town.ledger().bead(job.bead)


def _ours(town: Town, job: Job) -> bool:
    record = _record(town, job)
    return record.in_flight and record.token == job.token


def _renew(town: Town, job: Job, pid: int, *, expires: int | None = None, note: str = "") -> None:
    until = int(time.time()) + job.lease if expires is None else expires
    leases.write(town.common_dir, leases.Lease(job.bead, job.token, until, pid, note))


def _start(folder: AttemptFolder, job: Job) -> subprocess.Popen[bytes]:
    values = {
        "bead": job.bead,
        "branch": f"convoy/{job.bead}-{job.attempt}",
        "worktree": str(folder.work),
        "prompt_file": str(folder.prompt),
    }
    with folder.bead.open("rb") as stdin, folder.log.open("ab") as log:
        return subprocess.Popen(
            registry.fill(job.argv, values),
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder.work,
            env=_environment(folder, job, values["branch"]),
            start_new_session=True,
        )


def _environment(folder: AttemptFolder, job: Job, branch: str) -> dict[str, str]:
    env = clean_env(
        {
            "GITCONVOY_BEAD": job.bead,
            "GITCONVOY_CONVOY": job.convoy,
            "GITCONVOY_ATTEMPT": str(job.attempt),
            "GITCONVOY_TOKEN": job.token,
            "GITCONVOY_WORKTREE": str(folder.work),
            "GITCONVOY_BRANCH": branch,
            "GITCONVOY_ACTOR": job.worker,
            "GITCONVOY_TOWN": job.town,
        }
    )
    ours = str(Path(sys.executable).parent)  # the worker finds the gitconvoy that started it, after what it has itself
    env["PATH"] = f"{env['PATH']}{os.pathsep}{ours}" if env.get("PATH") else ours
    return env


def _watch(town: Town, job: Job, worker: subprocess.Popen[bytes]) -> str | None:
    """Wait for the worker: "" for exit 0, a reason for any other end, None if the attempt was ended first."""
    began = time.monotonic()
    renewed = began
    tip = town.ledger_tip()
    while True:
        try:
            code = worker.wait(LOOK)
        except subprocess.TimeoutExpired:
            pass
        else:
            end_group(worker)
            return "" if code == 0 else _how(code)
        now = time.monotonic()
        if job.timeout is not None and now - began > job.timeout:
            end_group(worker)
            return f"the time limit of {job.timeout} s was reached"
        if (seen := town.ledger_tip()) != tip:
            tip = seen
            record = _record(town, job)
            if record.token != job.token and (record.status != CLOSED or record.outcome == "failed"):
                end_group(worker)  # taken back, expired or given to another: two workers on one bead help nobody
                return None
        if now - renewed >= job.lease / 3:
            renewed = now
            if _ours(town, job):
                _renew(town, job, os.getpid())


def _how(code: int) -> str:
    if code < 0:
        try:
            return f"the worker was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the worker was ended by signal {-code}"
    return f"the worker ended with exit code {code}"


def end_group(worker: subprocess.Popen[bytes]) -> None:
    """End the worker and everything in its process group: SIGTERM, a grace, SIGKILL."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(worker.pid, how)
        except (ProcessLookupError, PermissionError):
            break
        deadline = time.monotonic() + GRACE
        while _group_lives(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
    worker.wait()


def _group_lives(worker: subprocess.Popen[bytes]) -> bool:
    worker.poll()
    try:
        os.killpg(worker.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _conclude(town: Town, job: Job, ended: str) -> None:
    if not _ours(town, job):
        leases.drop(town.common_dir, job.bead, job.token)
        return
    if ended:
        _report(town, job, ended, "fail")
    elif job.on_exit == "done":
        _transact(town, lambda draft: requests.done(draft, job.bead, job.token, "the worker ended with exit code 0"))
    elif job.on_exit == "fail":
        _report(town, job, "the worker ended with exit code 0 without saying done", "fail")
    if _ours(town, job):
        said = ended or "the worker ended with exit code 0"
        why = "said neither done nor fail" if not ended and job.on_exit == "ask" else "that could not be recorded"
        _renew(town, job, os.getpid(), expires=leases.NEVER, note=f"{said} and {why}: somebody must say done or fail")
        return
    leases.drop(town.common_dir, job.bead, job.token)


def _report(town: Town, job: Job, reason: str, kind: str) -> None:
    def request(draft: Draft) -> None:
        if draft.record(job.bead).token == job.token:
            facts.failed(draft, job.bead, reason, kind=kind)

    _transact(town, request)


def _transact(town: Town, request: Callable[[Draft], object]) -> None:
    for _ in range(5):
        try:
            transact(town, request, cause="scan")
        except Refused:
            return  # somebody else ended the attempt meanwhile, or this clone may not write: the caller looks
        except LostRace:
            time.sleep(1)
        else:
            return
