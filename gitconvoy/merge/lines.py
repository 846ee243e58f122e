"""Three versions of a text, line by line, as `diff3` and git see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import pairwise

MAX_LINES = 1000
"""Longer texts (without what all three begin and end with) are compared as a whole, so that no merge takes long."""
COMMON = 8
"""A line that a text has more often (a blank one, a rule) is no landmark: comparing would take cubic time."""
_Span = tuple[int, int, int, int, int, int]


def merged_text(base: str, ours: str, theirs: str, *, join: bool) -> str | None:
    """The text with the changes of both sides; None where both changed the same lines in different ways.

    With `join` both versions of such lines are kept, in an order that does not depend on the sides.
    """
    result: list[str] = []
    for old, mine, other in _regions(base.split("\n"), ours.split("\n"), theirs.split("\n")):
        if mine == other or other == old:
            result += mine
        elif mine == old:
            result += other
        elif join:
            result += [line for chunk in sorted([mine, other]) for line in chunk]
        else:
            return None
    return "\n".join(result)


def _regions(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The texts in pieces (base, ours, theirs), by turns what differs somewhere and what is the same in all."""
    head = _alike(base, ours, theirs)
    tail = _alike(base[head:][::-1], ours[head:][::-1], theirs[head:][::-1])
    lengths = (len(base) - tail, len(ours) - tail, len(theirs) - tail)
    rest = [each[head:end] for each, end in zip((base, ours, theirs), lengths, strict=True)]
    common = _common(*rest) if max(map(len, rest)) <= MAX_LINES else ()
    yield list(base[:head]), list(base[:head]), list(base[:head])
    begin = (0, head, 0, head, 0, head)
    ends = (lengths[0], lengths[0], lengths[1], lengths[1], lengths[2], lengths[2])
    spans = [begin, *((tuple(number + head for number in span)) for span in common), ends]
    for (_, start, _, mine, _, other), (end, after, my_end, _, other_end, _) in pairwise(spans):
        yield list(base[start:end]), list(ours[mine:my_end]), list(theirs[other:other_end])
        same = list(base[end:after])
        yield same, same, same
    yield list(base[lengths[0] :]), list(base[lengths[0] :]), list(base[lengths[0] :])


def _alike(*texts: Sequence[str]) -> int:
    """How many lines all of them begin with."""
    count = 0
    for lines in zip(*texts, strict=False):
        if any(line != lines[0] for line in lines):
            break
        count += 1
    return count


def _blocks(base: Sequence[str], side: Sequence[str]) -> list[Match]:
    """Where both have the same lines: what they begin and end with, and what is found by landmarks between."""
    head = _alike(base, side)
    tail = _alike(base[head:][::-1], side[head:][::-1])
    old, new = base[head : len(base) - tail], side[head : len(side) - tail]
    frequent = {line for text in (old, new) for line, count in Counter(text).items() if count > COMMON}
    found = SequenceMatcher(frequent.__contains__, old, new, autojunk=False).get_matching_blocks()
    between = [Match(each.a + head, each.b + head, each.size) for each in found]
    return [Match(0, 0, head), *between, Match(len(base) - tail, len(side) - tail, tail)]


def _common(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Span]:
    """Where all three agree: start and end in each."""
    mine, other = _blocks(base, ours), _blocks(base, theirs)
    one = two = 0
    while one < len(mine) and two < len(other):
        left, right = mine[one], other[two]
        start, end = max(left.a, right.a), min(left.a + left.size, right.a + right.size)
        if start < end:
            at, there = left.b + start - left.a, right.b + start - right.a
            yield start, end, at, at + end - start, there, there + end - start
        if left.a + left.size < right.a + right.size:
            one += 1
        else:
            two += 1
