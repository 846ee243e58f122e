"""The files of the index and of the worktree. Paths are as those of `trees`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gitconvoy.dataclass import dataclass
from gitconvoy.git import objects, trees
from gitconvoy.git.repo import Repo


@dataclass(frozen=True, slots=True)
class WorktreeEntry:
    """A file of the worktree: path from the root, where it is (absolute), whether it is a symbolic link."""

    path: str
    place: str
    is_link: bool

    @property
    def file(self) -> Path:
        """Where it is."""
        return Path(self.place)


def index_entries(repo: Repo, prefix: str = "") -> list[trees.Entry]:
    """What a commit of the index as it stands would hold below `prefix`, sorted; honours `repo.index_file`.

    Conflicted paths are left out (see `index_conflicts`), and so are files that were only announced (`git add -N`).
    git itself reads the index, so split and sparse ones are no matter.
    """
    # Against the empty tree, every entry is an addition; `ls-files` would show announced files as empty ones.
    found = [entry for letter, entry in _otherwise(repo, objects.EMPTY_TREE, prefix) if letter == "A"]
    return sorted(found, key=lambda entry: entry.path)


def changes(repo: Repo, commit: str, prefix: str = "") -> dict[str, trees.Entry | None] | None:
    """What the index has otherwise than a commit below `prefix`, by path; None where a file is gone.

    None for all where something is in conflict.
    """
    found = list(_otherwise(repo, commit, prefix))
    if not {letter for letter, _ in found} <= {"A", "D", "M", "T"}:
        return None
    return {entry.path: entry if letter != "D" else None for letter, entry in found}


def _otherwise(repo: Repo, tree: str, prefix: str) -> Iterator[tuple[str, trees.Entry]]:
    """git's letter for each path, and what the index has there."""
    options = ("--cached", "--ita-invisible-in-index", "--raw", "-z", "--no-renames", "--no-abbrev")
    listed = repo.git("diff-index", *options, tree, "--", *_literal(prefix))
    fields = os.fsdecode(listed.stdout).split("\0")
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        _old_mode, mode, _old_oid, oid, letter = about.lstrip(":").split(" ")
        yield letter, trees.Entry(path, oid, int(mode, 8))


def index_conflicts(repo: Repo, prefix: str = "") -> list[str]:
    """Paths below `prefix` that are unmerged in the index, sorted."""
    listed = repo.git("ls-files", "--unmerged", "-z", "--", *_literal(prefix))
    lines = [line for line in os.fsdecode(listed.stdout).split("\0") if line]
    return sorted({line.partition("\t")[2] for line in lines})


def _literal(prefix: str) -> list[str]:
    return [f":(top,literal){prefix.rstrip('/')}"] if prefix else []


def worktree_entries(repo: Repo, prefix: str = "") -> list[WorktreeEntry]:
    """All files below `prefix` in the worktree, sorted by path, untracked ones too. Links are listed, not followed."""
    if repo.worktree is None:
        return []
    parts = PurePosixPath(prefix).parts
    for depth in range(1, len(parts) + 1):
        place = repo.worktree.joinpath(*parts[:depth])
        if place.is_symlink():
            return [WorktreeEntry("/".join(parts[:depth]), str(place), True)]
    found: list[WorktreeEntry] = []
    todo = [(repo.worktree.joinpath(*parts), "/".join(parts))]
    while todo:
        folder, above = todo.pop()
        if not folder.is_dir():
            continue
        with os.scandir(folder) as listing:
            for item in listing:
                path = f"{above}/{item.name}" if above else item.name
                if path == ".git":
                    continue
                if item.is_dir(follow_symlinks=False):
                    todo.append((Path(item.path), path))
                elif item.is_symlink() or item.is_file():  # as git, which does not see pipes and the like
                    found.append(WorktreeEntry(path, item.path, item.is_symlink()))
    return sorted(found, key=lambda entry: entry.path)
