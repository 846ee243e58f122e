"""`why`: the verdict of every rule on one bead (SPEC 8)."""

from __future__ import annotations

from typing import Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say, table
from gitconvoy.cli.reading import at_option, moment


@command("why", "gitconvoy why gt-x7k2p")
@click.argument("bead")
@at_option
def why(app: App, bead: str, at: str | None) -> None:
    """Say of every rule what it says of a bead, on which commits and ids that rests, and what to do next."""
    from gitconvoy.ledger.read import history
    from gitconvoy.reports.ids import find_bead
    from gitconvoy.reports.why import why as report

    found = moment(app, at)
    bead_id = find_bead(found.plan, bead)
    convoys = {None, *found.view.tracking(bead_id)}
    entries = [
        entry
        for entry in history(app.town().repo, found.view.ledger.tip)
        if entry.bead == bead_id or (entry.bead is None and entry.convoy in convoys)
    ]
    data = report(found.view, found.local, bead_id, entries)
    emit(app, data, lambda: _tell(data))


def _tell(data: dict[str, Any]) -> None:
    about = data["about"]
    outcome = f" ({data['outcome']})" if data["outcome"] else ""
    say(f"{data['bead']}  {about['title']}")
    say(f"{data['status']}{outcome}, {'ready' if data['ready'] else 'not ready'}", "green" if data["ready"] else None)
    say("")
    rows = [
        ("ok" if rule["ok"] else "NO", rule["rule"], rule["message"], " ".join(one[:10] for one in rule["commits"][:3]))
        for rule in data["rules"]
    ]
    table(("", "RULE", "BECAUSE", "COMMITS"), rows, lambda row: "" if row[0] == "ok" else "red")
    say("")
    say(f"Next: {data['next_step']}")
