"""The one evaluator: everything that commands, hooks and the engine ask about a state (SPEC 4)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cached_property

from gitconvoy.model.ledger import OPEN
from gitconvoy.model.state import State
from gitconvoy.rules import complete, ready
from gitconvoy.rules.facts import Facts
from gitconvoy.rules.onward import begun_since, fell_due
from gitconvoy.rules.ready import Verdict
from gitconvoy.rules.status import holds

_NONE: frozenset[str] = frozenset()
_RESERVED = frozenset({"reserved"})
_STEADY = ("closed", "_frozen", "_tracking", "_unreadable_ancestors", "_remaining")
"""What an attempt that begins makes no difference to."""
_SHARED = ("_heirs", "_rigs", "_convoys")
_UNTRACKED = 5
"""Convoy priority of beads that no convoy dispatches: behind all others."""


class View(Facts):
    """A state and its answers, worked out when first asked for; a new state needs a new view."""

    def __init__(self, state: State, before: View | None = None) -> None:
        """`before`: a view of an earlier state, of which all is taken over that still holds."""
        super().__init__(state, before)
        self._candidates: dict[bool, tuple[str, ...]] = {}
        begun = begun_since(before.state, state) if before is not None else None
        if before is not None and begun is not None:
            self._take_over(before, begun)

    def _take_over(self, before: View, begun: frozenset[str]) -> None:
        known = vars(before)
        vars(self).update({name: known[name] for name in _STEADY if name in known})
        vars(self).update({name: known[name] for name in _SHARED})
        self._effective = {one: found for one, found in before._effective.items() if one not in begun}
        if "_unreachable" in known and not before._unreachable:  # no bead becomes so by being worked on
            self._unreachable = before._unreachable
        if fell_due(before.state, self.state, self.plan.beads.values()):
            return
        beads = self.plan.beads
        for untracked, found in before._candidates.items():
            waive = _RESERVED | ({"tracked"} if untracked else _NONE)
            still = (one for one in found if one not in begun)
            self._candidates[untracked] = tuple(
                one for one in still if not beads[one].touches or self.is_ready(one, waive=waive)
            )

    def verdicts(self, bead_id: str, actor: str | None = None, waive: frozenset[str] = _NONE) -> tuple[Verdict, ...]:
        """What every rule says of a bead, in the order of SPEC 4; rules in `waive` pass and say so.

        `actor` is who would get the bead: what is reserved for it is not reserved. An id without a readable file has
        the one verdict `readable`.
        """
        return ready.verdicts(self, bead_id, actor, waive)

    def failing(self, bead_id: str, actor: str | None = None, waive: frozenset[str] = _NONE) -> tuple[Verdict, ...]:
        """The verdicts among them that keep the bead from being dispatched."""
        return ready.failing(self, bead_id, actor, waive)

    def is_ready(self, bead_id: str, actor: str | None = None, waive: frozenset[str] = _NONE) -> bool:
        """Whether all rules pass that are not waived."""
        return ready.is_ready(self, bead_id, actor, waive)

    def ready(self, actor: str | None = None, rig: str | None = None, all: bool = False) -> tuple[str, ...]:  # noqa: A002
        """The ready beads in dispatch order, of one rig or of every; `all`: also those that no open convoy tracks."""
        return tuple(self.each_ready(actor, rig, all))

    def each_ready(self, actor: str | None = None, rig: str | None = None, all: bool = False) -> Iterator[str]:  # noqa: A002
        """The same one by one, for those who need not know them all."""
        beads = self.plan.beads
        for one in self._ready(all):
            if not ready.reserved(self, beads[one], actor):
                continue
            if rig is None or ((known := self.rig_of(one)) is not None and known.name == rig):
                yield one

    def _ready(self, untracked: bool) -> tuple[str, ...]:
        """Those that are ready for whomever they may be reserved for."""
        if untracked not in self._candidates:
            waive = _RESERVED | ({"tracked"} if untracked else _NONE)
            found = [bead_id for bead_id in self.plan.beads if self.is_ready(bead_id, waive=waive)]
            self._candidates[untracked] = tuple(sorted(found, key=self.order_key) if len(found) > 1 else found)
        return self._candidates[untracked]

    def order_key(self, bead_id: str) -> tuple[int, int, int, str]:
        """The place of a bead in the dispatch order: convoy priority, bead priority, longest remaining path, id."""
        convoy = self.convoy_of(bead_id)
        bead = self.plan.bead(bead_id)
        return (
            self.plan.convoys[convoy].priority if convoy is not None else _UNTRACKED,
            bead.priority if bead is not None else _UNTRACKED,
            -self.remaining(bead_id),
            bead_id,
        )

    def remaining(self, bead_id: str) -> int:
        """How many beads that are not closed the longest chain has that begins with the bead; 0 for ids of none."""
        return self._remaining.get(bead_id, 0)

    @cached_property
    def _remaining(self) -> Mapping[str, int]:
        return (self.plan.rest or self.graph.shape).remaining(self.closed.outcomes)

    @cached_property
    def _unreachable(self) -> Mapping[str, tuple[str, ...]]:
        return complete.unreachable(self)

    def unreachable(self) -> Mapping[str, tuple[str, ...]]:
        """Beads that can no longer close, sorted, each with the failed bead that is the cause."""
        return self._unreachable

    def completion(self, convoy_id: str) -> str | None:
        """`done` or `partial` where everything that the convoy tracks has ended, whatever its own status; else None."""
        return complete.completion(self, self._unreachable, convoy_id)

    def completed(self) -> tuple[str, ...]:
        """The completed convoys that may go on, sorted: all others have ended for good, whatever beads close.

        Open ones (owned), and those that nobody landed since and not all of whose beads a file or a fact closes.
        """
        convoys = self.plan.convoys
        known = ((each, self.ledger.convoys[each]) for each in sorted(self.ledger.convoys.keys() & convoys))
        ended = [(each, record) for each, record in known if record.completed_at is not None]
        return tuple(
            each
            for each, record in ended
            if self.convoy_status(each) == OPEN
            or (record.close_reason is None and not self._surely_closed.issuperset(convoys[each].tracks))
        )

    @cached_property
    def _surely_closed(self) -> set[str]:
        """The beads that a file or a fact closes; what else could is not looked at."""
        records, statuses = self.ledger.beads, self.config.statuses
        beads = (*self.plan.beads.values(), *self.plan.archive.values())
        found = {each.id for each in beads if statuses.get(each.status) == "done"}
        found |= {each.id for each in beads if each.id in records and holds(records[each.id], each)}
        return found.union(self.plan.settled)

    def going_on(self, without: Container[str] = ()) -> tuple[str, ...]:
        """The convoys that were complete and go on, as something that they track is open again (SPEC 7); sorted.

        A convoy that is open itself (owned) does; one that `complete` closed, where nobody landed it since and no other
        open convoy tracks the beads that are open again, nor one before it that goes on. `without`: those that do not.
        """
        found: list[str] = []
        taken: set[str] = set()
        for convoy_id in self.completed():
            if convoy_id in without or self.completion(convoy_id) is not None:
                continue
            tracks = self.plan.convoys[convoy_id].tracks
            again = [one for one in tracks if not self.effective(one).closed and one not in self.unreachable()]
            held = taken.union(one for one in again for other in self.open_convoys_of(one) if other != convoy_id)
            if self.convoy_status(convoy_id) == OPEN or (again and held.isdisjoint(again)):
                found.append(convoy_id)
                taken.update(tracks)
        return tuple(found)

    def progress(self, convoy_id: str) -> tuple[int, int]:
        """(closed, total) of the beads that the convoy tracks."""
        return complete.progress(self, convoy_id)
