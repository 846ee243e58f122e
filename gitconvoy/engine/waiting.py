"""Waiting for a due time, in a process that has loaded nothing heavy yet (SPEC 7)."""

from __future__ import annotations

import os
import time
from pathlib import Path

SLICE = 5.0
"""Seconds between looks at the clock while waiting: suspended machines and moved clocks are noticed."""


def wait_until(at: int, folder: Path, note: Path | None = None) -> bool:
    """Sleep until the clock says `at` (epoch seconds); False as soon as `folder` is gone.

    `note`: says who waits for this town (see `wake`); False, too, once that is another process, which lives.
    """
    while time.time() < at:
        if not folder.exists():
            return False
        time.sleep(min(SLICE, max(at - time.time(), 0.05)))
        if note is not None and time.time() < at and _is_relieved(note, at):
            return False
    return folder.exists()


def _is_relieved(note: Path, at: int) -> bool:
    """Whether somebody else waits now, for a time until `at`: that one leaves the next behind."""
    try:
        other, pid = map(int, note.read_text(encoding="ascii").split())
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError):
        return False
    return pid != os.getpid() and time.time() < other <= at
