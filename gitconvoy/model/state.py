"""The state: a pure function of the trunk's tree, the ledger's tree and the time (SPEC 1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class State:
    """What every rule reads. `now` is in epoch seconds; `trunk` the commit whose plan this is."""

    plan: Plan
    ledger: Ledger = field(default_factory=Ledger)
    now: int = 0
    trunk: str | None = None
