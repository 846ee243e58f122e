"""What the rules ask about a state, each answer worked out once (SPEC 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from gitconvoy.dataclass import dataclass
from gitconvoy.graph import BlockingLink, Graph
from gitconvoy.model.ids import longest_prefix
from gitconvoy.model.ledger import CLOSED, BeadRecord
from gitconvoy.model.plan import STAGED, Bead, Rig
from gitconvoy.model.state import State
from gitconvoy.rules.links import Closed, explain, satisfied
from gitconvoy.rules.status import Effective, closures, effective


@dataclass(frozen=True, slots=True)
class Blocker:
    """A blocking link that is not satisfied: its target and type, whose file holds it, why it blocks, ids behind it."""

    target: str
    type: str
    holder: str
    message: str
    ids: tuple[str, ...] = ()


class Facts:
    """Statuses, convoys, links and running attempts of a state."""

    def __init__(self, state: State, before: Facts | None = None) -> None:
        """`before`: the facts of an earlier state; what follows from a plan that is still the same is taken from it."""
        self.state = state
        self.plan = state.plan
        if before is not None and before.plan is state.plan and "graph" in vars(before):
            self.graph = before.graph
        self.config = state.plan.config
        self.ledger = state.ledger
        self.now = state.now
        self._heirs: dict[str, tuple[bool, tuple[BlockingLink, ...]]] = {}
        self._rigs: dict[str, Rig | None] = {}
        self._effective: dict[str, Effective] = {}
        self._convoys: dict[str, str] = {}

    @cached_property
    def graph(self) -> Graph:
        """The graph of the plan."""
        return Graph.build(self.plan)

    @cached_property
    def closed(self) -> Closed:
        """Which beads are closed, by the least fixpoint of SPEC 4."""
        return closures(self.state, self.graph)

    def effective(self, bead_id: str) -> Effective:
        """The effective status of any id; ids of no bead are `missing`."""
        if bead_id not in self._effective:
            self._effective[bead_id] = effective(self.state, self.closed, bead_id)
        return self._effective[bead_id]

    def rig_of(self, bead_id: str) -> Rig | None:
        """The rig of a bead, by the longest prefix."""
        if bead_id not in self._rigs:
            best = longest_prefix(bead_id, self._prefixes)
            self._rigs[bead_id] = self._prefixes[best] if best is not None else None
        return self._rigs[bead_id]

    @cached_property
    def _prefixes(self) -> Mapping[str, Rig]:
        return self.config.prefixes()

    # Convoys

    def convoy_status(self, convoy_id: str) -> str:
        """The effective status of a convoy, worked out once: staged_ready, staged_warnings, open or closed.

        The ledger's word counts while the file says what it said then, both kinds of staged being the same. A convoy
        without a readable file is `missing` or `unreadable`, and with that not open.
        """
        if convoy_id not in self._convoys:
            self._convoys[convoy_id] = self._convoy_status(convoy_id)
        return self._convoys[convoy_id]

    def _convoy_status(self, convoy_id: str) -> str:
        convoy = self.plan.convoys.get(convoy_id)
        if convoy is None:
            return "unreadable" if convoy_id in self.plan.broken else "missing"
        record = self.ledger.convoy(convoy_id)
        same = record.file_status == convoy.status or {record.file_status, convoy.status} <= STAGED
        return record.status if record.status is not None and same else convoy.status

    def convoy_paused(self, convoy_id: str) -> bool:
        """Paused in its file or in the ledger."""
        convoy = self.plan.convoys.get(convoy_id)
        return self.ledger.convoy(convoy_id).paused or (convoy is not None and convoy.paused)

    def convoy_frozen_by(self, convoy_id: str) -> tuple[str, ...]:
        """The unreadable files, of the convoy and of beads that it tracks, that freeze it (SPEC 3.1)."""
        return self._frozen.get(convoy_id, ())

    @cached_property
    def _frozen(self) -> dict[str, tuple[str, ...]]:
        broken = self.plan.broken
        found: dict[str, tuple[str, ...]] = {convoy_id: (convoy_id,) for convoy_id in broken}
        for convoy_id, convoy in self.plan.convoys.items() if broken else ():
            if ids := broken.intersection((convoy_id, *convoy.tracks)):
                found[convoy_id] = tuple(sorted(ids))
        return found

    @cached_property
    def _tracking(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for convoy_id in sorted(self.plan.convoys):
            if self.convoy_status(convoy_id) == CLOSED:
                continue
            tracks = self.plan.convoys[convoy_id].tracks
            again = found.keys() & set(tracks) if not found.keys().isdisjoint(tracks) else ()
            more = {bead_id: (*found[bead_id], convoy_id) for bead_id in again}
            found.update(dict.fromkeys(tracks, (convoy_id,)))
            found.update(more)
        return found

    def tracking(self, bead_id: str) -> tuple[str, ...]:
        """All convoys that track the bead and are not closed, sorted; more than one is an error (SPEC 3.3)."""
        return self._tracking.get(bead_id, ())

    def open_convoys_of(self, bead_id: str) -> tuple[str, ...]:
        """The open ones among them, paused or not."""
        return tuple(convoy_id for convoy_id in self.tracking(bead_id) if self.convoy_status(convoy_id) == "open")

    def convoy_of(self, bead_id: str) -> str | None:
        """The convoy that dispatches the bead: the only one that tracks it, if it is open."""
        tracking = self._tracking.get(bead_id, ())
        return tracking[0] if len(tracking) == 1 and self.convoy_status(tracking[0]) == "open" else None

    # Links

    def passes(self, bead_id: str) -> bool:
        """Whether every blocking link of the bead, own or inherited, is satisfied."""
        if bead_id in self.graph.hierarchy.tangled:
            return self._all_satisfied(bead_id, self.graph.blockers_of(bead_id))
        return self._all_satisfied(bead_id, self.graph.own(bead_id)) and self._inherited_pass(bead_id)

    def _all_satisfied(self, bead_id: str, entries: tuple[BlockingLink, ...]) -> bool:
        return not entries or all(satisfied(self.closed, bead_id, entry.link) for entry in entries)

    def _inherited_pass(self, bead_id: str) -> bool:
        """Worked out once per ancestor: all heirs see a link as its holder does, but for one to the holder itself."""
        parent = self.graph.hierarchy.parent(bead_id)
        if parent is None:
            return True
        if parent not in self._heirs:
            for ancestor in self.graph.hierarchy.chain(parent, self._heirs):
                links = self.graph.heritable(ancestor)
                steady = tuple(entry for entry in links if not entry.waits_for_holder)
                passes = self._all_satisfied(ancestor, steady) and self._inherited_pass(ancestor)
                self._heirs[ancestor] = passes, tuple(entry for entry in links if entry.waits_for_holder)
        passes, seen_apart = self._heirs[parent]
        return passes and self._all_satisfied(bead_id, seen_apart)

    def blocked_by(self, bead_id: str) -> tuple[Blocker, ...]:
        """The unsatisfied blocking links of a bead, own ones first."""
        return tuple(
            self._blocker(bead_id, entry)
            for entry in self.graph.blockers_of(bead_id)
            if not satisfied(self.closed, bead_id, entry.link)
        )

    def _blocker(self, bead_id: str, entry: BlockingLink) -> Blocker:
        message, ids = explain(self.closed, bead_id, entry.link)
        if entry.inherited:
            message += f" (a link of {entry.holder}, which this belongs to)"
        return Blocker(entry.link.target, entry.link.type, entry.holder, message, ids)

    def unreadable_ancestor(self, bead_id: str) -> str | None:
        """The ancestor that cannot be read or seen, so that nobody knows what its descendants inherit (SPEC 3.1)."""
        return self._unreadable_ancestors.get(bead_id)

    @cached_property
    def _unreadable_ancestors(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if (self.plan.broken or self.plan.away) and self.config.inherit_blockers:
            for bead_id in self.graph.hierarchy.order:
                parent = self.graph.nodes[bead_id].parent
                if parent is None:
                    continue
                if parent in self.plan.broken or self.plan.unseen(parent) is not None:
                    found[bead_id] = parent
                elif parent in found:
                    found[bead_id] = found[parent]
        return found

    # Attempts

    @cached_property
    def in_flight(self) -> tuple[BeadRecord, ...]:
        """Attempts that are live and not submitted, by bead id: what counts for capacity."""
        found = (record for record in self.ledger.beads.values() if record.in_flight)
        return tuple(sorted(found, key=lambda record: record.id))

    @cached_property
    def _live(self) -> dict[str, BeadRecord]:
        return {bead_id: record for bead_id, record in self.ledger.beads.items() if record.live}

    @cached_property
    def _busy(self) -> dict[str, list[Bead]]:
        """Rig -> beads in flight or submitted that say what they touch."""
        found: dict[str, list[Bead]] = {}
        for bead_id in sorted(self._live):
            bead = self.plan.bead(bead_id)
            rig = self.rig_of(bead_id)
            if bead is not None and bead.touches and rig is not None:
                found.setdefault(rig.name, []).append(bead)
        return found

    def busy_in(self, rig: Rig) -> list[Bead]:
        """Beads in flight or submitted in a rig that say what they touch, by id."""
        return self._busy.get(rig.name, [])

    def exhausted(self, bead_id: str) -> bool:
        """Whether a bead that is not closed has failed too often to be tried again (SPEC 4, giving up)."""
        return (
            self.ledger.bead(bead_id).failures >= self.config.dispatch.max_attempts
            and not self.effective(bead_id).closed
        )
