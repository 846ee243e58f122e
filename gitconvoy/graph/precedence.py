"""The relation "is preceded by" as a graph of numbers, linear in beads and links (SPEC 5).

An epic with many descendants, or a bead with many heirs of its links, would make the relation quadratic. Groups stand
in for them: a group is a node without a bead, and paths through groups are the relation's pairs.
"""

from __future__ import annotations

from bisect import bisect_left

from gitconvoy.graph.links import EPIC, WAITS_FOR, BlockingLink, LinkTable


class Precedence:
    """Nodes below `size` are the beads `ids`, sorted; the others are groups. `before[n]` is what precedes node n."""

    def __init__(self, table: LinkTable) -> None:
        self.ids = sorted(table.nodes)
        self.index = {bead_id: number for number, bead_id in enumerate(self.ids)}
        self.size = len(self.ids)
        self.before: list[list[int]] = [[] for _ in self.ids]
        self.entries: dict[tuple[int, int], list[BlockingLink]] = {}
        """The links that make an edge, for those edges that links make."""
        self._table = table
        self._below: dict[str, int] = {}
        """Bead -> the group of all its descendants."""
        self._heirs: dict[str, int] = {}
        """Bead -> the group of what its descendants inherit from it and from its ancestors."""
        self._children: dict[str, int] = {}
        self._edges_to: dict[str, tuple[list[int], list[int]]] = {}
        for bead_id in table.hierarchy.parents():
            self._below[bead_id] = self._group()
            self._heirs[bead_id] = self._group()
        for bead_id in table.hierarchy.parents():
            self._fill_groups(bead_id)
        for bead_id in self.ids:
            self._link(self.index[bead_id], bead_id, table.own(bead_id))
            self._inherit(bead_id)
        for edges in self.before:
            edges[:] = sorted(set(edges))

    def preceding(self, bead_id: str) -> frozenset[str]:
        """The beads that precede the bead, as SPEC 5 defines it (not transitively)."""
        found: set[int] = set()
        stack = [self.index[bead_id]]
        while stack:
            for node in self.before[stack.pop()]:
                if node not in found:
                    found.add(node)
                    if node >= self.size:
                        stack.append(node)
        return frozenset(self.ids[node] for node in found if node < self.size)

    def _group(self) -> int:
        self.before.append([])
        return len(self.before) - 1

    def _fill_groups(self, bead_id: str) -> None:
        for child in self._table.hierarchy.children(bead_id):
            self.before[self._below[bead_id]].append(self.index[child])
            if child in self._below:
                self.before[self._below[bead_id]].append(self._below[child])

    def _inherit(self, bead_id: str) -> None:
        """What the bead inherits; a link to the holder itself means something else to each of its children."""
        heritable = self._table.heritable(bead_id)
        heirs = self._heirs.get(bead_id)
        if heirs is not None:
            self._link(heirs, bead_id, tuple(entry for entry in heritable if not entry.waits_for_holder))
        parent = self._table.hierarchy.parent(bead_id)
        if parent is None:
            return
        own_view = tuple(entry for entry in self._table.heritable(parent) if entry.waits_for_holder)
        for node in (self.index[bead_id],) if heirs is None else (self.index[bead_id], heirs):
            self.before[node].append(self._heirs[parent])
            self._link(node, bead_id, own_view)

    def _link(self, node: int, bead_id: str, entries: tuple[BlockingLink, ...]) -> None:
        for entry in entries:
            for other in self._nodes_of(bead_id, entry):
                self.before[node].append(other)
                self.entries.setdefault((node, other), []).append(entry)

    def _nodes_of(self, bead_id: str, entry: BlockingLink) -> list[int]:
        target = entry.link.target
        if target not in self.index:
            return []
        if entry.link.type == WAITS_FOR:
            children = self._table.hierarchy.children(target)
            left_out = self._table.hierarchy.not_waited_for(target, bead_id)
            if len(left_out) < len(children):
                return self._all_but(target, children, left_out)
        return self._with_descendants(target)

    def _with_descendants(self, bead_id: str) -> list[int]:
        """The bead, and where it is an epic all its descendants."""
        if bead_id in self._below and self._table.nodes[bead_id].type == EPIC:
            return [self.index[bead_id], self._below[bead_id]]
        return [self.index[bead_id]]

    def _all_but(self, target: str, children: tuple[str, ...], left_out: tuple[str, ...]) -> list[int]:
        """Groups that hold the children of `target` but those left out."""
        if not left_out:
            if target not in self._children:
                self._children[target] = self._group()
                for child in children:
                    self.before[self._children[target]].extend(self._with_descendants(child))
            return [self._children[target]]
        if len(left_out) > 1:
            return [node for child in children if child not in left_out for node in self._with_descendants(child)]
        if target not in self._edges_to:
            self._edges_to[target] = (self._running(children), self._running(children[::-1])[::-1])
        upto, onward = self._edges_to[target]
        at = bisect_left(children, left_out[0])
        return [*upto[max(at - 1, 0) : at], *onward[at + 1 : at + 2]]

    def _running(self, children: tuple[str, ...]) -> list[int]:
        """Groups of the first child, the first two, and so on."""
        groups: list[int] = []
        for child in children:
            group = self._group()
            self.before[group].extend([*groups[-1:], *self._with_descendants(child)])
            groups.append(group)
        return groups
