"""The part of a plan that the rules need for what is asked: the beads that are not closed, and what bears on them.

What the rules say of these is what they would say with every bead at hand (SPEC 4):

- a link looks at its target: that it is closed, and how, is known of all beads (`Plan.rest`);
- who waits for children, and an epic that is not closed, look at all children;
- a bead inherits from its ancestors, whose links count as its own, but for those that lead below the ancestor;
- the longest remaining path leads over beads that are not closed.

In which wave a bead is follows from all that precedes it, closed or not: that is read where waves are asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gitconvoy.model import kinds
from gitconvoy.model.plan import Bead, Config, Convoy, Link, Plan
from gitconvoy.store import outline
from gitconvoy.store.outline import Row, Unusable

WAITS_FOR, EPIC = "waits-for", "epic"
Value = Bead | Convoy | Config


@dataclass(frozen=True, slots=True)
class Rest:
    """The beads that were left where they are; see `model.plan.Rest`."""

    outcomes: Mapping[str, str]
    read: Callable[[str], Bead | None]

    def bead(self, bead_id: str) -> Bead | None:
        """One of them, read now."""
        return self.read(bead_id)


Read = Callable[[list[tuple[str, str]]], list[Value]]
"""(path, blob) of files -> what they say, in the same order; Unusable where anything is wrong with one of them."""


@dataclass(slots=True)
class _Gathering:
    """Beads that were read, and what they make it necessary to read."""

    db: sqlite3.Connection
    read: Read
    beads: dict[str, Bead] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Those of them that their files close."""
    children: dict[str, list[str]] = field(default_factory=dict)
    """Bead -> those of its children that were read."""
    whole: set[str] = field(default_factory=set)
    """Beads all of whose children were read."""
    counting: set[str] = field(default_factory=set)
    """Beads whose links and children matter: those that are not closed, those asked for, and their ancestors."""
    preceding: set[str] = field(default_factory=set)
    """Beads of which all that precedes them is wanted."""
    targets: set[str] = field(default_factory=set)
    """Those that links of such beads lead to: where one is an epic, all below it precedes."""
    below: set[str] = field(default_factory=set)
    """Beads all of whose descendants precede."""
    again: set[str] = field(default_factory=set)
    """Beads that were read, and that came into one of these sets since they were looked at."""

    def gather(self, asked: Collection[str], waves_of: Collection[str]) -> None:
        """Read on until nothing more is needed."""
        rows = outline.unsettled(self.db)
        self.counting.update((row.id for row in rows), asked, waves_of)
        self.preceding.update(waves_of)
        named = {*asked, *waves_of}.difference(row.id for row in rows)
        new = self._take([*rows, *outline.rows(self.db, "id", sorted(named))])
        while new:
            self.again = set()
            ids, families = self._look_at([self.beads[each] for each in new])
            rows = outline.rows(self.db, "id", sorted(ids - self.beads.keys()))
            rows += outline.rows(self.db, "parent", sorted(families - self.whole))
            self.whole |= families
            new = self._take(rows) | self.again

    def _take(self, rows: Iterable[Row]) -> set[str]:
        fresh = list({row.id: row for row in rows if row.id not in self.beads}.values())
        self.closed.update(row.id for row in fresh if row.outcome is not None)
        for bead in self.read([(row.path, row.blob) for row in fresh]):
            if isinstance(bead, Bead):
                self.beads[bead.id] = bead
                if bead.parent is not None:
                    self.children.setdefault(bead.parent, []).append(bead.id)
        return {row.id for row in fresh}

    def _mark(self, marked: set[str], *ids: str) -> None:
        for each in ids:
            if each not in marked:
                marked.add(each)
                if each in self.beads:
                    self.again.add(each)

    def _look_at(self, beads: Iterable[Bead]) -> tuple[set[str], set[str]]:
        """Which beads are needed because of these, and the children of which beads."""
        ids: set[str] = set()
        families: set[str] = set()
        holders: dict[str, list[str]] = {}
        for bead in beads:
            links = [link for link in bead.links if link.blocking]
            if bead.parent is not None:
                ids.add(bead.parent)
            if bead.id in self.counting:
                self._mark(self.counting, *self._parent(bead))
                waited = {link.target for link in links if link.type == WAITS_FOR}
                ids |= waited
                families |= waited | ({bead.id} if bead.type == EPIC and bead.id not in self.closed else set())
                if links:
                    holders[bead.id] = [link.target for link in links]
            if bead.id in self.preceding:
                ids.update(link.target for link in links)
                self._precede(bead, links)
            if bead.type == EPIC and bead.id in self.targets:
                self._mark(self.below, bead.id)
            if bead.parent in self.below:
                self._mark(self.preceding, bead.id)
                self._mark(self.below, bead.id)
            if bead.id in self.below:
                families.add(bead.id)
                self._mark(self.preceding, *self.children.get(bead.id, ()))
                self._mark(self.below, *self.children.get(bead.id, ()))
        for parent in outline.parents_among(self.db, sorted(holders)):
            ids.update(holders[parent])  # whether its children inherit a link depends on where that leads
        return ids, families

    def _precede(self, bead: Bead, links: Iterable[Link]) -> None:
        self._mark(self.preceding, *self._parent(bead))
        for link in links:
            self._mark(self.preceding, link.target)
            self._mark(self.targets, link.target)
            if link.type == WAITS_FOR:
                self._mark(self.below, link.target)

    def _parent(self, bead: Bead) -> tuple[str, ...]:
        return (bead.parent,) if bead.parent is not None else ()


def gathered(db: sqlite3.Connection, tree: str, read: Read, asked: Collection[str], waves_of: Collection[str]) -> Plan:
    """The part of the outlined plan that is needed to say what is ready, and all of `asked`. Unusable.

    `waves_of`: beads whose waves are asked for, too. `Plan.rest` is to be set by whoever knows how to read it.
    """
    gathering = _Gathering(db, read)
    gathering.gather(asked, waves_of)
    config, convoys, plan_blobs = _others(outline.files(db), read)
    outcomes = outline.settled(db)
    for bead_id in gathering.beads:
        outcomes.pop(bead_id, None)
    by_path = sorted(gathering.beads.values(), key=lambda bead: bead.path)
    return Plan(
        config=config,
        beads={bead.id: bead for bead in by_path if not bead.archived},
        archive={bead.id: bead for bead in by_path if bead.archived},
        convoys=convoys,
        plan_blobs=plan_blobs,
        tree=tree,
        rest=Rest(outcomes, lambda _: None),
    )


def _others(files: Mapping[str, str], read: Read) -> tuple[Config, dict[str, Convoy], dict[str, str]]:
    documents = [(path, blob) for path, blob in files.items() if kinds.kind_of(path) is not kinds.PLAN]
    found = read(documents)
    convoys = {each.id: each for each in found if isinstance(each, Convoy)}
    config = next((each for each in found if isinstance(each, Config)), None)
    if config is None:
        raise Unusable("the outline names no settings")
    plans = {kinds.stem(path): blob for path, blob in files.items() if kinds.kind_of(path) is kinds.PLAN}
    return config, convoys, plans
