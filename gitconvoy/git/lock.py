"""One writer at a time among ourselves. For peace only: the truth is decided by `write.swap_ref`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from gitconvoy.errors import GitError, LostRace

if TYPE_CHECKING:
    from filelock import FileLock

_GLANCE = 0.002
"""Seconds between two looks at a lock of which somebody waits for the end."""


@contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path` (made, with its folder) while the block runs; not re-entrant.

    Raises LostRace when another process keeps it for longer than `timeout` seconds, GitError where no lock file can be
    made. The lock ends with the process that holds it, so a file that stays behind blocks nobody.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        own = _at_once(path)
    except OSError as error:
        raise _cannot(path, error) from error
    if own is None:
        with _awaited(path, timeout):
            yield
        return
    try:
        yield
    finally:
        os.close(own)  # ends the lock


def _at_once(path: Path) -> int | None:
    """The open file, locked; None where another process holds it. That is all that most ever need: no library loads."""
    own = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(own)
        return None
    except BaseException:
        os.close(own)
        raise
    return own


@contextmanager
def _awaited(path: Path, timeout: float) -> Iterator[None]:
    """The same lock, which is waited for."""
    from filelock import FileLock

    lock, ends = FileLock(path), monotonic() + timeout
    try:
        while not _taken(lock, path):
            if monotonic() >= ends:
                raise LostRace(
                    f"another gitconvoy process has held {path} for more than {timeout:g} s",
                    hint="try again in a moment",
                    code="locked",
                )
            sleep(_GLANCE)
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _taken(lock: FileLock, path: Path) -> bool:
    """Try once. OSError where the folder has gone meanwhile: some versions of the library would make it again."""
    from filelock import Timeout

    path.parent.stat()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _cannot(path: Path, error: OSError) -> GitError:
    return GitError(
        f"no lock file can be made at {path}: {error}",
        hint="check that the git directory is writable",
        code="not-writable",
    )


@contextmanager
def exclusive_unless(path: Path, timeout: float, needless: Callable[[], bool]) -> Iterator[bool]:
    """As `exclusive`, but waits only as long as the lock is needed; whether it is held while the block runs.

    For those whom whoever holds the lock may relieve of it; both are looked at every few milliseconds.
    """
    with ExitStack() as stack:
        yield _needed(stack, path, timeout, needless)


def _needed(stack: ExitStack, path: Path, timeout: float, needless: Callable[[], bool]) -> bool:
    ends = monotonic() + timeout
    while not needless():
        late = monotonic() >= ends
        if late or not held(path):
            try:
                stack.enter_context(exclusive(path, 0))
            except LostRace:
                if late:
                    raise
            else:
                return True
        sleep(_GLANCE)
    return False


def held(path: Path) -> bool:
    """Whether some process holds the lock file `path`; nobody does where there is none, or none can be opened."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
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
