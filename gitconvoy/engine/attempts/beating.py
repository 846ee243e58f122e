"""Heartbeats: an attempt says that it still lives; its lease is renewed, the ledger stays as it is (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace

from gitconvoy.dispatch import leases
from gitconvoy.dispatch.leases import Lease
from gitconvoy.engine import rewound
from gitconvoy.engine.attempts.fates import explained
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.requests import own_attempt
from gitconvoy.engine.settings import require_role
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.ledger.read import read_ledger
from gitconvoy.model.state import State


def heartbeat(town: Town, bead: str, token: str | None) -> Lease | None:
    """Renew the lease of a live attempt, by its token or as its worker; None for handed-in work, which needs none.

    Refused where the attempt has ended, is somebody else's, or was dispatched by another machine. A ledger branch that
    was set back ends no attempt: the ledger that was last decided on is asked then, if it is still here.
    """
    require_role(town.settings)
    with explained(town, bead, token), town.exclusive():
        state = _last_known(town)
        local = town.local(state.plan)
        record = own_attempt(Draft(state, local, cause="command", actor=town.actor), bead, token)
        if record.submitted is not None:
            return None
        if record.machine != local.machine:
            raise Refused(
                f"attempt {record.attempt} of {bead} was dispatched by {record.machine}, not by {local.machine}",
                hint="leases are kept where the attempt was dispatched: run heartbeat there",
                code="other-machine",
            )
        held = local.leases.get(bead)
        pid = held.pid if held is not None and held.token == record.token else None
        lease = Lease(bead, record.token or "", state.now + state.plan.config.dispatch.lease, pid)
        leases.write(town.common_dir, lease)
        return lease


def _last_known(town: Town) -> State:
    state, lost = town.state(), rewound.look(town)
    if lost is None:
        return state
    if not lost.kept:
        raise lost.refusal()
    return replace(state, ledger=read_ledger(town.repo, lost.last))
