"""Edits of beads: add, close, reopen, defer, comment (SPEC 3.2, 8). Errors are those of `desk.settle` and more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitconvoy.errors import Refused, UsageError
from gitconvoy.model import kinds
from gitconvoy.model.clock import OutOfRange, iso, parse_iso
from gitconvoy.model.ids import longest_prefix
from gitconvoy.model.places import moved
from gitconvoy.model.plan import OUTCOMES, Bead, Link
from gitconvoy.planning.convoy_edits import tracked_bytes
from gitconvoy.planning.desk import Changes, Desk, headline, settle
from gitconvoy.planning.documents import (
    bead_path,
    checked_id,
    checked_title,
    fresh_bead_id,
    link_entry,
    new_document,
    taken_ids,
)

_CLOSING = ("outcome", "closed_at", "close_reason")


def add_bead(
    desk: Desk,
    title: str,
    fields: Mapping[str, Any] | None = None,
    *,
    links: Sequence[Link] = (),
    bead_id: str | None = None,
    prefix: str | None = None,
    convoy: str | None = None,
) -> Changes:
    """A new bead; `ids[0]` is its id.

    `fields` are keys of the schema, defaults are left out. Without `bead_id` the id is random: with `prefix`, else the
    prefix of the parent, else the config's. `convoy` has it tracked at once. Refused for an id that was ever used,
    UsageError for a title that is none.
    """
    given = dict(fields or {})
    if bead_id is None:
        bead_id = fresh_bead_id(desk.plan, desk.ledger, prefix or _prefix_of(desk, given.get("parent")))
    elif checked_id(bead_id).lower() in taken_ids(desk.plan, desk.ledger):
        raise Refused(
            f"the id {bead_id} was used before",
            hint="ids are never used again; leave it out for a new one",
            code="id-used",
        )
    document = {
        "depends_on": [link_entry(link) for link in links],
        "created_at": iso(desk.now),
        "created_by": desk.actor,
        **given,
        "id": bead_id,
        "title": checked_title(title),
    }
    path = bead_path(bead_id, desk.plan.config.layout)
    docs: dict[str, bytes | None] = {path: new_document(kinds.BEAD, path, document)}
    if convoy is not None:
        docs[desk.convoy(convoy).path] = tracked_bytes(desk, desk.convoy(convoy), add=[bead_id])
    return settle(desk, docs, headline("Add", (bead_id,), title), (bead_id,))


def _prefix_of(desk: Desk, parent: Any) -> str | None:
    """Children belong to the rig of their parent, so that an epic does not scatter by accident.

    That rig may be one of another town's, where this repository is only a rig of that.
    """
    if not isinstance(parent, str):
        return None
    known = [prefix for rig in desk.plan.config.rigs.values() for prefix in rig.prefixes]
    return longest_prefix(parent, known) or parent.rpartition("-")[0] or None


def close_beads(desk: Desk, ids: Sequence[str], *, outcome: str = "done", reason: str | None = None) -> Changes:
    """Beads closed in their files: status, outcome (`done` is left out), closed_at, close_reason.

    Beads closed with this outcome already stay as they are. UsageError for an unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise UsageError(f"unknown outcome {outcome!r}", hint=f"outcomes are {', '.join(OUTCOMES)}", code="bad-value")
    docs: dict[str, bytes | None] = {}
    for bead in _beads(desk, ids):
        closed = desk.plan.config.category(bead.status) == "done"
        if closed and (bead.outcome or "done") == outcome:
            continue
        changes: dict[str, Any] = {"outcome": None if outcome == "done" else outcome}
        if not closed:
            changes |= {"status": "closed", "closed_at": iso(desk.now)}
        if reason:
            changes["close_reason"] = reason
        docs[bead.path] = desk.edited(bead, changes)
    return settle(desk, docs, headline("Close", tuple(ids), reason or ""), tuple(ids))


def reopen_beads(desk: Desk, ids: Sequence[str]) -> Changes:
    """Beads open again in their files: assignee, outcome, closed_at, close_reason removed; archived ones come back.

    `files` holds nothing of a bead that only the ledger closed: the caller writes event `reopen` for those (SPEC 1).
    Refused for beads that are not closed, and for those whose status is computed or that were deleted where they came
    from.
    """
    view = desk.view()
    docs: dict[str, bytes | None] = {}
    for one in dict.fromkeys(ids):
        archived = desk.plan.archive.get(one)
        bead = archived or desk.bead(one)
        if bead.tombstone:
            raise Refused(f"{one} was deleted before it was imported", hint="add a new bead instead", code="tombstone")
        if desk.plan.config.category(bead.status) == "done":
            docs |= _reopened(desk, bead)
            continue
        effective = view.effective(one)
        if not effective.closed:
            raise Refused(
                f"{one} is not closed, it is {effective.status}",
                hint=f"gitconvoy why {one} says more",
                code="not-closed",
            )
        if effective.source != "ledger":
            hint = f"`gitconvoy why {one}` tells what closes it"
            raise Refused(
                f"{one} is closed by what it depends on or consists of, not by itself", hint=hint, code="derived"
            )
    return settle(desk, docs, headline("Reopen", tuple(ids)), tuple(ids))


def _reopened(desk: Desk, bead: Bead) -> dict[str, bytes | None]:
    changes: dict[str, Any] = {"status": "open", **dict.fromkeys(("assignee", *_CLOSING))}
    data = desk.edited(bead, changes)
    if not bead.archived:
        return {bead.path: data}
    path = bead_path(bead.id, desk.plan.config.layout)
    return {bead.path: None, path: moved(data, kinds.BEAD, path)}


def defer_beads(desk: Desk, ids: Sequence[str], until: str | None, *, status: bool = False) -> Changes:
    """Beads that are not dispatched before `until` (an ISO 8601 date or time; None takes it back).

    With `status` their status becomes `deferred` (or open again, with None): frozen until a person changes it.
    """
    if until is not None:
        try:
            parse_iso(until)
        except OutOfRange as error:
            raise UsageError(
                str(error), hint="write a time that can come, such as 2030-01-31", code="bad-time"
            ) from None
        except ValueError:
            hint = "write 2030-01-31 or 2030-01-31T12:00:00Z"
            raise UsageError(f"{until!r} is no date or time", hint=hint, code="bad-time") from None
    docs: dict[str, bytes | None] = {}
    for bead in _beads(desk, ids):
        changes: dict[str, Any] = {"defer_until": until}
        if status and until is not None:
            changes["status"] = "deferred"
        elif status and bead.status == "deferred":
            changes["status"] = "open"
        docs[bead.path] = desk.edited(bead, changes)
    return settle(desk, docs, headline("Defer" if until else "Undefer", tuple(ids)), tuple(ids))


def comment_bead(desk: Desk, bead_id: str, text: str) -> Changes:
    """One more comment {author, created_at, text} at the end of the bead's `comments`."""
    if not text.strip():
        raise UsageError("an empty comment", hint="say something", code="empty-comment")
    bead = desk.plan.archive.get(bead_id) or desk.bead(bead_id)
    comment = {"author": desk.actor, "created_at": iso(desk.now), "text": text}
    comments = [*bead.data.get("comments", ()), {key: value for key, value in comment.items() if value}]
    docs = {bead.path: desk.edited(bead, {"comments": comments})}
    return settle(desk, docs, headline("Comment on", (bead_id,)), (bead_id,))


def _beads(desk: Desk, ids: Iterable[str]) -> list[Bead]:
    return [desk.bead(one) for one in dict.fromkeys(ids)]
