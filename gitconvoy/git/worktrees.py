"""Linked worktrees of our own making: added, locked, and removed only when nothing in them would be lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gitconvoy.errors import GitError, Refused
from gitconvoy.git import config, refs, write
from gitconvoy.git.admin import admin_dir, lock_reason, real
from gitconvoy.git.changes import NO_HOOKS, local_changes
from gitconvoy.git.personal import operation_in_progress
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result, beside_others, git

_SHOWN = 3
_OWN_INDEX = "GIT_INDEX_FILE"


def branch_exists(repo: Repo, name: str) -> bool:
    """Whether there is a local branch with the short name `name`."""
    return refs.ref(repo, refs.HEADS + name) is not None


def clashes(repo: Repo, name: str) -> tuple[str, ...]:
    """Full names of the refs that a new branch `name` cannot stand beside, here or on a remote, sorted.

    The same name, one that is a folder of the other (`a` and `a/b`), and, on disks that ignore case, the same but for
    case. Raises GitError (code `bad-branch`) when the name can be no branch at all.
    """
    valid = not name.startswith("-") and name != "HEAD" and "\0" not in name
    if not valid or repo.git("check-ref-format", refs.HEADS + name, ok=(0, 1)).returncode:
        raise GitError(
            f"{name!r} cannot be the name of a branch",
            code="bad-branch",
            hint="`git check-ref-format --branch NAME` tells which names can be",
        )
    fold = str.casefold if config.get_bool(repo, "core.ignoreCase") else str
    wanted = fold(name)
    remotes = [f"refs/remotes/{remote}/" for remote in repo.git("remote").text.splitlines()]
    found = set()
    for full in [*refs.refs(repo, refs.HEADS), *refs.refs(repo, "refs/remotes/")]:
        for prefix in (refs.HEADS, *remotes):
            short = fold(full.removeprefix(prefix))
            if full.startswith(prefix) and (f"{short}/".startswith(f"{wanted}/") or wanted.startswith(f"{short}/")):
                found.add(full)
    return tuple(sorted(found))


def add(repo: Repo, path: Path, branch: str, start_commit: str, *, reason: str = "in use") -> None:
    """Make the branch at `start_commit` and a linked worktree for it at `path`, locked with `reason`.

    None of the person's hooks runs; filters do, as files would be wrong without. When git refuses, the branch is gone
    again. Raises GitError.
    """
    start = refs.resolve(repo, start_commit)
    if start is None:
        raise GitError(
            f"the commit {start_commit} is not in this repository", hint="fetch it first", code="missing-object"
        )
    taken = clashes(repo, branch)
    if refs.HEADS + branch in taken:
        raise GitError(
            f"there is a branch {branch} already",
            code="branch-exists",
            hint=f"rename or delete it: git branch -m {branch} OTHER",
        )
    where = Path(os.path.abspath(path))  # noqa: PTH100 - as git takes it: a link at its end is not followed
    options = ("-c", "submodule.recurse=false", "worktree", "add", "--no-track", "-b", branch, "--", str(where), start)
    taken_since = f"a branch named '{branch}' already exists"

    def make() -> None:
        try:
            _once(repo, *options)
        except GitError as error:
            if taken_since not in error.message:  # else it is somebody else's branch
                _withdraw(repo, where, branch, start)
            raise

    beside_others(make)
    lock(repo, where, reason)


def _withdraw(repo: Repo, path: Path, branch: str, start: str) -> None:
    """Take back what a failed `git worktree add` leaves behind."""
    if admin_dir(repo, path) is None and branch_exists(repo, branch):
        write.delete_ref(repo, refs.HEADS + branch, start)


def _git(repo: Repo, *args: str, ok: tuple[int, ...] = (0,)) -> Result:
    """git about worktrees: no hook of the person runs, and the index that a hook of theirs works on is left alone."""
    return beside_others(lambda: _once(repo, *args, ok=ok))


def _once(repo: Repo, *args: str, ok: tuple[int, ...] = (0,)) -> Result:
    env = {name: value for name, value in repo.env.items() if name != _OWN_INDEX}
    return git(*NO_HOOKS, *args, cwd=repo.cwd, env=env, ok=ok)


def lock(repo: Repo, path: Path, reason: str) -> None:
    """Keep git from pruning, moving and removing a worktree; an earlier lock gets the new reason."""
    unlock(repo, path)
    _git(repo, "worktree", "lock", "--reason", reason, "--", str(path))


def unlock(repo: Repo, path: Path) -> None:
    """Take the lock away; nothing happens where there is none."""
    admin = admin_dir(repo, path)
    if admin is not None and lock_reason(admin) is not None:
        _git(repo, "worktree", "unlock", "--", str(path))


SUBMODULES = ("git", *NO_HOOKS, "submodule", "--quiet", "update", "--init", "--recursive")
"""Checks out the submodules of the worktree in which it is run, theirs too; no hook of the person runs.

It may fetch, and so take for ever: whoever runs it limits it.
"""
SUBMODULES_ENV = {"GIT_TEMPLATE_DIR": "", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
"""Belongs to that: repositories are made without the person's template, which may hold hooks, and nobody is asked."""


def has_submodules(path: Path) -> bool:
    """Whether the worktree at `path` may have some."""
    return (path / ".gitmodules").is_file()


def remove(repo: Repo, path: Path, *, force: bool = False) -> None:
    """Remove a linked worktree and what git keeps about it, locked or not; its branch stays.

    Raises Refused, with the list of `losses`, when something would be lost (not with `force`), GitError when this is no
    linked worktree of the repository. Where its folder is gone, only git's own record of it goes; nothing happens when
    there is neither.
    """
    admin = admin_dir(repo, path)
    there = os.path.lexists(path)
    if admin is None and not there:
        return
    if admin is None:
        raise GitError(
            f"{path} is no linked worktree of this repository",
            code="not-found",
            hint="`git worktree list` names those that are",
        )
    lost = () if force else losses(path) if there else _lost_head(repo, admin)
    if lost:
        raise Refused(
            f"{path} holds what would be lost: {'; '.join(lost)}", hint=f"look at it: cd {path}", code="would-be-lost"
        )
    _forget(repo, path)


def _forget(repo: Repo, path: Path) -> None:
    _git(repo, "worktree", "remove", "--force", "--force", "--", str(path))  # twice: a locked one too


def _lost_head(repo: Repo, admin: Path) -> tuple[str, ...]:
    """The commits of a vanished worktree's detached HEAD that are on no branch."""
    try:
        stands_on = (admin / "HEAD").read_text().strip()
    except OSError:
        return ()
    return () if stands_on.startswith("ref:") else _unreachable(repo, stands_on, ())


def losses(path: Path, *, into: Sequence[str] = ()) -> tuple[str, ...]:
    """What would be lost for good with the worktree at `path`, for people to read; empty if nothing.

    Changes that are not committed (also those hidden from git), an operation in progress, commits that only a detached
    HEAD reaches, nested repositories with something of their own. With `into` (commits), also that its commits are
    merged into none of these, in whatever form (`proofs`). A folder that is not there holds nothing. Ignored files do
    not count.
    """
    if not os.path.lexists(path):
        return ()
    try:
        place = Repo.at(path)
    except GitError as error:
        return (f"its repository cannot be read: {error.message}",)
    if place.worktree is None or real(place.worktree) != real(path):
        return ("its link to the repository is broken, so nothing can be said about it",)
    return tuple(_own_losses(place, into)) + tuple(_nested_losses(place))


def _own_losses(place: Repo, into: Sequence[str]) -> Iterator[str]:
    yield from _unfinished(place)
    tip = refs.head(place)
    if tip is None:
        return
    if refs.head_ref(place) is None:
        yield from _unreachable(place, tip, into)
    elif into:
        yield from _unmerged(place, tip, into)


def _unfinished(place: Repo) -> Iterator[str]:
    doing = operation_in_progress(place)
    if doing:
        yield f"a {doing} is in progress"
    changes = local_changes(place)
    kinds = (
        ("unresolved conflicts", changes.unmerged),
        ("staged changes", changes.staged),
        ("changes that are not committed", changes.unstaged),
        ("files that are not committed", changes.untracked),
    )
    yield from (f"{what}: {_some(paths)}" for what, paths in kinds if paths)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _unreachable(repo: Repo, tip: str, into: Iterable[str]) -> tuple[str, ...]:
    known = [f"^{oid}" for oid in into if refs.resolve(repo, oid)]
    said = repo.git("rev-list", "--count", tip, *known, "--not", "--branches", "--tags", "--remotes", ok=(0, 128))
    if said.returncode or said.text == "0":
        return ()
    return (f"{_commits(int(said.text))} on no branch (detached HEAD {tip[:12]})",)


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"


def _unmerged(place: Repo, tip: str, into: Sequence[str]) -> Iterator[str]:
    targets = [oid for oid in into if refs.resolve(place, oid)]
    count = int(place.git("rev-list", "--count", tip, *(f"^{oid}" for oid in targets), "--").text)
    if count and not any(_is_in(place, oid, tip) for oid in targets):
        branch = (refs.head_ref(place) or "").removeprefix(refs.HEADS)
        yield f"{_commits(count)} of branch {branch} not merged"


def _is_in(place: Repo, target: str, tip: str) -> bool:
    from gitconvoy.git.proofs import merged_by  # who only makes worktrees merges nothing

    base = place.git("merge-base", target, tip, ok=(0, 1))
    try:
        return base.returncode == 0 and merged_by(place, target, tip, base.text) is not None
    except GitError as error:
        if error.code == "git-too-old":  # it cannot be told, so it is not
            return False
        raise


def _nested_losses(place: Repo) -> Iterator[str]:
    """What repositories inside the worktree hold that is nowhere else: submodules, clones in ignored folders."""
    for folder in _nested(place):
        name = folder.relative_to(place.cwd).as_posix()
        try:
            inner = Repo.at(folder)
        except GitError as error:
            yield f"the repository {name}, which cannot be read: {error.message}"
            continue
        if inner.worktree is None or real(inner.worktree) != real(folder):
            continue
        # What the git directory itself holds goes too, where it lies in the worktree or in git's record of that.
        going = any(real(inner.common_dir).is_relative_to(real(root)) for root in (place.cwd, place.git_dir))
        kept = [*_unfinished(inner), *_unpushed(inner)] if going else list(_own_losses(inner, ()))
        yield from (f"in the repository {name}: {what}" for what in kept)


def _nested(place: Repo) -> Iterator[Path]:
    for folder, folders, files in os.walk(place.cwd):
        here = Path(folder)
        if here != place.cwd and (".git" in folders or ".git" in files):
            yield here
        folders[:] = sorted(name for name in folders if name != ".git")


def _unpushed(inner: Repo) -> Iterator[str]:
    """Commits of a nested repository, stashed ones too, that no remote is known to have."""
    # Each of its refs but those that only mirror a remote; HEAD, which may be detached, is among them by --all.
    said = inner.git("rev-list", "--count", "--all", "HEAD", "--not", "--remotes", ok=(0, 128))
    if said.returncode == 0 and said.text != "0":
        yield f"{_commits(int(said.text))} on no remote"
