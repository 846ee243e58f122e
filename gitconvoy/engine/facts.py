"""How each event about a bead or a convoy changes its record: one function for each fact. Pure (SPEC 1, 7)."""

from __future__ import annotations

from typing import Any

from gitconvoy.engine.attempts.places import Place
from gitconvoy.engine.draft import Draft
from gitconvoy.ledger.codec import one_line
from gitconvoy.model.ledger import CLOSED, LIVE, OPEN, BeadRecord, Event

_ATTEMPT_OVER: dict[str, Any] = {
    "status": None, "token": None, "submitted": None, "since": None, "machine": None, "via": None, "worker": None,
}  # fmt: skip
_NO_FACT: dict[str, Any] = {"status": None, "outcome": None, "file_status": None, "conflict": None}


def bead_file_status(draft: Draft, bead_id: str) -> str | None:
    """What the trunk's file says of the bead; where it cannot be read now, what it said when we last looked."""
    bead = draft.state.plan.bead(bead_id)
    return bead.status if bead else draft.record(bead_id).file_status


def convoy_file_status(draft: Draft, convoy_id: str) -> str | None:
    """What the trunk's file says of the convoy; where it cannot be read now, what it said when we last looked."""
    convoy = draft.state.plan.convoys.get(convoy_id)
    return convoy.status if convoy else draft.convoy_record(convoy_id).file_status


def dispatch(
    draft: Draft,
    bead: str,
    *,
    convoy: str | None,
    worker: str,
    via: str,
    token: str,
    place: Place | None = None,
    reason: str = "",
    force: tuple[str, ...] = (),
) -> Event:
    """A new attempt, owned by this machine, fenced by its token; `place` is where a started worker gets its branch."""
    record = draft.record(bead)
    changes = {
        **_ATTEMPT_OVER, **_NO_FACT,
        "convoy": convoy, "worker": worker, "machine": draft.local.machine, "via": via, "attempt": record.attempt + 1,
        "token": token, "since": draft.now, "branch": place.branch if place else None,
        "base": place.base if place else None, "merged_as": None, "not_before": None,
        "status": LIVE, "file_status": bead_file_status(draft, bead),
    }  # fmt: skip
    return draft.add(
        "dispatch", bead=bead, convoy=convoy, worker=worker, attempt=record.attempt + 1, token=token,
        reason=reason, force=force, bead_changes=changes,
    )  # fmt: skip


def _about(record: BeadRecord) -> dict[str, Any]:
    return {
        "bead": record.id, "convoy": record.convoy, "worker": record.worker,
        "attempt": record.attempt, "token": record.token,
    }  # fmt: skip


def done(draft: Draft, bead: str, outcome: str = "done", reason: str = "", force: tuple[str, ...] = ()) -> Event:
    """The bead is closed as a ledger fact; it holds while the file still says what it says now."""
    record = draft.record(bead)
    changes = {**_ATTEMPT_OVER, "status": CLOSED, "outcome": outcome, "file_status": bead_file_status(draft, bead)}
    changes["worker"] = record.worker
    return draft.add("done", **_about(record), reason=reason, force=force, bead_changes=changes)


def closed_in_files(draft: Draft, bead: str, reason: str) -> Event:
    """The trunk's files close the bead: the attempt and any fact of it end, the file is the truth from now on."""
    record = draft.record(bead)
    changes = {**_ATTEMPT_OVER, **_NO_FACT, "worker": record.worker}
    kind = "done"
    if record.handed_in:
        kind, changes = "merged", {**changes, "merged_as": draft.cause}
    return draft.add(kind, **_about(record), reason=reason, bead_changes=changes)


def submitted(
    draft: Draft, bead: str, commit: str, *, branch: str, base: str, reason: str = "", force: tuple[str, ...] = ()
) -> Event:
    """Work handed in: a commit of a branch, and where the branch left its base. The attempt lives, not in flight."""
    changes = {"submitted": commit, "branch": branch, "base": base}
    return draft.add("submit", **_about(draft.record(bead)), reason=reason, force=force, bead_changes=changes)


def merged(draft: Draft, bead: str, commit: str, reason: str, force: tuple[str, ...] = ()) -> Event:
    """Work that is in its base branch, by the commit there; closed as a ledger fact where the file does not say so."""
    record = draft.record(bead)
    said = bead_file_status(draft, bead)
    changes = {**_ATTEMPT_OVER, **_NO_FACT, "worker": record.worker, "merged_as": commit}
    if said is None or draft.state.plan.config.category(said) != "done":
        changes |= {"status": CLOSED, "outcome": "done", "file_status": said}
    return draft.add("merged", **_about(record), reason=reason, force=force, bead_changes=changes)


def given_back(draft: Draft, bead: str, reason: str) -> Event:
    """Handed-in work cannot be merged: the attempt ends, and nobody gets the bead again before a person has decided.

    What was handed in stays in the record: should a person merge it, the proof of that closes the bead.
    """
    record = draft.record(bead)
    kept = {"submitted": record.submitted, "worker": record.worker}
    changes = {**_ATTEMPT_OVER, **kept, "failures": record.failures + 1, "conflict": one_line(reason)}
    return draft.add("fail", **_about(record), reason=reason, bead_changes=changes)


