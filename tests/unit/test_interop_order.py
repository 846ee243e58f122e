"""Line order is kept while lines come in between."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.interop.order import places


@pytest.mark.parametrize(
    ("numbers", "stored", "expected"),
    [
        ([], [], []),
        ([1, 3, 4], [None, None, None], [1, 3, 4]),
        ([1, 2, 3], [1, None, 2], [1, 1.5, 2]),
        ([1, 2, 3, 4], [1, None, None, 2], [1, 1 + 1 / 3, 1 + 2 / 3, 2]),
        ([1, 2, 3], [None, 1, 2], [0.5, 1, 2]),
        ([1, 2, 3], [1, 2, None], [1, 2, 3]),
        ([1, 2, 3], [10, 20, None], [10, 20, 21]),
        ([1, 2, 3], [10, None, 20], [10, 15, 20]),
        ([1, 2, 3], [9, 1, 2], [0.5, 1, 2]),
    ],
)
def test_new_lines_find_a_place_between_old_ones(
    numbers: list[int], stored: list[int | None], expected: list[float]
) -> None:
    assert places(numbers, stored) == expected


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(1, 30), max_size=30))
def test_places_always_rise_and_move_as_few_lines_as_possible(stored: list[int | None]) -> None:
    found = places(list(range(1, len(stored) + 1)), stored)
    assert len(found) == len(stored)
    assert all(before < after for before, after in pairwise(found))
    known = [value for value in stored if value is not None]
    if known == sorted(set(known)):
        assert [place for place, value in zip(found, stored, strict=True) if value is not None] == known
