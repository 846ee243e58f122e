"""The state: a pure function of the trunk's tree, the ledger's tree and the time (SPEC 1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """What a state has to answer, beside which beads are ready: all about some beads, and the waves of others."""

    beads: Collection[str] = ()
    waves_of: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What every rule reads. `now` is in epoch seconds; `trunk` the commit whose plan this is."""

    plan: Plan
    ledger: Ledger = field(default_factory=Ledger)
    now: int = 0
    trunk: str | None = None
