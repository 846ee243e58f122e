"""One writer at a time among ourselves. For peace only: the truth is decided by `write.swap_ref`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitconvoy.errors import GitError, LostRace

_PAUSE = 0.01
"""Seconds between two looks at a lock that another process holds."""


@contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path` (made, with its folders) while the block runs; not re-entrant.

    Raises LostRace when another process keeps it for longer than `timeout` seconds, GitError where no lock file can be
    made. The lock ends with the process that holds it, so a file that stays behind blocks nobody.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        _take(handle, path, timeout)
        yield
    finally:
        os.close(handle)  # ends the lock


def _take(handle: int, path: Path, timeout: float) -> None:
    until = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise LostRace(
                    f"another gitconvoy process has held {path} for more than {timeout:g} s",
                    hint="try again in a moment",
                    code="locked",
                ) from error
            time.sleep(_PAUSE)
        except OSError as error:
            raise _cannot(path, error) from error
        else:
            return


def _cannot(path: Path, error: OSError) -> GitError:
    return GitError(
        f"no lock file can be made at {path}: {error}",
        hint="check that the git directory is writable",
        code="not-writable",
    )


def held(path: Path) -> bool:
    """Whether some process holds the lock file `path`; nobody does where there is none, or none can be opened."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def holders(path: Path) -> tuple[int, ...]:
    """The processes that hold the lock file `path`, as far as the system tells (Linux does)."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return ()
    rows = [line.split() for line in lines]
    found = {int(row[4]) for row in rows if len(row) > 5 and row[5].endswith(f":{inode}") and row[4].isdecimal()}
    return tuple(sorted(found))
