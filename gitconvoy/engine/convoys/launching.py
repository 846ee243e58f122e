"""`launch`: open a convoy; of an epic or beads one is staged first (SPEC 6, 7, 8)."""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.checks.selection import choose
from gitconvoy.checks.stage import StageReport, analyse
from gitconvoy.checks.stage_findings import Finding
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.near import nearest
from gitconvoy.engine.plans import editing
from gitconvoy.engine.plans.branches import branch_exists
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.rewound import require_writable
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import NotFound, Refused
from gitconvoy.planning.convoy_edits import stage_convoy

Launched = tuple[str, Outcome[tuple[Finding, ...]]]


def launch(town: Town, ids: Sequence[str], *, title: str | None = None, force: bool = False) -> Launched:
    """Launch the convoy that is named, or one made of an epic or beads; (its id, the transaction with the warnings).

    Refused where errors stand in the way, where warnings do without `force`, and where beads are to be staged without
    the trunk checked out. Nothing is written then.
    """
    require_writable(town)
    plan = town.plan()
    town.require_plan(plan)
    first = ids[0]
    is_convoy = len(ids) == 1 and (first in plan.convoys or (first in plan.broken and plan.bead(first) is None))
    convoy = first if is_convoy else _stage(town, ids, title, force)
    exists = branch_exists(town)
    request = convoy_requests.launch
    return convoy, transact(town, lambda draft: request(draft, convoy, force=force, branches=exists))


def _stage(town: Town, ids: Sequence[str], title: str | None, force: bool) -> str:
    if not editing.moved_trunk(town):
        trunk = town.settings.trunk.removeprefix(HEADS)
        raise Refused(
            f"{', '.join(ids)} can only be staged and launched in one go with the trunk ({trunk}) checked out",
            hint=f"git switch {trunk}; or stage here, merge, and launch the convoy",
            code="not-on-trunk",
        )
    desk = editing.open_desk(town)
    known = {*desk.plan.beads, *desk.plan.archive, *desk.plan.convoys, *desk.plan.broken}
    unknown = [one for one in ids if one not in known and desk.plan.unseen(one) is None]
    if unknown:
        raise NotFound(f"there is no bead or convoy {unknown[0]}", hint=nearest(unknown[0], known))
    view = desk.view()
    report = analyse(view, choose(view, ids), branch_exists(town))
    _refuse_findings(report, force)
    changes = stage_convoy(desk, report, title)
    editing.publish(town, desk, changes)
    return changes.ids[0]


def _refuse_findings(report: StageReport, force: bool) -> None:
    if report.errors:
        first = report.errors[0]
        told = "; ".join(finding.message for finding in report.errors)
        raise Refused(f"cannot be launched: {told}", hint=first.suggested_fix, code=first.category)
    if report.warnings and not force:
        told = "; ".join(finding.message for finding in report.warnings)
        raise Refused(
            f"not launched, there are warnings: {told}", hint="--force launches it all the same", code="warnings"
        )
