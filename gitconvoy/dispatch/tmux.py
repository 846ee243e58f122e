"""Workers in windows of a tmux server of our own, where a person can look at them and type (SPEC 7).

One server for each repository, on its own socket and without anybody's tmux configuration; one window for each worker.
A window is always opened with an argument vector of several words, which tmux runs as it is: one word would go through
a shell. What the worker is given stands in a file of its attempt's folder, not in arguments or tmux' environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts, processes
from gitconvoy.dispatch.running import ConfigurationError, Work
from gitconvoy.errors import ConvoyError, NotFound, Refused
from gitconvoy.git.env import clean_env
from gitconvoy.store.localfiles import write_atomically

SESSION = "gitconvoy"
_TRIES = 20
_PATIENCE = 10.0
"""Seconds that one call of tmux may take."""
_DRAIN = 3.0
"""Seconds in which the rest of a window's output still reaches the log."""
_FORMAT = "#{pane_id},#{pane_pid},#{pid},#{socket_path}"
_LOOK = "#{pane_id},#{pane_pid},#{pane_dead},#{pane_dead_status},#{pane_dead_signal},#{session_id}"


@dataclass(frozen=True, slots=True)
class Window:
    """A window that was opened; kept in the attempt's folder, so that other processes find it."""

    pane: str
    """tmux' id of the pane, such as `%3`; another server counts anew, so `pid` is compared too."""
    pid: int
    """The process in it, which leads a session of its own."""
    server: int
    socket: str
    identity: str = ""
    """Tells that process from a later one with the same id."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tmux says of a window now."""

    dead: bool
    """The process has ended and nothing more will be printed."""
    exit_code: int | None
    """The process has ended with this code (negative: by this signal); None while it runs, or if tmux cannot tell."""
    session: str


def program() -> str:
    """The tmux to run. ConfigurationError where there is none."""
    found = shutil.which("tmux")
    if found is None:
        raise ConfigurationError("tmux was not found on PATH", hint="install tmux 3.0 or newer", code="no-tmux")
    return found


def socket_name(common_dir: Path) -> str:
    """The server's name for `tmux -L`: one for each repository, whatever worktree one stands in."""
    return "gitconvoy-" + hashlib.sha256(os.fsencode(common_dir.resolve())).hexdigest()[:12]


