"""The analysis behind `stage` and `launch`: tree, waves and findings of a selection (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gitconvoy.checks.selection import CONVOY, Selection
from gitconvoy.checks.stage_findings import BESIDE_VALIDATE, ERRORS, WARNINGS, Finding, Scope
from gitconvoy.dataclass import dataclass
from gitconvoy.graph.waves import WavePlan, waves
from gitconvoy.model.plan import Convoy
from gitconvoy.rules.links import satisfied
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One line of the tree: `depth` counts from 0, `status` is the effective one."""

    id: str
    title: str
    type: str
    status: str
    depth: int
    tracked: bool


@dataclass(frozen=True, slots=True)
class WaveBead:
    """One line of the wave table; `blocked_by` are the targets of its unsatisfied links."""

    id: str
    title: str
    type: str
    rig: str
    blocked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageReport:
    """What `stage` shows. With errors nothing may be written; `table` then holds what can be placed all the same."""

    selection: Selection
    waves: WavePlan
    table: tuple[tuple[WaveBead, ...], ...]
    tree: tuple[TreeNode, ...]
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def status(self) -> str:
        """`error`, or the status that the convoy gets: staged_warnings or staged_ready."""
        if self.errors:
            return "error"
        return "staged_warnings" if self.warnings else "staged_ready"


def analyse(
    view: View, selection: Selection, branch_exists: Collection[str] | Callable[[str, str], bool] | None = None
) -> StageReport:
    """Tree, waves and all findings of a selection.

    `branch_exists` tells which branches there are, as a collection, or as a function of a branch and a rig (as rigs may
    have repositories of their own; an empty name: none); None leaves `missing-branch` out.
    """
    plan = view.state.plan
    tracked = tuple(one for one in selection.tracks if plan.bead(one) is not None)
    wave_plan = waves(view.graph, tracked)
    scope = Scope(view, selection, tracked, wave_plan, _teller(branch_exists))
    return StageReport(
        selection,
        wave_plan,
        table=tuple(tuple(_wave_bead(view, one) for one in wave) for wave in wave_plan.waves),
        tree=_tree(view, selection),
        errors=tuple(finding for check in ERRORS for finding in check(scope)),
        warnings=tuple(finding for check in WARNINGS for finding in check(scope)),
    )


def convoy_findings(
    view: View,
    convoy: Convoy,
    wave_plan: WavePlan,
    branch_exists: Collection[str] | Callable[[str, str], bool] | None = None,
) -> tuple[Finding, ...]:
    """What `stage` finds about a convoy as it stands, and `validate` does not; `branch_exists` as above.

    `wave_plan` are its waves.
    """
    tracks = tuple(sorted(set(convoy.tracks)))
    selection = Selection(
        CONVOY, tracks, tracks, convoy.epic, convoy.id, convoy.base_branch, max_workers=convoy.max_workers
    )
    tracked = tuple(one for one in tracks if view.state.plan.bead(one) is not None)
    scope = Scope(view, selection, tracked, wave_plan, _teller(branch_exists))
    return tuple(finding for check in BESIDE_VALIDATE for finding in check(scope))


def _teller(branch_exists: Collection[str] | Callable[[str, str], bool] | None) -> Callable[[str, str], bool]:
    if branch_exists is None:
        return lambda _, __: True
    if callable(branch_exists):
        return branch_exists
    known = frozenset(branch_exists)
    return lambda branch, _: branch in known


def _wave_bead(view: View, bead_id: str) -> WaveBead:
    bead = view.graph.nodes[bead_id]
    rig = view.rig_of(bead_id)
    links = (entry.link for entry in view.graph.blockers_of(bead_id))
    blockers = tuple(sorted({link.target for link in links if not satisfied(view.closed, bead_id, link)}))
    return WaveBead(bead_id, bead.title, bead.type, rig.name if rig else "", blockers)


def _tree(view: View, selection: Selection) -> tuple[TreeNode, ...]:
    plan = view.state.plan
    tracked = frozenset(selection.tracks)
    depths: dict[str, int] = {}
    nodes = []
    for one in selection.members:
        bead = plan.bead(one)
        if bead is None:
            continue
        nested = selection.kind == "epic" and bead.parent in depths
        depths[one] = depths[bead.parent or ""] + 1 if nested else 0
        status = view.effective(one).status
        nodes.append(TreeNode(one, bead.title, bead.type, status, depths[one], one in tracked))
    return tuple(nodes)


def report_as_dict(report: StageReport, convoy_id: str, *, restaged: bool) -> dict[str, Any]:
    """The JSON object of SPEC 8 (`stage`) but for `schema_version`; `convoy_id` is "" where there are errors."""
    plan = report.waves
    return {
        "status": report.status,
        "convoy_id": "" if report.errors else convoy_id,
        "restaged": restaged,
        "errors": [finding.as_dict() for finding in report.errors],
        "warnings": [finding.as_dict() for finding in report.warnings],
        "waves": [
            {"wave": number, "beads": [_bead_as_dict(bead) for bead in wave]}
            for number, wave in enumerate(report.table, 1)
        ],
        "gates": {bead: list(ids) for bead, ids in plan.gates.items()},
        "outside": {bead: list(ids) for bead, ids in plan.outside.items()},
        "critical_path": list(plan.critical_path),
        "tree": [
            {
                "id": node.id,
                "title": node.title,
                "type": node.type,
                "status": node.status,
                "depth": node.depth,
                "tracked": node.tracked,
            }
            for node in report.tree
        ],
    }


def _bead_as_dict(bead: WaveBead) -> dict[str, Any]:
    return {
        "id": bead.id,
        "title": bead.title,
        "type": bead.type,
        "rig": bead.rig,
        "blocked_by": list(bead.blocked_by),
    }
