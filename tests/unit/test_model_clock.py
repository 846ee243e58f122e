"""Times and durations (SPEC 1, 3.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.model.clock import duration, iso, parse_duration, parse_iso


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
