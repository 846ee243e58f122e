"""The versions that a file had: which commits changed it, and from which blobs to which."""

from __future__ import annotations

import os
from itertools import pairwise

from gitconvoy.dataclass import dataclass
from gitconvoy.git import commits, objects
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


def versions(repo: Repo, tip: str, path: str, most: int) -> list[Version]:
    """The last commits, `most` at most, that changed a file, newest first, as `git log -- FILE` simplifies history.

    Nobody guesses where a file that was added came from: its versions end there.
    """
    file = f":(literal){path}"  # from the root, where git is started: with `top` it would not use its commit graph
    listed = repo.git("rev-list", f"--max-count={most}", tip, "--", file)
    told = repo.git("diff-tree", *_MERGE, "--", file, input=listed.stdout)
    ends = objects.shallow(repo)
    changes = _changes(os.fsdecode(told.stdout).split("\0"))
    return [_version(repo, commit, changes.get(commit, []), commit not in ends) for commit in listed.text.split()]


def _changes(fields: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Commit -> for each parent that it differs from, the blobs before and after."""
    found: dict[str, list[tuple[str, str]]] = {}
    commit = ""
    for before, field in pairwise(["", *fields]):
        if field.startswith(":") and not before.startswith(":"):
            _, _, old, new, _ = field.split(" ")
            found.setdefault(commit, []).append((old, new))
        elif not before.startswith(":"):
            commit = field
    return found


def _version(repo: Repo, commit: str, changes: list[tuple[str, str]], whole: bool) -> Version:
    after = changes[0][1] if changes else _NOTHING
    same = max(len(commits.commit(repo, commit).parents) - len(changes), 0) if whole else 0
    before = (*(old for old, _ in changes), *[after] * same)
    return Version(commit, _known(after), tuple(map(_known, before)), whole)


def _known(blob: str) -> str | None:
    return None if blob == _NOTHING else blob
