"""The processes of an attempt, also those that left their group, dropped their environment, or lost their parents.

What is ours runs detached, with `DETACHED` in its environment: it may descend from a worker and is never of an attempt.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
PATIENCE = 20.0
"""Seconds of SIGKILL after which what still lives (in an uninterruptible call) is left alone."""
DETACHED = "GITCONVOY_DETACHED"
"""In the environment of supervisors, scans and whatever else of ours outlives the command that started it."""
_LOOK = 0.05
_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36
_OURS = f"{DETACHED}=".encode()
_TOKEN = b"GITCONVOY_TOKEN="
_PERSONAL = (b"DISPLAY", b"WAYLAND_DISPLAY", b"XDG_SESSION_ID", b"SSH_CONNECTION", b"TERM", b"TMUX", b"STY")
"""Variables of which a person's processes have one at least."""
_INIT = ("init", "systemd")


def of_attempt(
    token: str, session: int | None = None, *, folder: Path | None = None, supervisor: int | None = None
) -> set[int]:
    """Living processes of an attempt, never this one. Where there is no /proc, the session alone tells.

    Those that were started with the token in their environment, or belong to the session; what descends from its
    supervisor, if that lives; and what was left behind in its `folder`, if nothing suggests that it is a person's.
    """
    mine = os.getpid()
    mark = _TOKEN + token.encode()
    living = _living()
    found = {pid for pid in living if _in_session(pid, session) or mark in _environment(pid)}
    folder = folder.resolve() if folder is not None else None
    if supervisor is not None or folder is not None:
        parents = {pid: parent for pid in living if (parent := _parent(pid)) is not None}
        if supervisor is not None:
            found |= _descendants(parents, supervisor, mark, folder)
        if folder is not None:
            found |= _left_in(parents, folder, mark)
    return found - {mine, supervisor}


def adopt_orphans() -> None:
    """Become the parent of whatever descends from this process and loses its own, where the system can do that."""
    if sys.platform != "linux":
        return
    import ctypes

    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return


def collect(but: int | None) -> None:
    """Collect the children of this process that have ended, up to that one. Nobody may be waiting for another one."""
    if sys.platform != "linux":
        return
    try:
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return


def _descendants(parents: Mapping[int, int], root: int, mark: bytes, folder: Path | None) -> set[int]:
    """Those of a process, but for what is ours or of another attempt, and what descends from that."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if not _is_others(pid, mark) and not (folder is not None and _is_in(pid, folder.parent, but=folder)):
                found.add(pid)
                waiting.append(pid)
    return found


def _left_in(parents: Mapping[int, int], folder: Path, mark: bytes) -> set[int]:
    """Orphans whose working directory is the folder or lies in it, and what descends from them there.

    A person may look around in it: what has a terminal, or a trace of a login or a desktop, is left alone.
    """
    maybe = {
        pid
        for pid in parents
        if _is_in(pid, folder) and not _has_terminal(pid) and not _is_others(pid, mark) and not _is_personal(pid)
    }
    found: set[int] = set()
    for pid in maybe:
        line, parent = {pid}, parents[pid]
        while parent in maybe and parent not in line:
            line.add(parent)
            parent = parents[parent]
        if _is_orphan(parent):
            found |= line
    return found


def _is_in(pid: int, folder: Path, *, but: Path | None = None) -> bool:
    """Whether a process works in a folder, which may be gone."""
    try:
        place = Path(str((_PROC / str(pid) / "cwd").readlink()).removesuffix(" (deleted)"))
    except OSError:
        return False
    return place.is_relative_to(folder) and not (but is not None and (place == folder or place.is_relative_to(but)))


def _is_orphan(parent: int) -> bool:
    """Whether this is the parent of processes that lost theirs: the first of all, a user's, or a supervisor."""
    if parent <= 1:
        return True
    try:
        name = (_PROC / str(parent) / "comm").read_text(errors="replace").strip()
    except OSError:
        return True
    return name in _INIT or _is_ours(_environment(parent))


def _is_others(pid: int, mark: bytes) -> bool:
    """Whether a process is ours, or of another attempt."""
    variables = _environment(pid) or _again(pid)
    return _is_ours(variables) or (mark not in variables and any(each.startswith(_TOKEN) for each in variables))


def _again(pid: int) -> frozenset[bytes]:
    """The environment is empty for a moment while a process begins another program."""
    time.sleep(_LOOK / 5)
    return _environment(pid)


def _is_ours(variables: Iterable[bytes]) -> bool:
    return any(each.startswith(_OURS) for each in variables)


def _is_personal(pid: int) -> bool:
    return any(each.partition(b"=")[0] in _PERSONAL for each in _environment(pid))


def _has_terminal(pid: int) -> bool:
    fields = _stat(pid)
    return len(fields) <= 4 or fields[4] != "0"


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 else None


def _living() -> list[int]:
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


def _environment(pid: int) -> frozenset[bytes]:
    """What a process was started with; nothing where nobody may see it."""
    try:
        return frozenset((_PROC / str(pid) / "environ").read_bytes().split(b"\0")) - {b""}
    except OSError:
        return frozenset()


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
