"""The part of a plan that the rules need for what is asked: what is asked about, and what bears on it.

What the rules say of these beads is what they would say with every bead at hand (SPEC 4):

- a link looks at its target: that a file closes it, and how, is known of all beads (`Plan.rest`), and of those that
  only a rule or a fact could close the outline tells which they are (`_derivable`);
- who waits for children looks at all children, as does an epic all of whose children may be closed;
- a bead inherits from its ancestors, whose links count as its own, but for those that lead below the ancestor;
- what can no longer close follows from all that is not closed before it;
- the longest remaining path follows from the shape of the graph, which is outlined as such.

In which wave a bead is follows from all that precedes it, closed or not: that is read where waves are asked for.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import field

from gitconvoy.dataclass import dataclass
from gitconvoy.model import kinds
from gitconvoy.model.ledger import OPEN, Ledger
from gitconvoy.model.plan import Bead, Config, Convoy, Link, Plan
from gitconvoy.model.state import Asked
from gitconvoy.store import outline
from gitconvoy.store.digest import Digested
from gitconvoy.store.outline import Unusable, Waiting

WAITS_FOR, EPIC = "waits-for", "epic"
_MOST = 0.5
"""The share of the beads that are not closed beyond which all of them are read: to tell them apart takes longer."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The beads that were left where they are; see `model.plan.Rest`."""

    outcomes: Mapping[str, str]
    unclosed: frozenset[str]
    families: frozenset[str]
    read: Callable[[str], Bead | None]
    chains: Callable[[Container[str]], Mapping[str, int]]

    def bead(self, bead_id: str) -> Bead | None:
        """One of them, read now."""
        return self.read(bead_id)

    def remaining(self, closed: Container[str]) -> Mapping[str, int]:
        """How long the chains are that begin with each bead."""
        return self.chains(closed)


@dataclass(frozen=True, slots=True)
class Reader:
    """How files are read. Unusable where anything is wrong with one of them."""

    config: Callable[[str], Config]
    """The settings that a blob holds."""
    beads: Callable[[list[Digested]], list[Bead]]
    """Beads as the outline has them."""
    convoys: Callable[[list[Digested]], list[Convoy]]
    """The same of convoys."""


def gathered(db: sqlite3.Connection, tree: str, reader: Reader, asked: Asked, ledger: Ledger) -> Plan:
    """The part of the outlined plan that is needed for what is asked. Unusable.

    How the `rest` is read is for the caller to set.
    """
    files = outline.files(db)
    if kinds.CONFIG_PATH not in files:
        raise Unusable("the outline names no settings")
    config = reader.config(files[kinds.CONFIG_PATH])
    plan_blobs = {kinds.stem(path): blob for path, blob in files.items() if kinds.kind_of(path) is kinds.PLAN}
    convoys = {each.id: each for each in reader.convoys(outline.convoys(db))}
    waves_of = {bead_id for one in asked.convoys if one in convoys for bead_id in convoys[one].tracks}
    moving = (each for each in convoys.values() if each.status == OPEN or each.id in ledger.convoys)
    tracked = {bead_id for each in moving for bead_id in each.tracks}
    gathering = _Gathering(db, reader)
    gathering.gather(asked, waves_of, tracked, ledger)
    beads = gathering.beads
    outcomes = outline.settled(db)
    for bead_id in beads:
        outcomes.pop(bead_id, None)
    read = Counter(bead.parent for bead in beads.values() if bead.id in gathering.waiting)
    by_path = sorted(beads.values(), key=lambda bead: bead.path)
    return Plan(
        config=config,
        beads={bead.id: bead for bead in by_path if not bead.archived},
        archive={bead.id: bead for bead in by_path if bead.archived},
        convoys=convoys,
        plan_blobs=plan_blobs,
        tree=tree,
        rest=Rest(
            outcomes,
            frozenset(gathering.waiting - beads.keys()),
            frozenset(parent for parent, count in gathering.families.items() if count > read[parent]),
            lambda _: None,
            lambda _: {},
        ),
    )


