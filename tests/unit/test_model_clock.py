"""Times and durations (SPEC 1, 3.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.model.clock import (
    FIRST,
    LAST,
    OutOfRange,
    duration,
    iso,
    parse_duration,
    parse_iso,
    parse_moment,
)


@given(st.integers(0, 4102444800))
def test_times_come_back(seconds: int) -> None:
    assert parse_iso(iso(seconds)) == seconds


@given(st.integers(FIRST - 5, LAST + 5))
def test_times_are_those_of_the_standard_library(seconds: int) -> None:
    moment = datetime.fromtimestamp(min(max(seconds, FIRST), LAST), UTC)
    assert iso(seconds) == moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@given(st.integers(0, 10**7))
def test_durations_come_back(seconds: int) -> None:
    assert parse_duration(duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("0s", 0), (" 1m ", 60)]
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "1m1h", "-1m", "1.5h", "1w", "٣m ٣"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2030-01-31", 1896048000), ("2030-01-31T00:00:00Z", 1896048000), ("2030-01-31T02:00:00+02:00", 1896048000)],
)
def test_dates_without_a_zone_are_utc(text: str, seconds: int) -> None:
    assert parse_iso(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01",
        "1969-12-31T23:59:59.9Z",
        "1970-01-01T00:00:00+00:01",
    ],
)
def test_moments_outside_the_range_are_refused(text: str) -> None:
    with pytest.raises(OutOfRange, match="1970 to 9999"):
        parse_iso(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", FIRST),
        ("9999-12-31T23:59:59Z", LAST),
        ("9999-12-31T23:59:59.999999Z", LAST),
        ("1969-12-31T23:00:00-01:00", FIRST),
    ],
)
def test_the_ends_of_the_range_are_read(text: str, seconds: int) -> None:
    assert parse_iso(text) == seconds
    assert parse_iso(iso(seconds)) == seconds


@given(
    st.datetimes(),
    st.timedeltas(min_value=timedelta(hours=-23, minutes=-59), max_value=timedelta(hours=23, minutes=59)),
)
def test_what_was_read_can_be_written(moment: datetime, offset: timedelta) -> None:
    """Whatever stands in a file: it is refused, or every command can show it."""
    text = moment.replace(tzinfo=timezone(offset)).isoformat()
    try:
        seconds = parse_iso(text)
    except ValueError:
        return
    assert parse_iso(iso(seconds)) == seconds


NOW = parse_iso("2028-03-31T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2028-03-31T12:00:00Z"),
        ("yesterday", "2028-03-30T12:00:00Z"),
        ("90m", "2028-03-31T10:30:00Z"),
        ("2 hours ago", "2028-03-31T10:00:00Z"),
        ("2.weeks.ago", "2028-03-17T12:00:00Z"),
        ("An  Hour ago", "2028-03-31T11:00:00Z"),
        ("1 month ago", "2028-02-29T12:00:00Z"),
        ("13 months ago", "2027-02-28T12:00:00Z"),
        ("4 years ago", "2024-03-31T12:00:00Z"),
        ("2024-05-01", "2024-05-01T00:00:00Z"),
        ("2024-05-01 12:30", "2024-05-01T12:30:00Z"),
        ("2024-05-01 12:30:00 +0200", "2024-05-01T10:30:00Z"),
        ("Wed May 1 12:30:00 2024 -0700", "2024-05-01T19:30:00Z"),
        ("Wed, 1 May 2024 12:30:00 +0000", "2024-05-01T12:30:00Z"),
        ("@1714566600", "2024-05-01T12:30:00Z"),
        ("@1714566600 +0200", "2024-05-01T12:30:00Z"),
    ],
)
def test_moments_as_people_write_them(text: str, moment: str) -> None:
    assert iso(parse_moment(text, NOW)) == moment


NO_MOMENTS = (
    "", "soon", "ago", "2 hours", "2 fortnights ago", "hours ago", "-2 hours ago", "tea", "05/01/2024", "12", "@x",
    "2024-02-30", "yesterday noon", "٢ hours ago", "@-1",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, NOW)


@pytest.mark.parametrize("text", ["99 years ago", "900 months ago", "999999d", "@999999999999"])
def test_moments_outside_the_calendar(text: str) -> None:
    with pytest.raises(OutOfRange):
        parse_moment(text, NOW)


@given(st.integers(FIRST, LAST))
def test_what_is_printed_is_read(seconds: int) -> None:
    assert parse_moment(iso(seconds), NOW) == parse_moment(f"@{seconds}", NOW) == seconds
