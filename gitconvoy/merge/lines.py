"""Three versions of a text, line by line, as `diff3` and git see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

MAX_LINES = 1000
"""Longer texts (without what all three begin with) are compared as a whole: comparing takes quadratic time."""
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
    head = 0
    for one, two, three in zip(base, ours, theirs, strict=False):
        if not one == two == three:
            break
        head += 1
    begin = (0, head, 0, head, 0, head)
    rest = [base[head:], ours[head:], theirs[head:]]
    ends = (len(base), len(base), len(ours), len(ours), len(theirs), len(theirs))
    longest = max(map(len, rest))
    common = _common(*rest) if longest <= MAX_LINES else ()
    yield list(base[:head]), list(base[:head]), list(base[:head])
    spans = [begin, *((tuple(number + head for number in span)) for span in common), ends]
    for (_, start, _, mine, _, other), (end, after, my_end, _, other_end, _) in pairwise(spans):
        yield list(base[start:end]), list(ours[mine:my_end]), list(theirs[other:other_end])
        same = list(base[end:after])
        yield same, same, same


def _common(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Span]:
    """Where all three agree: start and end in each."""
    mine = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    other = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
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
