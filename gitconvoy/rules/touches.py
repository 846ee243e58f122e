"""Whether two beads are expected to change the same files (SPEC 4, overlap of `touches`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from gitconvoy.dataclass import dataclass

_DEEP = "**"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Chars:
    """A set of characters: those given, or all but those."""

    chars: frozenset[str] = frozenset()
    all_but: bool = False
    many: bool = False
    """A star: any number of any characters."""

    def meets(self, other: _Chars) -> bool:
        """Whether one character is in both sets."""
        if self.all_but and other.all_but:
            return True
        if self.all_but or other.all_but:
            given, rest = (other, self) if self.all_but else (self, other)
            return bool(given.chars - rest.chars)
        return bool(self.chars & other.chars)


_ANY = _Chars(all_but=True)
_STAR = _Chars(all_but=True, many=True)
_WIDEST_RANGE = 256
_WILDCARD = re.compile(r"[*?\[]")
_CLASS = re.compile(r"[!^]?\]?(?:\[:\w*:\]|\\.|[^\]\\])*(?=\])")
"""What stands between the brackets of a character class: a `]` may come first, escaped, or in a `[:name:]`."""


def overlaps(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether a path could match a pattern of each side; False where one side gives none.

    Patterns are like those of .gitignore, from the root on: one that names a directory stands for all below it, and
    one with a wildcard but without a slash (`*.md`) matches at any depth. A plain name (`README.md`, `docs/`) means
    the one in the root, or else it would overlap every `src/**`. Those that begin with `!` are passed over.
    """
    left, right = _patterns(a), _patterns(b)
    return any(_covers(one, other) or _covers(other, one) for one in left for other in right)


def _patterns(patterns: Sequence[str]) -> list[tuple[str, ...]]:
    return [parsed for pattern in patterns if (parsed := _segments(pattern))]


@lru_cache(maxsize=4096)
def _segments(pattern: str) -> tuple[str, ...]:
    """Path segments from the root on, `**` for any number; empty for a pattern that is negated or matches nothing."""
    pattern = pattern.strip()
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if pattern.startswith("!") or not parts:
        return ()
    anchored = "/" in pattern.rstrip("/") or not _WILDCARD.search(pattern)
    return (*(() if anchored else (_DEEP,)), *parts, *((_DEEP,) if pattern.endswith("/") else ()))


def _covers(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a path matches both, or `one` matches a directory that a segment of `other` names.

    What `**` of `other` stands for is not taken for such a directory: `src/a.py` has nothing to do with `*.md`.
    """
    lengths = (length for length in range(1, len(other) + 1) if length == len(other) or other[length - 1] != _DEEP)
    return any(_meet(one, other[:length], _is_deep, _segments_meet) for length in lengths)


def _is_deep(segment: str) -> bool:
    return segment == _DEEP


def _meet(a: Sequence[_T], b: Sequence[_T], is_many: Callable[[_T], bool], meets: Callable[[_T, _T], bool]) -> bool:
    """Whether two sequences, in which some elements stand for any number of elements, have a common reading.

    Row by row: the positions in `b` that can be reached after each element of `a`.
    """
    many_b = [is_many(other) for other in b]
    row = _skip({0}, many_b)
    for one in a:
        if is_many(one):
            row = set(range(min(row, default=len(b) + 1), len(b) + 1))
            continue
        inside = [place for place in row if place < len(b)]
        stay = {place for place in inside if many_b[place]}
        row = _skip(stay.union(place + 1 for place in inside if not many_b[place] and meets(one, b[place])), many_b)
    return len(b) in row


def _skip(places: set[int], many: list[bool]) -> set[int]:
    """The places and those behind elements that may stand for nothing."""
    reached = set(places)
    for place in places:
        at = place
        while at < len(many) and many[at]:
            at += 1
            reached.add(at)
    return reached


@lru_cache(maxsize=4096)
def _segments_meet(a: str, b: str) -> bool:
    """Whether one file name could match both segments."""
    return _meet(_tokens(a), _tokens(b), lambda token: token.many, _Chars.meets)


def _tokens(segment: str) -> list[_Chars]:
    found = []
    at = 0
    while at < len(segment):
        char = segment[at]
        at += 1
        if char == "*":
            found.append(_STAR)
        elif char == "?":
            found.append(_ANY)
        elif char == "[" and (inside := _CLASS.match(segment, at)) and inside[0]:
            found.append(_char_class(inside[0]))
            at = inside.end() + 1
        else:
            if char == "\\" and at < len(segment):
                char = segment[at]
                at += 1
            found.append(_Chars(frozenset(char)))
    return found


def _char_class(text: str) -> _Chars:
    """`abc`, `a-z`, `!a-z`; classes by name, escapes and wide ranges count as any character."""
    negated = text[0] in "!^"
    text = text[negated:]
    if "[:" in text or "\\" in text:
        return _ANY
    chars: set[str] = set()
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            low, high = ord(text[at]), ord(text[at + 2])
            if high - low > _WIDEST_RANGE:
                return _ANY
            chars.update(map(chr, range(low, high + 1)))
            at += 3
        else:
            chars.add(text[at])
            at += 1
    return _Chars(frozenset(chars), all_but=negated)
