"""Merging without a worktree, and taking the worktrees that have the branch along, as `git merge` would.

The order is: look (nothing is changed if anything is in the way), lock the ref at its old value, look again who has
the branch, bring the worktrees to the new commit, look once more, move the ref. Whoever dies in between leaves the ref
where it was, and in a worktree at worst the merged files as staged changes: nothing is lost, no commit of the person's
can undo the merge, and the next `advance` to a commit with the same files finds them in place. A worktree that comes
to the branch in the moment of the move itself is brought along right after it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import commits, config, halfway, index, loose, objects, personal, refs, space, write
from gitconvoy.git.admin import admin_dirs, lock_reason, real, rebased_branch
from gitconvoy.git.changes import NO_HOOKS, copied_index
from gitconvoy.git.overlaps import Overlaps, Side, overlaps
from gitconvoy.git.personal import Worktree, operation_in_progress
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result, failure, git
from gitconvoy.git.transaction import prepared

_USAGE = 129
_READ_TREE = (*NO_HOOKS, "-c", "submodule.recurse=false", "read-tree", "-m", "-u")
_OVERLAP = "local changes overlap with what is to come"
_LOOKS, _PAUSE = 20, 0.05


@dataclass(frozen=True, slots=True)
class Merge:
    """The outcome of a merge in memory: the tree, or the conflicting paths."""

    tree: str | None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advanced:
    """The ref has moved; `paths` are the worktrees that went along."""

    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was changed: the worktree at `path` is not ready, for a reason, because of `paths` (may be empty)."""

    path: Path
    reason: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Gone:
    """A worktree that was changed; `there` is what its index held of files that needed no change."""

    place: Repo
    there: Mapping[str, Side | None]


def merge_trees(repo: Repo, ours: str, theirs: str, *, keep: bool = True) -> Merge:
    """Merge the commit `theirs` into `ours`; no ref moves.

    A true three-way merge with renames, merge drivers and attributes, those of `ours`. Without `keep` nothing is
    written: the result only tells what the tree would be. Raises GitError where the histories have nothing in common,
    or git is older than 2.38.
    """
    import tempfile  # takes milliseconds, and a reaction seldom merges

    ours, theirs = _commit(repo, ours), _commit(repo, theirs)
    sync = ("-c", "core.fsync=committed") if keep and config.get(repo, "core.fsync") != "none" else ()
    with tempfile.TemporaryDirectory(prefix="gitconvoy-merge-") as name:
        aside = {} if keep else _objects_aside(repo, Path(name, "objects"))
        tree, conflicts = _merge_tree(repo, ours, theirs, Path(name, "files"), aside, sync)
    return Merge(None if conflicts else tree, conflicts)


@contextmanager
def trial_merge(repo: Repo, tips: Sequence[str]) -> Iterator[tuple[Repo, Merge]]:
    """As `merge_trees` without `keep`, of two or more commits, one after the other into the first.

    Beside the merge it gives a repository that holds the merged objects as long as the context lasts. Here the tree is
    there with conflicts, too: the files concerned hold both sides, with git's marks between them.
    """
    import tempfile

    ours, *others = (_commit(repo, tip) for tip in tips)
    with tempfile.TemporaryDirectory(prefix="gitconvoy-merge-") as name:
        aside = _objects_aside(repo, Path(name, "objects"))
        there = repo.with_objects(aside)
        conflicts: dict[str, None] = {}
        for number, theirs in enumerate(others):
            tree, found = _merge_tree(there, ours, theirs, Path(name, f"files-{number}"), aside)
            conflicts |= dict.fromkeys(found)
            if number + 1 < len(others):
                ours = _trial_commit(there, tree, (ours, theirs))
        yield there, Merge(tree, tuple(conflicts))


