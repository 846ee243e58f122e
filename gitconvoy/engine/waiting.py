"""Waiting for a due time, in a process that has loaded nothing heavy yet (SPEC 7)."""

from __future__ import annotations

import time
from pathlib import Path

SLICE = 5.0
"""Seconds between looks at the clock while waiting: suspended machines and moved clocks are noticed."""


def wait_until(at: int, folder: Path) -> bool:
    """Sleep until the clock says `at` (epoch seconds); False as soon as `folder` is gone."""
    while time.time() < at:
        if not folder.exists():
            return False
        time.sleep(min(SLICE, max(at - time.time(), 0.05)))
    return folder.exists()
