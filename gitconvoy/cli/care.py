"""`scan` and `check`: what is due is done (SPEC 7, 8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.outcome import dry_run_option
from gitconvoy.cli.output import note, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.react import Outcome

IDLE_SECONDS = 600
"""How long `scan --when-idle` waits for a rebase or merge to end."""


@command("scan", "gitconvoy scan")
@click.option("--at", "at", type=click.IntRange(min=0), metavar="SECONDS", help="Wait for that time (epoch) first.")
@click.option("--when-idle", is_flag=True, help="Wait until no rebase or merge is in progress, at most ten minutes.")
def scan(app: App, at: int | None, when_idle: bool) -> int:
    """Find and repair what stalls: expired leases, dispatches that never began, completions, due retries.

    Safe to run at any time, from cron or CI: what is in order is left alone.
    """
    from gitconvoy.engine.waiting import wait_until

    # Nothing heavy is loaded before the wait is over: such a scan may lie there for hours.
    if at is not None and not wait_until(at, app.directory):
        return Exit.OK
    if when_idle and not _wait_for_idle(app):
        return Exit.OK
    from gitconvoy.engine.react import react
    from gitconvoy.engine.releasing import sweep

    outcome = react(app.town())
    removed, kept = sweep(app.town())
    return told.answer(app, outcome, lambda: _tell(outcome, removed, kept), removed=removed, kept=kept)


def _wait_for_idle(app: App) -> bool:
    """Whether git has ended what it was at, within the time there is."""
    from gitconvoy.git import personal

    deadline = time.monotonic() + IDLE_SECONDS
    while personal.operation_in_progress(app.town().repo) not in (None, "bisect"):
        if time.monotonic() > deadline or not app.directory.exists():
            return False
        time.sleep(0.2)
    return app.directory.exists()


def _tell(outcome: Outcome[Any], removed: list[str], kept: list[str]) -> None:
    told.tell(outcome)
    for path in removed:
        say(f"removed the worktree {path}")
    for line in kept:
        note(line)
    if not outcome.events and not removed:
        say("all is in order")


@command("check", "gitconvoy check\ngitconvoy check hq-cv-x7k2p --dry-run")
@click.argument("convoy", required=False)
@dry_run_option
def check(app: App, convoy: str | None, dry_run: bool) -> int:
    """Complete the convoys that are complete; those that no longer are get reopened."""
    from gitconvoy.engine.feeding import check as run

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
