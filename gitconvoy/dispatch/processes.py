"""The processes of an attempt, also those that left their group: by session, and by the token in their environment."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
PATIENCE = 20.0
"""Seconds of SIGKILL after which what still lives (in an uninterruptible call) is left alone."""
_LOOK = 0.05
_PROC = Path("/proc")


def of_attempt(token: str, session: int | None = None) -> set[int]:
    """Living processes that were started with this token in their environment, or belong to the session.

    Never this process. Where there is no /proc, the session alone tells.
    """
    mine = os.getpid()
    mark = f"GITCONVOY_TOKEN={token}".encode()
    return {pid for pid in _living() if pid != mine and (_in_session(pid, session) or _has(pid, mark))}


def _living() -> Iterable[int]:
    if (_PROC / "self").exists():
        return [int(each.name) for each in _PROC.iterdir() if each.name.isdecimal() and not _ended(int(each.name))]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=False).stdout
    rows = (line.split() for line in listed.splitlines())
    return [int(row[0]) for row in rows if len(row) == 2 and not row[1].startswith("Z")]


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before it may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ended(pid: int) -> bool:
    fields = _stat(pid)
    return not fields or fields[0] in ("Z", "X")


def _in_session(pid: int, session: int | None) -> bool:
    if session is None:
        return False
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


def _has(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def identity(pid: int) -> str | None:
    """What tells a process from a later one with the same id; None where no such process lives."""
    fields = _stat(pid)
    if len(fields) > 19 and fields[0] not in ("Z", "X"):
        return f"{boot()} {fields[19]}"
    if (_PROC / "self").exists():
        return None
    words = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, _, began = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    return began.strip() if began and not state.startswith("Z") else None


def boot() -> str:
    """What tells this run of the machine from others; empty where that cannot be known."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def end(find: Callable[[], set[int]], *, grace: float = GRACE, reap: Callable[[], object] = lambda: None) -> bool:
    """End what `find` finds until it finds nothing: SIGTERM, after `grace` seconds SIGKILL, again and again.

    `reap` collects children of this process. Whether none is left.
    """
    asked: set[int] = set()
    began = time.monotonic()
    while True:
        reap()
        left = find()
        if not left:
            return True
        waited = time.monotonic() - began
        if waited > grace + PATIENCE:
            return False
        late = waited >= grace
        _signal(left if late else left - asked, signal.SIGKILL if late else signal.SIGTERM)
        asked |= left
        time.sleep(_LOOK)


def _signal(pids: Iterable[int], how: signal.Signals) -> None:
    for pid in pids:
        for each in (how, signal.SIGCONT):  # what is stopped could not obey
            try:
                os.kill(pid, each)
            except (ProcessLookupError, PermissionError):
                break
