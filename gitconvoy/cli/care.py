"""`scan` and `check`: what is due is done (SPEC 7, 8)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.outcome import dry_run_option
from gitconvoy.cli.output import note, say
from gitconvoy.cli.reading import PIN, missing_trunk
from gitconvoy.errors import Exit
from gitconvoy.model.clock import FIRST, LAST

if TYPE_CHECKING:
    from gitconvoy.engine.react import Outcome

IDLE_SECONDS = 600
"""How long `scan --when-idle` waits for a rebase or merge to end."""


@command("scan", "gitconvoy scan")
@click.option(
    "--at", "at", type=click.IntRange(FIRST, LAST), metavar="SECONDS", help="Wait for that time (epoch) first."
)
@click.option("--when-idle", is_flag=True, help="Wait until no rebase or merge is in progress, at most ten minutes.")
@click.option("--relieved-by", type=click.Path(path_type=Path), hidden=True, help="Who waits now; see `wake`.")
def scan(app: App, at: int | None, when_idle: bool, relieved_by: Path | None) -> int:
    """Find and repair what stalls: expired leases, dispatches that never began, completions, due retries.

    Safe to run at any time, from cron or CI: what is in order is left alone. Exit code 1 where the ledger has live
    attempts and the trunk has no plan any more: nothing can end them then.
    """
    from gitconvoy.engine.waiting import wait_until

    # Nothing heavy is loaded before the wait is over: such a scan may lie there for hours.
    if at is not None and not wait_until(at, app.directory, relieved_by):
        return Exit.OK
    if when_idle and not _wait_for_idle(app):
        return Exit.OK
    from gitconvoy.engine.attempts.releasing import sweep
    from gitconvoy.engine.plans.unfinished import take_back
    from gitconvoy.engine.react import react

    for path in take_back(app.town().repo):
        note(f"put back {path}: an edit of it died before its commit")
    outcome = react(app.town())
    removed, kept = sweep(app.town())
    lost = _without_plan(app, outcome)
    found = {"removed": removed, "kept": kept, "problem": lost}
    code = told.answer(app, outcome, lambda: _tell(outcome, removed, kept, lost), **found)
    if lost is None:
        return code
    note(f"error: {lost}")
    note(f"hint: {PIN}; where .convoy was deleted by mistake, git revert that commit")
    return Exit.REFUSED


def _without_plan(app: App, outcome: Outcome[None]) -> str | None:
    """That attempts are live of which the trunk knows nothing any more, in words; None where that is not so."""
    from gitconvoy.engine.settings import HEADS

    live = sorted(bead for bead, record in outcome.state.ledger.beads.items() if record.live)
    if outcome.state.plan.exists or not live:
        return None
    name = app.town().settings.trunk.removeprefix(HEADS)
    why = missing_trunk(app.town()) or f"the trunk ({name}) holds no .convoy folder"
    more = f" and {len(live) - 5} more" if len(live) > 5 else ""
    return f"{why}; the ledger has live attempts of {', '.join(live[:5])}{more}"


def _wait_for_idle(app: App) -> bool:
    """Whether git has ended what it was at, within the time there is."""
    from gitconvoy.git import personal

    deadline = time.monotonic() + IDLE_SECONDS
    while personal.operation_in_progress(app.town().repo) not in (None, "bisect"):
        if time.monotonic() > deadline or not app.directory.exists():
            return False
        time.sleep(0.2)
    return app.directory.exists()


def _tell(outcome: Outcome[Any], removed: list[str], kept: list[str], lost: str | None) -> None:
    told.tell(outcome)
    for path in removed:
        say(f"removed the worktree {path}")
    for line in kept:
        note(line)
    if not outcome.state.plan.exists and lost is None:
        say("the trunk has no .convoy folder: there is nothing to look after")
    elif not outcome.events and not removed and lost is None:
        say("all is in order")


@command("check", "gitconvoy check\ngitconvoy check hq-cv-x7k2p --dry-run")
@click.argument("convoy", required=False)
@dry_run_option
def check(app: App, convoy: str | None, dry_run: bool) -> int:
    """Complete the convoys that are complete; those that no longer are get reopened."""
    from gitconvoy.engine.convoys.feeding import check as run

    outcome = run(app.town(), convoy, preview=dry_run)
    of = {"complete": "completed", "reopen": "reopened"}
    data: dict[str, Any] = {"completed": [], "reopened": [], "dry_run": dry_run}
    for event, _ in outcome.events:
        if event.kind in of and event.bead is None and (convoy is None or event.convoy == convoy):
            row = {"convoy": event.convoy, "reason": event.reason}
            record = outcome.state.ledger.convoy(event.convoy or "")
            data[of[event.kind]].append({**row, "outcome": record.outcome, "status": record.status or "open"})

    def text() -> None:
        for row in data["completed"]:
            say(f"{row['convoy']} {'would be' if dry_run else 'is'} complete, outcome {row['outcome']}", "green")
        for row in data["reopened"]:
            say(f"{row['convoy']} {'would be' if dry_run else 'is'} open again: {row['reason']}")
        if not data["completed"] and not data["reopened"]:
            say("nothing is newly complete")

    return told.answer(app, outcome, text, **data)
