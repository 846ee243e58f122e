"""Decisions in memory for tests of the engine: a draft over a state, and what it decided in short form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.dispatch.leases import Lease
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import Local
from gitconvoy.model.state import State

HERE = "here"
TRUNK = "a" * 40


def local(*leases: Lease, **fields: Any) -> Local:
    """This machine, with these leases; `fields` are those of `Local`."""
    return Local(HERE, {lease.bead: lease for lease in leases}, **fields)


def draft(state: State, known: Local | None = None, *, actor: str = "ada") -> Draft:
    """A draft over a state whose ledger exists."""
    ledger = replace(state.ledger, tip=state.ledger.tip or "b" * 40)
    prepared = replace(state, ledger=ledger, trunk=state.trunk or TRUNK)
    return Draft(prepared, known or local(), cause="command", actor=actor)


def decided(made: Draft) -> list[str]:
    """`dispatch gt-a`, `launch hq-cv-1`, ... in order."""
    return [f"{event.kind} {event.bead or event.convoy or 'town'}" for event in made.events]


def changes(made: Draft, at: int = -1) -> Mapping[str, Any]:
    """All record fields that an event changes."""
    event = made.events[at]
    return {**event.bead_changes, **event.convoy_changes, **event.town_changes}
