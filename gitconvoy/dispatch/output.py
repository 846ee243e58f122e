"""A worker's standard output and error on their way into its bounded log; for dispatchers and plug-ins (SPEC 7)."""

from __future__ import annotations

import os
import threading

from gitconvoy.dispatch.logs import Log

_CHUNK = 1 << 16
_DRAIN = 5.0
"""Seconds to wait for the last output once nobody is left to print."""


class Output:
    """A pipe whose other end a thread of this process empties into a log, for as long as this process lives."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._read, self._write = os.pipe()
        self._open = True
        self._pump = threading.Thread(target=self._drain, daemon=True)
        self._pump.start()

    def fileno(self) -> int:
        """The end that is written to, for `subprocess.Popen(stdout=...)`."""
        return self._write

    def finish(self) -> None:
        """To be called once the worker has ended: what it has printed is in the log then. Harmless twice.

        Whoever still holds the pipe, such as a daemon, is not waited for longer than a few seconds.
        """
        if self._open:
            self._open = False
            os.close(self._write)
        self._pump.join(_DRAIN)

    def _drain(self) -> None:
        with os.fdopen(self._read, "rb", buffering=0) as stream:
            while data := stream.read(_CHUNK):
                self._log.write(data)
