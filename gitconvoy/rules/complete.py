"""When a convoy is complete, and which beads can no longer close (SPEC 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitconvoy.graph import BlockingLink
from gitconvoy.rules.facts import Facts
from gitconvoy.rules.links import FAILED, WAITS_FOR, satisfied

_BARRIERS = frozenset({"blocks", "merge-blocks"})


def completion(facts: Facts, unreachable: Mapping[str, tuple[str, ...]], convoy_id: str) -> str | None:
    """`done` or `partial` where everything that the convoy tracks has ended, else None; whatever its status is."""
    convoy = facts.plan.convoys.get(convoy_id)
    if convoy is None or not convoy.tracks or facts.convoy_frozen_by(convoy_id):
        return None
    partial = False
    for bead_id in convoy.tracks:
        status = facts.effective(bead_id)
        if not status.closed and bead_id not in unreachable:
            return None
        partial = partial or status.failed or not status.closed
    return "partial" if partial else "done"


def progress(facts: Facts, convoy_id: str) -> tuple[int, int]:
    """(closed, total) of the beads that a convoy tracks."""
    convoy = facts.plan.convoys.get(convoy_id)
    tracked = set(convoy.tracks) if convoy is not None else set()
    return len(tracked & facts.closed.outcomes.keys()), len(tracked)


def unreachable(facts: Facts) -> Mapping[str, tuple[str, ...]]:
    """Beads not closed that can never start or close, each with the failed bead that is the cause.

    Behind a failed bead over blocks and merge-blocks, own or inherited, transitively; an epic none of whose remaining
    children can close, and what is behind it, over waits-for too. A bead whose attempt is live has started and may
    still succeed: it is not among them.
    """
    failed = sorted(bead_id for bead_id, outcome in facts.closed.outcomes.items() if outcome == FAILED)
    return _Unreachable(facts).spread(failed) if failed else {}


class _Unreachable:
    """Spreads from the failed beads; every bead, heir and link is visited once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._graph = facts.graph
        self._found: dict[str, tuple[str, ...]] = {}
        self._queue: list[tuple[str, str]] = []
        """(bead that cannot close as wanted, the failed bead that is the cause)"""
        self._heirs_done: set[str] = set()
        self._holders: dict[str, list[BlockingLink]] = {}
        for bead_id in sorted(self._graph.nodes):
            for entry in self._graph.own(bead_id):
                self._holders.setdefault(entry.link.target, []).append(entry)
        self._outcomes = facts.closed.outcomes
        self._remaining = {
            parent: sum(child not in self._outcomes for child in self._graph.children(parent))
            for parent in self._graph.hierarchy.parents()
        }
        """Bead -> how many of its children are not closed and not (by what was spread so far) unreachable."""

    def spread(self, failed: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """What follows from these."""
        self._queue = [(bead_id, bead_id) for bead_id in failed]
        at = 0
        while at < len(self._queue):
            self._follow(*self._queue[at])
            at += 1
        return dict(sorted(self._found.items()))

    def _follow(self, bead_id: str, cause: str) -> None:
        for entry in self._holders.get(bead_id, ()):
            if entry.link.type in _BARRIERS:
                self._mark_holder(entry, cause)
        parent = self._graph.hierarchy.parent(bead_id)
        if parent is None or bead_id not in self._found:
            return
        self._remaining[parent] -= 1
        if self._graph.is_epic(parent) and not self._facts.plan.may_have_unseen_children(parent):
            if self._remaining[parent] == 0:
                self._mark(parent, cause)
            if self._remaining[parent] <= 2:
                self._mark_waiting(parent, cause)

    def _mark_holder(self, entry: BlockingLink, cause: str) -> None:
        self._mark(entry.holder, cause)
        if self._graph.is_heritable(entry) and not entry.waits_for_holder:
            self._mark_heirs(entry.holder, cause)

    def _mark_heirs(self, holder: str, cause: str) -> None:
        stack = [holder]
        while stack:
            bead_id = stack.pop()
            if bead_id not in self._heirs_done:
                self._heirs_done.add(bead_id)
                for child in self._graph.children(bead_id):
                    self._mark(child, cause)
                    stack.append(child)

    def _mark(self, bead_id: str, cause: str) -> None:
        if self._can_close(bead_id) and not self._facts.ledger.bead(bead_id).live:
            self._found[bead_id] = (cause,)
            self._queue.append((bead_id, cause))

    def _mark_waiting(self, epic: str, cause: str) -> None:
        """Those whose waits-for link to the epic has nothing left to hope for (they leave out two children at most)."""
        for entry in self._holders.get(epic, ()):
            if entry.link.type != WAITS_FOR or satisfied(self._facts.closed, entry.holder, entry.link):
                continue
            left_out = self._graph.hierarchy.not_waited_for(epic, entry.holder)
            waits = len(left_out) < len(self._graph.children(epic))
            if waits and self._remaining[epic] == sum(map(self._can_close, left_out)):
                self._mark_holder(entry, cause)

    def _can_close(self, bead_id: str) -> bool:
        return bead_id not in self._outcomes and bead_id not in self._found
