"""The versions that a file had: which commits changed it, and from which blobs to which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gitconvoy.git import read
from gitconvoy.git.repo import Repo

_NOTHING = "0" * 40
_MERGE = ("--stdin", "-m", "-r", "-z", "--root", "--raw", "--no-renames", "--no-abbrev")


@dataclass(frozen=True, slots=True)
class Version:
    """One commit that changed a file: its blob in the commit and in each parent (None: it is not there).

    `whole`: whether all parents are known; at the end of a shallow clone's history they are not.
    """

    commit: str
    after: str | None
    before: tuple[str | None, ...]
    whole: bool = True


def versions(repo: Repo, tip: str, patterns: Sequence[str], most: int) -> list[Version]:
    """The last commits, `most` at most, that changed the file which `patterns` name, newest first.

    `patterns` are git's, from the root; wherever one of them found the file, it is taken to be the same, so that moving
    it between folders changes nothing. The history of `tip` is simplified as `git log -- FILE` does it.
    """
    paths = [f":(top,glob){pattern}" for pattern in patterns]
    listed = repo.git("rev-list", f"--max-count={most}", tip, "--", *paths)
    told = repo.git("diff-tree", *_MERGE, "--", *paths, input=listed.stdout)
    ends = read.shallow(repo)
    changes = _changes(os.fsdecode(told.stdout).split("\0"))
    return [_version(repo, commit, changes.get(commit, []), commit not in ends) for commit in listed.text.split()]


def _changes(fields: list[str]) -> dict[str, list[list[tuple[str, str]]]]:
    """Commit -> for each parent that it differs from, (blob before, blob after) of each path."""
    found: dict[str, list[list[tuple[str, str]]]] = {}
    current: list[tuple[str, str]] = []
    for field in fields:
        if field.startswith(":"):
            _, _, old, new, _ = field.split(" ")
            current.append((old, new))
        elif len(field) == len(_NOTHING) and "/" not in field:
            current = []
            found.setdefault(field, []).append(current)
    return found


def _version(repo: Repo, commit: str, changes: list[list[tuple[str, str]]], whole: bool) -> Version:
    after = next((new for each in changes for _, new in each if new != _NOTHING), None)
    before = [next((old for old, _ in each if old != _NOTHING), None) for each in changes]
    same = len(read.commit(repo, commit).parents) - len(changes) if whole else 0
    return Version(commit, after, (*before, *[after] * max(same, 0)), whole)
