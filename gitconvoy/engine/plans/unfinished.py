"""An edit of files that died before its commit is taken back by the next command in that worktree (SPEC 1, 6).

A note in the worktree's git directory says what the files held before and what they were to hold. It is written before
the first file changes, and gone once the commit is made or the files are as they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from gitconvoy.errors import LostRace
from gitconvoy.git import lock, objects, refs, write
from gitconvoy.git.repo import Repo
from gitconvoy.store import load
from gitconvoy.store.localfiles import write_atomically

LOCK = "gitconvoy-edit.lock"
"""In the git directory of a worktree: one planning edit at a time is written and committed there."""
_NOTE = "gitconvoy-edit.json"
_BUSY = ("index.lock", "HEAD.lock")


def begin(repo: Repo, files: Mapping[str, bytes | None]) -> None:
    """Note what the files hold now and what they are about to hold (None: no such file). Call it under the lock."""
    now = load.worktree_reader(repo)
    noted = {}
    for path, data in files.items():
        old = now(path)
        noted[path] = [write.write_blob(repo, old) if old is not None else None, _digest(data)]
    write_atomically(repo.git_dir / _NOTE, json.dumps({"head": refs.head(repo), "files": noted}).encode())


def end(repo: Repo) -> None:
    """The edit is over, one way or the other."""
    (repo.git_dir / _NOTE).unlink(missing_ok=True)


def take_back(repo: Repo) -> tuple[str, ...]:
    """Undo an edit that died before its commit; the paths that were put back.

    Left alone are files that hold something else by now, and everything while an edit or git itself is at work there.
    """
    note = repo.git_dir / _NOTE
    if repo.worktree is None or not note.exists():
        return ()
    try:
        with lock.exclusive(repo.git_dir / LOCK, 0):
            return _take_back(repo, repo.worktree, note)
    except LostRace:
        return ()


def _take_back(repo: Repo, root: Path, note: Path) -> tuple[str, ...]:
    try:
        noted = json.loads(note.read_bytes())
        files = {path: (old, new) for path, (old, new) in noted["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        note.unlink(missing_ok=True)  # not one of ours
        return ()
    if any((repo.git_dir / name).exists() for name in _BUSY) or list(repo.git_dir.glob("next-index-*.lock")):
        return ()  # git may still be making the commit
    head, done = refs.head(repo), []
    committed = load.commit_reader(repo, head)
    moved = head != noted.get("head") and all(_digest(committed(path)) == new for path, (_, new) in files.items())
    for path, (old, new) in () if moved else files.items():
        if _digest(load.worktree_reader(repo)(path)) == new and old != new:
            _restore(repo, root / path, old)
            if committed(path) is None:  # git was told of a new file already
                repo.git("update-index", "--force-remove", "--", path)
            done.append(path)
    note.unlink(missing_ok=True)
    return tuple(done)


def _restore(repo: Repo, file: Path, old: str | None) -> None:
    if old is None:
        file.unlink(missing_ok=True)
        return
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    write_atomically(file, objects.blob(repo, old), mode=mode, aside=repo.git_dir)


def _digest(data: bytes | None) -> str | None:
    return hashlib.sha256(data).hexdigest() if data is not None else None
