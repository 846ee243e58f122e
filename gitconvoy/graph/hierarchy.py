"""Who is whose parent: children, ancestors, descendants and cycles of parents, all without recursion (SPEC 3.2, 4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping


class Hierarchy:
    """The forest that `parent` makes of the beads.

    Beads are numbered in preorder, so that the descendants of a bead are one slice and "is it below" is a comparison.
    A cycle of parents is no forest: its beads share one number range, which makes each of them (itself too) both an
    ancestor and a descendant of the others, as the words say.
    """

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        """`parents`: every bead with its parent, None where it has none or the parent is no bead of the graph."""
        self._parents = parents
        children: dict[str, list[str]] = {}
        for bead_id in sorted(parents):
            parent = parents[bead_id]
            if parent is not None:
                children.setdefault(parent, []).append(bead_id)
        self._children = {parent: tuple(ids) for parent, ids in children.items()}
        self.cycles = _parent_cycles(parents)
        """Each cycle of parents from its least id, every bead followed by its parent."""
        self.cyclic = frozenset(bead_id for cycle in self.cycles for bead_id in cycle)
        self.tangled: set[str] = set()
        """The beads of cycles of parents and all below them: for these, what is inherited has no first giver."""
        self.order: list[str] = []
        """All beads, every one after its parent (but in cycles of parents)."""
        self._range: dict[str, tuple[int, int]] = {}
        self._number_all()
        self._child_starts: dict[str, list[int]] = {}

    def _number_all(self) -> None:
        for bead_id in sorted(self._parents):
            if self._parents[bead_id] is not None:
                continue
            if bead_id in self._children:
                self._number((bead_id,))
            else:  # as most are
                self._range[bead_id] = (len(self.order), len(self.order) + 1)
                self.order.append(bead_id)
        for cycle in self.cycles:
            begin = len(self.order)
            self._number(cycle)
            for bead_id in cycle:
                self._range[bead_id] = (begin, len(self.order))
            self.tangled.update(self.order[begin:])

    def _number(self, roots: tuple[str, ...]) -> None:
        begin = len(self.order)
        self.order.extend(roots)
        stack = [child for root in reversed(roots) for child in reversed(self.children(root))]
        while stack:
            bead_id = stack.pop()
            if bead_id in self.cyclic:
                continue
            self.order.append(bead_id)
            stack.extend(reversed(self.children(bead_id)))
        sizes: dict[str, int] = {}
        for at in range(len(self.order) - 1, begin - 1, -1):
            bead_id = self.order[at]
            size = sizes.pop(bead_id, 0) + 1
            self._range[bead_id] = (at, at + size)
            parent = self._parents[bead_id]
            if parent is not None and bead_id not in self.cyclic:
                sizes[parent] = sizes.get(parent, 0) + size

    def parent(self, bead_id: str) -> str | None:
        """The parent, where it is a bead of the graph."""
        return self._parents.get(bead_id)

    def children(self, bead_id: str) -> tuple[str, ...]:
        """The direct children, sorted."""
        return self._children.get(bead_id, ())

    def parents(self) -> Iterator[str]:
        """Every bead with children, sorted."""
        return iter(sorted(self._children))

    def ancestors(self, bead_id: str) -> Iterator[str]:
        """All ancestors other than the bead itself, the nearest first."""
        seen = {bead_id}
        parent = self._parents.get(bead_id)
        while parent is not None and parent not in seen:
            seen.add(parent)
            yield parent
            parent = self._parents.get(parent)

    def chain(self, bead_id: str, known: Container[str]) -> list[str]:
        """The bead and its ancestors up to the first that is `known`, topmost first: the order to fill a memo in."""
        chain = [] if bead_id in known else [bead_id]
        for ancestor in self.ancestors(bead_id) if chain else ():
            if ancestor in known:
                break
            chain.append(ancestor)
        return chain[::-1]

    def descendants(self, bead_id: str) -> list[str]:
        """All descendants, every bead before its own; in a cycle of parents the bead itself is among them."""
        begin, end = self._range[bead_id]
        return self.order[begin if bead_id in self.cyclic else begin + 1 : end]

    def is_descendant(self, bead_id: str, of: str) -> bool:
        """Whether `bead_id` lies below `of`; False for ids that are no beads of the graph."""
        inner, outer = self._range.get(bead_id), self._range.get(of)
        if inner is None or outer is None or not outer[0] <= inner[0] < outer[1]:
            return False
        return bead_id != of or bead_id in self.cyclic

    def not_waited_for(self, target: str, bead_id: str) -> tuple[str, ...]:
        """The children of `target` that are the bead, an ancestor or a descendant of it (SPEC 4, waits-for).

        Outside of cycles of parents these are all, one or none: found without looking at each child.
        """
        children = self.children(target)
        if target == bead_id or self.is_descendant(target, bead_id):
            return children
        if not self.is_descendant(bead_id, target):
            return ()
        if target in self.cyclic:
            return tuple(child for child in children if child == bead_id or self.is_descendant(bead_id, child))
        if target not in self._child_starts:
            self._child_starts[target] = [self._range[child][0] for child in children]
        return (children[bisect_right(self._child_starts[target], self._range[bead_id][0]) - 1],)


def _parent_cycles(parents: Mapping[str, str | None]) -> tuple[tuple[str, ...], ...]:
    """Follow the one arrow that leaves each bead; a walk that meets itself has found a cycle."""
    walk_of: dict[str, int] = {}
    found = []
    for number, start in enumerate(sorted(parents)):
        path: list[str] = []
        bead_id: str | None = start
        while bead_id is not None and bead_id not in walk_of:
            walk_of[bead_id] = number
            path.append(bead_id)
            bead_id = parents[bead_id]
        if bead_id is not None and walk_of[bead_id] == number:
            cycle = path[path.index(bead_id) :]
            least = cycle.index(min(cycle))
            found.append(tuple(cycle[least:] + cycle[:least]))
    return tuple(sorted(found))
