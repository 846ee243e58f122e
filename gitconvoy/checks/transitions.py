"""Which way a convoy may go: the table of SPEC 3.3, on effective statuses.

Bead statuses are not looked at: any change of them by hand is legal (SPEC 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.errors import Problem
from gitconvoy.model.imported import X_BEADS
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import STAGED, Plan
from gitconvoy.model.state import State
from gitconvoy.rules.view import View

NONE = "none"
"""Stands for a convoy that does not exist: yet, or any more."""

_HINTS = {
    ("open", NONE): "close it first (`gitconvoy close {id}`), then delete it",
    ("open", "staged"): "close it (`gitconvoy close {id}`) and stage the rest as a new convoy",
    ("closed", "staged"): "reopen it (`gitconvoy reopen {id}`), or stage a new convoy",
    (NONE, "closed"): "a new convoy begins staged_ready, staged_warnings or open",
}


def _group(status: str) -> str:
    return "staged" if status in STAGED else status


def legal(old: str, new: str, dispatched: bool) -> bool:
    """Whether a convoy may go from one effective status to another (`NONE`: it does not exist).

    `dispatched` tells whether any bead of it ever was; it only matters from open back to staged_*.
    """
    before, after = _group(old), _group(new)
    if before == after:
        return True
    if before == "staged":
        return True
    if before == NONE:
        return after in {"staged", "open"}
    if before == "open":
        return after == "closed" or (after == "staged" and not dispatched)
    return after in {"open", NONE}


class _Side:
    """One plan and the effective statuses of its convoys; unreadable files have none (None)."""

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self.plan = plan
        self._view = View(State(plan, ledger))

    def status(self, convoy_id: str) -> str | None:
        if convoy_id in self.plan.broken:
            return None
        return self._view.convoy_status(convoy_id) if convoy_id in self.plan.convoys else NONE


def _dispatched(ledger: Ledger) -> dict[str, list[str]]:
    """Convoy id -> its beads that were ever dispatched, sorted."""
    found: dict[str, list[str]] = {}
    for record in ledger.beads.values():
        if record.convoy is not None and record.attempt > 0:
            found.setdefault(record.convoy, []).append(record.id)
    return {convoy_id: sorted(beads) for convoy_id, beads in found.items()}


def _imported(plan: Plan, convoy_id: str) -> bool:
    convoy = plan.convoys.get(convoy_id)
    return convoy is not None and X_BEADS in convoy.data


def _problem(convoy_id: str, old: str, new: str, old_plan: Plan, new_plan: Plan, beads: Sequence[str]) -> Problem:
    convoy = new_plan.convoys.get(convoy_id) or old_plan.convoys[convoy_id]
    if new == NONE:
        message = f"convoy {convoy_id} is {old} and cannot be deleted"
    elif old == NONE:
        message = f"convoy {convoy_id} cannot begin as {new}"
    else:
        message = f"convoy {convoy_id} cannot go from {old} to {new}"
    if (old, _group(new)) == ("open", "staged"):
        message += f": work on it was dispatched ({', '.join(beads[:3])}{', ...' if len(beads) > 3 else ''})"
    hint = _HINTS[_group(old), _group(new)].format(id=convoy_id)
    at = ("status",) if new != NONE else ()
    return Problem(convoy.path, "convoy-transition", message, hint, at=at, ids=(convoy_id,))


def check_transitions(old: Plan, new: Plan, ledger: Ledger) -> list[Problem]:
    """The convoys that a change from `old` to `new` takes where SPEC 3.3 does not let them go, sorted by id.

    Code `convoy-transition`, the convoy's id in `ids`. A file that cannot be read on either side has no status to
    compare: it is reported where it was read. An imported convoy (it has `x-beads`) may begin closed: an import keeps
    history and launches nothing (SPEC 10).
    """
    return _check(_Side(old, ledger), _Side(new, ledger), ledger, sorted({*old.convoys, *new.convoys}))


def check_merge_transitions(
    parents: Sequence[Plan], new: Plan, ledger: Ledger, trunk: Plan | None = None
) -> list[Problem]:
    """The same for a merge: the result is compared with each parent, and is refused where one of them forbids it.

    So a merge that takes back a launch is refused although the branch it came from always said so. Two cases are no
    contradiction: a convoy that one parent does not have and another does was made on that other side, and may have
    gone any way since, each step of which was checked there; and what `trunk` (the plan of the trunk's tip) already
    says is true for everyone, so that merging the trunk into a branch is always legal. One problem for each convoy.
    """
    result = _Side(new, ledger)
    truth = _Side(trunk, ledger) if trunk is not None else None
    ids = {*new.convoys, *(convoy_id for parent in parents for convoy_id in parent.convoys)}
    if truth is not None:
        ids = {convoy_id for convoy_id in ids if truth.status(convoy_id) != result.status(convoy_id)}
    found: dict[str, Problem] = {}
    for parent in parents:
        others = [other for other in parents if other is not parent]
        made_elsewhere = {c for other in others for c in other.convoys if c not in parent.convoys}
        for problem in _check(_Side(parent, ledger), result, ledger, sorted(ids - made_elsewhere)):
            found.setdefault(problem.ids[0], problem)
    return [found[convoy_id] for convoy_id in sorted(found)]


def _check(old: _Side, new: _Side, ledger: Ledger, ids: Sequence[str]) -> list[Problem]:
    dispatched = _dispatched(ledger)
    problems = []
    for convoy_id in ids:
        before, after = old.status(convoy_id), new.status(convoy_id)
        if before is None or after is None or legal(before, after, convoy_id in dispatched):
            continue
        if (before, after) == (NONE, "closed") and _imported(new.plan, convoy_id):
            continue
        beads = dispatched.get(convoy_id, [])
        problems.append(_problem(convoy_id, before, after, old.plan, new.plan, beads))
    return problems
