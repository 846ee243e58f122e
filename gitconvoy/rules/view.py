"""The one evaluator: everything that commands, hooks and the engine ask about a state (SPEC 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from gitconvoy.graph import remaining_path
from gitconvoy.rules import complete, ready
from gitconvoy.rules.facts import Facts
from gitconvoy.rules.ready import Verdict

_NONE: frozenset[str] = frozenset()
_UNTRACKED = 5
"""Convoy priority of beads that no convoy dispatches: behind all others."""


class View(Facts):
    """A state and its answers, worked out when first asked for; a new state needs a new view."""

    def verdicts(self, bead_id: str, actor: str | None = None, waive: frozenset[str] = _NONE) -> tuple[Verdict, ...]:
        """What every rule says of a bead, in the order of SPEC 4; rules in `waive` pass and say so.

        `actor` is who would get the bead: what is reserved for it is not reserved. An id without a readable file has
        the one verdict `readable`.
        """
        return ready.verdicts(self, bead_id, actor, waive)

    def is_ready(self, bead_id: str, actor: str | None = None, waive: frozenset[str] = _NONE) -> bool:
        """Whether all rules pass that are not waived."""
        return ready.is_ready(self, bead_id, actor, waive)

    def ready(self, actor: str | None = None, rig: str | None = None, all: bool = False) -> tuple[str, ...]:  # noqa: A002
        """The ready beads in dispatch order, of one rig or of every; `all`: also those that no open convoy tracks."""
        found = self._ready(actor, all)
        if rig is not None:
            return tuple(bead_id for bead_id in found if (known := self.rig_of(bead_id)) and known.name == rig)
        return found

    def _ready(self, actor: str | None, untracked: bool) -> tuple[str, ...]:
        if (actor, untracked) not in self._found_ready:
            waive = frozenset({"tracked"}) if untracked else _NONE
            found = [bead_id for bead_id in self.plan.beads if self.is_ready(bead_id, actor, waive)]
            found = sorted(found, key=self.order_key) if len(found) > 1 else found
            self._found_ready[actor, untracked] = tuple(found)
        return self._found_ready[actor, untracked]

    @cached_property
    def _found_ready(self) -> dict[tuple[str | None, bool], tuple[str, ...]]:
        return {}

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
        return remaining_path(self.graph, self.closed.outcomes)

    @cached_property
    def _unreachable(self) -> Mapping[str, tuple[str, ...]]:
        return complete.unreachable(self)

    def unreachable(self) -> Mapping[str, tuple[str, ...]]:
        """Beads that can no longer close, sorted, each with the failed bead that is the cause."""
        return self._unreachable

    def completion(self, convoy_id: str) -> str | None:
        """`done` or `partial` where everything that the convoy tracks has ended, whatever its own status; else None."""
        return complete.completion(self, self._unreachable, convoy_id)

    def progress(self, convoy_id: str) -> tuple[int, int]:
        """(closed, total) of the beads that the convoy tracks."""
        return complete.progress(self, convoy_id)