def _tmux(*words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run tmux, whatever comes of it. ConfigurationError where there is none; subprocess.TimeoutExpired."""
    return subprocess.run(
        [program(), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env=env,
        timeout=_PATIENCE,
        check=False,
    )


def _server_env() -> dict[str, str]:
    """For the server, which outlives us: nothing of an attempt, of an outer tmux, or of git."""
    kept = clean_env()
    plain = {key: value for key, value in kept.items() if not key.startswith(("GITCONVOY_", "TMUX"))}
    return plain | {key: kept[key] for key in ("TMUX_TMPDIR",) if key in kept} | {processes.DETACHED: "1"}


class TmuxWindow:
    """A worker in a window (`running.Running`)."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.ended = ""
        self._window: Window | None = None
        self._token = ""
        self._logged = Path()
        self._closed: float | None = None
        """When the terminal was first seen closed."""

    @property
    def session(self) -> int | None:
        """The session of the window's processes."""
        return self._window.pid if self._window is not None else None

    def start(self, work: Work) -> None:
        """Open the window. OSError where the command cannot be run, ConvoyError where tmux refuses."""
        _require_runnable(work)
        self._token = work.token
        self._logged = _logged_file(work.folder)
        sweep(work.common_dir)
        task = {
            "argv": list(work.argv),
            "cwd": str(work.cwd),
            "env": dict(work.env),
            "stdin": None if work.settings.get("stdin") == "terminal" else str(work.stdin),
            "log": str(work.log),
            "logged": str(_logged_file(work.folder)),
            "log_limit": work.log_limit,
        }
        write_atomically(_task_file(work.folder), json.dumps(task).encode())
        self._window = _open(work)
        write_atomically(_window_file(work.folder), json.dumps(asdict(self._window)).encode())

    def alive(self) -> bool:
        """Whether tmux still has the window and the process in it runs."""
        if self._window is None:
            return False
        try:
            found = look(self._window)
        except (subprocess.TimeoutExpired, OSError, ConvoyError):
            # A busy machine: unknown is alive until the time limit or the lease says otherwise, unless it has ended.
            if _lives(self._window) or not self._waited_for_the_code(self._window.server):
                return True
            found = None
        if found is None:
            self.ended = "its tmux window is gone"
            return False
        if found.exit_code is None and not (found.dead and self._waited_for_the_code(self._window.server)):
            return True
        self.exit_code = found.exit_code
        if found.exit_code is None:
            self.ended = "it was ended by a signal"  # which older tmux does not tell
        return False

    def _waited_for_the_code(self, server: int) -> bool:
        """Whether tmux has had the time to learn how a process ended: that its terminal is closed comes first.

        A tmux that keeps the system's record of logins is deaf to the end of a child while it writes there, so it is
        asked to look once more.
        """
        if self._closed is None:
            self._closed = time.monotonic()
        with suppress(OSError):
            os.kill(server, signal.SIGCHLD)
        return time.monotonic() - self._closed > _DRAIN

    def stop(self) -> None:
        """End everything that was started in the window, and close it."""
        if self._window is not None:
            close(self._window, self._token, self._logged)


def _require_runnable(work: Work) -> None:
    """FileNotFoundError where the command's program does not exist: a window would open only to say that."""
    name = work.argv[0] if work.argv else ""
    path = str(work.cwd / name) if "/" in name else name
    if not name or shutil.which(path, path=work.env.get("PATH")) is None:
        raise FileNotFoundError(2, "No such file or directory", name)


def _task_file(folder: Path) -> Path:
    return folder / "task.json"


def _logged_file(folder: Path) -> Path:
    return folder / "logged"


def _window_file(folder: Path) -> Path:
    return folder / "window.json"


def _open(work: Work) -> Window:
    """A new window in our session; the session, and with it the server, begins with its first window."""
    server = ("-L", socket_name(work.common_dir), "-f", "/dev/null")
    shared = ("-d", "-P", "-F", _FORMAT, "-n", work.name, "-c", "/")
    inside = ("--", sys.executable, "-I", "-m", "gitconvoy", "run-in-window", str(work.folder))
    said = ""
    for _ in range(_TRIES):  # other supervisors open windows, and the server ends with its last one
        for how in (("new-window", "-t", f"={SESSION}:"), ("new-session", "-s", SESSION, "-x", "200", "-y", "50")):
            try:
                done = _tmux(*server, *how, *shared, *inside, env=_server_env())
            except subprocess.TimeoutExpired:
                said = f"it did not answer within {_PATIENCE:g} s"
                continue
            if done.returncode == 0:
                pane, pid, server_pid, socket = done.stdout.strip().split(",", 3)
                return Window(pane, int(pid), int(server_pid), socket, processes.identity(int(pid)) or "")
            said = done.stderr.strip()
        time.sleep(0.1)
    raise Refused(f"tmux opened no window: {said}", hint="is `tmux -V` 3.0 or newer?", code="tmux")


def look(window: Window) -> Look | None:
    """What tmux says of a window; None where it is gone.

    subprocess.TimeoutExpired or ConvoyError where tmux does not say, and its server or the window's process lives.
    """
    try:
        return _panes(window.socket).get((window.pane, window.pid))
    except Refused:
        if processes.identity(window.server) is None and not _lives(window):
            return None
        raise


def _lives(window: Window) -> bool:
    """Whether the process that was started in a window lives."""
    now = processes.identity(window.pid)
    return now is not None and window.identity in ("", now)


def _panes(socket: str) -> dict[tuple[str, int], Look]:
    """Every window of a server, by pane and process. Refused where it does not say: perhaps there is no server."""
    done = _tmux("-S", socket, "list-panes", "-a", "-F", _LOOK)
    if done.returncode != 0:
        raise Refused(
            f"tmux does not list its windows: {done.stderr.strip()}",
            code="tmux",
            hint="is its server well? `tmux list-windows -a` tells",
        )
    found = {}
    for line in done.stdout.splitlines():
        try:
            pane, pid, dead, status, signal_, session = line.split(",", 5)
            code = int(status) if status else -int(signal_) if signal_.isdecimal() else None
            found[pane, int(pid)] = Look(dead == "1", code, session)
        except ValueError:
            raise Refused(
                f"tmux says of a window: {line[:100]!r}", code="tmux", hint="is `tmux -V` 3.0 or newer?"
            ) from None
    return found


def close(window: Window, token: str, logged: Path) -> None:
    """End what runs in a window, and what that has started; let the rest of the output reach the log; close it.

    The file `logged` appears once everything is in the log.
    """
    processes.end(lambda: processes.of_attempt(token, window.pid) - {window.server})
    _close_window(window)
    deadline = time.monotonic() + _DRAIN
    while not logged.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _close_window(window: Window) -> None:
    """Close a window once the rest of its output was passed on; nothing runs in it any more."""
    deadline = time.monotonic() + _DRAIN
    try:
        while (found := look(window)) is not None and not found.dead and time.monotonic() < deadline:
            time.sleep(0.05)
        if found is not None:
            _tmux("-S", window.socket, "kill-pane", "-t", window.pane)
    except (subprocess.TimeoutExpired, OSError, ConvoyError):
        return  # a server that is gone has no window left


def sweep(common_dir: Path) -> None:
    """Close the windows of workers that have ended and whose supervisors are gone, too: nobody else would."""
    known = [(folder, window_of(folder.root)) for folder, _ in attempts.known(common_dir)]
    for socket in {window.socket for _, window in known if window is not None}:
        with suppress(subprocess.TimeoutExpired, OSError, Refused):  # the next worker's start tries again
            panes = _panes(socket)
            for folder, window in known:
                found = panes.get((window.pane, window.pid)) if window is not None and window.socket == socket else None
                if window is not None and found is not None and found.dead and not attempts.supervised(folder):
                    _tmux("-S", socket, "kill-pane", "-t", window.pane)


def tidy(folder: Path) -> None:
    """Close the window of an attempt whose processes were ended by others than its supervisor."""
    window = window_of(folder)
    if window is not None:
        _close_window(window)


def window_of(folder: Path) -> Window | None:
    """The window of an attempt by its folder; None where it never had one. It may be gone meanwhile: see `look`."""
    try:
        return Window(**json.loads(_window_file(folder).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def attach_command(folder: Path, bead: str) -> list[str]:
    """The command that shows an attempt's window. NotFound where it has none, or none any more."""
    window = window_of(folder)
    found = look(window) if window is not None else None
    if window is None or found is None:
        raise NotFound(
            f"{bead} has no tmux window here",
            hint=f"gitconvoy logs {bead} shows what was printed; only workers of a dispatcher of kind tmux have one",
            code="no-window",
        )
    return [
        program(),
        "-S",
        window.socket,
        "select-window",
        "-t",
        window.pane,
        ";",
        "attach-session",
        "-t",
        found.session,
    ]


def run_task(folder: Path) -> None:
    """Become the worker: called inside of its window. Never returns; OSError where the command cannot be run."""
    task = json.loads(_task_file(folder).read_bytes())
    pane, socket = os.environ["TMUX_PANE"], os.environ["TMUX"].rpartition(",")[0].rpartition(",")[0]
    words = [sys.executable, "-I", "-m", "gitconvoy", "window-log", task["log"], str(task["log_limit"]), task["logged"]]
    keeper = shlex.join(words)
    # The one place where a shell is met: tmux gives it this line, which holds our own paths and a number, quoted.
    line = "exec " + keeper.replace("#", "##").replace("%", "%%")
    done = _tmux(
        *("-S", socket, "set-option", "-w", "-t", pane, "remain-on-exit", "on"),
        *(";", "pipe-pane", "-O", "-t", pane, line),
    )
    if done.returncode != 0:
        raise Refused(f"tmux refused: {done.stderr.strip()}", code="tmux", hint="is `tmux -V` 3.0 or newer?")
    terminal = {key: os.environ[key] for key in ("TERM", "TMUX", "TMUX_PANE") if key in os.environ}
    os.chdir(task["cwd"])
    if task["stdin"] is not None:
        given = os.open(task["stdin"], os.O_RDONLY)
        os.dup2(given, 0)
        os.close(given)
    os.execvpe(task["argv"][0], task["argv"], {**task["env"], **terminal})  # noqa: S606 - not a shell, that is the point
