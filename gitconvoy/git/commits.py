"""Commits and their ancestry. Ids are 40 hex digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pygit2
from pygit2.enums import ObjectType, SortMode

from gitconvoy.errors import GitError
from gitconvoy.git import objects, refs
from gitconvoy.git.repo import Repo


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; `time` is the committer date in seconds of the epoch, `author` and `email` are the author's."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    time: int
    message: str


def commit(repo: Repo, oid: str) -> CommitInfo:
    """A commit by id; GitError if it is not here."""
    return _info(objects.get(repo, oid, ObjectType.COMMIT))


def _info(found: Any) -> CommitInfo:
    return CommitInfo(
        id=str(found.id),
        tree=str(found.tree_id),
        parents=tuple(str(parent) for parent in found.parent_ids),
        author=found.author.raw_name.decode("utf-8", "replace"),
        email=found.author.raw_email.decode("utf-8", "replace"),
        time=found.commit_time,
        message=found.raw_message.decode("utf-8", "replace"),
    )


def first_parents(repo: Repo, tip: str, stop: str | None) -> list[str] | None:
    """The first-parent commits from `tip` down to, without, `stop` (None: to the root), newest first.

    None if `stop` is no first-parent ancestor of `tip`. In a shallow clone the chain ends where history does.
    """
    if tip == stop:
        return []
    known = stop is not None and refs.resolve(repo, stop) == stop
    if stop is not None and not known:
        return None
    listed = repo.git("rev-list", "--first-parent", "--parents", tip, *([f"^{stop}"] if stop else []), "--")
    lines = [line.split(" ") for line in listed.text.splitlines()]
    if stop is not None and (not lines or lines[-1][1:2] != [stop]):
        return None
    return [line[0] for line in lines]


def is_ancestor(repo: Repo, old: str, new: str) -> bool:
    """Whether `old` is reachable from `new` (a commit is its own ancestor); False where one of them is not here."""
    if old == new:
        return True
    return repo.git("merge-base", "--is-ancestor", old, new, ok=(0, 1, 128)).returncode == 0


def merge_base(repo: Repo, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, as `git merge-base` chooses it; None where there is none here."""
    found = repo.git("merge-base", one, other, ok=(0, 1))
    return found.text if found.returncode == 0 else None


def log(repo: Repo, tip: str) -> Iterator[CommitInfo]:
    """All commits reachable from `tip`, newest first, read as they are asked for."""
    try:
        for found in repo.raw.walk(tip, SortMode.TIME):
            yield _info(found)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise GitError(
            f"the history of {tip} cannot be read: {error}",
            hint="check the repository with `git fsck`; a shallow clone gets the rest by `git fetch --unshallow`",
            code="unreadable-history",
        ) from error
