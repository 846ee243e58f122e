"""Edits of convoys: create, add, remove, stage, status, delete (SPEC 3.3, 6, 8). All return `Changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitconvoy.checks.selection import refuse_tracked
from gitconvoy.checks.stage import StageReport
from gitconvoy.errors import NotFound, Refused
from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import CLOSED, OPEN
from gitconvoy.model.places import moved
from gitconvoy.model.plan import Convoy
from gitconvoy.planning.desk import Changes, Desk, headline, settle
from gitconvoy.planning.documents import (
    checked_id,
    checked_title,
    convoy_path,
    fresh_convoy_id,
    new_document,
    taken_ids,
)


def create_convoy(
    desk: Desk,
    title: str,
    beads: Sequence[str] = (),
    fields: Mapping[str, Any] | None = None,
    *,
    status: str = "staged_ready",
    convoy_id: str | None = None,
) -> Changes:
    """A new convoy and its plan file; `ids[0]` is its id.

    Refused for a bead that another convoy, which it names, tracks, and for an id that was ever used; NotFound for
    beads that do not exist.
    """
    if convoy_id is None:
        convoy_id = fresh_convoy_id(desk.plan, desk.ledger)
    elif checked_id(convoy_id).lower() in taken_ids(desk.plan, desk.ledger):
        raise Refused(
            f"the id {convoy_id} was used before",
            hint="ids are never used again; leave it out for a new one",
            code="id-used",
        )
    tracks = _trackable(desk, beads)
    document = {
        "created_at": iso(desk.now),
        "created_by": desk.actor,
        **(fields or {}),
        "id": convoy_id,
        "title": checked_title(title),
        "tracks": tracks,
        "status": status,
    }
    path = convoy_path(convoy_id)
    docs = {path: new_document(kinds.CONVOY, path, document)}
    return settle(desk, docs, headline("Create convoy", (convoy_id,), title), (convoy_id, *tracks))


def _trackable(desk: Desk, beads: Sequence[str], convoy_id: str | None = None) -> list[str]:
    """The beads, sorted, none of which is missing or tracked by another convoy that is not closed.

    Of those in a repository that is away nobody knows whether they exist; `validate` warns of that.
    """
    for one in beads:
        if one not in desk.plan.archive and desk.plan.unseen(one) is None:
            desk.bead(one)
    refuse_tracked(desk.view(), beads, besides=convoy_id)
    return sorted(set(beads))


def tracked_bytes(desk: Desk, convoy: Convoy, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> bytes:
    """The convoy's file with some beads more or less in `tracks`."""
    refuse_closed(desk, convoy.id)
    tracks = sorted(({*convoy.tracks} | {*add}) - {*remove})
    return desk.edited(convoy, {"tracks": tracks or None})


def refuse_closed(desk: Desk, convoy_id: str) -> None:
    """Refused where the convoy is closed, by effective status: what it tracked is history."""
    if desk.view().convoy_status(convoy_id) == CLOSED:
        hint = f"reopen it first (`gitconvoy reopen {convoy_id}`), or create a new one"
        raise Refused(f"convoy {convoy_id} is closed", hint=hint, code="closed")


def track(desk: Desk, convoy_id: str, beads: Sequence[str]) -> Changes:
    """More beads for a convoy. Those that it tracks already are no error; those of another convoy are refused."""
    convoy = desk.convoy(convoy_id)
    tracks = _trackable(desk, beads, convoy_id)
    docs = {convoy.path: tracked_bytes(desk, convoy, add=tracks)}
    return settle(desk, docs, headline("Add to convoy", (convoy_id,), ", ".join(tracks)), (convoy_id, *tracks))


def untrack(desk: Desk, convoy_id: str, beads: Sequence[str]) -> Changes:
    """Fewer beads for a convoy; ids that do not exist (any more) can be removed too. NotFound if it tracks one not."""
    convoy = desk.convoy(convoy_id)
    strangers = [one for one in beads if one not in convoy.tracks]
    if strangers:
        raise NotFound(
            f"convoy {convoy_id} does not track {', '.join(strangers)}",
            hint=f"gitconvoy status {convoy_id} lists what it tracks",
            code="not-found",
        )
    docs = {convoy.path: tracked_bytes(desk, convoy, remove=beads)}
    return settle(desk, docs, headline("Remove from convoy", (convoy_id,), ", ".join(beads)), (convoy_id, *beads))


