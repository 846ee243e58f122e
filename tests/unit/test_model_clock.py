"""Times and durations (SPEC 1, 3.5)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.model.clock import FIRST, LAST, OutOfRange, duration, iso, parse_duration, parse_iso


@given(st.integers(0, 4102444800))
def test_times_come_back(seconds: int) -> None:
    assert parse_iso(iso(seconds)) == seconds


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
