"""The breaker of each rig: a dispatcher that cannot start workers is not asked on and on. Pure (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitconvoy.dispatch.breaker import Breaker
from gitconvoy.engine.local import START, Local
from gitconvoy.model.ledger import Event
from gitconvoy.rules.view import View


class Gate:
    """Which beads may be fed, bead after bead within a batch: where a breaker is open, none, later one for a trial."""

    def __init__(self, view: View, local: Local, events: Iterable[Event] = ()) -> None:
        """`events`: what was decided since `local` was read; failures to start among them count, too."""
        local = _with(view, local, events)
        self._view = view
        self._local = local
        self._tried = _on_trial(view, local)

    def admits(self, bead: str) -> bool:
        """Whether the bead may be started, as far as its rig's breaker and settings are concerned.

        A trial counts as begun.
        """
        rig = self._view.rig_of(bead)
        if rig is not None and self._local.via == START and self._local.places.trouble_of(rig.name):
            return False
        if rig is None or self._local.via != START or (breaker := opened(self._local, rig.name)) is None:
            return True
        if self._view.now < breaker.again or rig.name in self._tried:
            return False
        self._tried.add(rig.name)
        return True


def _with(view: View, local: Local, events: Iterable[Event]) -> Local:
    breakers = dict(local.breakers)
    for event in events:
        if event.kind != "dispatch-failed" or event.own_fault or event.bead is None:
            continue
        rig = view.rig_of(event.bead)
        if rig is not None:
            before = breakers.get(rig.name) or Breaker(0, 0)
            breakers[rig.name] = Breaker(before.failures + 1, event.at, event.reason, local.breaker_limit)
    return replace(local, breakers=breakers) if breakers else local


def _on_trial(view: View, local: Local) -> set[str]:
    """Rigs with an open breaker whose next worker is being started already."""
    found = set()
    for record in view.in_flight:
        rig = view.rig_of(record.id)
        breaker = opened(local, rig.name) if rig is not None else None
        started_here = record.via == START and record.machine == local.machine
        if rig is not None and breaker is not None and started_here and (record.since or 0) >= breaker.last:
            found.add(rig.name)
    return found


def opened(local: Local, rig: str) -> Breaker | None:
    """The rig's breaker, if it is open."""
    breaker = local.breakers.get(rig)
    return breaker if breaker is not None and breaker.open else None


def next_trial(view: View, local: Local) -> int | None:
    """When the next rig with an open breaker and ready beads may try one, epoch seconds."""
    rigs = {rig.name for bead in view.ready() if (rig := view.rig_of(bead)) is not None} if local.breakers else set()
    times = [breaker.again for rig in rigs if (breaker := opened(local, rig)) is not None]
    return min((at for at in times if at > view.now), default=None)
