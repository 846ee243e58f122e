"""The part of a plan on which the answer to one question depends, so that no question costs the whole. Pure (SPEC 4).

Rules ask about a bead, what it waits for, and what decides on the status of those. All else can be left out without
a change of the answer (`tests/unit/test_audit_surroundings.py` compares both on random plans).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from gitconvoy.audit.values import Books
from gitconvoy.graph import Graph
from gitconvoy.model.plan import BLOCKING, Convoy, Plan
from gitconvoy.model.state import State
from gitconvoy.rules.links import CONDITIONAL, WAITS_FOR
from gitconvoy.rules.view import View


class Surroundings:
    """A plan, ready to be asked about single beads and convoys."""

    def __init__(self, plan: Plan, before: Surroundings | None = None) -> None:
        """`before`: those of the plan that was decided on before; what both share is not worked out twice."""
        self.plan = plan
        self._tracks: dict[str, frozenset[str]] = {}
        known = before is None or "cyclic" in vars(before)
        self._before: Surroundings | None = before if before is None or known else before._before

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for bead in (*self.plan.beads.values(), *self.plan.archive.values()):
            if bead.parent is not None:
                found.setdefault(bead.parent, []).append(bead.id)
        return found

    @cached_property
    def _tracking(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for convoy in self.plan.convoys.values():
            for bead_id in convoy.tracks:
                found.setdefault(bead_id, []).append(convoy.id)
        return found

    @cached_property
    def cyclic(self) -> frozenset[str]:
        """Beads in a cycle of links or of parents: the one answer for which the whole graph is needed."""
        before, self._before = self._before, None
        if before is not None and _same_graph(before.plan, self.plan):
            return before.cyclic
        graph = Graph.build(self.plan)
        return graph.in_cycle | graph.hierarchy.cyclic

    def view_of_bead(self, books: Books, bead_id: str, now: int) -> View:
        """What the rules say of one bead: the same as over the whole plan, cycles aside (`cyclic`)."""
        wanted = _Wanted(self, books)
        wanted.add_readiness(bead_id)
        wanted.add_rivals(bead_id)
        return self._view(books, wanted.found, self._tracking.get(bead_id, ()), now)

    def view_of_convoy(self, books: Books, convoy_id: str, now: int) -> View:
        """What the rules say of one convoy, whether it is complete above all."""
        wanted = _Wanted(self, books)
        convoy = self.plan.convoys.get(convoy_id)
        for bead_id in convoy.tracks if convoy is not None else ():
            wanted.found.add(bead_id)
            wanted.add_fate(bead_id)
        return self._view(books, wanted.found, (convoy_id,), now)

    def _view(self, books: Books, beads: Iterable[str], convoys: Iterable[str], now: int) -> View:
        wanted = set(beads)
        plan = replace(
            self.plan,
            beads={bead: self.plan.beads[bead] for bead in sorted(wanted) if bead in self.plan.beads},
            archive={bead: self.plan.archive[bead] for bead in sorted(wanted) if bead in self.plan.archive},
            convoys={each: self._convoy(each, wanted) for each in convoys if each in self.plan.convoys},
        )
        view = View(State(plan, books.part(wanted, convoys), now))
        if not self.cyclic:
            view.graph.in_cycle = frozenset()  # as in the whole, which need not be worked out for the part
        return view

    def _convoy(self, convoy_id: str, wanted: set[str]) -> Convoy:
        """The convoy with those of its beads that are looked at, and with those that freeze it."""
        convoy = self.plan.convoys[convoy_id]
        if convoy_id not in self._tracks:
            self._tracks[convoy_id] = frozenset(convoy.tracks)
        here = self._tracks[convoy_id]
        return replace(convoy, tracks=tuple(sorted(here & (wanted | self.plan.broken))))

    def children(self, bead_id: str) -> Iterable[str]:
        """The direct children of a bead."""
        return self._children.get(bead_id, ())


def _same_graph(one: Plan, other: Plan) -> bool:
    """Whether both have the same beads with the same links, parents and types; statuses do not matter."""
    if one.config != other.config or one.broken != other.broken:
        return False
    for left, right in ((one.beads, other.beads), (one.archive, other.archive)):
        if left.keys() != right.keys():
            return False
        for bead_id, bead in left.items():
            again = right[bead_id]
            if bead is not again and (bead.links, bead.parent, bead.type) != (again.links, again.parent, again.type):
                return False
    return True


class _Wanted:
    """Collects the beads on which an answer depends."""

    def __init__(self, around: Surroundings, books: Books) -> None:
        self._around = around
        self._books = books
        self.found: set[str] = set()
        self._statuses: set[str] = set()
        self._fates: set[str] = set()

    def add_readiness(self, bead_id: str) -> None:
        """Everything on which it depends whether the bead is ready."""
        self._add_status(bead_id)
        for each in self._line(bead_id):
            self._add_targets(each)

    def add_rivals(self, bead_id: str) -> None:
        """The beads at work that may change the same files. All others at work count by their records alone."""
        bead = self._around.plan.bead(bead_id)
        if bead is not None and bead.touches:
            live = ((each, self._around.plan.bead(each)) for each in self._books.live)
            self.found.update(each for each, other in live if other is not None and other.touches)

    def add_fate(self, bead_id: str) -> None:
        """Everything on which it depends whether the bead is closed, or can still close."""
        todo = [bead_id]
        while todo:
            current = todo.pop()
            if current in self._fates:
                continue
            self._fates.add(current)
            self._add_status(current)
            if self._given(current):
                continue
            todo += self._around.children(current)
            for each in self._line(current):
                for link in self._links(each):
                    todo.append(link[0])
                    todo += self._around.children(link[0]) if link[1] == WAITS_FOR else ()

    def _line(self, bead_id: str) -> list[str]:
        """The bead and its ancestors, which are all of them wanted."""
        line: list[str] = []
        current: str | None = bead_id
        while current is not None and current not in line:
            line.append(current)
            self.found.add(current)
            bead = self._around.plan.bead(current)
            current = bead.parent if bead is not None else None
        return line

    def _links(self, bead_id: str) -> list[tuple[str, str]]:
        bead = self._around.plan.bead(bead_id)
        return [(link.target, link.type) for link in bead.links if link.type in BLOCKING] if bead is not None else []

    def _add_targets(self, bead_id: str) -> None:
        for target, kind in self._links(bead_id):
            self._add_status(target)
            if kind == WAITS_FOR:
                for child in self._around.children(target):
                    self._add_status(child)

    def _given(self, bead_id: str) -> bool:
        """Whether file or ledger alone say that the bead is closed."""
        bead = self._around.plan.bead(bead_id)
        if bead is None or bead.tombstone:
            return True
        record = self._books.bead(bead_id)
        by_ledger = record.status == "closed" and record.file_status == bead.status
        return by_ledger or self._around.plan.config.category(bead.status) == "done"

    def _add_status(self, bead_id: str) -> None:
        """The bead, and what its status follows from: of epics the children, of conditions what they hang on."""
        todo = [bead_id]
        while todo:
            current = todo.pop()
            if current in self._statuses:
                continue
            self._statuses.add(current)
            self._line(current)  # whether heirs see a link depends on where its target belongs
            if self._given(current):
                continue
            children = list(self._around.children(current))
            todo += children
            for target, kind in self._links(current):
                if children or kind == CONDITIONAL:
                    todo.append(target)
                    todo += self._around.children(target) if kind == WAITS_FOR else ()
