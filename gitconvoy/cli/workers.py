"""`workers`: who does what since when, and who is idle (SPEC 7)."""

from __future__ import annotations

from typing import Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.lists import known_rig
from gitconvoy.cli.output import emit, say, table
from gitconvoy.cli.reading import at_option, moment


@command("workers", "gitconvoy workers\ngitconvoy workers --rig backend --idle")
@click.option("--rig", metavar="RIG", help="Only workers of this rig.")
@click.option("--idle", is_flag=True, help="Only those who hold nothing.")
@at_option
def workers(app: App, rig: str | None, idle: bool, at: str | None) -> None:
    """List the workers of each rig, and whoever else holds a bead: what they do since when, and who is idle."""
    from gitconvoy.reports.workers import workers as report

    found = moment(app, at)
    known_rig(found.plan.config.rigs, rig)
    data = report(found.view, found.local, rig=rig, idle=idle)
    emit(app, data, lambda: _tell(data))


def _tell(data: dict[str, Any]) -> None:
    rows = [
        (
            row["worker"],
            row["state"],
            row["bead"] or "",
            row["attempt"] or "",
            row["since"] or "",
            row["title"] or "",
            row["note"],
        )
        for row in data["workers"]
    ]
    table(("WORKER", "STATE", "BEAD", "ATTEMPT", "SINCE", "TITLE", ""), rows, lambda row: _COLOURS.get(str(row[1]), ""))
    if not rows:
        say("no worker is like that")
    for row in data["capacity"]:
        say(f"{row['of']}: {row['in_flight']} in flight" + (f" of {row['most']}" if row["most"] is not None else ""))


_COLOURS = {"working": "green", "stopped": "red", "asks": "yellow", "idle": "bright_black"}
