"""Small files of this machine below the common git directory: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = "gitconvoy"


def local_folder(common_dir: Path) -> Path:
    """Where this machine keeps what is disposable: leases, locks, attempts, logs."""
    return common_dir / FOLDER


def write_atomically(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `file` by `data` in one rename, so that a reader sees the old or the new bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
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
