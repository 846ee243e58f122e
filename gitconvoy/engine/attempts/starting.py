"""The act behind a recorded dispatch: a lease for a claim, a supervisor for a started worker (SPEC 7).

What takes time (the worktree, copies, a set-up command) is the supervisor's: no hook waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gitconvoy.dispatch import attempts, breaker, leases, registry, workplace, workplace_settings
from gitconvoy.engine import here
from gitconvoy.engine.attempts.places import place_of
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.errors import Refused
from gitconvoy.git.personal import main_worktree
from gitconvoy.model.ledger import CLAIM, START, BeadRecord
from gitconvoy.model.state import State


def begin(town: Town, state: State, bead: str, token: str, message: str = "") -> None:
    """Begin the attempt that was just recorded; `message` is for its worker. OSError or ConvoyError if it cannot be."""
    record = state.ledger.bead(bead)
    if record.token != token or not record.in_flight:
        return
    lease = state.plan.config.dispatch.lease
    pid = None
    if record.via == START:
        pid = _start(town, state, record, message)
    if record.via in (CLAIM, START):
        leases.write(town.common_dir, leases.Lease(bead, token, state.now + lease, pid))


def _start(town: Town, state: State, record: BeadRecord, message: str) -> int:
    found = registry.find(town.repo, state.plan.config.dispatch.dispatcher)
    if isinstance(found, registry.Undefined):
        raise found.error
    document = state.plan.bead(record.id)
    if document is None:
        raise Refused(
            f"{record.id} is not in the plan any more", code="not-in-plan", hint=f"gitconvoy why {record.id} says more"
        )
    breaker.limit(town.repo)  # settings that cannot be meant are told here
    workplace_settings.log_limit(town.repo)
    workplace_settings.keep_logs(town.repo)
    home = town.home()
    repo = town.repo_of(state.plan, record.id)
    where = main_worktree(repo)
    known = workplace_settings.settings(repo, where)
    job = attempts.Job(
        bead=record.id,
        convoy=record.convoy or "",
        attempt=record.attempt,
        token=record.token or "",
        worker=record.worker or "",
        dispatcher=found.name,
        argv=found.argv,
        on_exit=found.on_exit,
        timeout=found.timeout,
        lease=state.plan.config.dispatch.lease,
        town=str(home),
        worktree=_worktree(town, state, record, found.name, partial(workplace.free_place, repo, known.folder)),
        branch=record.branch or "",
        base=record.base or "",
        repository="" if repo is town.repo else str(where),
        kind=found.kind,
        settings=dict(found.settings),
    )
    folder = attempts.set_up(town.common_dir, job, document.data, message)
    return spawn(town, ["supervise", str(folder.root)], home)


def _worktree(town: Town, state: State, record: BeadRecord, dispatcher: str, free: Callable[[str], Path]) -> str:
    """Where the worker works. Refused where it should get a branch and cannot."""
    wanted = workplace_settings.mode(town.repo, dispatcher)
    if record.branch is not None:
        return str(free(f"{record.id}-{record.attempt}"))
    if wanted == workplace_settings.WORKTREE:
        place_of(state.plan, here.places(town, state.plan), record.id, record.convoy, record.attempt)
        raise Refused(
            f"no branch was recorded for attempt {record.attempt} of {record.id}",
            code="base-branch",
            hint=f"gitconvoy unsling {record.id} takes it back; the next dispatch records one",
        )
    return str(attempts.attempt_folder(town.common_dir, record.id, record.attempt).work)
