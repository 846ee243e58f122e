"""`list`, `ready`, `blocked`, `stranded`: tables of convoys and beads (SPEC 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say, table
from gitconvoy.cli.reading import at_option, moment
from gitconvoy.errors import UsageError

_STATUSES = ("open", "closed", "staged", "staged_ready", "staged_warnings")
_COLOURS = {
    "open": "green",
    "staged_warnings": "yellow",
    "closed": "bright_black",
    "stuck": "red",
    "feedable": "yellow",
}


@command("list", "gitconvoy list\ngitconvoy list --all --tree")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those with this status.")
@click.option("--tree", is_flag=True, help="With the beads that each one tracks.")
@at_option
def list_(app: App, everything: bool, status: str | None, tree: bool, at: str | None) -> None:
    """List convoys: those that are not closed, unless asked for more."""
    from gitconvoy.model.state import Asked
    from gitconvoy.reports.listing import convoy_beads, list_convoys

    found = moment(app, at, asked=None if tree else Asked())
    data = list_convoys(found.view, everything=everything, status=status)
    if tree:
        for row in data["convoys"]:
            row["beads"] = convoy_beads(found.view, row["id"])
    emit(app, data, lambda: _convoys(data["convoys"], everything or status is not None))


def _convoys(rows: list[dict[str, Any]], everything: bool) -> None:
    if not rows:
        say("no convoys" if everything else "no open or staged convoys; --all lists closed ones too")
    if any("beads" in row for row in rows):
        for row in rows:
            say(f"{row['id']}  {status_word(row)}  {_progress(row)}  {row['title']}", _COLOURS.get(row["status"]))
            for bead in row["beads"]:
                say(f"    {bead['id']}  {bead['part']}  {bead['title']}")
        return
    shown = [(row["id"], status_word(row), _progress(row), row["title"]) for row in rows]
    table(("CONVOY", "STATUS", "CLOSED", "TITLE"), shown, lambda row: _COLOURS.get(str(row[1]).split()[0], ""))


def status_word(row: dict[str, Any]) -> str:
    """The status of a convoy, and whether it is paused or frozen."""
    extra = " paused" if row["paused"] else " frozen" if row["frozen_by"] else ""
    return f"{row['status']}{extra}"


def _progress(row: dict[str, Any]) -> str:
    return f"{row['progress']['closed']}/{row['progress']['total']}"


@command("ready", "gitconvoy ready\ngitconvoy ready --rig backend --all")
@click.option("--rig", metavar="RIG", help="Only beads of this rig.")
@click.option("--all", "everything", is_flag=True, help="Also beads that no open convoy tracks.")
@at_option
def ready(app: App, rig: str | None, everything: bool, at: str | None) -> None:
    """List the beads that could be dispatched now, in the order in which they would be."""
    from gitconvoy.model.state import Asked
    from gitconvoy.reports import waiting

    found = moment(app, at, asked=Asked(ready=True, untracked=everything))
    known_rig(found.plan.config.rigs, rig)
    data = waiting.ready(found.view, rig=rig, everything=everything)

    def text() -> None:
        rows = [(row["id"], f"p{row['priority']}", row["convoy"] or "", row["title"]) for row in data["beads"]]
        table(("BEAD", "PRIORITY", "CONVOY", "TITLE"), rows)
        if not rows:
            say("nothing is ready" + ("" if everything else "; gitconvoy blocked says why, --all looks beyond convoys"))

    emit(app, data, text)


def known_rig(rigs: Mapping[str, object], rig: str | None) -> None:
    """UsageError for a rig that the settings do not name."""
    if rig is not None and rig not in rigs:
        raise UsageError(f"there is no rig {rig}", hint=f"rigs are {', '.join(sorted(rigs))}", code="bad-value")


@command("blocked", "gitconvoy blocked\ngitconvoy blocked --rig backend")
@click.option("--rig", metavar="RIG", help="Only beads of this rig.")
@at_option
def blocked(app: App, rig: str | None, at: str | None) -> None:
    """List the beads that wait, and for what."""
    from gitconvoy.reports import waiting

    found = moment(app, at)
    known_rig(found.plan.config.rigs, rig)
    data = waiting.blocked(found.view, rig=rig)

    def text() -> None:
        rows = [(row["id"], row["title"], reasons_text(row["reasons"])) for row in data["beads"]]
        table(("BEAD", "TITLE", "WAITS BECAUSE"), rows)
        if not rows:
            say("nothing is blocked")

    emit(app, data, text)


def reasons_text(reasons: Sequence[dict[str, Any]], most: int = 3) -> str:
    """The first reasons on one line, and how many more there are."""
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return "; ".join(reason["message"] for reason in reasons[:most]) + more


@command("stranded", "gitconvoy stranded")
@at_option
def stranded(app: App, at: str | None) -> None:
    """List the convoys that do not move: feedable, waiting, stuck, empty or paused. Healthy ones are never listed."""
    from gitconvoy.reports.stranded import stranded as report

    found = moment(app, at)
    data = report(found.view, found.local)

    def text() -> None:
        rows = [(row["class"], row["id"], row["title"], reasons_text(row["reasons"])) for row in data["convoys"]]
        table(("CLASS", "CONVOY", "TITLE", "BECAUSE"), rows, lambda row: _COLOURS.get(str(row[0]), ""))
        if not rows:
            say("no convoy is stranded", "green")

    emit(app, data, text)
