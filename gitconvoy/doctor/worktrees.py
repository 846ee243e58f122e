"""Worktrees among those of attempts that are of none, here and in the repositories of rigs (SPEC 7)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts, workplace, workplace_settings
from gitconvoy.doctor.findings import NOTE, WARNING, Finding
from gitconvoy.doctor.scene import Scene
from gitconvoy.engine.town import Town
from gitconvoy.git import refs, worktrees
from gitconvoy.git.admin import admin_dirs, lock_reason, real
from gitconvoy.git.personal import main_worktree
from gitconvoy.git.repo import Repo
from gitconvoy.model.state import State


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
        place = workplace_settings.settings(self.repo, main_worktree(self.repo)).folder
        private = self.own and place == workplace_settings.default_folder(self.repo)
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


def _live(state: State) -> set[str]:
    """What the folders of attempts in flight are called."""
    return {f"{each.id}-{each.attempt}" for each in state.ledger.beads.values() if each.in_flight}


def gone_worktrees(scene: Scene) -> Iterator[Finding]:
    """Worktrees of ours whose folder is gone, which git still knows of.

    Not where an attempt is in flight (see `ended_attempts`), or all of the disk is away: git has its index.
    """
    town, state = scene.town(), scene.state()
    live = _live(state)
    for ground in _grounds(town, state):
        for path in ground.ours():
            if not os.path.lexists(path) and path.name not in live and path.parent.is_dir():
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


def stray_worktrees(scene: Scene) -> Iterator[Finding]:
    """What lies among the worktrees and is of no attempt."""
    town, state = scene.town(), scene.state()
    known = frozenset(Path(job.worktree) for _, job in attempts.known(town.common_dir))
    live = _live(state)
    for ground in _grounds(town, state):
        for path in ground.strays(known):
            if not live.isdisjoint((path.name, path.stem)):  # `<bead>-<attempt>`, perhaps with `.2` behind it
                continue  # its repository was moved while it is worked on
            lost = worktrees.losses(path, into=tuple(filter(None, (refs.ref(ground.repo, ground.trunk),))))
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
