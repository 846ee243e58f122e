"""Writing objects, and moving a ref last, by one compare-and-swap. Neither the worktree nor the index is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pygit2
from pygit2.enums import FileMode, ObjectType, Option

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import config, disk, space
from gitconvoy.git.identity import identity
from gitconvoy.git.refs import ref
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import full

ZERO = "0" * 40
_FSYNC = ("-c", "core.fsync=committed")
_LOCK_WAIT = ("-c", "core.filesRefLockTimeout=1000")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Tree:
    """An existing tree object, to be put at a path as a folder."""

    oid: str


Change = bytes | Tree | None
"""The content of a file, a whole folder, or None: gone."""


def _durable(repo: Repo) -> bool:
    """Make libgit2 sync what it writes to the disk before it goes on; not where `core.fsync` is `none`.

    git leaves that to the system for loose objects, but a ledger that names objects which are gone is lost.
    """
    wanted = config.get(repo, "core.fsync") != "none"
    pygit2.option(Option.ENABLE_FSYNC_GITDIR, wanted)
    return wanted


def _fsync(repo: Repo) -> tuple[str, ...]:
    """The options that make git do the same."""
    return _FSYNC if _durable(repo) else ()


def write_blob(repo: Repo, data: bytes) -> str:
    """Write bytes as they are (no filters) and return the blob's id."""
    _durable(repo)
    try:
        return str(repo.raw.create_blob(data))
    except (OSError, pygit2.GitError) as error:
        raise _unwritable(repo, error) from error


def edit_tree(repo: Repo, base: str | None, changes: Mapping[str, Change]) -> str:
    """The tree `base` (None: empty) with `changes` by path applied; only the sub-trees they touch are written.

    A folder whose last file goes, goes too. A file that stands where a folder is wanted gives way, and the other way
    round. Raises ValueError for paths that git would not have (empty parts, `..`, `.git`) or that contradict each
    other.
    """
    _durable(repo)
    nested: dict[str, Any] = {}
    for path, change in changes.items():
        *folders, name = path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in (*folders, name)):
            raise ValueError(f"{path!r} cannot be a path in a tree")
        level = nested
        for folder in folders:
            level = level.setdefault(folder, {})
            if not isinstance(level, dict):
                raise ValueError(f"{path!r} lies below a path that is changed as well")
        if name in level:
            raise ValueError(f"{path!r} is above a path that is changed as well")
        level[name] = change
    try:
        return _write_tree(repo, base, nested) or str(repo.raw.TreeBuilder().write())
    except (OSError, pygit2.GitError) as error:
        raise _unwritable(repo, error) from error


def _write_tree(repo: Repo, base: str | None, changes: Mapping[str, Any]) -> str | None:
    """As `edit_tree`, over nested changes; None for a tree without entries. As deep as the changed paths are."""
    builder = repo.raw.TreeBuilder() if base is None else repo.raw.TreeBuilder(_tree(repo, base))
    for name, change in changes.items():
        there = builder.get(name)
        if isinstance(change, dict):
            below = str(there.id) if there is not None and there.type == ObjectType.TREE else None
            made = _write_tree(repo, below, change)
            if made is None and below is None:
                continue  # nothing was to be removed but what is not there
            change = Tree(made) if made is not None else None
        if change is None:
            if there is not None:
                builder.remove(name)
        elif isinstance(change, Tree):
            builder.insert(name, change.oid, FileMode.TREE)
        else:
            builder.insert(name, repo.raw.create_blob(change), FileMode.BLOB)
    return str(builder.write()) if len(builder) else None


def _tree(repo: Repo, oid: str) -> Any:
    found = repo.raw.get(oid)
    if found is None or found.type != ObjectType.TREE:
        raise GitError(
            f"the tree {oid} is not in this repository",
            hint="fetch it first, or check with `git fsck`",
            code="missing-object",
        )
    return found


