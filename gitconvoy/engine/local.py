"""What only this machine knows, as a plain value: leases, limits, which dispatcher it has (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitconvoy.dispatch.leases import Lease
from gitconvoy.model.ledger import CLAIM, PUSH, START

__all__ = ["CLAIM", "PUSH", "START", "Lease", "Local"]


@dataclass(frozen=True, slots=True)
class Local:
    """This machine's part in a decision."""

    machine: str
    leases: Mapping[str, Lease] = field(default_factory=dict)
    max_workers: int | None = None
    paused: bool = False
    via: str | None = PUSH
    """How feeding begins attempts here: `push`, `start`, or None where the named dispatcher is not defined."""
    dispatcher: str = "record"
    trouble: str = ""
    """Why the named dispatcher cannot be used here, with the remedy; empty where it can."""
