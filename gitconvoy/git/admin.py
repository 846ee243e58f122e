"""What git keeps about its worktrees under the common git directory, read even where their folders are gone."""

from __future__ import annotations

import os
from pathlib import Path

from gitconvoy.git.repo import Repo

_REBASED = ("rebase-merge/head-name", "rebase-apply/head-name")


def admin_dirs(repo: Repo) -> dict[Path, Path]:
    """The git directory of each linked worktree by the worktree's folder (real path), gone ones too."""
    found: dict[Path, Path] = {}
    base = repo.common_dir / "worktrees"
    for folder in sorted(base.iterdir()) if base.is_dir() else []:
        named = _text(folder / "gitdir")
        if named is not None:
            found[real(folder / named).parent] = folder
    return found


def admin_dir(repo: Repo, path: Path) -> Path | None:
    """The git directory of the linked worktree at `path`; None if git knows of none there."""
    return admin_dirs(repo).get(real(path))


def lock_reason(admin: Path) -> str | None:
    """Why a linked worktree is locked (may be empty); None if it is not."""
    return _text(admin / "locked")


def stands_on(admin: Path) -> str | None:
    """What a linked worktree's HEAD says: a branch (its full name) or a commit; None where that cannot be read."""
    said = _text(admin / "HEAD")
    return said.removeprefix("ref:").strip() if said else None


def rebased_branch(git_dir: Path) -> str | None:
    """The full name of the branch that is being rebased in the worktree with this git directory."""
    return next((name for file in _REBASED if (name := _text(git_dir / file))), None)


def real(path: Path) -> Path:
    """The absolute path without symbolic links; the last part may be missing."""
    return Path(os.path.realpath(path))


def _text(file: Path) -> str | None:
    try:
        return os.fsdecode(file.read_bytes()).strip()
    except OSError:
        return None
