"""Where lines stand among each other, kept over imports of a file that grew (SPEC 10: line order)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def places(numbers: Sequence[int], stored: Sequence[int | float | None]) -> list[int | float]:
    """A rising number for each line of a file, in order.

    `numbers` are the line numbers now; `stored` has what earlier imports gave to the same lines, None for new ones.
    As many of those as rise stay as they are, so that a line put in between moves no other; new ones get their line
    number where it fits, else a fraction.
    """
    result: list[int | float] = []
    before: int | float = 0
    for index in [*_longest_rising(stored), len(stored)]:
        after = stored[index] if index < len(stored) else None
        result += _between(before, after, numbers[len(result) : index])
        if after is not None:
            result.append(after)
            before = after
    return result


def _between(before: int | float, after: int | float | None, numbers: Sequence[int]) -> list[int | float]:
    count = len(numbers)
    if not count or (before < numbers[0] and (after is None or numbers[-1] < after)):
        return list(numbers)
    if after is None:
        start = int(before) + 1
        return list(range(start, start + count))
    return [before + (after - before) * step / (count + 1) for step in range(1, count + 1)]


def _longest_rising(stored: Sequence[int | float | None]) -> list[int]:
    """Indexes of a longest strictly rising subsequence of the stored numbers, by patience sorting."""
    tails: list[int | float] = []
    tops: list[int] = []
    previous: dict[int, int | None] = {}
    for index, value in enumerate(stored):
        if value is None:
            continue
        pile = bisect_left(tails, value)
        previous[index] = tops[pile - 1] if pile else None
        if pile == len(tails):
            tails.append(value)
            tops.append(index)
        else:
            tails[pile], tops[pile] = value, index
    chain: list[int] = []
    step = tops[-1] if tops else None
    while step is not None:
        chain.append(step)
        step = previous[step]
    return chain[::-1]
