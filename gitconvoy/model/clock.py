"""Times are whole seconds since the epoch in memory, ISO 8601 in UTC on disk; durations are seconds (SPEC 1, 3.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

FIRST, LAST = 0, 253_402_300_799
"""The least and the greatest time: 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z."""

_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


class OutOfRange(ValueError):
    """A moment that in UTC lies before `FIRST` or after `LAST`."""


def iso(seconds: int) -> str:
    """1764195233 -> `2025-11-26T22:13:53Z`. Moments before `FIRST` or after `LAST` become those."""
    return datetime.fromtimestamp(min(max(seconds, FIRST), LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> int:
    """Seconds of an ISO 8601 date or time; without a zone it is UTC.

    ValueError where it is neither, OutOfRange where the moment in UTC lies outside the years 1970 to 9999.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - _EPOCH) // _SECOND  # not by floats, which round the last of them up
    if not FIRST <= seconds <= LAST:
        raise OutOfRange(f"{text!r} lies outside the years 1970 to 9999 in UTC")
    return seconds


def parse_duration(text: str) -> int:
    """Seconds of `90s`, `30m`, `1h30m`, `2d`. ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r} (write 90s, 30m, 1h or 2d)")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def duration(seconds: int) -> str:
    """5400 -> `1h30m`; the form that `parse_duration` reads."""
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts) + (f"{seconds}s" if seconds or not parts else "")
