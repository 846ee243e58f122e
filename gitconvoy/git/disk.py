"""What outlives a loss of power: refs that were moved, and the objects that somebody else wrote and a ref now needs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from gitconvoy.git import config
from gitconvoy.git.repo import Repo

_MANY = 200
_PAIR = 2
"""Files for which to start a thread takes longer than a disk."""
_THREADS = 32
"""Files that are synced together."""


def wanted(repo: Repo) -> bool:
    """Whether what is written has to outlive a loss of power: not where `core.fsync` is `none`."""
    return config.get(repo, "core.fsync") != "none"


def sync_ref(repo: Repo, name: str) -> None:
    """See to it that a move of the ref `name` outlives a loss of power.

    git syncs the new file, and then renames it: that is on the disk only once its folder is. What was recorded is acted
    upon at once, so it must not be forgotten afterwards (SPEC 7).
    """
    sync_folders(repo, [(repo.common_dir / name).parent])


def sync_objects(repo: Repo, oids: Collection[str]) -> None:
    """The same for loose objects of this repository that git wrote without syncing them, as it does unless told to.

    Those in packs git has synced. Where there are many, everything on the machine is synced at once, which is quicker.
    """
    if not wanted(repo):
        return
    if len(oids) > _MANY:
        os.sync()
        return
    objects = repo.common_dir / "objects"
    files = [file for file in (objects / oid[:2] / oid[2:] for oid in oids) if file.exists()]
    with suppress(FileNotFoundError):  # one that was packed meanwhile
        sync_files(repo, files)
    sync_folders(repo, [file.parent for file in files])


def sync_files(repo: Repo, files: Iterable[Path]) -> None:
    """See to it that the bytes of files outlive a loss of power. OSError where one cannot be synced."""
    if wanted(repo):
        errors = _at_once(list(files))
        if errors:
            raise errors[0]


def sync_folders(repo: Repo, folders: Iterable[Path]) -> bool:
    """The same for the names in folders, as far as the system has that: False where it has not, or could not."""
    return not (wanted(repo) and _at_once(list(dict.fromkeys(folders))))


def _at_once(places: Sequence[Path]) -> list[OSError]:
    """Sync them together: a disk serves all that wait for it in one go. The errors there were."""
    errors: list[OSError] = []
    if len(places) <= _PAIR:
        for place in places:
            _sync(place, errors)
        return errors
    for start in range(0, len(places), _THREADS):
        some = places[start : start + _THREADS]
        threads = [Thread(target=_sync, args=(place, errors)) for place in some[1:]]
        for thread in threads:
            thread.start()
        _sync(some[0], errors)
        for thread in threads:
            thread.join()
    return errors


def _sync(place: Path, errors: list[OSError]) -> None:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        errors.append(error)


def put_new(file: Path, data: bytes) -> None:
    """Write a file that nobody may change any more, as objects and packs are. OSError, also where it is there."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
