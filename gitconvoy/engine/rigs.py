"""Rigs with repositories of their own: where they are, as this machine's git config says (SPEC 7, 9).

`gitconvoy.rig.NAME.path DIR` is never committed. A repository that is away is no error: what needs it waits.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import settings
from gitconvoy.errors import ConvoyError, GitError, Refused
from gitconvoy.git import config, personal, refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Config
from gitconvoy.store import load
from gitconvoy.store.localfiles import local_folder, write_atomically

_PARENTS, _TRUNKS = "rig-parents", "rig-trunks"
_REMOTES = "refs/remotes/"


@dataclass(frozen=True, slots=True)
class RigHome:
    """The repository of one rig."""

    rig: str
    path: Path
    """As configured, absolute where that can be told."""
    trunk: str = ""
    """Full ref of its trunk; empty where it cannot be read."""
    trouble: str = ""
    """Why it cannot be used now, in words; empty where it can."""
    parents: frozenset[str] | None = None
    """Where it cannot be used: the beads elsewhere that had children in it when it last could; None: nobody knows."""
    _repo: Repo | None = None

    def repo(self) -> Repo:
        """The open repository. Refused (`rig-away`), with the remedy, where it cannot be read."""
        if self._repo is None:
            raise self.away(self.trouble)
        return self._repo

    def away(self, reason: str) -> Refused:
        """The error for a repository that cannot be used."""
        return Refused(
            f"the repository of the rig {self.rig} cannot be used: {reason}",
            hint=f"bring it back, or git config gitconvoy.rig.{self.rig}.path DIR names where it is",
            code="rig-away",
        )

    def root(self) -> Path:
        """Its main worktree, or the git directory of a bare one. Refused as `repo`."""
        return personal.main_worktree(self.repo())


def key(rig: str) -> str:
    """The git config key that says where a rig's repository is."""
    return f"gitconvoy.rig.{rig}.path"


def homes(repo: Repo, root: Callable[[], Path], known: Config) -> dict[str, RigHome]:
    """The rigs (by name) whose repository is another one than `repo`; relative paths start from its `root`."""
    found = {}
    for rig in known.rigs:
        text = config.get(repo, key(rig))
        if text is not None:
            home = _home(repo, rig, root(), text)
            if home is not None:
                found[rig] = home
    return found


def _absolute(root: Path, text: str) -> Path:
    """GitError where git config names no path."""
    if not text.strip():
        raise _bad_path("the path that git config gives for it is empty")
    try:
        return Path(os.path.normpath(root / Path(text).expanduser()))
    except RuntimeError as error:  # ~NAME of nobody
        raise _bad_path(f"{text!r} is no path: {error}") from None


def _bad_path(said: str, what: str = "the root of its repository") -> GitError:
    return GitError(said, hint=f"name {what}: git config gitconvoy.rig.NAME.path DIR", code="rig-path")


def places(repo: Repo, root: Path) -> list[Path]:
    """The common git directories of all repositories that git config names as some rig's, as far as they are there."""
    found = []
    for text in config.get_all(repo, r"^gitconvoy\.rig\..*\.path$").values():
        try:
            found.append(_open(repo, _absolute(root, text)).common_dir)
        except (ConvoyError, OSError):
            continue
    return found


def _home(town: Repo, rig: str, root: Path, text: str) -> RigHome | None:
    """None where the path leads to the town itself."""
    path = Path(text)
    try:
        path = _absolute(root, text)
        repo = _open(town, path)
        if repo.common_dir == town.common_dir:
            return None
        trunk = _trunk(repo)
        trouble = _trouble_with(town, rig, repo, trunk)
    except (ConvoyError, OSError) as error:
        trouble = str(error)
    if trouble:
        return RigHome(rig, path, trouble=trouble, parents=_recall(town).get(rig))
    return RigHome(rig, path, trunk, _repo=repo)


