"""Events of one ledger done again on top of another: each guard asked anew, what fails it dropped (SPEC 7).

`audit` is the one judge of an event: what it would find wrong with the new commit is why there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field, replace
from itertools import groupby

from gitconvoy.audit.judge import judge
from gitconvoy.audit.surroundings import Surroundings
from gitconvoy.audit.values import ERROR, Books, Step
from gitconvoy.dataclass import dataclass
from gitconvoy.engine.sync.reasons import reason
from gitconvoy.engine.telling import board
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, trees
from gitconvoy.ledger import chain
from gitconvoy.ledger.apply import apply, violations
from gitconvoy.ledger.read import read_ledger
from gitconvoy.ledger.told import Told, again, told
from gitconvoy.model.ledger import Event, Ledger
from gitconvoy.model.state import State
from gitconvoy.rules.view import View
from gitconvoy.store import load

_WHEN = frozenset({"launched_at", "completed_at", "not_before"})
_ALREADY = "the ledger says so already"


@dataclass(frozen=True, slots=True)
class Dropped:
    """An event that does not hold on top of the other ledger. `event` is None for a commit that is none."""

    commit: str
    event: Event | None
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that holds, as it is to be written: `plan` is the `.convoy` tree that it is decided on."""

    commit: str
    event: Event
    plan: str | None


@dataclass(slots=True)
class Replay:
    """What becomes of a line of commits on top of another tip."""

    tip: str
    kept: list[Kept] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    known: int = 0
    """Events that the other ledger has already, or that would change nothing there."""


def replay(town: Town, base: str, own: str, theirs: str) -> Replay:
    """Judge the commits `base..own` anew on top of `theirs`; nothing is written. BadFiles for a damaged ledger."""
    there = Counter(each.name for commit in _line(town, base, theirs) if (each := told(town.repo, commit)) is not None)
    found = Replay(theirs)
    desk = _Desk(town, read_ledger(town.repo, theirs))
    for commit in _line(town, base, own):
        one = _read(town, commit, found)
        if one is None:
            continue
        if there[one.name] > 0:
            there[one.name] -= 1
            found.known += 1
            continue
        event, plan, why = desk.judge(one)
        if why == _ALREADY:
            found.known += 1
        elif why:
            found.dropped.append(Dropped(commit, event, why))
        else:
            found.kept.append(Kept(commit, event, plan))
    return found


def _line(town: Town, base: str, tip: str) -> list[str]:
    """The commits after `base`, oldest first."""
    return (commits.first_parents(town.repo, tip, base) or [])[::-1]


def _read(town: Town, commit: str, found: Replay) -> Told | None:
    try:
        one = told(town.repo, commit)
    except BadFiles as error:
        found.dropped.append(Dropped(commit, None, error.message))
        return None
    if one is None:
        found.dropped.append(Dropped(commit, None, "it is no event: only gitconvoy writes this branch"))
    return one


class _Desk:
    """The records as they stand after what was taken over so far, and the newest plan that was decided on."""

    def __init__(self, town: Town, ledger: Ledger) -> None:
        self._repo = town.repo
        self._now = ledger.tip_time
        self._trunk = ledger.trunk
        self._plan = trees.tree_at(town.repo, ledger.tip, "plan") if ledger.tip else None
        self._around: tuple[str | None, Surroundings] | None = None
        self._books = Books(dict(ledger.beads), dict(ledger.convoys), paused=ledger.paused)
        self._books.live = {bead for bead, record in ledger.beads.items() if record.live}

    def judge(self, one: Told) -> tuple[Event, str | None, str]:
        """(the event as it would be written, its plan, why it does not hold: empty where it does)."""
        trunk, plan = self._newest(one)
        bead = self._books.bead(one.event.bead) if one.event.bead else None
        convoy = self._books.convoy(one.event.convoy) if one.event.convoy else None
        at = max(self._now, one.event.at)
        event = _dated(replace(again(one, bead, convoy, self._books.paused), at=at, trunk=trunk))
        bead = replace(bead, **event.bead_changes) if bead is not None and event.bead_changes else None
        convoy = replace(convoy, **event.convoy_changes) if convoy is not None and event.convoy_changes else None
        step = Step(one.commit, at, event, bead, convoy)
        why = self._why_not(one, step, plan)
        if not why:
            for record in (bead, convoy):
                if record is not None:
                    self._books.put(record)
            self._books.paused = bool(event.town_changes.get("paused", self._books.paused))
            self._now, self._trunk, self._plan = at, trunk, plan
        return event, plan, why

    def _newest(self, one: Told) -> tuple[str | None, str | None]:
        """The trunk's commit to decide on, and its plan: never an older one than was decided on before.

        Who looks at the trunk's commits since then would take what was said in between for news.
        """
        last, own = self._trunk, one.event.trunk
        if own is None or (last is not None and last != own and commits.is_ancestor(self._repo, own, last)):
            return last, self._plan
        return own, one.plan

    def _why_not(self, one: Told, step: Step, plan: str | None) -> str:
        event = step.event
        if _changed(one.event) and not _changed(event):
            return _ALREADY
        said = violations(event)
        if said:
            return "; ".join(said)
        found = judge(step, self._surroundings(plan), self._books)
        return reason(step, [each for each in found if each.severity == ERROR], self._books)

    def _surroundings(self, plan: str | None) -> Surroundings:
        if self._around is None or self._around[0] != plan:
            before = self._around[1] if self._around is not None else None
            self._around = (plan, Surroundings(load.from_tree(self._repo, plan), before))
        return self._around[1]


def _dated(event: Event) -> Event:
    """A dispatch's record says when its commit says that it was: later than it happened, where others wrote later."""
    if event.kind != "dispatch" or "token" not in event.bead_changes:
        return event
    return replace(event, bead_changes={**event.bead_changes, "since": event.at})


def _changed(event: Event) -> bool:
    """Whether more than the time of something becomes another."""
    return any(changes.keys() - _WHEN for changes in (event.bead_changes, event.convoy_changes, event.town_changes))


def write(town: Town, found: Replay) -> str:
    """Write the commits of what holds, on top of the other tip, and return the last one; no ref is moved."""
    ledger, tip = read_ledger(town.repo, found.tip), found.tip
    runs = [(plan, [each.event for each in run]) for plan, run in groupby(found.kept, key=lambda each: each.plan)]
    for number, (plan, events) in enumerate(runs, 1):
        page = _board(town, ledger, plan, events) if number == len(runs) else None
        base = commits.commit(town.repo, tip).tree
        prepared = chain.prepare(town.repo, ledger, base, plan, events, page)
        ledger, tip = prepared.ledger, prepared.tip
    return tip


def _board(town: Town, ledger: Ledger, plan: str | None, events: Sequence[Event]) -> bytes:
    for event in events:
        ledger = apply(ledger, event)
    joined = town.joined(load.from_tree(town.repo, plan))
    return board.render(View(State(joined, ledger, ledger.tip_time, ledger.trunk)))
