"""What a change does to work: what becomes ready, what is dispatched then, which attempts it concerns (SPEC 4, 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.model.ledger import CLOSED, BeadRecord, Ledger
from gitconvoy.model.state import State
from gitconvoy.review.files import bead_fields, bead_row
from gitconvoy.rules.batch import place, queue
from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.view import View

Row = dict[str, Any]

_SILENT = frozenset({"status", "assignee", "outcome", "closed_at", "close_reason", "comments", "updated_at", "file"})
"""Fields of a bead whose change asks nothing else of the worker who is at it."""


def settled(state: State) -> State:
    """The state once the trunk's files have been looked at: an attempt whose bead they close has ended (SPEC 1)."""
    ended = {
        one: replace(record, status=None, token=None, submitted=None)
        for one, record in state.ledger.beads.items()
        if record.live and (bead := state.plan.bead(one)) and state.plan.config.category(bead.status) == "done"
    }
    if not ended:
        return state
    ledger = replace(state.ledger, beads={**state.ledger.beads, **ended})
    return replace(state, ledger=ledger)


def ready(before: View, after: View, queued: Mapping[str, list[str]]) -> dict[str, list[Row]]:
    """{added[], removed[]}: beads that become ready, in their order, and beads that no longer are.

    Rows of `files.bead_row`; removed ones have `reason`. `queued`: `before` and `after`, what `rules.batch` lists.
    """
    was, now = set(queued["before"]), set(queued["after"])
    gone = sorted(was - now)
    return {
        "added": [bead_row(after, one) for one in queued["after"] if one not in was],
        "removed": [
            {**bead_row(after if after.plan.bead(one) else before, one), "reason": _why_not(after, one)} for one in gone
        ],
    }


def _why_not(view: View, bead_id: str) -> str:
    if view.effective(bead_id).closed:
        return "it is closed"
    return next((verdict.message for verdict in view.failing(bead_id)), "")


def dispatches(view: View, queued: list[str]) -> tuple[list[Row], list[Row]]:
    """What a look at this state would dispatch, in order; and which ready beads find no room, with the reason.

    The first are rows of `files.bead_row` with `worker`, the others with `reason`. Capacity is that of the shared
    settings: what a machine allows by itself (`gitconvoy.maxWorkers`) is not known here.
    """
    capacity = Capacity(view, machine="")
    placed, waiting = [], []
    for each in place(view, capacity, queued):
        row = bead_row(view, each.bead)
        if each.worker is not None:
            placed.append({**row, "worker": each.worker})
        else:
            waiting.append({**row, "reason": each.reason})
    return placed, waiting


def queues(before: View, after: View) -> dict[str, list[str]]:
    """The ready beads of both sides in their order."""
    earlier = queue(before)
    return {"before": earlier, "after": earlier if after is before else queue(after)}


def attempts(before: View, after: View, ledger: Ledger) -> list[Row]:
    """The live attempts that a change concerns: [{bead, title, worker, attempt, convoy, submitted, effects[]}].

    `effects`: what happens to it, in words. `ledger` is the one now, where no attempt has ended yet.
    """
    found = []
    for bead_id, record in sorted(ledger.beads.items()):
        effects = list(_effects(before, after, record)) if record.live else []
        if effects:
            bead = after.plan.bead(bead_id) or before.plan.bead(bead_id)
            found.append(
                {
                    "bead": bead_id,
                    "title": bead.title if bead else "",
                    "worker": record.worker,
                    "attempt": record.attempt,
                    "convoy": record.convoy,
                    "submitted": record.submitted is not None,
                    "effects": effects,
                }
            )
    return found


def _effects(before: View, after: View, record: BeadRecord) -> Iterator[str]:
    was, now = before.plan.bead(record.id), after.plan.bead(record.id)
    if now is None:
        if was is not None:
            yield "its bead's file cannot be read any more" if record.id in after.plan.broken else "its bead is removed"
        return
    yield from _of_status(before, after, record)
    if was is not None:
        fields = [row["field"] for row in bead_fields(was, now) if row["field"] not in _SILENT]
        if fields:
            yield f"the change alters what its bead says: {', '.join(fields)}"
    if after.effective(record.id).closed:
        return
    earlier = {(blocker.target, blocker.type) for blocker in before.blocked_by(record.id)}
    behind = [each for each in after.blocked_by(record.id) if (each.target, each.type) not in earlier]
    if behind:
        yield f"it would not be dispatched now: {'; '.join(each.message for each in behind)}"
    yield from _of_convoy(before, after, record.convoy, record.id)


def _of_status(before: View, after: View, record: BeadRecord) -> Iterator[str]:
    was, now = before.plan.bead(record.id), after.plan.bead(record.id)
    if was is None or now is None or was.status == now.status:
        return
    category = after.config.category(now.status)
    if category == "done":
        yield f"the change closes its bead, which ends it as {'merged' if record.submitted else 'done'}"
    elif category != "active":
        yield f"its bead becomes {now.status}: it may finish, and is not tried again"


def _of_convoy(before: View, after: View, convoy_id: str | None, bead_id: str) -> Iterator[str]:
    if convoy_id is None:
        return
    if convoy_id in before.plan.convoys and convoy_id not in after.plan.convoys:
        broken = convoy_id in after.plan.broken
        yield (
            f"the file of its convoy {convoy_id} cannot be read any more"
            if broken
            else f"its convoy {convoy_id} is gone"
        )
        return
    if _tracks(before, convoy_id, bead_id) and not _tracks(after, convoy_id, bead_id):
        yield f"convoy {convoy_id} no longer tracks its bead: it may finish, and is not tried again"
    if after.convoy_status(convoy_id) == CLOSED != before.convoy_status(convoy_id):
        yield f"its convoy {convoy_id} closes: it may finish, and is not tried again"
    elif after.convoy_paused(convoy_id) and not before.convoy_paused(convoy_id):
        yield f"its convoy {convoy_id} is paused: it may finish, and is not tried again"


def _tracks(view: View, convoy_id: str, bead_id: str) -> bool:
    convoy = view.plan.convoys.get(convoy_id)
    return convoy is not None and bead_id in convoy.tracks


def fresh(rows: list[Row], known: Collection[str]) -> list[Row]:
    """The rows with `order` from 1 on and `new`: whether the bead is not among `known`."""
    return [{"order": n, **row, "new": row["id"] not in known} for n, row in enumerate(rows, 1)]
