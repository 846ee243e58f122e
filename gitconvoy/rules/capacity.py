"""How many beads may be worked on at once, and by whom, bead after bead within a batch (SPEC 4, Order)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gitconvoy.model.ledger import CLAIM, PUSH, BeadRecord
from gitconvoy.model.plan import Rig
from gitconvoy.rules.touches import overlaps
from gitconvoy.rules.view import View

CAPACITY = "capacity"
OVERLAP = "overlap"


class Capacity:
    """Room for more work: what is in flight by the state, and what this batch has taken so far."""

    def __init__(self, view: View, machine: str, machine_limit: int | None = None) -> None:
        """`machine`: the name under which this machine dispatches; `machine_limit`: its own `maxWorkers`, if any."""
        self._view = view
        self._machine = machine
        self._machine_limit = machine_limit
        self._town = 0
        self._here = 0
        self._rigs: Counter[str] = Counter()
        self._convoys: Counter[str] = Counter()
        self._holds: dict[str, str] = {}
        """Worker -> the pushed bead that it holds."""
        self._free: dict[str, tuple[int, list[str]]] = {}
        self._touches: dict[str, dict[str, Sequence[str]]] = {}
        """Rig -> beads taken in this batch -> what they touch."""
        for record in view.in_flight:
            self._count(record)

    def _count(self, record: BeadRecord) -> None:
        self._town += 1
        self._here += record.machine == self._machine
        rig = self._view.rig_of(record.id)
        if rig is not None:
            self._rigs[rig.name] += 1
        if record.convoy is not None:
            self._convoys[record.convoy] += 1
        if record.worker is not None and record.via != CLAIM:
            self._holds.setdefault(record.worker, record.id)

    def refusal(self, bead_id: str, convoy_id: str | None, waive: frozenset[str] = frozenset()) -> str | None:
        """Why there is no room for the bead in this batch, or None; `waive` may name `capacity` and `overlap`."""
        limits = self._over_limit(bead_id, convoy_id) if CAPACITY not in waive else None
        return limits or (self._overlap(bead_id) if OVERLAP not in waive else None)

    def _over_limit(self, bead_id: str, convoy_id: str | None) -> str | None:
        view = self._view
        rig = view.rig_of(bead_id)
        convoy = view.plan.convoys.get(convoy_id) if convoy_id is not None else None
        limits: list[tuple[str, int, int | None]] = [
            ("the town", self._town, view.config.dispatch.max_workers),
            ("this machine", self._here, self._machine_limit),
        ]
        if rig is not None:
            most = self._workers(rig)[0] if rig.max_workers is None and rig.workers else rig.max_workers
            limits.append((f"rig {rig.name}", self._rigs[rig.name], most))
        if convoy is not None:
            limits.append((f"convoy {convoy.id}", self._convoys[convoy.id], convoy.max_workers))
        return next(
            (
                f"{name} is full: {count} of {most} in flight"
                for name, count, most in limits
                if most is not None and count >= most
            ),
            None,
        )

    def _overlap(self, bead_id: str) -> str | None:
        """Only beads of this batch: the rule `overlap` of "ready" has looked at those in flight before."""
        bead = self._view.plan.bead(bead_id)
        rig = self._view.rig_of(bead_id)
        if bead is None or not bead.touches or rig is None:
            return None
        taken = self._touches.get(rig.name, {})
        other = next((other for other, touches in taken.items() if overlaps(bead.touches, touches)), None)
        return f"it may change the same files as {other}, which is dispatched first" if other is not None else None

    def worker_for(self, bead_id: str) -> str | None:
        """The first worker of the bead's rig that holds no pushed bead, or None."""
        rig = self._view.rig_of(bead_id)
        free = self._workers(rig)[1] if rig is not None else []
        while free and free[-1] in self._holds:  # who holds a bead does so for the whole batch
            free.pop()
        return free[-1] if free else None

    def _workers(self, rig: Rig) -> tuple[int, list[str]]:
        """How many a rig has, and those that may be free, the first one last."""
        if rig.name not in self._free:
            workers = self._view.config.workers_of(rig)
            self._free[rig.name] = len(workers), [*reversed(workers)]
        return self._free[rig.name]

    def held_by(self, worker: str) -> str | None:
        """The pushed bead that a worker holds; such a worker gets no other one."""
        return self._holds.get(worker)

    def take(
        self,
        bead_id: str,
        convoy_id: str | None,
        worker: str | None,
        touches: Sequence[str] | None = None,
        *,
        claim: bool = False,
    ) -> None:
        """Count a bead that is being dispatched; `touches` are the bead's own unless given."""
        via = CLAIM if claim else PUSH
        self._count(BeadRecord(bead_id, convoy=convoy_id, worker=worker, machine=self._machine, via=via))
        bead = self._view.plan.bead(bead_id)
        rig = self._view.rig_of(bead_id)
        if rig is not None:
            patterns = touches if touches is not None else bead.touches if bead is not None else ()
            if patterns:
                self._touches.setdefault(rig.name, {})[bead_id] = patterns
