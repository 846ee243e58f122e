"""What is left of attempts on this machine: processes, worktrees, folders, leases (SPEC 7).

Everything here is disposable but the work in worktrees.
"""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitconvoy.dispatch import attempts, leases, workplace
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine import rigs
from gitconvoy.engine.attempts import ending, releasing
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import START, Ledger
from gitconvoy.model.state import State

_SETTLING = 60
"""Seconds in which a new attempt may have no supervisor yet."""


def rig_repositories(scene: Scene) -> Iterator[Finding]:
    """Rigs whose repositories cannot be used; on purpose, where nothing says where they are."""
    town, state = scene.town(), scene.state()
    homes = town.homes(state.plan.config)
    for name, reason in sorted(state.plan.away.items()):
        yield Finding(
            "rig",
            name,
            ERROR if name in homes else NOTE,
            f"its repository cannot be used: {reason}",
            "the repository of each rig can be read",
            "its beads are blocked, and its handed-in work waits, until it is back; nothing is lost by that",
            (f"git config {rigs.key(name)} DIR",),
        )


def ended_attempts(scene: Scene) -> Iterator[Finding]:
    """Attempts that are over: their processes and worktrees."""
    town, state = scene.town(), scene.state()
    for folder, job in attempts.known(town.common_dir):
        name = f"attempt {job.attempt} of {job.bead}"
        if attempts.supervised(folder):
            continue
        if releasing.running(state.ledger.bead(job.bead), job):
            away = state.plan.away_reason(job.bead) is not None
            if job.branch and folder.begun.exists() and not workplace.there(job) and not away:
                yield _lost_workplace(job, name)
            continue
        alive = ending.remains(folder, job)
        if alive:
            yield Finding(
                "processes",
                name,
                ERROR,
                f"it is over, and processes of it still run: {', '.join(map(str, sorted(alive)))}",
                "an attempt that is over has no process",
                "they may change files that somebody else works on now",
                ("gitconvoy doctor --fix",),
                partial(_end, town, folder, job),
            )
        elif workplace.there(job):
            yield _left_worktree(town, state, folder, job, name)


def _end(town: Town, folder: AttemptFolder, job: Job) -> None:
    ending.end([(folder, job)], supervisor=True)
    releasing.release(town, job.bead, job.attempt)


def _lost_workplace(job: Job, name: str) -> Finding:
    return Finding(
        "worktree",
        job.worktree,
        ERROR,
        f"it is gone, and {name} is in flight",
        "the worktree stays until the attempt is over",
        "its worker has nowhere to work",
        (f"gitconvoy kill {job.bead}",),
    )


def _left_worktree(town: Town, state: State, folder: AttemptFolder, job: Job, name: str) -> Finding:
    try:
        repo = Repo.at(job.place)
        lost = workplace.losses(folder, job, into=releasing.targets(repo, state, job))
    except (ConvoyError, OSError) as error:
        lost = (f"nothing can be said about it: {error}",)
    expected = "a worktree goes once its attempt is over and its work is merged"
    if lost:
        return Finding(
            "worktree",
            job.worktree,
            NOTE,
            f"{name} is over, and this would be lost with it: {'; '.join(lost)}",
            expected,
            "nothing is removed that would be lost: look at it, commit or merge it, then run this again",
            (
                f"git -C {shlex.quote(job.worktree)} status",
                f"git -C {shlex.quote(job.worktree)} log HEAD --not {job.base[:12]}",  # on whatever branch it stands
            ),
        )
    return Finding(
        "worktree",
        job.worktree,
        WARNING,
        f"{name} is over, and nothing would be lost with it",
        expected,
        "it only takes room",
        ("gitconvoy doctor --fix",),
        partial(_release, town, job),
    )


def _release(town: Town, job: Job) -> None:
    kept = releasing.release(town, job.bead, job.attempt)
    if kept is not None:
        raise ConvoyError(
            kept, code="would-be-lost", hint="commit or merge it, then run `gitconvoy doctor --fix` again"
        )


def attempt_folders(scene: Scene) -> Iterator[Finding]:
    """Folders of attempts that nobody can read, or that the ledger does not know."""
    town, state = scene.town(), scene.state()
    place = attempts.attempts_folder(town.common_dir)
    readable = {folder.root: job for folder, job in attempts.known(town.common_dir)}
    for root in sorted(place.iterdir()) if place.is_dir() else ():
        observed = _useless(state.ledger, readable.get(root))
        if not observed:
            continue
        yield Finding(
            "attempt-folder",
            str(root),
            WARNING,
            observed,
            "each folder is that of an attempt in the ledger",
            "it is of no use but for the log in it",
            (f"rm -r {shlex.quote(str(root))}",),
            partial(_remove_folder, town, root),
        )


def _useless(ledger: Ledger, job: Job | None) -> str:
    """Why the folder of an attempt is of no use; empty where it is."""
    if job is None:
        return "what the attempt was to do cannot be read"
    if job.attempt > ledger.bead(job.bead).attempt and not workplace.there(job):
        return f"the ledger knows of no attempt {job.attempt} of {job.bead}"
    return ""


def _remove_folder(town: Town, root: Path) -> None:
    with town.exclusive():  # whoever dispatches has it: what was judged may have become a new attempt's
        known = {folder.root: job for folder, job in attempts.known(town.common_dir)}
        if _useless(town.ledger(), known.get(root)):
            shutil.rmtree(root)


def unattended(scene: Scene) -> Iterator[Finding]:
    """Attempts in flight on this machine whose supervisor is gone."""
    town, state = scene.town(), scene.state()
    held = leases.read_all(town.common_dir)
    for bead, record in sorted(state.ledger.beads.items()):
        ours = record.in_flight and record.via == START and record.machine == town.settings.machine
        lease = held.get(bead)
        asks = lease is not None and lease.token == record.token and lease.expires >= leases.NEVER
        if not ours or asks or state.now - (record.since or 0) < _SETTLING:
            continue
        folder = attempts.attempt_folder(town.common_dir, bead, record.attempt)
        if not attempts.supervised(folder):
            end = lease.expires if lease is not None and lease.token == record.token else int(time.time())
            yield Finding(
                "supervisor",
                f"attempt {record.attempt} of {bead}",
                WARNING,
                f"no supervisor watches over it; its lease ends in {max(end - int(time.time()), 0)} s",
                "each started worker has a supervisor that renews its lease",
                "the supervisor was killed, or the machine was restarted; after its lease the bead is dispatched again",
                ("gitconvoy scan", f"gitconvoy kill {bead}"),
            )


def ended_leases(scene: Scene) -> Iterator[Finding]:
    """Leases of attempts that are over."""
    town, state = scene.town(), scene.state()
    for bead, lease in leases.read_all(town.common_dir).items():
        record = state.ledger.bead(bead)
        if record.live and record.token == lease.token:
            continue
        yield Finding(
            "lease",
            bead,
            WARNING,
            "there is a lease for an attempt that is over",
            "only live attempts have leases",
            "whoever held it died before it could be given up; no rule looks at it",
            ("gitconvoy doctor --fix",),
            partial(_drop_lease, town, bead, lease.token),
        )


def _drop_lease(town: Town, bead: str, token: str) -> None:
    with town.exclusive():  # as above
        record = town.ledger().bead(bead)
        if not record.live or record.token != token:
            leases.drop(town.common_dir, bead, token)
