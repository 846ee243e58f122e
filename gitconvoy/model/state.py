"""The state: a pure function of the trunk's tree, the ledger's tree and the time (SPEC 1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field

from gitconvoy.dataclass import dataclass
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """What a state has to answer, beside which beads are closed and when something falls due (SPEC 4, 7).

    `beads`: all about some. `convoys`: all about those that some convoys track, and in which waves they are. `ready`:
    which beads are ready that an open convoy tracks, and in which order; with `untracked` all that are ready. `due`:
    all about what a reaction decides on, also once it has added facts: the beads of open convoys that are not closed,
    and those that the ledger knows. `all_open`: the same of each bead that is not closed.
    """

    beads: Collection[str] = ()
    convoys: Collection[str] = ()
    ready: bool = False
    untracked: bool = False
    due: bool = False
    all_open: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What every rule reads. `now` is in epoch seconds; `trunk` the commit whose plan this is."""

    plan: Plan
    ledger: Ledger = field(default_factory=Ledger)
    now: int = 0
    trunk: str | None = None
