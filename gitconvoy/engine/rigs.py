"""Rigs with repositories of their own: where they are, as this machine's git config says (SPEC 7, 9).

`gitconvoy.rig.NAME.path DIR` is never committed. A repository that is away is no error: what needs it waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitconvoy.engine import settings
from gitconvoy.errors import ConvoyError, GitError, Refused
from gitconvoy.git import config, personal, read
from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Config


@dataclass(frozen=True, slots=True)
class RigHome:
    """The repository of one rig."""

    rig: str
    path: Path
    """As configured, absolute."""
    trunk: str = ""
    """Full ref of its trunk; empty where it cannot be read."""
    trouble: str = ""
    """Why it cannot be used now, in words; empty where it can."""
    _repo: Repo | None = None

    def repo(self) -> Repo:
        """The open repository. Refused (`rig-away`), with the remedy, where it cannot be read."""
        if self._repo is None:
            raise Refused(
                f"the repository of the rig {self.rig} cannot be used: {self.trouble}",
                hint=f"bring it back, or git config gitconvoy.rig.{self.rig}.path DIR names where it is",
                code="rig-away",
            )
        return self._repo

    def root(self) -> Path:
        """Its main worktree, or the git directory of a bare one. Refused as `repo`."""
        return personal.worktrees(self.repo())[0].path


def key(rig: str) -> str:
    """The git config key that says where a rig's repository is."""
    return f"gitconvoy.rig.{rig}.path"


def homes(repo: Repo, root: Callable[[], Path], known: Config) -> dict[str, RigHome]:
    """The rigs (by name) whose repository is another one than `repo`; relative paths start from its `root`."""
    found = {}
    for rig in known.rigs:
        text = config.get(repo, key(rig))
        if text:
            home = _home(repo, rig, root() / Path(text).expanduser())
            if home is not None:
                found[rig] = home
    return found


def _home(town: Repo, rig: str, path: Path) -> RigHome | None:
    """None where the path leads to the town itself."""
    try:
        repo = _open(town, path)
        if repo.common_dir == town.common_dir:
            return None
        trunk = settings.load(repo).trunk
    except (ConvoyError, OSError) as error:
        return RigHome(rig, path, trouble=str(error))
    if read.ref(repo, trunk) is None:
        return RigHome(rig, path, trouble=f"its trunk ({trunk.removeprefix(settings.HEADS)}) has no commits")
    return RigHome(rig, path, trunk, _repo=repo)


def _open(town: Repo, path: Path) -> Repo:
    """Opened once for each open town, as long as it stays where it is."""
    opened: dict[Path, Repo] = town.memo.setdefault("rigs", {})
    before = opened.get(path)
    if before is not None and before.common_dir.is_dir():
        return before
    opened.pop(path, None)
    if not path.is_dir():
        raise GitError(f"there is no folder {path}")
    repo = Repo.at(path)
    place = Path(os.path.realpath(path))
    if place not in (Path(os.path.realpath(repo.cwd)), Path(os.path.realpath(repo.git_dir))):
        raise GitError(f"{path} lies in the repository {repo.cwd}, but is none itself")
    opened[path] = repo
    return repo
