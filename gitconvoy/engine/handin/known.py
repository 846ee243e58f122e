"""Whether the ledger knows of handed-in work already: said before, or taken up by somebody else meanwhile (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from gitconvoy.dispatch.handins import Handin
from gitconvoy.engine.attempts.fates import LOOKED_BACK, record_at
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.town import Town
from gitconvoy.git import commits
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import history
from gitconvoy.model.ledger import BeadRecord


def was_done(town: Town, token: str | None, record: BeadRecord) -> bool:
    """Whether the caller's own attempt, the last one, was said to be done already and has ended well."""
    if record.live or not record.attempt or town.ledger_tip() is None:
        return False
    for entry in islice(history(town.repo, town.ledger_tip()), LOOKED_BACK):
        if entry.bead != record.id:
            continue
        by_word = entry.event == "done" and entry.cause == "command"
        if entry.attempt != record.attempt or not (by_word or entry.event in ("merged", "submit", "done")):
            return False
        if by_word or entry.event == "submit":
            return entry.token == token if token is not None else entry.worker == town.actor
    return False


def taken_up(town: Town, draft: Draft, note: Handin, repo: Repo, base_tip: str | None) -> bool:
    """Whether the work of a note was handed in by another process that had seen the note, however that went on.

    It waits for being merged, is merged, or was given back because it cannot be: the record says which.
    """
    record = draft.record(note.bead)
    if record.token == note.token:
        return record.submitted == note.commit
    said = list(_said(town, draft, note.token))
    if not said or said[0][0] not in ("merged", "done", "fail"):
        return False
    last = next((commit for kind, commit in said if kind == "submit"), None)
    if said[0][0] == "fail":
        return record.conflict is not None and last == record.submitted == note.commit
    there = base_tip is not None and commits.is_ancestor(repo, note.commit, base_tip)
    return there or (said[0][0] == "merged" and last == note.commit)


def _said(town: Town, draft: Draft, token: str) -> Iterator[tuple[str, str | None]]:
    """The events of an attempt, newest first, each with the commit that was handed in then."""
    for event in reversed(draft.events):
        if event.token == token:
            yield event.kind, event.bead_changes.get("submitted")
    for entry in islice(history(town.repo, draft.before.ledger.tip), LOOKED_BACK):
        if entry.token == token:
            yield entry.event, record_at(town, entry).submitted
            if entry.event == "dispatch":
                return
