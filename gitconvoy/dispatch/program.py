"""Running a program that git config names: no shell, bounded output, and a time limit that ends its whole group."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gitconvoy.dataclass import dataclass

KEPT = 8192
"""Bytes of output that are kept, the newest ones."""
_SLICE = 0.2
_AFTERWARDS = 2.0
"""Seconds in which output is still read once the program has ended: others may hold its pipe open."""
_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended. `code` is negative for a signal, None where it was not started or reached its time limit."""

    code: int | None
    output: str
    """The end of what it printed, both streams in one."""
    timed_out: bool = False
    error: str | None = None
    """Why it could not be started."""

    @property
    def ok(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.code == 0

    def how(self, name: str) -> str:
        """What happened, in words that begin with `name`; its last line of output with it."""
        if self.error is not None:
            return f"{name} could not be started: {self.error}"
        last = next((line.strip() for line in reversed(self.output.splitlines()) if line.strip()), "")
        said = f": {last[:300]}" if last else ""
        if self.timed_out:
            return f"{name} reached its time limit{said}"
        return f"{name} {ending(self.code or 0)}{said}"


def ending(code: int) -> str:
    """`ended with exit code 3`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes | None = None,
    timeout: int | None = None,
    sink: Callable[[bytes], object] | None = None,
) -> Ran:
    """Run a program to its end, or to `timeout` seconds; its standard input is `stdin`, else empty.

    `sink` is given all output as it comes. What the program leaves behind in the background is not waited for.
    """
    import tempfile

    with tempfile.TemporaryFile() as given:  # a pipe could fill up before the program reads
        given.write(stdin or b"")
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            return Ran(None, "", error=getattr(error, "strerror", None) or str(error) or "there is nothing to run")
    assert process.stdout is not None
    with process.stdout as stream:
        output, timed_out = _read(process, stream.fileno(), timeout, sink)
    if timed_out:
        _end_group(process)
    code = process.wait()
    text = bytes(output).decode("utf-8", "replace")
    return Ran(None if timed_out else code, text, timed_out)


def _read(
    process: subprocess.Popen[bytes], fd: int, timeout: int | None, sink: Callable[[bytes], object] | None
) -> tuple[bytearray, bool]:
    """The end of the output, and whether the time limit was reached."""
    os.set_blocking(fd, False)
    kept = bytearray()
    deadline = None if timeout is None else time.monotonic() + timeout
    over: float | None = None
    open_ = True
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if over is None and process.poll() is not None:
                over = now
            if deadline is not None and over is None and now >= deadline:
                return kept, True
            quiet = not open_ or not selector.select(0 if over is not None else _SLICE)
            if over is not None and (quiet or now - over > _AFTERWARDS):
                return kept, False
            if quiet:
                if not open_:
                    time.sleep(_SLICE / 4)
                continue
            data = os.read(fd, 1 << 16)
            if not data:
                open_ = False
                selector.unregister(fd)
                continue
            if sink is not None:
                sink(data)
            kept += data
            del kept[:-KEPT]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except (ProcessLookupError, PermissionError):
            return
        deadline = time.monotonic() + _GRACE
        while how is signal.SIGTERM and time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.05)
