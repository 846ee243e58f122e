"""Which of many beads overlap in what they touch, without comparing each with each (SPEC 4, 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from gitconvoy.rules.touches import overlaps

_WILD = frozenset("*?[\\")
_Prefix = tuple[str, ...]


def overlapping(beads: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, ...]]:
    """Groups of beads (id, patterns) that overlap directly or through each other, each sorted, sorted by least id.

    Patterns can only match the same file if one's plain leading segments begin the other's, so only beads of which
    this is true are compared, and those that are known to be in one group are not compared again.
    """
    leader = {bead_id: bead_id for bead_id, _ in beads}

    def find(bead_id: str) -> str:
        while leader[bead_id] != bead_id:
            leader[bead_id] = leader[leader[bead_id]]
            bead_id = leader[bead_id]
        return bead_id

    touches = dict(beads)
    for bead_id, other in _candidates(beads):
        one, two = find(bead_id), find(other)
        if one != two and overlaps(touches[bead_id], touches[other]):
            leader[max(one, two)] = min(one, two)
    groups: dict[str, list[str]] = {}
    for bead_id, _ in beads:
        groups.setdefault(find(bead_id), []).append(bead_id)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def _candidates(beads: Sequence[tuple[str, Sequence[str]]]) -> Iterator[tuple[str, str]]:
    """Pairs that may overlap; a pair may come more than once."""
    exactly: dict[_Prefix, list[str]] = {}
    within: dict[_Prefix, list[str]] = {}
    for bead_id, patterns in beads:
        starts = {_plain_start(pattern) for pattern in patterns}
        for start in starts:
            above = (exactly.get(start[:length], ()) for length in range(len(start)))
            for other in chain(within.get(start, ()), *above):
                yield bead_id, other
        for start in starts:
            exactly.setdefault(start, []).append(bead_id)
            for length in range(len(start) + 1):
                within.setdefault(start[:length], []).append(bead_id)


def _plain_start(pattern: str) -> _Prefix:
    """The leading segments without wildcards; none for a pattern that may match at any depth."""
    pattern = pattern.strip()
    if "/" not in pattern.rstrip("/"):
        return ()
    segments = [segment for segment in pattern.split("/") if segment not in ("", ".")]
    plain = next((n for n, segment in enumerate(segments) if _WILD & set(segment)), len(segments))
    return tuple(segments[:plain])