def stage_convoy(
    desk: Desk, report: StageReport, title: str | None = None, fields: Mapping[str, Any] | None = None
) -> Changes:
    """The convoy that a stage report describes, with its plan file: new, or re-staged in place, where no field is lost.

    Refused where the report has errors: nothing is written then (SPEC 6).
    """
    if report.errors:
        first = report.errors[0]
        raise Refused(f"cannot be staged: {first.message}", hint=first.suggested_fix, code=first.category)
    selection = report.selection
    if selection.convoy_id is None:
        given = {"epic": selection.epic, "base_branch": selection.base_branch, "max_workers": selection.max_workers}
        return create_convoy(
            desk,
            title or _title(desk, report),
            selection.tracks,
            {**given, **(fields or {})},
            status=report.status,
        )
    convoy = desk.convoy(selection.convoy_id)
    changes: dict[str, Any] = {**(fields or {})}
    if title is not None:
        changes["title"] = checked_title(title)
    if convoy.status != report.status:
        changes["status"] = report.status
    docs = {convoy.path: desk.edited(convoy, changes)}
    return settle(desk, docs, headline("Stage convoy", (convoy.id,), title or convoy.title), (convoy.id,))


def _title(desk: Desk, report: StageReport) -> str:
    """The epic's title, or that of the first bead and how many more there are."""
    selection = report.selection
    first = desk.plan.bead(selection.epic or selection.members[0])
    title = first.title if first else selection.members[0]
    more = len(selection.tracks) - 1
    if selection.epic is not None or more < 1:
        return title
    return f"{title[:480]} and {more} more"


def close_convoy(desk: Desk, convoy_id: str, reason: str | None = None) -> Changes:
    """The convoy closed in its file. Nothing changes where the file says so already."""
    convoy = desk.convoy(convoy_id)
    changes: dict[str, Any] = {}
    if convoy.status != CLOSED:
        changes = {"status": CLOSED, "closed_at": iso(desk.now), "close_reason": reason or None}
    docs = {convoy.path: desk.edited(convoy, changes)}
    return settle(desk, docs, headline("Close convoy", (convoy_id,), reason or ""), (convoy_id,))


def reopen_convoy(desk: Desk, convoy_id: str) -> Changes:
    """The convoy open again in its file; outcome, closed_at, close_reason go.

    `files` is empty where only the ledger closed it: the caller writes event `reopen` then (SPEC 1). Refused where it
    is not closed, or where another convoy has taken over a bead of it.
    """
    convoy = desk.convoy(convoy_id)
    status = desk.view().convoy_status(convoy_id)
    if status != CLOSED:
        raise Refused(
            f"convoy {convoy_id} is not closed, it is {status}",
            hint=f"gitconvoy status {convoy_id} says more",
            code="not-closed",
        )
    refuse_tracked(desk.view(), convoy.tracks, besides=convoy_id)
    changes: dict[str, Any] = {}
    if convoy.status == CLOSED:
        changes = {"status": OPEN, **dict.fromkeys(("outcome", "closed_at", "close_reason"))}
    docs: dict[str, bytes | None] = {convoy.path: desk.edited(convoy, changes)}
    if convoy.archived:  # back among the active ones; its plan file follows
        path = convoy_path(convoy_id)
        docs = {convoy.path: None, path: moved(docs[convoy.path] or b"", kinds.CONVOY, path)}
    return settle(desk, docs, headline("Reopen convoy", (convoy_id,)), (convoy_id,))


def delete_convoy(desk: Desk, convoy_id: str) -> Changes:
    """The convoy's file and its plan file gone: legal while it is staged, or closed. Beads stay."""
    convoy = desk.convoy(convoy_id)
    return settle(desk, {convoy.path: None}, headline("Delete convoy", (convoy_id,), convoy.title), (convoy_id,))
