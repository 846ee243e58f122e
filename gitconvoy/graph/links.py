"""Which links block which bead: own ones and those inherited from ancestors (SPEC 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.hierarchy import Hierarchy
from gitconvoy.model.plan import Bead, Link, Plan

WAITS_FOR = "waits-for"
EPIC = "epic"


@dataclass(frozen=True, slots=True)
class BlockingLink:
    """A blocking link as it concerns a bead: whose file holds it, and where in its `depends_on` it stands."""

    holder: str
    link: Link
    index: int
    inherited: bool = False

    @property
    def waits_for_holder(self) -> bool:
        """A waits-for link to the holder itself: to each child of the holder it means the other children."""
        return self.link.type == WAITS_FOR and self.link.target == self.holder


class LinkTable:
    """Beads, parents and blocking links of a plan.

    Archived beads are nodes like all others, so that archiving changes nothing; tombstones are none (SPEC 4, 5).
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        kept = {bead_id: bead for bead_id, bead in plan.archive.items() if not bead.tombstone}
        self.nodes: dict[str, Bead] = {**kept, **plan.beads}
        self.hierarchy = Hierarchy(
            {bead_id: bead.parent if bead.parent in self.nodes else None for bead_id, bead in self.nodes.items()}
        )
        self._own = {bead_id: _blocking(bead) for bead_id, bead in self.nodes.items() if bead.links}

    @property
    def parent_cycles(self) -> tuple[tuple[str, ...], ...]:
        """Each cycle of parents from its least id, every bead followed by its parent."""
        return self.hierarchy.cycles

    def is_tombstone(self, bead_id: str) -> bool:
        """Whether the id names a bead that was deleted before it was imported."""
        bead = self.plan.bead(bead_id)
        return bead is not None and bead.tombstone

    def is_epic(self, bead_id: str) -> bool:
        """Whether the id names a bead of type epic."""
        bead = self.nodes.get(bead_id)
        return bead is not None and bead.type == EPIC

    def own(self, bead_id: str) -> tuple[BlockingLink, ...]:
        """The blocking links in the bead's own file, in their order there."""
        return self._own.get(bead_id, ())

    def is_heritable(self, entry: BlockingLink) -> bool:
        """Whether a link blocks the descendants of its holder too: unless it leads to one of those."""
        inherit = self.plan.config.inherit_blockers
        return inherit and not self.hierarchy.is_descendant(entry.link.target, entry.holder)

    def heritable(self, bead_id: str) -> tuple[BlockingLink, ...]:
        """Those of a bead's blocking links that its descendants inherit."""
        return tuple(filter(self.is_heritable, self.own(bead_id)))

    def blockers_of(self, bead_id: str) -> tuple[BlockingLink, ...]:
        """All links that can block the bead: own ones, then inherited ones from the nearest ancestor up."""
        inherited = (
            replace(entry, inherited=True) for ancestor in self._givers(bead_id) for entry in self.heritable(ancestor)
        )
        return (*self.own(bead_id), *inherited)

    def _givers(self, bead_id: str) -> Iterator[str]:
        """The ancestors that have blocking links, the nearest first (in cycles of parents others too)."""
        seen = {bead_id}
        giver = self._nearest_giver.get(bead_id)
        while giver is not None and giver not in seen:
            seen.add(giver)
            yield giver
            giver = self._nearest_giver.get(giver)

    @cached_property
    def _nearest_giver(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for bead_id in self.hierarchy.order:
            parent = self.hierarchy.parent(bead_id)
            stop = parent is None or bool(self.own(parent)) or bead_id in self.hierarchy.cyclic
            found[bead_id] = parent if stop or parent is None else found[parent]
        return found

    def waited(self, bead_id: str, target: str) -> tuple[str, ...]:
        """The children of `target` that a waits-for link makes the bead wait for (SPEC 4)."""
        children = self.hierarchy.children(target)
        left_out = self.hierarchy.not_waited_for(target, bead_id)
        return tuple(child for child in children if child not in left_out) if left_out else children

    def direct(self, bead_id: str, link: Link) -> tuple[str, ...]:
        """What the link makes the bead wait for: its target, or with waits-for the children, where there are any."""
        return (self.waited(bead_id, link.target) if link.type == WAITS_FOR else ()) or (link.target,)


def _blocking(bead: Bead) -> tuple[BlockingLink, ...]:
    return tuple([BlockingLink(bead.id, link, at) for at, link in enumerate(bead.links) if link.blocking])
