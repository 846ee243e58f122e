"""`gitconvoy stage` and `plan`: the analysis of a convoy, and its waves (SPEC 5, 6, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import Done, carry_out, no_commit_option, tell
from gitconvoy.cli.output import emit, note, safe_line, say, table
from gitconvoy.cli.reading import at_option, reading
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError, Exit, Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconvoy.checks.stage import StageReport
    from gitconvoy.engine.react import Outcome
    from gitconvoy.engine.town import Town
    from gitconvoy.planning.desk import Changes, Desk
    from gitconvoy.rules.view import View


class _HasErrors(Exception):
    """The report has errors: there is nothing to write."""


@dataclass(slots=True)
class _Staging:
    """What one run of `stage` found out and did."""

    report: StageReport | None = None
    done: Done | None = None
    convoy: str = ""
    launched: Outcome[Any] | None = None
    refused: ConvoyError | None = None


@command(
    "stage",
    "gitconvoy stage gt-eeeee\n"
    'gitconvoy stage gt-aaaaa gt-bbbbb --title "Shirts for the fair" --launch\n'
    "gitconvoy stage hq-cv-x7k2p",
)
@click.argument("ids", nargs=-1, required=True, metavar="EPIC | BEAD... | CONVOY")
@click.option("--title", help="The convoy's title (default: the epic's, or that of the first bead).")
@click.option("--base-branch", metavar="BRANCH", help="The branch that work starts from and is merged into.")
@click.option("--max-workers", type=click.IntRange(1), metavar="N", help="Beads in flight at a time.")
@click.option("--launch", is_flag=True, help="Launch it at once.")
@click.option("--force", is_flag=True, help="With --launch: in spite of warnings.")
@no_commit_option
def stage(
    app: App,
    ids: tuple[str, ...],
    title: str | None,
    base_branch: str | None,
    max_workers: int | None,
    launch: bool,
    force: bool,
    no_commit: bool,
) -> int:
    """Analyse one epic, or beads, or one staged convoy; write convoy and plan in one commit.

    Shows the tree, the waves and what is wrong. With errors nothing is written (exit code 1).
    """
    if launch and no_commit:
        raise UsageError("--launch needs the commit", hint="leave out --no-commit", code="options-clash")
    if force and not launch:
        raise UsageError(
            "--force goes with --launch", hint="staging itself has nothing to override", code="options-clash"
        )
    run = _Staging()
    options = {"base_branch": base_branch, "max_workers": max_workers}
    if launch:
        _require_launch(app.town())
    _stage(app, run, ids, title, options, no_commit)
    if launch and run.done is not None:
        _launch(app, run, force)
    _answer(app, run)
    if run.done is None:
        return Exit.REFUSED
    if run.refused is not None:
        return Exit.PARTLY
    return told.exit_code(run.launched) if run.launched is not None else Exit.OK


def _require_launch(town: Town) -> None:
    """What a launch needs is asked before anything is written."""
    from gitconvoy.engine import settings
    from gitconvoy.engine.plans import editing

    settings.require_role(town.settings)
    if not editing.moved_trunk(town):
        trunk = town.settings.trunk.removeprefix("refs/heads/")
        raise Refused(
            f"only what the trunk ({trunk}) holds can be launched, and another branch is checked out",
            hint=f"stage it here without --launch, and launch it once the branch is merged into {trunk}",
            code="not-on-trunk",
        )


def _stage(
    app: App, run: _Staging, ids: Sequence[str], title: str | None, options: Mapping[str, Any], no_commit: bool
) -> None:
    from gitconvoy.checks.selection import choose
    from gitconvoy.checks.stage import analyse
    from gitconvoy.engine.plans.branches import branch_exists
    from gitconvoy.planning.convoy_edits import stage_convoy

    def edit(desk: Desk) -> Changes:
        view = desk.view()
        selection = choose(view, ids, **options)
        run.report = analyse(view, selection, branch_exists(app.town()))
        if run.report.errors:
            raise _HasErrors
        given = {key: value for key, value in options.items() if value is not None and selection.convoy_id}
        changes = stage_convoy(desk, run.report, title, given)
        run.convoy = changes.ids[0]
        return changes

    try:
        run.done = carry_out(app, edit, no_commit)
    except _HasErrors:
        run.done = None


def _launch(app: App, run: _Staging, force: bool) -> None:
    from gitconvoy.engine.convoys.launching import launch

    try:
        run.launched = launch(app.town(), [run.convoy], force=force)[1]
    except ConvoyError as error:
        run.refused = error


def _answer(app: App, run: _Staging) -> None:
    from gitconvoy.checks.stage import report_as_dict

    assert run.report is not None
    restaged = run.report.selection.convoy_id is not None
    data = report_as_dict(run.report, run.convoy, restaged=restaged)
    if run.done is not None:
        data |= {"commit": run.done.commit, "files": sorted(run.done.changes.files)}
    data["launched"] = run.launched is not None
    if run.launched is not None:
        data |= told.as_data(run.launched)
    if run.refused is not None:
        data["launch_refused"] = {
            "code": run.refused.code,
            "message": run.refused.message,
            "hint": run.refused.hint,
        }
    emit(app, data, lambda: _tell(run, restaged))
    if run.refused is not None:
        note(f"it is staged, but not launched: {run.refused.message}")
        note(f"hint: {run.refused.hint}")


def _tell(run: _Staging, restaged: bool) -> None:
    report = run.report
    assert report is not None
    _tell_tree(report)
    _tell_waves(report)
    _tell_findings(report)
    if run.done is None:
        errors = len(report.errors)
        note(f"nothing is written: {errors} error{'s' if errors != 1 else ''} to mend first")
        return
    say(f"{'staged again' if restaged else 'staged'}: {run.convoy} ({report.status})", "green")
    tell(run.done)
    if run.launched is not None:
        told.tell(run.launched)
    elif run.refused is None:
        force = " --force" if report.warnings else ""
        merged = f", once {run.done.branch} is merged into {run.done.trunk}" if run.done.trunk is not None else ""
        say(f"next: gitconvoy launch {run.convoy}{force}{merged}")


def _tell_tree(report: StageReport) -> None:
    for node in report.tree:
        mark = "" if node.tracked else f" [{node.type}]"
        say(f"{'  ' * node.depth}{node.id}  {node.status}  {safe_line(node.title)}{mark}")


def _tell_waves(report: StageReport) -> None:
    rows = [
        (number, bead.id, bead.type, bead.rig, ", ".join(bead.blocked_by), bead.title)
        for number, wave in enumerate(report.table, 1)
        for bead in wave
    ]
    say("")
    table(("WAVE", "ID", "TYPE", "RIG", "WAITS FOR", "TITLE"), rows)
    for name, links in (("gate", report.waves.gates), ("outside", report.waves.outside)):
        for bead, targets in links.items():
            say(f"{name}: {bead} waits for {', '.join(targets)}")
    if report.waves.in_cycle:
        say(f"without a wave: {', '.join(sorted(report.waves.in_cycle))}", "yellow")
    if report.waves.critical_path:
        say(f"longest chain: {' -> '.join(report.waves.critical_path)}")
    say("")


def _tell_findings(report: StageReport) -> None:
    for name, colour, found in (("error", "red", report.errors), ("warning", "yellow", report.warnings)):
        for finding in found:
            say(f"{name}: {finding.message} [{finding.category}]", colour)
            say(f"  hint: {finding.suggested_fix}")


@command("plan", "gitconvoy plan hq-cv-x7k2p\ngitconvoy plan --json")
@click.argument("convoy_id", required=False, metavar="[CONVOY]")
@at_option
def plan(app: App, convoy_id: str | None, at: str | None) -> None:
    """Show a convoy's waves as they follow from links, types and what it tracks.

    Without CONVOY: the one that is not closed, if there is only one. A unique beginning of the id is enough.
    """
    from gitconvoy.graph.waves import plan_data, waves
    from gitconvoy.rules.view import View

    state = reading(app, at, [convoy_id] if convoy_id else [])
    view = View(state)
    one = _the_convoy(view, convoy_id)
    found = waves(view.graph, state.plan.convoys[one].tracks)
    document = plan_data(one, found)
    data = {
        "convoy_id": one,
        "waves": [{"wave": number, "beads": ids} for number, ids in enumerate(document["waves"], 1)],
        "gates": document["gates"],
        "outside": document["outside"],
        "critical_path": document["critical_path"],
        "in_cycle": sorted(found.in_cycle),
    }
    emit(app, data, lambda: _tell_plan(view, data))


def _the_convoy(view: View, given: str | None) -> str:
    from gitconvoy.reports.ids import find_convoy

    convoys = view.plan.convoys
    if given is not None:
        return find_convoy(view.plan, given)
    unfinished = sorted(one for one in convoys if view.convoy_status(one) != "closed")
    if len(unfinished) != 1:
        names = ", ".join(unfinished[:5]) or "none is"
        raise UsageError(
            f"{len(unfinished)} convoys are not closed ({names})",
            hint="name one: gitconvoy plan CONVOY",
            code="several",
        )
    return unfinished[0]


def _tell_plan(view: View, data: Mapping[str, Any]) -> None:
    convoy = view.plan.convoys[data["convoy_id"]]
    say(f"{convoy.id}  {view.convoy_status(convoy.id)}  {safe_line(convoy.title)}")
    rows = []
    for wave in data["waves"]:
        for one in wave["beads"]:
            bead = view.graph.nodes[one]
            rows.append((wave["wave"], one, bead.type, view.effective(one).status, bead.title))
    table(("WAVE", "ID", "TYPE", "STATUS", "TITLE"), rows)
    for name, key in (("gate", "gates"), ("outside", "outside")):
        for one, targets in data[key].items():
            say(f"{name}: {one} waits for {', '.join(targets)}")
    if data["in_cycle"]:
        say(f"without a wave (in a cycle): {', '.join(data['in_cycle'])}", "yellow")
    if data["critical_path"]:
        say(f"longest chain: {' -> '.join(data['critical_path'])}")
