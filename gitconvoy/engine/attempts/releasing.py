"""Removing the worktrees of attempts that are over, never while something in them would be lost (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gitconvoy.dispatch import attempts, workplace
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.attempts import pruning
from gitconvoy.engine.attempts.bases import base_branch
from gitconvoy.engine.settings import HEADS, trunk_branch
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import refs
from gitconvoy.git.admin import admin_dirs, lock_reason, stands_on
from gitconvoy.git.personal import main_worktree
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import CLOSED, BeadRecord
from gitconvoy.model.state import State


def running(record: BeadRecord, job: Job) -> bool:
    """Whether the attempt is in flight, by the ledger."""
    return record.in_flight and record.token == job.token


def release(town: Town, bead: str, attempt: int, state: State | None = None) -> str | None:
    """Remove the worktree of an attempt that is over; what keeps it, with the path and what would be lost, or None.

    Nothing happens where there is none, where the attempt is in flight, and where its supervisor still lives, which
    does it then. Its branch stays, unless no commit was added to it and the attempt did not fail.
    """
    found = _attempt(town, bead, attempt)
    if found is None or attempts.supervised(found[0]):
        return None
    return let_go(town, *found, state)


def would_keep(town: Town, bead: str, attempt: int, state: State) -> str | None:
    """What would keep the worktree of an attempt, as `release` says it; nothing is removed."""
    found = _attempt(town, bead, attempt)
    if found is None:
        return None
    folder, job = found[0], _where_it_is(town, state, found[1])
    if not workplace.there(job):
        return None
    try:
        repo = Repo.at(job.place)
        if other := workplace.stranger(repo, job):
            return f"{job.worktree} is kept: {other}"
        lost = workplace.losses(folder, job, into=targets(repo, state, job))
    except (ConvoyError, OSError) as error:
        lost = (f"nothing can be said about it: {error}",)
    return _obstacle(job, lost)


def _where_it_is(town: Town, state: State, job: Job) -> Job:
    """The job with the place of its worktree now: the rig's repository may have moved for good, and git config say so.

    Known by its lock, which names bead and town, and by the attempt's branch.
    """
    if not job.branch or not job.repository or Path(job.repository).exists():
        return job
    try:
        repo = town.repo_of(state.plan, job.bead)
        moved = replace(job, repository=str(main_worktree(repo)))
        for path, admin in admin_dirs(repo).items():
            if lock_reason(admin) == workplace.reason(job) and stands_on(admin) == HEADS + job.branch:
                return replace(moved, worktree=str(path))
    except (ConvoyError, OSError):
        return job  # away
    return moved


def _attempt(town: Town, bead: str, attempt: int) -> tuple[AttemptFolder, Job] | None:
    try:
        return attempts.read_job(attempts.attempt_folder(town.common_dir, bead, attempt).root)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def let_go(town: Town, folder: AttemptFolder, job: Job, state: State | None = None) -> str | None:
    """As `release`, for the supervisor itself, too."""
    if not job.branch:
        return None
    state = state or town.state()
    record = state.ledger.bead(job.bead)
    if running(record, job):
        return None
    job = _where_it_is(town, state, job)
    try:
        repo = Repo.at(job.place)
        with attempts.removing(folder):
            kept = _remove(repo, state, folder, job)
    except (ConvoyError, OSError) as error:
        return f"{job.worktree} could not be removed: {error}"
    if kept is None and succeeded(state, job):
        workplace.drop_empty_branch(repo, job)
    return kept


def _remove(repo: Repo, state: State, folder: AttemptFolder, job: Job) -> str | None:
    if workplace.there(job) and (busy := _obstacle(job, ())) is not None:
        return busy
    return _obstacle(job, workplace.dismantle(repo, folder, job, into=targets(repo, state, job)))


def _obstacle(job: Job, lost: tuple[str, ...]) -> str | None:
    if lost:
        return f"{job.worktree} is kept, because it holds what would be lost: {'; '.join(lost)}"
    if workplace.there(job) and attempts.processes_of(job):
        return f"{job.worktree} is kept: processes of attempt {job.attempt} of {job.bead} still run in it"
    return None


def succeeded(state: State, job: Job) -> bool:
    """Whether the bead was closed with this attempt, and not as failed."""
    record, bead = state.ledger.bead(job.bead), state.plan.bead(job.bead)
    by_file = bead is not None and state.plan.config.category(bead.status) == "done"
    by_ledger = record.status == CLOSED and record.outcome != "failed"
    return record.attempt == job.attempt and not record.live and (by_file or by_ledger)


def targets(repo: Repo, state: State, job: Job) -> tuple[str, ...]:
    """Commits of a repository into which the work of an attempt may have gone.

    Where it began, the base branch here and on remotes, and what was found to hold it: a commit of the town, where the
    bead's file lies there and closed it, is none of a rig's repository.
    """
    record = state.ledger.bead(job.bead)
    trunk = trunk_branch(repo, settings_.load(repo).trunk)
    name = base_branch(state.plan, job.bead, job.convoy or None, trunk)
    bases = [HEADS + name, *(f"refs/remotes/{remote}/{name}" for remote in settings_.remotes(repo))]
    tips = [refs.ref(repo, ref) for ref in bases]
    merged = record.merged_as if record.attempt == job.attempt else None
    known = merged if merged is not None and refs.resolve(repo, merged) is not None else None
    return tuple(dict.fromkeys(oid for oid in (job.base, *tips, known) if oid))


def sweep(town: Town) -> tuple[list[str], list[str]]:
    """Release the worktree of every attempt that is over; (paths that were removed, what is kept and why).

    Folders of attempts that are over for long go, too (`pruning`).
    """
    removed, kept = [], []
    state: State | None = None
    known = attempts.known(town.common_dir)
    for folder, job in known:
        gone = bool(job.repository) and not Path(job.repository).exists()
        if not job.branch or not (gone or workplace.there(job)) or attempts.supervised(folder):
            continue
        state = state or town.state()
        job = _where_it_is(town, state, job)
        if not workplace.there(job):
            continue
        record = state.ledger.bead(job.bead)
        # What waits for being merged is known not to be.
        if running(record, job) or (record.handed_in and record.attempt == job.attempt):
            continue
        why = let_go(town, folder, job, state)
        if why is not None:
            kept.append(why)
        elif not workplace.there(job):
            removed.append(job.worktree)
    pruning.prune(town, known, state)
    return removed, kept
