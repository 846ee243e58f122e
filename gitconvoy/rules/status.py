"""Which beads are closed, why, and what each one's effective status is (SPEC 4)."""

from __future__ import annotations

from gitconvoy.dataclass import dataclass
from gitconvoy.graph import Graph
from gitconvoy.model.ledger import CLOSED, LIVE, BeadRecord
from gitconvoy.model.plan import Bead
from gitconvoy.model.state import State
from gitconvoy.rules.links import CONDITIONAL, FAILED, Closed, satisfied

DONE = "done"
SKIPPED = "skipped"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Effective:
    """The status of a bead by all rules, and where it comes from.

    `category`: active, wip, frozen or done. `outcome` is set where closed. `source`: ledger, file, epic (closes with
    its children), moot (its condition can no longer come true), attempt (a live one), tombstone; missing (no such
    bead), unreadable and away (in a repository that cannot be used), all three of category frozen.
    """

    status: str
    category: str
    outcome: str | None
    source: str

    @property
    def closed(self) -> bool:
        """Closed, whatever the outcome."""
        return self.outcome is not None

    @property
    def failed(self) -> bool:
        """Closed with outcome failed."""
        return self.outcome == FAILED


def effective(state: State, closed: Closed, bead_id: str) -> Effective:
    """The effective status of any id."""
    if bead_id in closed.outcomes:
        return Effective(CLOSED, "done", closed.outcomes[bead_id], closed.sources.get(bead_id, "file"))
    if bead_id in state.plan.broken:
        return Effective("unreadable", "frozen", None, "unreadable")
    bead = state.plan.bead(bead_id)
    unseen = bead is None and state.plan.unseen(bead_id) is not None
    if bead is None and not unseen:
        return Effective("missing", "frozen", None, "missing")
    if state.ledger.bead(bead_id).live:
        return Effective(LIVE, "wip", None, "attempt")
    if bead is None:
        return Effective("away", "frozen", None, "away")
    return Effective(bead.status, state.plan.config.category(bead.status), None, "file")


def closures(state: State, graph: Graph) -> Closed:
    """Everything that is closed: by ledger and files, and what follows from that, to the least fixpoint.

    The consequences (epics whose children are closed, beads that are moot) only ever add closed beads and never take
    a link's satisfaction away, so a work-list reaches the least fixpoint in any order.
    """
    return _Fixpoint(state, graph).run()


def holds(record: BeadRecord, bead: Bead) -> bool:
    """Whether the ledger's outcome still counts: the file says what it said when the fact was written (SPEC 1)."""
    return record.status == CLOSED and record.file_status == bead.status


class _Fixpoint:
    def __init__(self, state: State, graph: Graph) -> None:
        self._state = state
        self._graph = graph
        self._closed = Closed(state, graph, dict(state.plan.settled))
        self._queue: list[str] = []
        self._epics: dict[str, int] = {}
        """Open epics -> how many of their own links are known to be satisfied, from the first on."""
        self._waiting_epics: dict[str, list[str]] = {}
        self._conditions: dict[str, list[str]] = {}

    def run(self) -> Closed:
        for bead_id in sorted(self._graph.nodes):
            if bead_id not in self._state.plan.broken:
                self._given(self._graph.nodes[bead_id])
        for bead_id, bead in sorted(self._state.plan.archive.items()):
            if bead.tombstone and bead_id not in self._graph.nodes and bead_id not in self._state.plan.broken:
                self._close(bead_id, CANCELLED, "tombstone")
        for bead_id in sorted(self._graph.nodes):
            if bead_id not in self._closed.outcomes and bead_id not in self._state.plan.broken:
                self._watch(self._graph.nodes[bead_id])
        self._queue += sorted(self._conditions.keys() & self._state.plan.settled.keys())
        while self._queue:
            self._follow(self._queue.pop())
        return self._closed

    def _given(self, bead: Bead) -> None:
        record = self._state.ledger.beads.get(bead.id)
        if record is not None and holds(record, bead):
            self._close(bead.id, record.outcome or DONE, "ledger")
        elif self._state.plan.config.category(bead.status) == "done":
            self._close(bead.id, bead.outcome or DONE, "file")

    def _close(self, bead_id: str, outcome: str, source: str) -> None:
        if bead_id in self._closed.outcomes:
            return
        self._closed.outcomes[bead_id] = outcome
        self._closed.sources[bead_id] = source
        self._queue.append(bead_id)
        parent = self._graph.hierarchy.parent(bead_id)
        if parent is not None:
            count = self._closed.children.get(parent, 0) + 1
            self._closed.children[parent] = count
            # Whoever waits for children leaves out at most two of them: in between nothing can change.
            if count <= 3 or count >= len(self._graph.children(parent)) - 2:
                self._queue.append(parent)

    def _watch(self, bead: Bead) -> None:
        """Note what an open bead could follow from; the beads of a cycle of parents are frozen."""
        config = self._state.plan.config
        if config.category(bead.status) != "active" or bead.id in self._graph.hierarchy.cyclic:
            return
        if config.auto_close_epics and self._graph.is_epic(bead.id):
            self._epics[bead.id] = 0
            for entry in self._graph.own(bead.id):
                self._waiting_epics.setdefault(entry.link.target, []).append(bead.id)
        if bead.assignee is None:
            for entry in self._graph.own(bead.id):
                if entry.link.type == CONDITIONAL:
                    self._conditions.setdefault(entry.link.target, []).append(bead.id)

    def _follow(self, bead_id: str) -> None:
        self._try_epic(bead_id)
        for epic in self._waiting_epics.get(bead_id, ()):
            self._try_epic(epic)
        outcome = self._closed.outcomes.get(bead_id)
        if outcome is not None and outcome != FAILED:
            for moot in self._conditions.get(bead_id, ()):
                self._close(moot, SKIPPED, "moot")

    def _try_epic(self, bead_id: str) -> None:
        """Close an open epic with its last child; its links are looked at once each, from where the last try ended."""
        if bead_id not in self._epics or bead_id in self._closed.outcomes:
            return
        children = len(self._graph.children(bead_id))
        if self._state.plan.may_have_unseen_children(bead_id):
            return
        if children == 0 or self._closed.children.get(bead_id, 0) < children:
            return
        links = self._graph.own(bead_id)
        while self._epics[bead_id] < len(links):
            if not satisfied(self._closed, bead_id, links[self._epics[bead_id]].link):
                return
            self._epics[bead_id] += 1
        self._close(bead_id, DONE, "epic")
