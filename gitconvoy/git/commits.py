"""Commits and their ancestry. Ids are 40 hex digits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git import objects
from gitconvoy.git.catfile import FULL_ID
from gitconvoy.git.repo import Repo

_EDGE = rb"[^\0-\x20.,:;<>\"\\']"
"""What a name begins and ends with: of anything else libgit2 frees it."""
_PERSON = rb"(%s(?:[^<>\n]*%s)?)" % (_EDGE, _EDGE)
_PLAIN = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)"
    rb"author %s <%s> [0-9]{1,10} [+-][0-9]{4}\n"
    rb"committer [^<>\n]* <[^<>\n]*> ([0-9]{1,10}) [+-][0-9]{4}\n"
    rb"(?:[^\n]+\n)*\n(?!\n)" % (_PERSON, _PERSON)
)
"""The head of a commit as git writes it; of any other libgit2 says what it is."""


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
    data, head = _plain(repo, oid)
    if head is None or _cut_short(repo):
        return _info(objects.get(repo, oid, "commit"))
    return CommitInfo(
        id=oid,
        tree=head[1].decode(),
        parents=tuple(line.decode() for line in head[2].split()[1::2]),
        author=head[3].decode("utf-8", "replace"),
        email=head[4].decode("utf-8", "replace"),
        time=int(head[5]),
        message=data[head.end() :].decode("utf-8", "replace"),
    )


def tree_of(repo: Repo, oid: str) -> str:
    """The tree of a commit; GitError if it is not here."""
    _, head = _plain(repo, oid)
    return head[1].decode() if head is not None else str(objects.get(repo, oid, "commit").tree_id)


def is_commit(repo: Repo, oid: str) -> bool:
    """Whether there is a commit with this full id. GitError where there is something damaged."""
    if not FULL_ID.fullmatch(oid):
        return False
    if _plain(repo, oid)[1] is not None:
        return True
    from pygit2 import GitError as Refusal

    objects.require_whole(repo, oid)
    try:
        found = repo.raw.get(oid)
    except Refusal as error:
        raise objects.damaged(f"the object {oid}", error) from error
    return found is not None and found.type == objects.NUMBERS["commit"]


def _cut_short(repo: Repo) -> bool:
    """Whether commits may have other parents here than they say: libgit2 knows."""
    folder = str(repo.common_dir)
    return os.path.exists(f"{folder}/shallow") or os.path.exists(f"{folder}/info/grafts")  # noqa: PTH110 - often asked


def _plain(repo: Repo, oid: str) -> tuple[bytes, re.Match[bytes] | None]:
    """The bytes of a commit, and what its head says; None where that is for libgit2 to tell."""
    data = objects.at_hand(repo, oid, "commit") or b""
    return data, _PLAIN.match(data) if b"\0" not in data else None


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
    if stop is not None and not is_commit(repo, stop):
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
    from pygit2 import GitError as Refusal
    from pygit2.enums import SortMode

    try:
        for found in repo.raw.walk(tip, SortMode.TIME):
            yield _info(found)
    except (KeyError, ValueError, Refusal) as error:
        raise GitError(
            f"the history of {tip} cannot be read: {error}",
            hint="check the repository with `git fsck`; a shallow clone gets the rest by `git fetch --unshallow`",
            code="unreadable-history",
        ) from error
