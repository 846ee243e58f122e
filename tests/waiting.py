"""Waiting for what other processes do, or the clock: looks again and again, with a generous deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE = 60.0


def until(look: Callable[[], T], what: str = "it", *, deadline: float = DEADLINE) -> T:
    """What `look` gives once it is true in the sense of Python; fails after the deadline."""
    end = time.monotonic() + deadline
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not happen within {deadline:g} s"
        time.sleep(0.05)
