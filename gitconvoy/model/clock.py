"""Times are whole seconds since the epoch in memory, ISO 8601 in UTC on disk; durations are seconds (SPEC 1, 3.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

FIRST, LAST = 0, 253_402_300_799
"""The least and the greatest time: 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z."""

_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
_AGO = re.compile(r"(\d{1,6}|an?)[ .]+(second|minute|hour|day|week|month|year)s?[ .]+ago", re.ASCII)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_EPOCH_SECONDS = re.compile(r"@(\d{1,12})(?: [+-]\d{4})?", re.ASCII)
_SPACED_ZONE = re.compile(r"(?<=\d) (?=[+-]\d\d:?\d\d$)", re.ASCII)
_GIT_FORMATS = ("%a %b %d %H:%M:%S %Y %z", "%a, %d %b %Y %H:%M:%S %z")
"""As `git log` prints dates, and with `--date=rfc`."""
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


class OutOfRange(ValueError):
    """A moment that in UTC lies before `FIRST` or after `LAST`."""


def iso(seconds: int) -> str:
    """1764195233 -> `2025-11-26T22:13:53Z`. Moments before `FIRST` or after `LAST` become those."""
    days, rest = divmod(min(max(seconds, FIRST), LAST), _UNITS["day"])
    return f"{_date(days)}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


@lru_cache(maxsize=1 << 10)
def _date(days: int) -> str:
    return (_EPOCH + timedelta(days)).date().isoformat()


def parse_iso(text: str) -> int:
    """Seconds of an ISO 8601 date or time; without a zone it is UTC.

    ValueError where it is neither, OutOfRange where the moment in UTC lies outside the years 1970 to 9999.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _seconds(moment)


def _seconds(moment: datetime) -> int:
    seconds = (moment - _EPOCH) // _SECOND  # not by floats, which round the last of them up
    if not FIRST <= seconds <= LAST:
        raise OutOfRange(f"{moment.isoformat()} lies outside the years 1970 to 9999 in UTC")
    return seconds


def parse_duration(text: str) -> int:
    """Seconds of `90s`, `30m`, `1h30m`, `2d`. ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r} (write 90s, 30m, 1h or 2d)")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def parse_moment(text: str, now: int) -> int:
    """Seconds of a moment as people write it to git, told from `now`; unlike git's own reading, nothing is guessed.

    `2030-01-31` (its first second), `2030-01-31T12:00:00+02:00` (without a zone it is UTC), a date as `git log` prints
    it, `@1896048000`, `now`, `yesterday` (24 hours ago), `2 hours ago` (also `2.hours.ago`; seconds to years), and
    durations: `90m`, `3d`. ValueError for anything else, OutOfRange outside of the years 1970 to 9999.
    """
    words = " ".join(text.split())
    moment = _ago(words.lower(), now)
    if moment is None and (seconds := _EPOCH_SECONDS.fullmatch(words)):
        moment = int(seconds[1])
    if moment is None:
        return _dated(words)
    if not FIRST <= moment <= LAST:
        raise OutOfRange(f"{text!r} lies outside the years 1970 to 9999 in UTC")
    return moment


def _ago(words: str, now: int) -> int | None:
    if words in ("now", "yesterday"):
        return now if words == "now" else now - _UNITS["day"]
    if match := _AGO.fullmatch(words):
        count = int(match[1]) if match[1].isdigit() else 1
        if match[2] in _UNITS:
            return now - count * _UNITS[match[2]]
        return _months_before(now, count * (12 if match[2] == "year" else 1))
    try:
        return now - parse_duration(words)
    except ValueError:
        return None


def _months_before(now: int, months: int) -> int:
    """The same day of an earlier month, or the last one where that month is shorter."""
    then = datetime.fromtimestamp(now, UTC)
    year, month = divmod(then.year * 12 + then.month - 1 - months, 12)
    if year < 1970:
        return FIRST - 1
    for day in (then.day, 30, 29, 28):
        try:
            return int(then.replace(year=year, month=month + 1, day=day).timestamp())
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def _dated(words: str) -> int:
    for form in _GIT_FORMATS:
        try:
            moment = datetime.strptime(words, form)  # noqa: DTZ007 - both forms end in a zone
        except ValueError:
            continue
        return _seconds(moment)
    return parse_iso(_SPACED_ZONE.sub("", words))


def duration(seconds: int) -> str:
    """5400 -> `1h30m`; the form that `parse_duration` reads."""
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts) + (f"{seconds}s" if seconds or not parts else "")