def create_commit(
    repo: Repo, tree: str, parents: Sequence[str], message: str, time: int, sign: bool | None = None
) -> str:
    """Write a commit object, move no ref, run no hook, and return its id.

    Author and committer are the person that git would name as committer (`git var`; a neutral name where none is set
    up), their date is exactly `time` (seconds of the epoch, offset 0), whatever `GIT_*_DATE` says. `sign` None means
    as `commit.gpgsign` says.
    """
    if "\0" in message:
        raise ValueError("a commit message holds no NUL")
    if sign is None:
        sign = config.get_bool(repo, "commit.gpgsign")
    name, email = identity(repo)
    if sign:
        return _signed_commit(repo, tree, parents, message, time, name, email)
    _durable(repo)
    try:
        person = pygit2.Signature(name, email, time, 0)
        oid = repo.raw.create_commit(None, person, person, message.encode(), tree, list(parents))
    except (OSError, ValueError, KeyError, pygit2.GitError) as error:
        raise GitError(
            f"the commit could not be written: {error}",
            hint="check permissions and space of the git directory, then try again",
            code="not-writable",
        ) from error
    if not repo.raw.odb.exists(oid):  # libgit2 gives an id all the same where the disk takes no more
        raise _unwritten(repo, str(oid))
    return str(oid)


def _unwritten(repo: Repo, oid: str) -> GitError:
    said = f"the commit {oid[:10]} could not be written to {repo.common_dir}"
    if space.is_full(repo.common_dir):
        return full(said)
    try:
        write_blob(repo, oid.encode())  # which tells why
    except GitError as error:
        return error
    return GitError(said, hint="check permissions and space of the git directory, then try again", code="not-writable")


def _signed_commit(
    repo: Repo, tree: str, parents: Sequence[str], message: str, time: int, name: str, email: str
) -> str:
    who: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email, f"GIT_{role}_DATE": f"@{time} +0000"}
    above = [arg for parent in parents for arg in ("-p", parent)]
    options = (*_fsync(repo), "-c", "i18n.commitEncoding=UTF-8")
    command = ("commit-tree", "-S", *above, "-F", "-", tree)
    said = repo.git(*options, *command, input=message.encode(), extra=who, check=False)
    if said.returncode != 0:
        raise GitError(
            f"a commit could not be signed: {said.stderr.removeprefix('error: ')}",
            hint="commit.gpgsign is on: see that signing works here, or switch it off; then try again",
            code="not-signed",
        )
    return said.text


def swap_ref(repo: Repo, name: str, old: str | None, new: str, reason: str) -> bool:
    """Move a ref from `old` (None: it does not exist yet) to `new` if it still stands there; False: the race is lost.

    Atomic against every other git, and on disk when it returns. `reason` goes to the reflog, which is made. Raises
    LostRace when the ref's lock cannot be had, GitError when git refuses for another reason.
    """
    command = ("update-ref", "--create-reflog", "-m", " ".join(reason.split()), name, new, old or ZERO)
    for _attempt in range(_ATTEMPTS):
        done = repo.git(*_fsync(repo), *_LOCK_WAIT, *command, check=False)
        if done.returncode == 0:
            disk.sync_ref(repo, name)
            return True
        if ref(repo, name) != old:
            return False
        if "File exists" in done.stderr:
            raise LostRace(
                f"the ref {name} is locked by another process: {done.stderr}",
                hint="try again; if no git process is running, remove the .lock file that git names",
                code="ref-locked",
            )
        if "but expected" not in done.stderr and "already exists" not in done.stderr:
            break
        # It moved away and back between git's look and ours: once more.
    raise _refused(repo, done.stderr or f"git could not move {name}")


def _refused(repo: Repo, said: str) -> GitError:
    hint = "try again; if a reference-transaction hook refused, its words say why"
    return space.named(repo.common_dir, GitError(said, hint=hint, code="ref-refused"))


def delete_ref(repo: Repo, name: str, old: str) -> bool:
    """Delete a ref if it still stands on `old`; False if it does not."""
    done = repo.git(*_LOCK_WAIT, "update-ref", "-d", name, old, check=False)
    if done.returncode == 0:
        return True
    if ref(repo, name) != old:
        return False
    raise _refused(repo, done.stderr or f"git could not delete {name}")


def stage_paths(repo: Repo, changes: Mapping[str, str | None]) -> None:
    """Put blobs (by id) at paths of the index that `repo.index_file` names; None takes a path out of it.

    The worktree is not looked at; conflicts on these paths are thereby resolved.
    """
    if not changes:
        return
    lines = []
    for path, oid in changes.items():
        lines.append(f"0 {ZERO}\t{path}\0")
        if oid is not None:
            lines.append(f"100644 {oid}\t{path}\0")
    data = "".join(lines).encode("utf-8", "surrogateescape")
    repo.git("update-index", "-z", "--replace", "--index-info", input=data)


def _unwritable(repo: Repo, error: Exception) -> GitError:
    return GitError(
        f"nothing can be written to {repo.common_dir}: {error}",
        hint="check its permissions and space",
        code="not-writable",
    )
