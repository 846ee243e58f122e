"""What outlives a loss of power: refs that were moved, and the objects that somebody else wrote and a ref now needs."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from gitconvoy.git import config
from gitconvoy.git.repo import Repo

_MANY = 200


def sync_ref(repo: Repo, name: str) -> None:
    """See to it that a move of the ref `name` outlives a loss of power; nothing where `core.fsync` is `none`.

    git syncs the new file, and then renames it: that is on the disk only once its folder is. What was recorded is acted
    upon at once, so it must not be forgotten afterwards (SPEC 7).
    """
    if _wanted(repo):
        _sync((repo.common_dir / name).parent)


def sync_objects(repo: Repo, oids: Collection[str]) -> None:
    """The same for loose objects of this repository that git wrote without syncing them, as it does unless told to.

    Those in packs git has synced. Where there are many, everything on the machine is synced at once, which is quicker.
    """
    if not _wanted(repo):
        return
    if len(oids) > _MANY:
        os.sync()
        return
    objects = repo.common_dir / "objects"
    files = [file for file in (objects / oid[:2] / oid[2:] for oid in oids) if file.exists()]
    for place in (*files, *dict.fromkeys(file.parent for file in files)):
        _sync(place)


def _wanted(repo: Repo) -> bool:
    return config.get(repo, "core.fsync") != "none"


def _sync(place: Path) -> None:
    with suppress(OSError):  # a system on which folders cannot be synced; an object that was packed meanwhile
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