def _derivable(known: Mapping[str, Waiting], by_fact: Container[str], families: Mapping[str, int]) -> set[str]:
    """Of the beads that their files do not close those that may be closed all the same: all others are not.

    By a fact, by a condition that can no longer come true, or as epics: those of whose children none surely waits.
    `known`: all of which one of these could be; `families`: how many children, closed by no file, each parent has.
    """
    found = set(known)
    of_these = Counter(row.parent for row in known.values())
    above = {parent for parent, count in families.items() if count > of_these[parent]}
    while above:
        held = {one for one in above & found if known[one].derived == EPIC and one not in by_fact}
        found -= held
        above = {parent for one in held if (parent := known[one].parent) is not None}
    return found


@dataclass(slots=True)
class _Gathering:
    """Beads that were read, and what they make it necessary to read."""

    db: sqlite3.Connection
    reader: Reader
    beads: dict[str, Bead] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    """All beads that their files do not close, read or not."""
    families: Mapping[str, int] = field(default_factory=dict)
    """How many children each parent has among these."""
    children: dict[str, list[str]] = field(default_factory=dict)
    """Bead -> those of its children that were read."""
    whole: set[str] = field(default_factory=set)
    """Beads all of whose children were read."""
    counting: set[str] = field(default_factory=set)
    """Beads whose links matter: those that were read and are not closed, those asked for, and their ancestors."""
    closing: set[str] = field(default_factory=set)
    """Epics that their children may close."""
    deep: set[str] = field(default_factory=set)
    """Beads of which it matters whether they can still close: they depend on all that is not closed before them."""
    giving: set[str] = field(default_factory=set)
    """Those, and their ancestors, which give them their links."""
    hoping: set[str] = field(default_factory=set)
    """Beads all of whose children are deep."""
    preceding: set[str] = field(default_factory=set)
    """Beads of which all that precedes them is wanted."""
    targets: set[str] = field(default_factory=set)
    """Those that links of such beads lead to: where one is an epic, all below it precedes."""
    below: set[str] = field(default_factory=set)
    """Beads all of whose descendants precede."""
    again: set[str] = field(default_factory=set)
    """Beads that were read, and that came into one of these sets since they were looked at."""

    def gather(self, asked: Asked, waves_of: Collection[str], tracked: Collection[str], ledger: Ledger) -> None:
        """Read on until nothing more is needed. `tracked`: by convoys that are open, or once were."""
        self.waiting, self.families = outline.unsettled(self.db), outline.families(self.db)
        facts = ledger.facts()
        may_change = asked.due or asked.all_open
        by_fact = self.waiting & (ledger.beads if may_change else facts).keys()
        known = {row.id: row for row in outline.derived(self.db, sorted(by_fact))}
        derivable = _derivable(known, by_fact, self.families)
        self.closing = {one for one in derivable if known[one].derived == EPIC}
        moving = self.waiting.intersection(tracked)
        everything = asked.all_open or (asked.due and len(moving) > _MOST * len(self.waiting))
        if everything:
            wanted = set(self.waiting)
        elif asked.due:
            wanted = derivable
        else:
            could_start = self._might_start(derivable, deferred=not asked.ready)
            due = could_start if asked.untracked else could_start & moving
            wanted = derivable | due | (self.waiting & ledger.beads.keys())
        named = {*asked.beads, *waves_of, *(moving if asked.due else ())}
        self.counting |= named | wanted
        self.preceding.update(waves_of)
        if not everything:
            self.deep |= named & self.waiting
            self.giving |= self.deep
        ended = self._closed_by_fact(facts)
        if may_change:  # what files say now may end what the ledger says
            ended |= facts.keys() | ledger.at_work()
        new = self._take(wanted | named | ended)
        while new:
            self.again = set()
            ids, families = self._look_at([self.beads[each] for each in new])
            ids.update(outline.children(self.db, sorted(families - self.whole)))
            self.whole |= families
            new = self._take(ids) | self.again

    def _might_start(self, derivable: set[str], *, deferred: bool) -> set[str]:
        """The beads, or those that are deferred, that are not surely kept waiting by a link of their own."""
        surely = self.waiting - derivable
        rows = outline.fit(self.db, deferred=deferred)
        return {one for one, targets in rows if targets is None or surely.isdisjoint(targets.split("/"))}

    def _closed_by_fact(self, facts: Mapping[str, str | None]) -> set[str]:
        """The beads that files close, and that the ledger closes, too: it may say how (SPEC 1)."""
        said = {one: status for one, status in facts.items() if one not in self.waiting}
        return {one for one, status in outline.statuses(self.db, sorted(said)).items() if said[one] == status}

    def _take(self, ids: Collection[str]) -> set[str]:
        fresh = outline.contents(self.db, sorted(one for one in ids if one not in self.beads))
        for bead in self.reader.beads(fresh):
            self.beads[bead.id] = bead
            if bead.parent is not None:
                self.children.setdefault(bead.parent, []).append(bead.id)
        return {each.id for each in fresh}

    def _mark(self, marked: set[str], ids: Iterable[str]) -> None:
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
            links = [link for link in bead.links if link.blocking] if bead.links else []
            if bead.parent is not None:
                ids.add(bead.parent)
            if bead.id in self.waiting or bead.id in self.counting:
                self._count(bead, links, ids, families)
                if links:
                    holders[bead.id] = [link.target for link in links]
            if self.giving:
                self._hope(bead, links, ids, families)
            if self.preceding:
                self._place(bead, links, ids, families)
        for parent in outline.parents_among(self.db, sorted(holders)):
            ids.update(holders[parent])  # whether its children inherit a link depends on where that leads
        return ids, families

    def _count(self, bead: Bead, links: Iterable[Link], ids: set[str], families: set[str]) -> None:
        """What has to be known so that it is known whether the bead may start, or closes with its children."""
        if bead.parent is not None and bead.parent not in self.counting:
            self._mark(self.counting, [bead.parent])
        for link in links:
            if link.type == WAITS_FOR:
                ids.add(link.target)
                families.add(link.target)
        if bead.id in self.closing:
            families.add(bead.id)

    def _hope(self, bead: Bead, links: Iterable[Link], ids: set[str], families: set[str]) -> None:
        """What has to be known so that it is known whether a deep bead can still close."""
        if bead.id in self.deep and bead.type == EPIC:
            self._mark(self.hoping, [bead.id])
        if bead.id in self.hoping:
            families.add(bead.id)
            self._deepen(self.children.get(bead.id, ()), ids)
        if bead.parent in self.hoping:
            self._deepen([bead.id], ids)
        if bead.id in self.giving:
            self._mark(self.giving, self._parent(bead))
            self._deepen([link.target for link in links], ids)
            self._mark(self.hoping, [link.target for link in links if link.type == WAITS_FOR])

    def _deepen(self, beads: Iterable[str], ids: set[str]) -> None:
        open_ = [each for each in beads if each in self.waiting]
        ids.update(open_)
        self._mark(self.deep, open_)
        self._mark(self.giving, open_)

    def _place(self, bead: Bead, links: Iterable[Link], ids: set[str], families: set[str]) -> None:
        """What has to be known so that it is known in which wave a bead is."""
        if bead.id in self.preceding:
            ids.update(link.target for link in links)
            self._precede(bead, links)
        if bead.type == EPIC and bead.id in self.targets:
            self._mark(self.below, [bead.id])
        if bead.parent in self.below:
            self._mark(self.preceding, [bead.id])
            self._mark(self.below, [bead.id])
        if bead.id in self.below:
            families.add(bead.id)
            self._mark(self.preceding, self.children.get(bead.id, ()))
            self._mark(self.below, self.children.get(bead.id, ()))

    def _precede(self, bead: Bead, links: Iterable[Link]) -> None:
        self._mark(self.preceding, self._parent(bead))
        for link in links:
            self._mark(self.preceding, [link.target])
            self._mark(self.targets, [link.target])
            if link.type == WAITS_FOR:
                self._mark(self.below, [link.target])

    def _parent(self, bead: Bead) -> tuple[str, ...]:
        return (bead.parent,) if bead.parent is not None else ()
