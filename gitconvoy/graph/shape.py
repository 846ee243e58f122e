"""The precedence of a plan without its beads: which part of the graph precedes which, and how long chains are (SPEC 4).

It follows from ids, types, parents and links alone, so it outlives every change of a status.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from gitconvoy.dataclass import dataclass

_AND = "/"
"""No id holds it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a graph, each after those that precede it; flat, so that many are quick to keep and to read.

    A part is one bead, the beads of a cycle, or none where it stands for others (`graph.precedence`).
    """

    parts: Sequence[str]
    """The beads of each part, separated by slashes."""
    ends: Sequence[int]
    """Where in `before` the parts that precede each part end; they begin where those of the one before end."""
    before: Sequence[int]
    """The parts that precede the first part directly, then those of the second, and so on."""

    @classmethod
    def of(cls, order: Sequence[Sequence[int]], before: Sequence[Sequence[int]], ids: Sequence[str]) -> Shape:
        """From `components` of numbered nodes, what precedes each node, and the ids of the first ones, the beads."""
        size = len(ids)
        place = [0] * len(before)
        ends: list[int] = []
        preceding: list[int] = []
        for number, part in enumerate(order):
            for node in part:
                place[node] = number
            preceding += sorted({place[other] for node in part for other in before[node]} - {number})
            ends.append(len(preceding))
        return cls([_AND.join(ids[node] for node in part if node < size) for part in order], ends, preceding)

    def remaining(self, closed: Container[str]) -> dict[str, int]:
        """For each bead not closed how many beads the longest chain has that begins with it and leads over such beads.

        The beads of a cycle, which never start, count as one step together.
        """
        found: dict[str, int] = {}
        longest = [0] * len(self.parts)
        unclosed = [at for at, part in enumerate(self.parts) if part not in closed]  # in long histories a few of many
        for at in reversed(unclosed):
            part, length = self.parts[at], longest[at]
            if _AND in part:
                waiting = [bead_id for bead_id in part.split(_AND) if bead_id not in closed]
                if not waiting:
                    continue
                length += 1
                found.update(dict.fromkeys(waiting, length))
            elif part:
                length += 1
                found[part] = length
            begin, end = self.ends[at - 1] if at else 0, self.ends[at]
            for other in self.before[begin:end] if begin < end else ():  # most have none
                if longest[other] < length:
                    longest[other] = length
        return found
