"""Small files of this machine below the common git directory: written whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

FOLDER = "gitconvoy"
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}")
"""What `write_atomically` calls the file that it writes into."""
_OWN = 0o600
"""The permissions that a temporary file has from the start."""


def local_folder(common_dir: Path) -> Path:
    """Where this machine keeps what is disposable: leases, locks, attempts, logs."""
    return common_dir / FOLDER


def make_folder(folder: Path) -> None:
    """Make `folder` with what is missing above it, but not above `gitconvoy`: a repository that is gone stays gone.

    Raises FileNotFoundError where it is: one who was left behind by a removed repository has nothing to write there.
    """
    if folder.is_dir():
        return
    if folder.name != FOLDER:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)


def write_atomically(file: Path, data: bytes, mode: int = _OWN, *, aside: Path | None = None) -> None:
    """Replace `file` by `data` in one rename, so that a reader sees the old or the new bytes.

    `aside`: a folder where the new bytes may wait; where that is on another file system, they wait beside the file.
    """
    folder = file.parent
    make_folder(folder)
    place = aside if aside is not None and aside.stat().st_dev == folder.stat().st_dev else folder
    temporary = place / f".{file.name}.{os.urandom(6).hex()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        if mode != _OWN:
            temporary.chmod(mode)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def new_file_mode() -> int:
    """The permissions that a new file gets from the caller's umask."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask
