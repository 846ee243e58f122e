"""Small files of this machine below the common git directory: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "gitconvoy"


def local_folder(common_dir: Path) -> Path:
    """Where this machine keeps what is disposable: leases, locks, attempts, logs."""
    return common_dir / FOLDER


def write_atomically(file: Path, data: bytes, mode: int = 0o600, *, aside: Path | None = None) -> None:
    """Replace `file` by `data` in one rename, so that a reader sees the old or the new bytes.

    `aside`: a folder where the new bytes may wait; where that is on another file system, they wait beside the file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    place = aside if aside is not None and aside.stat().st_dev == file.parent.stat().st_dev else file.parent
    temporary = place / f".{file.name}.{os.urandom(6).hex()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
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