def _trial_commit(repo: Repo, tree: str, parents: Sequence[str]) -> str:
    """A commit for git to find the next merge base by; nobody sees it."""
    who = {f"GIT_{role}_{what}": "gitconvoy" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    named = [word for parent in parents for word in ("-p", parent)]
    return repo.git("commit-tree", tree, *named, "-m", "trial", extra=who).text


def _merge_tree(
    repo: Repo, ours: str, theirs: str, folder: Path, aside: Mapping[str, str], options: Sequence[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """(tree, conflicting paths) of a merge; `folder` is made, for the attributes, `aside` says where objects go."""
    _write_attributes(repo, commits.commit(repo, ours).tree, folder)
    env = {**repo.env, "GIT_DIR": str(repo.git_dir), "GIT_WORK_TREE": str(folder), **aside}
    command = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
    done = git(*options, *command, ours, theirs, cwd=folder, env=env, check=False)
    if done.returncode == _USAGE:
        raise GitError("this git cannot merge without a worktree", hint="install git 2.38 or newer", code="git-too-old")
    if done.returncode not in (0, 1):
        raise failure(("merge-tree",), done)
    tree, *conflicts = [field for field in os.fsdecode(done.stdout).split("\0") if field]
    return tree, tuple(dict.fromkeys(conflicts)) if done.returncode else ()


def _write_attributes(repo: Repo, tree: str, folder: Path) -> None:
    """Make a folder with nothing but the `.gitattributes` of a tree: git looks for them in the worktree alone."""
    folder.mkdir()
    for path, oid in _attributes(repo, tree):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(objects.blob(repo, oid))


def _attributes(repo: Repo, tree: str) -> tuple[tuple[str, str], ...]:
    """The `.gitattributes` of a tree: path and object id. Listed once for each tree, as that reads all of it."""
    known: dict[str, tuple[tuple[str, str], ...]] = repo.memo.setdefault("attributes", {})
    if tree not in known:
        found = []
        for line in os.fsdecode(repo.git("ls-tree", "-r", "-z", "--full-tree", tree).stdout).split("\0"):
            about, _, path = line.partition("\t")
            *folders, last = path.split("/")
            # A tree that somebody forged may hold names that lead elsewhere.
            if about.startswith("100") and last == ".gitattributes" and not {"", ".", ".."} & {*folders}:
                found.append((path, about.split(" ")[2]))
        known[tree] = tuple(found)
    return known[tree]


def _objects_aside(repo: Repo, folder: Path) -> dict[str, str]:
    """An environment in which git reads the repository's objects and writes new ones elsewhere."""
    folder.mkdir()
    own = repo.env.get("GIT_OBJECT_DIRECTORY") or str(repo.common_dir / "objects")
    others = repo.env.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    return {
        "GIT_OBJECT_DIRECTORY": str(folder),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join([loose.listing([own]), *([others] if others else [])]),
    }


def _commit(repo: Repo, oid: str) -> str:
    found = refs.resolve(repo, oid)
    if found is None:
        raise GitError(
            f"the commit {oid} is not in this repository",
            hint="fetch it first, or check with `git fsck`",
            code="missing-object",
        )
    return found


def advance(repo: Repo, ref: str, old: str, new: str, reason: str) -> Advanced | Waiting:
    """Move the branch `ref` (full name) from `old` to `new`, and with it all worktrees that have it checked out.

    Local changes stay, staged ones as staged ones. Where they overlap with what changes, where an operation such as a
    rebase is in progress, or where somebody switches to or from the branch meanwhile, nothing at all is changed and
    the result says where and why. Calling it again after success, or after a crash, does what is missing. Raises
    LostRace when the ref stands elsewhere, GitError when git refuses to move it.
    """
    old, new = _commit(repo, old), _commit(repo, new)
    standing = refs.ref(repo, ref)
    if standing not in (old, new):
        raise LostRace(f"{ref} was moved by somebody else in the meantime", hint="try again")
    listed = personal.worktrees(repo)
    places = _holders(repo, ref, listed)
    if isinstance(places, Waiting):
        return places
    for place in places:
        waiting = _examine(place, old, new)
        if waiting is not None:
            return waiting
    if standing == new:
        return _go_along(places, old, new, []) or Advanced(_paths(places))
    gone: list[_Gone] = []
    # In the worktree itself, so that the reflog of its HEAD has the move too.
    with prepared(places[0] if places else repo, ref, old, new, reason) as move:
        try:
            waiting = _switched(repo, ref, listed) or _go_along(places, old, new, gone)
            if waiting is None and (waiting := _switched(repo, ref, listed)) is not None:
                _go_back(gone, old, new)
            if waiting is None:
                move()
        except BaseException:
            if refs.ref(repo, ref) != new:
                _go_back(gone, old, new)
            raise
    if waiting is None and _switched(repo, ref, listed) is not None:
        return advance(repo, ref, old, new, reason)
    return waiting or Advanced(_paths(places))


def _switched(repo: Repo, ref: str, before: Sequence[Worktree]) -> Waiting | None:
    """A worktree that had the branch before and has it no more, or the other way round.

    git locks no branch for that, and a rebase leaves its branch, too.
    """
    had, have = ({tree.path for tree in listed if tree.branch == ref} for listed in (before, personal.worktrees(repo)))
    path = min(had ^ have, default=None)
    return None if path is None else Waiting(path, "somebody checks out another branch there")


def _paths(places: Sequence[Repo]) -> tuple[Path, ...]:
    return tuple(place.cwd for place in places)


def _holders(repo: Repo, ref: str, listed: Sequence[Worktree]) -> list[Repo] | Waiting:
    """The worktrees that have the branch checked out; or why one of them cannot go along at all."""
    admins = admin_dirs(repo)
    found = []
    for tree in listed:
        git_dir = admins.get(real(tree.path), repo.common_dir)
        if tree.branch != ref:
            if rebased_branch(git_dir) == ref:
                return Waiting(tree.path, "a rebase of this branch is in progress")
            continue
        # Where the git directory lies apart, git cannot tell the main worktree's folder from outside of it.
        own = repo.worktree if git_dir == repo.git_dir else None
        path = own or tree.path
        if path.is_dir():
            found.append(Repo.at(path))
            if found[-1].worktree is None:
                return Waiting(path, "the files of this worktree cannot be found")
        elif lock_reason(git_dir) is not None:
            return Waiting(path, "the worktree is locked and its folder is not there")
    return found


def _examine(place: Repo, old: str, new: str) -> Waiting | None:
    """What keeps a worktree from going along; nothing is changed but what the index remembers of unchanged files."""
    doing = operation_in_progress(place)
    if doing:
        return Waiting(place.cwd, f"a {doing} is in progress")
    conflicts = index.index_conflicts(place)
    if conflicts:
        return Waiting(place.cwd, "conflicts are not resolved", tuple(conflicts))
    _refresh(place)
    found = overlaps(place, old, new)
    if found.blocking:
        return Waiting(place.cwd, _OVERLAP, found.blocking)
    with copied_index(place) as extra:
        _stage(place, {path: after for path, (_, after) in found.there.items()}, extra)
        tried = place.git(*_READ_TREE, "-n", old, new, check=False, extra=extra)
    if tried.returncode:
        return _refused(place, tried)
    lock = place.index_file.with_name("index.lock")
    return Waiting(place.cwd, f"another git process works on its index ({lock})") if _stays(lock) else None


def _stays(lock: Path) -> bool:
    """Whether a lock file is there for longer than a `git status` or `git add` takes."""
    for _look in range(_LOOKS):
        if not lock.exists():
            return False
        sleep(_PAUSE)
    return lock.exists()


def _refused(place: Repo, done: Result) -> Waiting:
    words = (done.stderr or f"git read-tree ended with {done.returncode}").splitlines()[0]
    words = words.removeprefix("error: ").removeprefix("fatal: ")
    return Waiting(place.cwd, f"the disk is full: {words}" if space.is_full(place.cwd) else words)


def _go_along(places: Sequence[Repo], old: str, new: str, gone: list[_Gone]) -> Waiting | None:
    """Bring all worktrees to the new commit, or none; `gone` gets those that were (or were about to be) changed."""
    for place in places:
        found = overlaps(place, old, new)
        if found.blocking:
            waiting: Waiting | None = Waiting(place.cwd, _OVERLAP, found.blocking)
        else:
            gone.append(_Gone(place, {path: before for path, (before, _) in found.there.items()}))
            waiting = _update(place, found, old, new)
            if waiting is not None:
                halfway.take_back(place, old, new, keep={*found.there, *found.absent})
        if waiting is not None:
            _go_back(gone, old, new)
            return waiting
    return None


def _update(place: Repo, found: Overlaps, old: str, new: str) -> Waiting | None:
    _stage(place, {path: after for path, (_, after) in found.there.items()})
    done = place.git(*_READ_TREE, old, new, check=False)
    if done.returncode:
        return _refused(place, done)
    if found.there:
        _refresh(place)
    return None


def _go_back(gone: Sequence[_Gone], old: str, new: str) -> None:
    """Take worktrees back. What the person has changed there since is kept, and then stays in the way of that."""
    for one in gone:
        _stage(one.place, one.there)
        one.place.git(*_READ_TREE, _without(one, new), old, check=False)


def _without(one: _Gone, new: str) -> str:
    """The tree of the new commit but for the files that were there before: git would remove or rewrite those."""
    if not one.there:
        return new
    with copied_index(one.place) as extra:
        one.place.git("read-tree", new, extra=extra)
        _stage(one.place, one.there, extra)
        return one.place.git("write-tree", extra=extra).text


def _refresh(place: Repo) -> None:
    """Let git see which files only look changed (touched, copied): it compares times before contents."""
    place.git(*NO_HOOKS, "update-index", "-q", "--refresh", check=False)


def _stage(place: Repo, sides: Mapping[str, Side | None], extra: Mapping[str, str] | None = None) -> None:
    if sides:
        lines = [f"{mode} {oid}\t{path}\0" for path, side in sides.items() for mode, oid in [side or ("0", write.ZERO)]]
        data = "".join(lines).encode("utf-8", "surrogateescape")
        place.git(*NO_HOOKS, "update-index", "-z", "--add", "--replace", "--index-info", input=data, extra=extra)