def reopen_bead(draft: Draft, bead: str, reason: str = "") -> Event:
    """The ledger's fact that closed the bead ends."""
    record = draft.record(bead)
    return draft.add("reopen", bead=bead, convoy=record.convoy, reason=reason, bead_changes=dict(_NO_FACT))


def failed(
    draft: Draft, bead: str, reason: str, *, kind: str = "fail", wait: bool = True, own_fault: bool = False
) -> Event:
    """An attempt failed: counted, and kept back for a while; in a mountain convoy the last failure closes the bead.

    `own_fault`: that no worker was started is due to this bead alone.
    """
    record = draft.record(bead)
    settings = draft.state.plan.config.dispatch
    failures = record.failures + 1
    changes: dict[str, Any] = {**_ATTEMPT_OVER, "failures": failures}
    if failures < settings.max_attempts:
        changes["not_before"] = draft.now + settings.delay(failures) if wait else None
    elif in_mountain(draft, bead):
        changes.update(status=CLOSED, outcome="failed", file_status=bead_file_status(draft, bead))
    return draft.add(kind, **_about(record), reason=reason, own_fault=own_fault, bead_changes=changes)


def given_up(draft: Draft, bead: str) -> Event:
    """An exhausted bead of a mountain convoy: closed as failed, so that the others go on."""
    record = draft.record(bead)
    changes = {"status": CLOSED, "outcome": "failed", "file_status": bead_file_status(draft, bead)}
    reason = f"{record.failures} failures, and its convoy goes on past failed beads"
    return draft.add("fail", **_about(record), reason=reason, bead_changes=changes)


def in_mountain(draft: Draft, bead: str) -> bool:
    """Whether an open convoy that tracks the bead goes on past failures."""
    convoys = draft.state.plan.convoys
    return any(
        convoys[each].mountain and draft.view.convoy_status(each) == OPEN
        for each in draft.view.tracking(bead)
        if each in convoys
    )


def taken_back(draft: Draft, bead: str, reason: str, kind: str = "unsling") -> Event:
    """The attempt ends without being counted: `unsling` by a person, `requeue` where it never began."""
    record = draft.record(bead)
    return draft.add(kind, **_about(record), reason=reason, bead_changes=dict(_ATTEMPT_OVER))


def retry(draft: Draft, bead: str) -> Event:
    """Failures are forgotten; a ledger fact that the bead failed ends."""
    record = draft.record(bead)
    changes: dict[str, Any] = {"failures": 0, "not_before": None}
    if record.conflict is not None:
        changes.update(conflict=None, submitted=None)
    if record.status == CLOSED:
        changes.update(_NO_FACT)
    return draft.add("retry", bead=bead, convoy=record.convoy, bead_changes=changes)


def launch(draft: Draft, convoy: str, reason: str = "", force: tuple[str, ...] = ()) -> Event:
    """The convoy is open."""
    changes = {
        "status": OPEN, "launched_at": draft.now, "file_status": convoy_file_status(draft, convoy),
        "completed_at": None, "outcome": None, "close_reason": None,
    }  # fmt: skip
    return draft.add("launch", convoy=convoy, reason=reason, force=force, convoy_changes=changes)


def complete(draft: Draft, convoy: str, outcome: str) -> Event:
    """Everything that the convoy tracks has ended; this closes it, unless its owner lands it."""
    plan_convoy = draft.state.plan.convoys[convoy]
    changes: dict[str, Any] = {"completed_at": draft.now, "outcome": outcome}
    if not plan_convoy.owned:
        changes.update(status=CLOSED, file_status=plan_convoy.status)
    return draft.add("complete", convoy=convoy, reason=f"outcome {outcome}", convoy_changes=changes)


def close_convoy(draft: Draft, convoy: str, reason: str, *, kind: str = "close", force: tuple[str, ...] = ()) -> Event:
    """A person closes the convoy (`close`), or its owner lands it (`land`)."""
    changes: dict[str, Any] = {
        "status": CLOSED, "file_status": convoy_file_status(draft, convoy), "close_reason": reason or None,
    }  # fmt: skip
    if kind == "close":
        changes["completed_at"] = None  # a convoy closed by hand is never opened again by react
    return draft.add(kind, convoy=convoy, reason=reason, force=force, convoy_changes=changes)


def reopen_convoy(draft: Draft, convoy: str, reason: str = "") -> Event:
    """The convoy is open again, anchored on what its file says now."""
    changes = {
        "status": OPEN, "file_status": convoy_file_status(draft, convoy),
        "completed_at": None, "outcome": None, "close_reason": None,
    }  # fmt: skip
    return draft.add("reopen", convoy=convoy, reason=reason, convoy_changes=changes)


def convoy_from_file(draft: Draft, kind: str, convoy: str, reason: str) -> Event:
    """The ledger's fact about the convoy ends: from now on its file is the truth."""
    changes = dict.fromkeys(("status", "file_status", "outcome", "close_reason", "completed_at"))
    return draft.add(kind, convoy=convoy, reason=reason, convoy_changes=changes)
