"""Sections 4 and 5 of the specification word by word, slow and plain: what the fast code is compared with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property

from gitconvoy.model.plan import Bead, Link
from gitconvoy.model.state import State

Edges = dict[str, set[str]]


def closure(step: Callable[[str], Collection[str]], start: str) -> set[str]:
    """All that can be reached in one step or more."""
    found: set[str] = set()
    stack = list(step(start))
    while stack:
        one = stack.pop()
        if one not in found:
            found.add(one)
            stack.extend(step(one))
    return found


def components(edges: Edges) -> set[frozenset[str]]:
    """Strongly connected components with a way from a bead back to itself."""
    reach = {one: closure(lambda node: edges[node], one) for one in edges}
    return {frozenset(other for other in reach[one] if one in reach[other]) for one in edges if one in reach[one]}


def girth(edges: Edges, component: Collection[str]) -> int:
    """Beads in a shortest cycle of the component."""
    best = len(component)
    for start in component:
        layer, seen, length = {start}, set[str](), 0
        while layer and start not in seen:
            length += 1
            layer = {after for one in layer for after in edges[one]} - seen
            seen |= layer
        if start in seen:
            best = min(best, length)
    return best


class Oracle:
    """The answers for one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.plan = plan = state.plan
        kept = {bead_id: bead for bead_id, bead in plan.archive.items() if not bead.tombstone}
        self.nodes: dict[str, Bead] = {**kept, **plan.beads}
        self.children = {
            one: sorted(other for other, bead in self.nodes.items() if bead.parent == one) for one in self.nodes
        }
        self.descendants = {one: closure(self.children.__getitem__, one) for one in self.nodes}
        self.ancestors = {one: {other for other in self.nodes if one in self.descendants[other]} for one in self.nodes}

    def blockers(self, bead_id: str) -> Iterator[tuple[str, int, Link]]:
        """(holder, index, link) of blocking links, own and inherited."""
        inherited = self.ancestors[bead_id] if self.plan.config.inherit_blockers else set[str]()
        for holder in {bead_id} | inherited:
            for index, link in enumerate(self.nodes[holder].links):
                if link.blocking and (holder == bead_id or link.target not in self.descendants[holder]):
                    yield holder, index, link

    def waited(self, bead_id: str, target: str) -> list[str]:
        """The target's children other than the bead, its ancestors and descendants."""
        out = {bead_id} | self.ancestors[bead_id] | self.descendants[bead_id]
        return [child for child in self.children.get(target, ()) if child not in out]

    # SPEC 5

    def expansion(self, bead_id: str, link: Link) -> set[str]:
        """What precedes the bead by one link."""
        if link.target not in self.nodes:
            return set()
        base = {link.target}
        if link.type == "waits-for" and self.waited(bead_id, link.target):
            base = set(self.waited(bead_id, link.target))
        return base.union(*(self.descendants[one] for one in base if self.nodes[one].type == "epic"))

    @cached_property
    def edges(self) -> Edges:
        """The relation "is preceded by"."""
        return {
            one: {other for _, _, link in self.blockers(one) for other in self.expansion(one, link)}
            for one in self.nodes
        }

    @cached_property
    def reach(self) -> Edges:
        """All that precedes each bead, directly or through others."""
        return {one: closure(self.edges.__getitem__, one) for one in self.nodes}

    def levels(self, tracked: Collection[str]) -> dict[str, int]:
        """Level of each tracked slingable bead that has one."""
        slingable = self.plan.config.slingable
        members = {one for one in tracked if one in self.nodes and slingable(self.nodes[one].type)}
        cyclic = {one for one in members if one in self.reach[one]}
        placed = {one for one in members - cyclic if not self.reach[one] & cyclic}
        found: dict[str, int] = {}
        for one in sorted(placed, key=lambda bead_id: len(self.reach[bead_id] & placed)):
            found[one] = 1 + max((found[other] for other in self.reach[one] & placed), default=0)
        return found

    def critical_path(self, tracked: Collection[str]) -> tuple[str, ...]:
        """The longest chain of beads with a level, of several the one with the least ids."""
        placed = self.levels(tracked)

        def chains(one: str) -> list[tuple[str, ...]]:
            before = [other for other in self.reach[one] & placed.keys() if placed[other] == placed[one] - 1]
            return [(*chain, one) for other in before for chain in chains(other)] or [(one,)]

        return min((chain for one in placed for chain in chains(one)), key=lambda one: (-len(one), one), default=())

    # SPEC 3.4

    def direct_blockers(self, bead_id: str, tracked: Collection[str]) -> set[str]:
        """What blocks the bead directly, but for tombstones and for epics whose descendants are all tracked."""
        found: set[str] = set()
        for _, _, link in self.blockers(bead_id):
            waited = self.waited(bead_id, link.target) if link.type == "waits-for" else []
            found.update(waited or [link.target])
        kept = (one for one in found if (bead := self.plan.bead(one)) is None or not bead.tombstone)
        return {one for one in kept if not self._covered(one, tracked)}

    def _covered(self, bead_id: str, tracked: Collection[str]) -> bool:
        if bead_id not in self.nodes or self.nodes[bead_id].type != "epic" or not self.children[bead_id]:
            return False
        sub_epics = {one for one in self.nodes if self.nodes[one].type == "epic" and self.children[one]}
        return self.descendants[bead_id] <= {*tracked, *sub_epics}

    # SPEC 4

    def satisfied(self, closed: dict[str, str], bead_id: str, link: Link) -> bool:
        """Whether a blocking link is satisfied."""
        target = link.target
        if self.plan.bead(target) is None or target in self.plan.broken:
            return False
        outcome = closed.get(target)
        if link.type == "conditional-blocks":
            return outcome == "failed"
        if link.type == "waits-for":
            ended = [child in closed for child in self.waited(bead_id, target)]
            if ended:
                return any(ended) if link.gate == "any-children" else all(ended)
            return outcome is not None
        record = self.state.ledger.bead(target)
        if link.type == "merge-blocks" and record.submitted is not None and record.merged_as is None:
            return False
        return outcome is not None and outcome != "failed"

    @cached_property
    def closed(self) -> dict[str, str]:
        """Closed bead -> outcome: rules applied over and over until nothing changes."""
        gone = [bead.id for bead in self.plan.archive.values() if bead.tombstone]
        closed = {one: "cancelled" for one in gone if one not in self.plan.broken}
        while True:
            left = self.nodes.keys() - closed.keys() - self.plan.broken
            found = {one: outcome for one in left if (outcome := self._closes(closed, one)) is not None}
            if not found:
                return closed
            closed |= found

    def _closes(self, closed: dict[str, str], bead_id: str) -> str | None:
        bead, record = self.nodes[bead_id], self.state.ledger.bead(bead_id)
        if record.status == "closed" and record.file_status == bead.status:
            return record.outcome or "done"
        if bead.status == "closed":
            return bead.outcome or "done"
        if bead.status != "open" or bead_id in self.ancestors[bead_id]:
            return None
        own = [link for link in bead.links if link.blocking]
        below = self.children[bead_id]
        if (
            bead.type == "epic"
            and self.plan.config.auto_close_epics
            and below
            and all(child in closed for child in below)
            and all(self.satisfied(closed, bead_id, link) for link in own)
        ):
            return "done"
        conditions = [closed.get(link.target) for link in own if link.type == "conditional-blocks"]
        if bead.assignee is None and any(outcome not in (None, "failed") for outcome in conditions):
            return "skipped"
        return None

    @cached_property
    def unreachable(self) -> set[str]:
        """Beads that cannot close: marked over and over until nothing changes."""
        dead: set[str] = set()
        while True:
            left = self.nodes.keys() - self.closed.keys() - dead
            found = {
                one
                for one in left
                if not self.state.ledger.bead(one).live
                and (
                    self._hopeless(dead, one, self.children[one])
                    or any(self._barred(dead, one, link) for _, _, link in self.blockers(one))
                )
            }
            if not found:
                return dead
            dead |= found

    def _hopeless(self, dead: set[str], epic: str, children: list[str]) -> bool:
        remaining = [child for child in children if child not in self.closed]
        return self.nodes[epic].type == "epic" and bool(remaining) and all(child in dead for child in remaining)

    def _barred(self, dead: set[str], bead_id: str, link: Link) -> bool:
        if link.target not in self.nodes:
            return False
        if link.type == "waits-for":
            hopeless = self._hopeless(dead, link.target, self.waited(bead_id, link.target))
            return hopeless and not self.satisfied(self.closed, bead_id, link)
        barrier = link.type in ("blocks", "merge-blocks")
        return barrier and (self.closed.get(link.target) == "failed" or link.target in dead)
