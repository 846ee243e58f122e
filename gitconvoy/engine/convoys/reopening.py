"""`reopen CONVOY`: the ledger's fact ends, or the file that says closed is edited (SPEC 1, 8)."""

from __future__ import annotations

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.plans import editing
from gitconvoy.engine.react import Outcome, react, transact
from gitconvoy.engine.rewound import require_writable
from gitconvoy.engine.town import Town
from gitconvoy.model.ledger import Event
from gitconvoy.planning.convoy_edits import reopen_convoy


@dataclass(frozen=True, slots=True)
class Reopened:
    """How a convoy was opened again: by an event, or by a commit on the branch that is checked out."""

    event: Event | None
    commit: str | None
    path: str | None
    on_trunk: bool
    outcome: Outcome[Event | None] | Outcome[None]


def reopen(town: Town, convoy_id: str) -> Reopened:
    """Open a closed convoy again. Refused where it is not closed, or where another convoy has taken over a bead."""
    require_writable(town)
    outcome = transact(town, lambda draft: convoy_requests.reopen(draft, convoy_id))
    if outcome.value is not None:
        return Reopened(outcome.value, None, None, True, outcome)
    desk = editing.open_desk(town)
    _, commit = editing.publish(town, desk, reopen_convoy(desk, convoy_id))
    return Reopened(None, commit, desk.convoy(convoy_id).path, editing.moved_trunk(town), react(town, cause="command"))
