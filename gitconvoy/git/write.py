"""Writing objects, and moving a ref last, by one compare-and-swap. Neither the worktree nor the index is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import config, disk, objects, space
from gitconvoy.git.batch import Batch
from gitconvoy.git.folders import Change, Folder
from gitconvoy.git.folders import Tree as Tree
from gitconvoy.git.identity import identity
from gitconvoy.git.refs import ref
from gitconvoy.git.repo import Repo

ZERO = "0" * 40
_FSYNC = ("-c", "core.fsync=committed")
_LOCK_WAIT = ("-c", "core.filesRefLockTimeout=1000")
_ATTEMPTS = 5


def _fsync(repo: Repo) -> tuple[str, ...]:
    """The options that make git sync what it writes."""
    return _FSYNC if disk.wanted(repo) else ()


def write_blob(repo: Repo, data: bytes) -> str:
    """Write bytes as they are (no filters) and return the blob's id."""
    return _written(repo, "blob", data)


def _written(repo: Repo, kind: str, data: bytes) -> str:
    batch = Batch(repo)
    oid = batch.add(kind, data)
    batch.write()
    return oid


def edit_tree(repo: Repo, base: str | None, changes: Mapping[str, Change]) -> str:
    """The tree `base` (None: empty) with `changes` by path applied; only the sub-trees they touch are written.

    A folder whose last file goes, goes too. A file that stands where a folder is wanted gives way, and the other way
    round. Raises ValueError for paths that git would not have (empty parts, `..`, `.git`) or that contradict each
    other.
    """
    batch = Batch(repo)
    root = Folder(batch, base)
    root.change(changes)
    tree = root.store() or batch.add("tree", b"")
    batch.write()
    return tree


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
        sign = signs(repo)
    if sign:
        return _signed_commit(repo, tree, parents, message, time)
    if not objects.exists(repo, tree):
        raise GitError(
            f"the commit could not be written: its tree {tree} is not in this repository",
            hint="fetch it first, or check with `git fsck`",
            code="missing-object",
        )
    return _written(repo, "commit", commit_bytes(repo, tree, parents, message, time))


def signs(repo: Repo) -> bool:
    """Whether commits are signed here: only git can do that."""
    return config.get_bool(repo, "commit.gpgsign")


def commit_bytes(repo: Repo, tree: str, parents: Sequence[str], message: str, time: int) -> bytes:
    """The commit object that `create_commit` writes where it is not signed."""
    name, email = identity(repo)
    who = f"{name} <{email}> {time} +0000"
    above = "".join(f"parent {parent}\n" for parent in parents)
    return f"tree {tree}\n{above}author {who}\ncommitter {who}\n\n{message}".encode()


def _signed_commit(repo: Repo, tree: str, parents: Sequence[str], message: str, time: int) -> str:
    name, email = identity(repo)
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
