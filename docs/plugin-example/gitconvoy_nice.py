"""A dispatcher for gitconvoy: runs the configured command with a lower priority."""

from __future__ import annotations

import os
import signal
import subprocess

from gitconvoy.dispatch.output import Output
from gitconvoy.dispatch.running import Work


class NiceWorker:
    """One attempt's worker. `gitconvoy.dispatcher.NAME.level` says how nice it is (10)."""

    exit_code: int | None = None

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Output | None = None

    def start(self, work: Work) -> None:
        """Start the command, in a process group of its own, so that all of it can be ended."""
        level = int(work.settings.get("level", "10"))
        self._output = work.output()  # not the log itself: that would grow without a limit
        with work.stdin.open("rb") as stdin:
            self._process = subprocess.Popen(
                ["nice", "-n", str(level), "--", *work.argv],
                stdin=stdin,
                stdout=self._output.fileno(),
                stderr=subprocess.STDOUT,
                cwd=work.cwd,
                env=dict(work.env),
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether it runs; afterwards `exit_code` says how it ended."""
        if self._process is None:
            return False
        self.exit_code = self._process.poll()
        return self.exit_code is None

    def stop(self) -> None:
        """End the whole group; no error where it has ended. What it has printed is in the log then."""
        if self._process is None or self._output is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.finish()
