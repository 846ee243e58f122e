"""Heartbeats: an attempt says that it still lives; its lease is renewed, the ledger stays as it is (SPEC 7)."""

from __future__ import annotations

from gitconvoy.dispatch import leases
from gitconvoy.dispatch.leases import Lease
from gitconvoy.engine.attempts.fates import explained
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.requests import own_attempt
from gitconvoy.engine.rewound import require_writable
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused


def heartbeat(town: Town, bead: str, token: str | None) -> Lease | None:
    """Renew the lease of a live attempt, by its token or as its worker; None for handed-in work, which needs none.

    Refused where the attempt has ended, is somebody else's, or was dispatched by another machine.
    """
    require_writable(town)
    with explained(town, bead, token), town.exclusive():
        state = town.state()
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