def _trouble_with(town: Repo, rig: str, repo: Repo, trunk: str) -> str:
    """Why a trunk cannot be used, in words; empty where it can.

    One that was guessed and is gone is not replaced by the next guess: that may be whatever is checked out.
    """
    place, before = _trunks(town).get(rig, ("", trunk))
    same = place != str(repo.common_dir) or _short(before) == _short(trunk)
    if not same and not settings.load(repo).pinned and refs.ref(repo, before) is None:
        remedy = f"git -C {shlex.quote(str(repo.cwd))} config gitconvoy.trunk BRANCH"
        return f"its trunk ({_short(before)}) is gone; {remedy} says which branch it is now"
    return "" if refs.ref(repo, trunk) is not None else f"its trunk ({_short(trunk)}) has no commits"


def _short(ref: str) -> str:
    """What a branch is called, here or on a remote."""
    return ref.split("/", 3)[-1] if ref.startswith(_REMOTES) else ref.removeprefix(settings.HEADS)


def _trunk(repo: Repo) -> str:
    """The trunk that is pinned there, else the remote's default branch, else main or master, else what HEAD names.

    Where somebody works on a topic branch, HEAD names that: it is what is asked last.
    """
    known = settings.load(repo)
    if known.pinned or known.trunk != refs.head_ref(repo) or _default_of_remote(repo, known.trunk):
        return known.trunk
    usual = (settings.HEADS + name for name in ("main", "master"))
    return next((ref for ref in usual if refs.ref(repo, ref) is not None), known.trunk)


def _default_of_remote(repo: Repo, trunk: str) -> bool:
    name = trunk.removeprefix(settings.HEADS)
    return any(
        refs.ref(repo, f"refs/remotes/{remote}/HEAD") is not None
        and repo.git("symbolic-ref", f"refs/remotes/{remote}/HEAD").text == f"refs/remotes/{remote}/{name}"
        for remote in settings.remotes(repo)
    )


def _note(town: Repo, name: str) -> dict[str, list[str]]:
    """Rig -> what one of our notes says of it; empty where there is none that can be read."""
    try:
        data = json.loads((local_folder(town.common_dir) / name).read_bytes())
        return {rig: [str(each) for each in said] for rig, said in data.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _add(town: Repo, name: str, known: Mapping[str, list[str]]) -> None:
    before = _note(town, name)
    after = {**before, **known}
    if after != before:
        try:
            write_atomically(local_folder(town.common_dir) / name, json.dumps(after, sort_keys=True).encode())
        except OSError:
            return


def _recall(town: Repo) -> dict[str, frozenset[str]]:
    return {rig: frozenset(parents) for rig, parents in _note(town, _PARENTS).items()}


def _trunks(town: Repo) -> dict[str, tuple[str, str]]:
    """Rig -> the common git directory of its repository, and the trunk that was last seen there."""
    return {rig: (said[0], said[1]) for rig, said in _note(town, _TRUNKS).items() if len(said) == 2}


def remember(town: Repo, homes: Mapping[str, RigHome], parents: Mapping[str, frozenset[str]]) -> None:
    """Note of rigs that can be read which trunk they have, and which beads elsewhere have children in them.

    What is known of rigs not named here stays known. Without the notes nobody knows, once such a repository is away,
    whether a bead has children there that are open; nor, once its trunk is renamed, that this is another one.
    """
    _add(town, _TRUNKS, {rig: [str(home.repo().common_dir), home.trunk] for rig, home in homes.items()})
    _add(town, _PARENTS, {rig: sorted(known) for rig, known in parents.items()})


def _open(town: Repo, path: Path) -> Repo:
    """Opened once for each open town, as long as it stays where it is."""
    opened: dict[Path, Repo] = town.memo.setdefault("rigs", {})
    before = opened.get(path)
    if before is not None and before.common_dir.is_dir():
        return before
    opened.pop(path, None)
    if not path.is_dir():
        raise _bad_path(f"there is no folder {path}", "where it is now, or bring it back")
    repo = Repo.at(path)
    place = Path(os.path.realpath(path))
    if place not in (Path(os.path.realpath(repo.cwd)), Path(os.path.realpath(repo.git_dir))):
        raise _bad_path(f"{path} lies in the repository {repo.cwd}, but is none itself")
    load.share_memo(town, repo)  # another repository may have no place for a cache, and needs none
    opened[path] = repo
    return repo
