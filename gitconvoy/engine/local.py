"""What only this machine knows, as a plain value: leases, limits, which dispatcher it has (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch.breaker import LIMIT, Breaker
from gitconvoy.dispatch.handins import Handin
from gitconvoy.dispatch.leases import Lease
from gitconvoy.engine.attempts.places import Places
from gitconvoy.model.ledger import CLAIM, PUSH, START, BeadRecord

__all__ = ["CLAIM", "PUSH", "START", "Lease", "Local", "is_here"]


@dataclass(frozen=True, slots=True)
class Local:
    """This machine's part in a decision."""

    machine: str
    leases: Mapping[str, Lease] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    """Tokens of attempts in flight that a supervisor has taken, among those whose lease cannot be read."""
    max_workers: int | None = None
    paused: bool = False
    via: str | None = PUSH
    """How feeding begins attempts here: `push`, `start`, or None where the named dispatcher is not defined."""
    dispatcher: str = "record"
    trouble: str = ""
    """Why the named dispatcher cannot be used here, with the remedy; empty where it can."""
    notifies: bool = False
    """Whether this machine has somebody or something to tell of what happens (`notices`)."""
    places: Places = field(default_factory=Places)
    """Where attempts work."""
    handins: Mapping[str, Handin] = field(default_factory=dict)
    """Notes about work that is being handed in, by bead."""
    branches: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The commit of each branch (by bead and short name) whose work is handed in or being so; not of gone ones."""
    worktrees: bool = False
    """Whether started workers get a worktree on a branch of their own."""
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    """Rig -> the failures to start in a row, where there were any since the last start."""
    breaker_limit: int = LIMIT
    """How many of them open a rig's breaker; 0: none do."""


def is_here(record: BeadRecord, local: Local) -> bool:
    """Whether this machine goes on with handed-in work: it has begun the attempt, or has the note of what `done` said.

    The note counts, as a machine may have got another name since.
    """
    note = local.handins.get(record.id)
    return record.machine == local.machine or (note is not None and note.token == record.token)


def lease_end(record: BeadRecord, local: Local, lease: int) -> int | None:
    """When the attempt's lease runs out, epoch seconds; None where it has none, or where another machine holds it.

    A pushed assignment has no lease before its first heartbeat; claims and started workers have theirs from the
    start, counted from `since` when the file is missing (SPEC 7).
    """
    if not record.in_flight or record.machine != local.machine:
        return None
    held = local.leases.get(record.id)
    if held is not None and held.token == record.token:
        return held.expires
    if record.via in (CLAIM, START) and record.since is not None:
        return record.since + lease
    return None
