"""New objects: collected in memory, then written at once, and on the disk when `write` returns."""

from __future__ import annotations

import errno
import hashlib
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitconvoy.errors import GitError
from gitconvoy.git import disk, space
from gitconvoy.git.growing import Growing
from gitconvoy.git.packs import LEVEL, Item, pack
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import full

LOOSE = 100
"""Objects up to which each becomes a file of its own, as git does with what it fetches; more become a pack."""
_FSYNC = ("-c", "core.fsync=objects,derived-metadata")


class Batch:
    """Blobs, trees and commits that are named already, and not written yet."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self._new: dict[str, Item] = {}

    def add(self, kind: str, data: bytes, like: str | None = None) -> str:
        """Take in an object (`blob`, `tree`, `commit`) as it is; its id. `like`: the id of one that it resembles."""
        oid = hashlib.sha1(_header(kind, data) + data, usedforsecurity=False).hexdigest()
        self._new.setdefault(oid, Item(kind, data, like))
        return oid

    def __contains__(self, oid: str) -> bool:
        """Whether the object is here and not written yet."""
        return oid in self._new

    def write(self) -> None:
        """Write all of them. GitError (`not-writable`, `disk-full`); some may be there then, unused.

        git leaves it to the system when loose objects get onto the disk, but a ledger that names objects which are gone
        is lost: all are synced, but where `core.fsync` is `none`.
        """
        new, self._new = self._new, {}
        if not new:
            return
        try:
            growing: Growing | None = self.repo.memo.get("growing")
            if growing is not None and growing.counted(len(new)):
                growing.add(self.repo, new)
            elif len(new) > LOOSE:
                _write_pack(self.repo, new)
            else:
                _write_loose(self.repo, new)
        except OSError as error:
            raise _unwritable(self.repo, error) from error


def live_long(repo: Repo) -> None:
    """Say that this process stays: if it writes much, that goes into few packs, and not into many files."""
    repo.memo.setdefault("growing", Growing())


def _header(kind: str, data: bytes) -> bytes:
    return b"%s %d\0" % (kind.encode(), len(data))


def _write_pack(repo: Repo, new: Mapping[str, Item]) -> None:
    sync = _FSYNC if disk.wanted(repo) else ()
    try:
        repo.git(*sync, "index-pack", "--stdin", input=pack(new.items(), len(new)))
    except GitError as error:
        raise space.named(repo.common_dir, error) from error
    disk.sync_folders(repo, [repo.common_dir / "objects" / "pack"])


def _write_loose(repo: Repo, new: Mapping[str, Item]) -> None:
    """Each gets its name only once its bytes are on the disk: a name without them would stand for damage."""
    files = {_temporary(repo, oid): repo.common_dir / "objects" / oid[:2] / oid[2:] for oid in new}
    try:
        for temporary, item in zip(files, new.values(), strict=True):
            temporary.parent.mkdir(exist_ok=True)
            disk.put_new(temporary, zlib.compress(_header(item.kind, item.data) + item.data, LEVEL))
        disk.sync_files(repo, files)
        for temporary, file in files.items():
            temporary.replace(file)
    except BaseException:
        for temporary in files:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise
    disk.sync_folders(repo, [file.parent for file in files.values()])


def _temporary(repo: Repo, oid: str) -> Path:
    """A name beside the object's own that `git prune` clears away."""
    return repo.common_dir / "objects" / oid[:2] / f"tmp_obj_{os.urandom(8).hex()}"


def _unwritable(repo: Repo, error: OSError) -> GitError:
    if error.errno == errno.ENOSPC:
        return full(str(repo.common_dir))
    return GitError(
        f"nothing can be written to {repo.common_dir}: {error}",
        hint="check its permissions and space",
        code="not-writable",
    )
