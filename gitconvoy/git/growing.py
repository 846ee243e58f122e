"""A pack that grows: what a process that lives long writes, batch after batch, for three files that are synced.

Loose objects cost a file each, and two syncs; a pack for each batch would soon be thousands of packs. So what the
batches before were is written anew with the next one behind it, in place of the pack before, until that is full.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitconvoy.git import disk
from gitconvoy.git.packs import Item, entries, index, whole
from gitconvoy.git.repo import Repo

FULL = 1 << 17
"""Bytes after which another pack is begun."""
MUCH = 30
"""Objects that a process writes loose before it begins a pack: whoever writes few should leave none behind."""
_HEAD = 12
"""Bytes before the first entry of a pack."""


class Growing:
    """The pack that one process is writing. No other process puts anything into it, or takes it away."""

    def __init__(self) -> None:
        self._seen = 0
        self._begin()

    def _begin(self) -> None:
        self._body = b""
        self._places: dict[bytes, tuple[int, int]] = {}
        """What is in it: by raw id the CRC of each entry, and where it begins."""
        self._name: Path | None = None
        """The file without its ending; None where there is none yet."""

    def counted(self, count: int) -> bool:
        """Count objects that are about to be written; whether there have been so many that they are for this pack."""
        self._seen += count
        return self._seen > MUCH

    def add(self, repo: Repo, new: Mapping[str, Item]) -> None:
        """Write objects; they are on the disk when this returns. OSError, and then it is as it was before."""
        parts, places, at = [self._body], dict(self._places), _HEAD + len(self._body)
        for oid, entry in entries((oid, item) for oid, item in new.items() if bytes.fromhex(oid) not in places):
            places[bytes.fromhex(oid)] = zlib.crc32(entry), at
            parts.append(entry)
            at += len(entry)
        if len(places) == len(self._places):
            return
        body = b"".join(parts)
        data = whole(body, len(places))
        before = self._name
        self._name, stays = _write(repo, data, index(places, data[-20:]))
        self._body, self._places = body, places
        if before is not None and stays:
            _remove(before)
        if len(body) > FULL:
            self._begin()


def _remove(name: Path) -> None:
    """Take away a pack of which all is in another one; where more than its own index names it, that is left to git."""
    others = (name.parent / "multi-pack-index", name.parent / "multi-pack-index.d", name.with_suffix(".keep"))
    if any(each.exists() for each in others):
        return
    for ending in (".idx", ".pack"):
        with suppress(OSError):
            name.with_suffix(ending).unlink(missing_ok=True)


def _write(repo: Repo, data: bytes, listed: bytes) -> tuple[Path, bool]:
    """The files of a pack, and whether their names are on the disk, too.

    Its index gets its name last, as that is what makes objects known.
    """
    folder = repo.common_dir / "objects" / "pack"
    folder.mkdir(exist_ok=True)
    name = folder / f"pack-{data[-20:].hex()}"
    files = {folder / f"tmp_{ending}_{os.urandom(8).hex()}": ending for ending in ("pack", "idx")}
    try:
        for temporary, content in zip(files, (data, listed), strict=True):
            disk.put_new(temporary, content)
        disk.sync_files(repo, files)
        for temporary, ending in files.items():
            temporary.replace(f"{name}.{ending}")
    except BaseException:
        for temporary in files:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise
    return name, disk.sync_folders(repo, [folder])
