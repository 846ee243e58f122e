"""The act behind a recorded dispatch: a lease for a claim, a supervisor for a started worker (SPEC 7)."""

from __future__ import annotations

from gitconvoy.dispatch import attempts, leases, registry
from gitconvoy.engine.town import Town
from gitconvoy.engine.wake import spawn
from gitconvoy.errors import Refused
from gitconvoy.model.ledger import CLAIM, START
from gitconvoy.model.state import State


def begin(town: Town, state: State, bead: str, token: str, message: str = "") -> None:
    """Begin the attempt that was just recorded; `message` is for its worker. OSError or ConvoyError if it cannot be."""
    record = state.ledger.bead(bead)
    if record.token != token or not record.in_flight:
        return
    lease = state.plan.config.dispatch.lease
    pid = None
    if record.via == START:
        pid = _start(town, state, bead, message)
    if record.via in (CLAIM, START):
        leases.write(town.common_dir, leases.Lease(bead, token, state.now + lease, pid))


def _start(town: Town, state: State, bead: str, message: str) -> int:
    record = state.ledger.bead(bead)
    found = registry.find(town.repo, state.plan.config.dispatch.dispatcher)
    if isinstance(found, registry.Undefined):
        raise found.error
    document = state.plan.bead(bead)
    if document is None:
        raise Refused(f"{bead} is not in the plan any more")
    job = attempts.Job(
        bead=bead,
        convoy=record.convoy or "",
        attempt=record.attempt,
        token=record.token or "",
        worker=record.worker or "",
        dispatcher=found.name,
        argv=found.argv,
        on_exit=found.on_exit,
        timeout=found.timeout,
        lease=state.plan.config.dispatch.lease,
        town=str(town.home()),
    )
    folder = attempts.set_up(town.common_dir, job, document.data, message)
    return spawn(town, ["supervise", str(folder.root)], town.home())
