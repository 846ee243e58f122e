"""That a ref has moved is on the disk only once its folder is: git syncs the new file, and then renames it."""

from __future__ import annotations

import os
from contextlib import suppress

from gitconvoy.git import config
from gitconvoy.git.repo import Repo


def sync_ref(repo: Repo, name: str) -> None:
    """See to it that a move of the ref `name` outlives a loss of power; nothing where `core.fsync` is `none`.

    What was recorded is acted upon at once, so it must not be forgotten afterwards (SPEC 7).
    """
    if config.get(repo, "core.fsync") == "none":
        return
    with suppress(OSError):  # a system on which folders cannot be synced
        handle = os.open((repo.common_dir / name).parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
