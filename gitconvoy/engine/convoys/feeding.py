"""`feed` and `check`: what is due, asked for by a person (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Collection

from gitconvoy.engine import settle
from gitconvoy.engine.convoys.convoy_requests import known_convoy
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.requests import ready_to_sling
from gitconvoy.engine.town import Town


def feed(town: Town, convoys: Collection[str] = (), *, preview: bool = False) -> Outcome[None]:
    """Dispatch what is ready, of all convoys or of those named, whatever `dispatch.auto` says.

    NotFound for an unknown convoy; Refused where this machine is paused or has no dispatcher.
    """

    def request(draft: Draft) -> None:
        town.require_plan(draft.state.plan)
        for convoy in convoys:
            known_convoy(draft, convoy)
        ready_to_sling(draft)
        settle.settle(draft, feed_too=False)
        settle.feed(draft, asked=True, only=frozenset(convoys) if convoys else None)

    return transact(town, request, feed=not convoys, preview=preview)


def check(town: Town, convoy: str | None = None, *, preview: bool = False) -> Outcome[None]:
    """Say of every convoy that is complete that it is; a name only has to exist. NotFound for an unknown one."""

    def request(draft: Draft) -> None:
        town.require_plan(draft.state.plan)
        if convoy is not None:
            known_convoy(draft, convoy)

    return transact(town, request, feed=False, preview=preview)
