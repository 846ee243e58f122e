"""What stands in a worktree that no commit holds, also where `assume-unchanged` or `skip-worktree` hide it from git."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.git.repo import Repo

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
"""For git commands of ours that are no doing of the person: their hooks have no say in them."""

_CALM = (*NO_HOOKS, "-c", "core.fsmonitor=false", "-c", "core.splitIndex=false")
_UNMERGED = frozenset({"DD", "AU", "UD", "UA", "DU", "AA", "UU"})


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths from the root, sorted: changes in the index, in files, files that git does not know, open conflicts."""

    staged: tuple[str, ...]
    unstaged: tuple[str, ...]
    untracked: tuple[str, ...]
    unmerged: tuple[str, ...]


def local_changes(repo: Repo) -> Changes:
    """The uncommitted changes of a worktree. Ignored files do not count, and of submodules only their commit does."""
    with revealed(repo) as extra:
        options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
        listed = repo.git("--no-optional-locks", *_CALM, "status", *options, extra=extra)
    lines = [(line[:2], line[3:]) for line in os.fsdecode(listed.stdout).split("\0") if line]
    tracked = [(code, path) for code, path in lines if code != "??" and code not in _UNMERGED]
    return Changes(
        staged=tuple(sorted(path for code, path in tracked if code[0] != " ")),
        unstaged=tuple(sorted(path for code, path in tracked if code[1] != " ")),
        untracked=tuple(sorted(path for code, path in lines if code == "??")),
        unmerged=tuple(sorted(path for code, path in lines if code in _UNMERGED)),
    )


@contextmanager
def revealed(repo: Repo) -> Iterator[Mapping[str, str]]:
    """Variables that make git look at every file: an index in which nothing is hidden, where something is.

    A file that is marked `skip-worktree` and absent stays hidden, as in every sparse checkout.
    """
    valid, skipped = _hidden(repo)
    if not valid and not skipped:
        yield {}
        return
    with copied_index(repo) as extra:
        for option, paths in (("--no-assume-unchanged", valid), ("--no-skip-worktree", skipped)):
            if paths:
                names = b"".join(os.fsencode(path) + b"\0" for path in paths)
                repo.git(*_CALM, "update-index", option, "-z", "--stdin", input=names, extra=extra)
        yield extra


def _hidden(repo: Repo) -> tuple[list[str], list[str]]:
    """Paths that are assumed unchanged, and those that are skipped though their file is there."""
    assert repo.worktree is not None
    valid, skipped = [], []
    for line in os.fsdecode(repo.git("ls-files", "-v", "-z").stdout).split("\0"):
        tag, path = line[:1], line[2:]
        if tag.islower():
            valid.append(path)
        if tag in ("S", "s") and os.path.lexists(repo.worktree / path):
            skipped.append(path)
    return valid, skipped


@contextmanager
def copied_index(repo: Repo) -> Iterator[Mapping[str, str]]:
    """Variables that make git work on a copy of the index, which is thrown away afterwards."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gitconvoy-index-") as folder:
        copy = Path(folder) / "index"
        if repo.index_file.exists():
            # With its time: by that, git knows which files may have changed since without a trace.
            shutil.copy2(repo.index_file, copy)
        yield {"GIT_INDEX_FILE": str(copy)}
