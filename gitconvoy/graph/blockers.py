"""What blocks the beads of a convoy directly: gates and outside blockers (SPEC 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitconvoy.dataclass import dataclass
from gitconvoy.graph.links import WAITS_FOR, BlockingLink, LinkTable
from gitconvoy.model.plan import Link

_Ids = frozenset[str]
_Table = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    """Non-slingable and untracked ones among some direct blockers."""

    gates: _Ids = frozenset()
    outside: _Ids = frozenset()

    def __or__(self, other: _Found) -> _Found:
        if self == _NONE or other == _NONE:
            return other if self == _NONE else self
        return _Found(self.gates | other.gates, self.outside | other.outside)

    def without(self, ids: tuple[str, ...]) -> _Found:
        """The same but for some ids."""
        if self.gates.isdisjoint(ids) and self.outside.isdisjoint(ids):
            return self
        return _Found(self.gates.difference(ids), self.outside.difference(ids))


_NONE = _Found()


class DirectBlockers:
    """Gates and outside blockers in the eyes of one convoy; what is inherited is worked out once per ancestor."""

    def __init__(self, table: LinkTable, tracked: frozenset[str]) -> None:
        self._table = table
        self._tracked = tracked
        self._covered: dict[str, bool] = {}
        self._known: dict[tuple[str, bool], _Found] = {}
        """(bead, whether its children are meant) -> what that comes to."""
        self._heirs: dict[str, _Found] = {}

    def of(self, bead_ids: Iterable[str]) -> tuple[_Table, _Table]:
        """(gates, outside) of the given beads, each a sorted mapping without empty entries."""
        gates, outside = {}, {}
        for bead_id in sorted(bead_ids):
            found = self._of(bead_id)
            if found.gates:
                gates[bead_id] = tuple(sorted(found.gates))
            if found.outside:
                outside[bead_id] = tuple(sorted(found.outside))
        return gates, outside

    def _of(self, bead_id: str) -> _Found:
        if bead_id in self._table.hierarchy.tangled:
            return self._links(bead_id, self._table.blockers_of(bead_id))
        return self._links(bead_id, self._table.own(bead_id)) | self._inherited(bead_id)

    def _inherited(self, bead_id: str) -> _Found:
        parent = self._table.hierarchy.parent(bead_id)
        if parent is None:
            return _NONE
        for ancestor in self._table.hierarchy.chain(parent, self._heirs):
            entries = self._table.heritable(ancestor)
            steady = tuple(entry for entry in entries if not entry.waits_for_holder)
            self._heirs[ancestor] = self._links(ancestor, steady) | self._from_above(ancestor)
        return self._from_above(bead_id)

    def _from_above(self, bead_id: str) -> _Found:
        """What the parent passes on; a link to the parent itself is seen with the child's eyes."""
        parent = self._table.hierarchy.parent(bead_id)
        if parent is None:
            return _NONE
        own_view = tuple(entry for entry in self._table.heritable(parent) if entry.waits_for_holder)
        return self._heirs[parent] | self._links(bead_id, own_view)

    def _links(self, bead_id: str, entries: tuple[BlockingLink, ...]) -> _Found:
        found = _NONE
        for entry in entries:
            found |= self._link(bead_id, entry.link)
        return found

    def _link(self, bead_id: str, link: Link) -> _Found:
        """All who wait for the children of a bead share what those come to, less the few that they leave out."""
        children = self._table.hierarchy.children(link.target) if link.type == WAITS_FOR else ()
        left_out = self._table.hierarchy.not_waited_for(link.target, bead_id) if children else ()
        if len(left_out) == len(children):
            return self._shared((link.target, False), (link.target,))
        return self._shared((link.target, True), children).without(left_out)

    def _shared(self, key: tuple[str, bool], blockers: tuple[str, ...]) -> _Found:
        if key not in self._known:
            self._known[key] = self._sorted_out(blockers)
        return self._known[key]

    def _sorted_out(self, blockers: tuple[str, ...]) -> _Found:
        counted = [other for other in blockers if not self._table.is_tombstone(other) and not self._is_covered(other)]
        return _Found(
            frozenset(other for other in counted if self._is_gate(other)),
            frozenset(other for other in counted if other not in self._tracked),
        )

    def _is_gate(self, bead_id: str) -> bool:
        bead = self._table.nodes.get(bead_id)
        return bead is not None and not self._table.plan.config.slingable(bead.type)

    def _is_covered(self, bead_id: str) -> bool:
        """An epic that closes by what the convoy tracks: every descendant is tracked, or an epic of such."""
        if bead_id not in self._covered:
            children = self._table.hierarchy.children
            self._covered[bead_id] = (
                self._table.is_epic(bead_id)
                and bool(children(bead_id))
                and all(
                    below in self._tracked or (self._table.is_epic(below) and bool(children(below)))
                    for below in self._table.hierarchy.descendants(bead_id)
                )
            )
        return self._covered[bead_id]
