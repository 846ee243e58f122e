"""Files that git wrote, or began to write, before it gave up on bringing a worktree to another commit.

git writes the files first and the index last: where it fails in between, as on a full disk, the index is still the old
one, and some files are new, cut off, or gone. Left like that they would look like changes of the person's.
"""

from __future__ import annotations

import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from gitconvoy.errors import GitError
from gitconvoy.git.overlaps import LINK, SUBMODULE, Side, differences
from gitconvoy.git.repo import Repo


def take_back(place: Repo, old: str, new: str, keep: Container[str]) -> None:
    """Bring the files that differ between two commits back to the old one, where git has touched them.

    What is neither the new file nor the beginning of it is somebody's and stays, as do the paths in `keep`. New files
    go first: that gives back the room that the old ones had.
    """
    assert place.worktree is not None
    wanted = []
    changed = _changed(place)
    for path, (before, after) in differences(place, old, new).items():
        file = place.worktree / path
        if path in keep or any(side is not None and side[0] == SUBMODULE for side in (before, after)):
            continue
        if before is not None and path not in changed:
            continue  # git did not come to it
        with suppress(GitError, OSError):  # what cannot be judged stays as it is, and the others are taken back
            if after is not None and _is_gits(place, file, path, after):
                file.unlink()
                _prune(place.worktree, file)
        if before is not None and not os.path.lexists(file):
            wanted.append(path)
    if wanted:
        names = b"".join(os.fsencode(path) + b"\0" for path in wanted)
        place.git("checkout-index", "--quiet", "-z", "--stdin", input=names, check=False)


def _changed(place: Repo) -> frozenset[str]:
    """The files that are not as the index, which is still the old one, has them."""
    listed = place.git("diff-files", "--name-only", "-z", "--ignore-submodules", check=False).stdout
    return frozenset(os.fsdecode(listed).split("\0"))


def _is_gits(place: Repo, file: Path, path: str, after: Side) -> bool:
    """Whether a file is the new one, or its beginning: what git writes of it, filters applied."""
    mode, oid = after
    if mode == LINK:
        return file.is_symlink() and os.fsencode(file.readlink()) == place.git("cat-file", "blob", oid).stdout
    if file.is_symlink() or not file.is_file():
        return False
    whole = place.git("cat-file", "--filters", f"--path={path}", oid).stdout
    return whole.startswith(file.read_bytes())


def _prune(root: Path, file: Path) -> None:
    """Folders that are empty now: git keeps none."""
    with suppress(OSError):
        for folder in file.parents:
            if folder == root:
                return
            folder.rmdir()
