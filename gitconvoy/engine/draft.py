"""Decisions in the making: a state, the events decided so far, and the state after them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gitconvoy.engine.local import Local
from gitconvoy.ledger.apply import apply
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.model.state import State
from gitconvoy.rules.view import View


class Draft:
    """Collects events; every event is applied at once, so that the next decision sees what it did."""

    def __init__(self, state: State, local: Local, *, cause: str, actor: str, last: View | None = None) -> None:
        """`last`: a view of an earlier state, of which what still holds is taken over."""
        self.before = state
        self.state = state
        self.local = local
        self.cause = cause
        self.actor = actor
        self.events: list[Event] = []
        self._view: View | None = None
        self._last = last
        if state.ledger.tip is None:
            self.add("init")

    @property
    def view(self) -> View:
        """The rules over the state as decided so far."""
        if self._view is None:
            self._view = self._last = View(self.state, self._last)
        return self._view

    @property
    def now(self) -> int:
        """The time of this decision, epoch seconds."""
        return self.state.now

    def record(self, bead_id: str) -> BeadRecord:
        """The bead's record as decided so far."""
        return self.state.ledger.bead(bead_id)

    def convoy_record(self, convoy_id: str) -> ConvoyRecord:
        """The convoy's record as decided so far."""
        return self.state.ledger.convoy(convoy_id)

    @contextmanager
    def caused_by(self, cause: str) -> Iterator[None]:
        """Events added inside name `cause` (a trunk commit, `scan`) instead of the draft's own."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before

    @contextmanager
    def acting(self, actor: str) -> Iterator[None]:
        """Events added inside are those of another actor."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    def add(
        self,
        kind: str,
        *,
        bead: str | None = None,
        convoy: str | None = None,
        worker: str | None = None,
        attempt: int | None = None,
        token: str | None = None,
        reason: str = "",
        force: tuple[str, ...] = (),
        own_fault: bool = False,
        **changes: Mapping[str, Any],
    ) -> Event:
        """Decide one event; `changes` are `bead_changes`, `convoy_changes`, `town_changes`. Returns it."""
        event = Event(
            kind,
            at=self.now,
            actor=self.actor,
            cause=self.cause,
            trunk=self.state.trunk,
            bead=bead,
            convoy=convoy,
            worker=worker,
            attempt=attempt,
            token=token,
            force=force,
            reason=reason,
            own_fault=own_fault,
            **changes,
        )
        self.state = replace(self.state, ledger=apply(self.state.ledger, event))
        self.events.append(event)
        self._view = None
        return event

    @property
    def news(self) -> bool:
        """Whether anything was decided beyond the beginning of the ledger."""
        return any(event.kind != "init" for event in self.events)
