"""Which findings a change makes, and which it mends: those of `validate`, and of `stage` for each convoy (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitconvoy.checks.compare import new_problems
from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.checks.stage import convoy_findings
from gitconvoy.checks.stage_findings import Finding
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Problem
from gitconvoy.graph.waves import WavePlan
from gitconvoy.model.ledger import CLOSED, Ledger
from gitconvoy.rules.view import View

BranchExists = Callable[[str, str], bool]

_MEASURED = "capacity"
"""A finding about a whole wave: of a convoy that was too wide before, it is no news."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong on one side: problems as of `validate`, and by convoy what `stage` would say."""

    problems: tuple[Problem, ...]
    staged: Mapping[str, tuple[Finding, ...]]


def find(view: View, ledger: Ledger | None, waves: Mapping[str, WavePlan], exists: BranchExists | None) -> Found:
    """All findings of a side. `ledger` is None where none is at hand; `waves`: those of the convoys to look at.

    `exists` as for `stage.analyse`.
    """
    problems = (*view.plan.problems, *check_plan(view.plan, ledger, view))
    if view.plan.config_broken:
        return Found(problems, {})
    staged = {
        convoy_id: convoy_findings(view, view.plan.convoys[convoy_id], wave_plan, exists)
        for convoy_id, wave_plan in waves.items()
        if view.convoy_status(convoy_id) != CLOSED
    }
    return Found(problems, staged)


def fresh(before: Found, after: Found) -> Found:
    """What is wrong after a change and was not before."""
    return Found(
        tuple(new_problems(before.problems, after.problems)),
        {
            convoy_id: tuple(each for each in found if not _stood(each, before.staged.get(convoy_id, ())))
            for convoy_id, found in after.staged.items()
        },
    )


def _stood(found: Finding, before: Sequence[Finding]) -> bool:
    """Whether the same was said of these beads before, if not of them alone."""
    alike = [old for old in before if old.category == found.category]
    if found.category == _MEASURED:
        return bool(alike)
    return any(set(found.bead_ids) <= set(old.bead_ids) for old in alike)


def rows(found: Found) -> list[dict[str, Any]]:
    """Errors first: [{severity, code, message, hint, ids[], convoy, path, line, column}].

    What `validate` calls an error is one; findings of `stage` are warnings, with the convoy they are about.
    """
    listed = [_problem(each) for each in found.problems]
    listed += [_finding(each, convoy_id) for convoy_id, staged in sorted(found.staged.items()) for each in staged]
    return sorted(listed, key=lambda row: row["severity"] != "error")


def _problem(problem: Problem) -> dict[str, Any]:
    row = problem.as_dict()
    return {**row, "ids": list(problem.ids), "convoy": None}


def _finding(found: Finding, convoy_id: str) -> dict[str, Any]:
    return {
        "path": "",
        "line": 0,
        "column": 0,
        "severity": "warning",
        "code": found.category,
        "message": found.message,
        "hint": found.suggested_fix,
        "ids": list(found.bead_ids),
        "convoy": convoy_id,
    }
