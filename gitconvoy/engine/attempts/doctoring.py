"""`doctor`: what of the attempts on this machine is not as it should be, and what mends it (SPEC 7, 8).

Worktrees, folders, processes and leases of attempts; everything here is disposable but the work in worktrees.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gitconvoy.dispatch import attempts, leases, workplace
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.engine import rigs
from gitconvoy.engine.attempts import ending, releasing
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError
from gitconvoy.git import read, worktrees
from gitconvoy.git.admin import admin_dirs, lock_reason, real
from gitconvoy.git.personal import main_worktree
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import START
from gitconvoy.model.state import State

ERROR, WARNING, NOTE = "error", "warning", "note"
_SETTLING = 60
"""Seconds in which a new attempt may have no supervisor yet."""
Fix = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    check: str
    subject: str
    severity: str
    observed: str
    expected: str
    why: str
    commands: tuple[str, ...] = ()
    """What a person may run; `--fix` does by itself what loses nothing."""
    fix: Fix | None = None
    fixed: bool = False

    def as_dict(self) -> dict[str, object]:
        """The JSON shape."""
        names = ("check", "subject", "severity", "observed", "expected", "why", "fixed")
        row: dict[str, object] = {name: getattr(self, name) for name in names}
        return {**row, "commands": list(self.commands), "fixable": self.fix is not None}


def examine(town: Town, *, fix: bool = False) -> list[Finding]:
    """Every finding, the ones about work first; with `fix`, mended where that loses nothing."""
    state = town.state()
    found: list[Finding] = []
    for look in (_rigs, _attempts, _gone_worktrees, _strays, _damaged, _unattended, _leases):
        found += [_mended(each) if fix else each for each in look(town, state)]
    return found


def _mended(finding: Finding) -> Finding:
    if finding.fix is None:
        return finding
    try:
        finding.fix()
    except (ConvoyError, OSError) as error:
        return replace(finding, observed=f"{finding.observed}; it could not be mended: {error}")
    return replace(finding, fixed=True)


def _rigs(town: Town, state: State) -> Iterator[Finding]:
    """Rigs whose repositories cannot be used; on purpose, where nothing says where they are."""
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


def _attempts(town: Town, state: State) -> Iterator[Finding]:
    """Attempts that are over: their processes and worktrees."""
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
        raise ConvoyError(kept)


@dataclass(frozen=True, slots=True)
class _Ground:
    """A repository in which attempts have worktrees: the town's own, or a rig's."""

    repo: Repo
    trunk: str
    town: Path
    own: bool

    def ours(self) -> list[Path]:
        """The worktrees that git knows of attempts of this town."""
        return [path for path, admin in admin_dirs(self.repo).items() if self._is_ours(lock_reason(admin) or "")]

    def _is_ours(self, said: str) -> bool:
        return workplace.is_of(said, self.town, own=self.own)

    def strays(self, known: frozenset[Path]) -> Iterator[Path]:
        """What lies among the worktrees of attempts and is none that is known; nothing of another town.

        In a folder that was configured, people may have worktrees too: what we did not lock there is not ours.
        """
        place = workplace.settings(self.repo, main_worktree(self.repo)).folder
        private = self.own and place == workplace.default_folder(self.repo)
        admins = admin_dirs(self.repo)
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            admin = admins.get(real(path))
            said = lock_reason(admin) if admin is not None else None
            if path not in known and (private if said is None else self._is_ours(said)):
                yield path


def _grounds(town: Town, state: State) -> list[_Ground]:
    home = town.home()
    found = {town.common_dir: _Ground(town.repo, town.settings.trunk, home, own=True)}
    for rig, each in town.homes(state.plan.config).items():
        if rig not in state.plan.away:
            found.setdefault(each.repo().common_dir, _Ground(each.repo(), each.trunk, home, own=False))
    return list(found.values())


def _gone_worktrees(town: Town, state: State) -> Iterator[Finding]:
    """Worktrees of ours whose folder is gone, which git still knows of."""
    for ground in _grounds(town, state):
        for path in ground.ours():
            if not os.path.lexists(path):
                yield Finding(
                    "worktree",
                    str(path),
                    WARNING,
                    "its folder is gone, and git still has it in its list",
                    "git lists worktrees that are there",
                    "its branch counts as checked out until git forgets it",
                    ("gitconvoy doctor --fix",),
                    partial(worktrees.remove, ground.repo, path),
                )


def _strays(town: Town, state: State) -> Iterator[Finding]:
    """What lies among the worktrees and is of no attempt."""
    known = frozenset(Path(job.worktree) for _, job in attempts.known(town.common_dir))
    live = {f"{each.id}-{each.attempt}" for each in state.ledger.beads.values() if each.in_flight}
    for ground in _grounds(town, state):
        for path in ground.strays(known):
            if not live.isdisjoint((path.name, path.stem)):  # `<bead>-<attempt>`, perhaps with `.2` behind it
                continue  # its repository was moved while it is worked on
            lost = worktrees.losses(path, into=tuple(filter(None, (read.ref(ground.repo, ground.trunk),))))
            yield Finding(
                "worktree",
                str(path),
                NOTE if lost else WARNING,
                "it lies among the worktrees of attempts, and no attempt is known to have it"
                + (f"; with it would be lost: {'; '.join(lost)}" if lost else ""),
                "only worktrees of attempts lie there",
                "somebody put it there, or the folder of its attempt was deleted",
                (f"git -C {shlex.quote(str(path))} status",),
                None if lost else partial(worktrees.remove, ground.repo, path),
            )


def _damaged(town: Town, state: State) -> Iterator[Finding]:
    """Folders of attempts that nobody can read, or that the ledger does not know."""
    place = attempts.attempts_folder(town.common_dir)
    readable = {folder.root: job for folder, job in attempts.known(town.common_dir)}
    for root in sorted(place.iterdir()) if place.is_dir() else ():
        job = readable.get(root)
        if job is None:
            observed = "what the attempt was to do cannot be read"
        elif job.attempt > state.ledger.bead(job.bead).attempt and not workplace.there(job):
            observed = f"the ledger knows of no attempt {job.attempt} of {job.bead}"
        else:
            continue
        yield Finding(
            "attempt-folder",
            str(root),
            WARNING,
            observed,
            "each folder is that of an attempt in the ledger",
            "it is of no use but for the log in it",
            (f"rm -r {shlex.quote(str(root))}",),
            partial(shutil.rmtree, root),
        )


def _unattended(town: Town, state: State) -> Iterator[Finding]:
    """Attempts in flight on this machine whose supervisor is gone."""
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


def _leases(town: Town, state: State) -> Iterator[Finding]:
    """Leases of attempts that are over."""
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
            partial(leases.drop, town.common_dir, bead, lease.token),
        )
