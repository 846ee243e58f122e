"""Which beads are dispatched next, in which order, to whom: what `feed` does and `diff` foretells (SPEC 4, Order)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gitconvoy.dataclass import dataclass
from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.due import TEMPORARY
from gitconvoy.rules.view import View

_UNTRACKED = frozenset({"tracked"})


@dataclass(frozen=True, slots=True)
class Placement:
    """A bead and the worker that it goes to; or, where `worker` is None, why there is no room for it now."""

    bead: str
    convoy: str | None
    worker: str | None
    reason: str = ""


def untracked_retries(view: View, *, waiting: bool = False) -> list[str]:
    """Beads slung with --no-convoy whose attempt failed: ready again although nobody tracks them (SPEC 7), in order.

    With `waiting` those that only their back-off, a deferral or an overlap still holds back.
    """
    waive = _UNTRACKED | TEMPORARY if waiting else _UNTRACKED
    found = [
        record.id
        for record in view.ledger.beads.values()
        if record.convoy is None and record.failures and record.status is None and not view.tracking(record.id)
    ]
    return sorted((bead for bead in found if view.is_ready(bead, waive=waive)), key=view.order_key)


def queue(view: View) -> list[str]:
    """All beads that wait for nothing but room, in the order in which they are dispatched."""
    ready = list(view.ready())
    return ready + [bead for bead in untracked_retries(view) if bead not in ready]


def place(
    view: View, capacity: Capacity, beads: Iterable[str], admits: Callable[[str], bool] = lambda _: True
) -> Iterator[Placement]:
    """Bead after bead, each with what those before it have taken of `capacity` in mind.

    `admits`: what else must let a bead pass that there would be room for; those that it does not are passed over.
    """
    for bead in beads:
        convoy = view.convoy_of(bead)
        worker = capacity.worker_for(bead)
        reason = capacity.refusal(bead, convoy) or ("" if worker is not None else "each worker of its rig holds a bead")
        if reason:
            yield Placement(bead, convoy, None, reason)
        elif admits(bead):
            capacity.take(bead, convoy, worker)
            yield Placement(bead, convoy, worker)
