"""The graph of a plan: hierarchy, blocking links, and what precedes what (SPEC 4, 5)."""

from __future__ import annotations

from functools import cached_property

from gitconvoy.graph.components import components, is_cycle
from gitconvoy.graph.links import LinkTable
from gitconvoy.graph.precedence import Precedence
from gitconvoy.graph.shape import Shape
from gitconvoy.model.plan import Plan


class Graph(LinkTable):
    """Beads, parents and links of a plan, with the relation "is preceded by" worked out once it is asked for."""

    @classmethod
    def build(cls, plan: Plan) -> Graph:
        """The graph of a plan, in time linear in beads and links."""
        return cls(plan)

    @cached_property
    def precedence(self) -> Precedence:
        """The relation of SPEC 5 as numbers."""
        return Precedence(self)

    @cached_property
    def order(self) -> list[list[int]]:
        """Components of `precedence`, each after those that precede it."""
        return components(self.precedence.before, range(self.precedence.size))

    @cached_property
    def shape(self) -> Shape:
        """What of the precedence outlives every change of a status."""
        return Shape.of(self.order, self.precedence.before, self.precedence.ids)

    @cached_property
    def cyclic_components(self) -> tuple[tuple[int, ...], ...]:
        """The components that are cycles of beads (groups only hold what runs through them), by least id."""
        before, size = self.precedence.before, self.precedence.size
        found = (tuple(sorted(part)) for part in self.order if is_cycle(before, part))
        return tuple(sorted(part for part in found if part[0] < size))

    @cached_property
    def in_cycle(self) -> frozenset[str]:
        """All beads that precede themselves: nothing of them is ever dispatched (SPEC 5)."""
        if self.plan.rest is not None:
            return frozenset()
        ids, size = self.precedence.ids, self.precedence.size
        return frozenset(ids[node] for part in self.cyclic_components for node in part if node < size)

    def children(self, bead_id: str) -> tuple[str, ...]:
        """The direct children, sorted."""
        return self.hierarchy.children(bead_id)

    def descendants(self, bead_id: str) -> tuple[str, ...]:
        """All descendants, sorted."""
        return tuple(sorted(self.hierarchy.descendants(bead_id))) if bead_id in self.nodes else ()

    def ancestors(self, bead_id: str) -> tuple[str, ...]:
        """All ancestors, the nearest first."""
        return tuple(self.hierarchy.ancestors(bead_id))

    def preceded_by(self, bead_id: str) -> frozenset[str]:
        """The beads that precede the bead directly (SPEC 5); empty for an id that is no bead of the graph."""
        return self.precedence.preceding(bead_id) if bead_id in self.nodes else frozenset()
