"""Handed-in work in words: where it waits and for what, and what became of it (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import handins
from gitconvoy.engine.attempts.places import base_of, merge_of
from gitconvoy.engine.local import Local, is_here
from gitconvoy.errors import Refused
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State
from gitconvoy.reports.attempt_rows import asking, asks
from gitconvoy.reports.failures import with_last
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class Wait:
    """What handed-in work waits for. `stuck`: somebody has to do something that is not merging it."""

    base: str
    strategy: str
    reason: str
    place: str = ""
    stuck: bool = False


def wait_of(plan: Plan, local: Local, record: BeadRecord) -> Wait:
    """Where the handed-in work of a live attempt waits."""
    strategy = merge_of(plan, record.id, record.convoy)
    try:
        base = base_of(plan, local.places, record.id, record.convoy)
    except Refused as error:
        return Wait("", strategy, error.message, stuck=True)
    branch = record.branch or record.submitted or ""
    root = local.places.of(plan, record.id).root
    there = f" in {root}" if root else ""
    note = local.handins.get(record.id)
    if note is not None and note.token != record.token:
        note = None
    if record.branch is not None and (record.id, record.branch) not in local.branches and is_here(record, local):
        ends = f"gitconvoy done {record.id} --merged COMMIT, fail or unsling ends it"
        return Wait(
            base,
            strategy,
            f"its branch {branch} is gone{there}, and nothing shows that it was merged: {ends}",
            stuck=True,
        )
    if note is not None and note.pushing is not None:
        failed = f" (before that: {note.waits})" if note.waits else ""
        return Wait(base, strategy, f"it is being pushed since {iso(note.pushing)}{failed}")
    if note is not None and note.waits:
        where = f" in {note.place}" if note.place else ""
        return Wait(base, strategy, f"{note.waits}{where}; it is tried again", note.place, stuck=note.lasting)
    if note is not None and note.told == handins.LOST:
        return Wait(base, strategy, f"{_LOST}; {_again(record)} once more", stuck=True)
    if strategy == "direct" and is_here(record, local):
        return Wait(base, strategy, f"the next scan merges {branch} into {base}{there}")
    more = f"; {note.complaint} ({_again(record)} again)" if note is not None and note.complaint else ""
    if strategy == "direct":
        more = f" ({record.machine} does that)"
    return Wait(base, strategy, f"it waits for {branch} to be merged into {base}{there}{more}")


_LOST = (
    "gitconvoy.onSubmit was begun, and what ran it has died: look whether it has done its work (a pull request, say)"
)


def _again(record: BeadRecord) -> str:
    return f"gitconvoy hand-over {record.id} --again runs it"


def standing(plan: Plan, local: Local, record: BeadRecord) -> dict[str, Any]:
    """What a row of `submitted[]` says beside what is said of every attempt: where it waits, and for what."""
    wait = wait_of(plan, local, record)
    note = local.handins.get(record.id)
    return {
        "submitted": record.submitted,
        "branch": record.branch,
        "base_branch": wait.base,
        "repository": local.places.of(plan, record.id).root or None,
        "merge": wait.strategy,
        "note": wait.reason,
        "path": wait.place or None,
        "stuck": wait.stuck,
        "pushed": note.pushed if note is not None and note.token == record.token else None,
    }


def result(state: State, local: Local, bead: str) -> dict[str, Any]:
    """What `done` answers with about its bead."""
    record = state.ledger.bead(bead)
    submitted = record.live and record.submitted is not None
    status = "submitted" if submitted else View(state).effective(bead).status
    return {
        "bead": bead,
        "attempt": record.attempt,
        "status": status,
        "branch": record.branch,
        "submitted": record.submitted,
        "merged_as": record.merged_as,
        "conflict": record.conflict,
        "note": wait_of(state.plan, local, record).reason if submitted else "",
        "failures": record.failures,
        "not_before": iso(record.not_before) if record.not_before is not None else None,
    }


def stuck(view: View, local: Local, failures: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Beads that nobody goes on with before a person has done something: {bead, reason}, by id.

    `failures`: why the last attempts at beads failed.
    """
    found = []
    for bead, record in sorted(view.ledger.beads.items()):
        if record.live and record.submitted is not None:
            wait = wait_of(view.plan, local, record)
            if wait.stuck:
                found.append({"bead": bead, "reason": wait.reason})
        elif asks(local, record):
            found.append({"bead": bead, "reason": asking(local, record)})
        elif record.conflict is not None and not view.effective(bead).closed:
            found.append({"bead": bead, "reason": record.conflict})
        elif view.exhausted(bead):
            reason = with_last(f"it is exhausted: {record.failures} attempts have failed", (failures or {}).get(bead))
            found.append({"bead": bead, "reason": reason})
    return found
