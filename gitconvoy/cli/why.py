"""`why`: the verdict of every rule on one bead (SPEC 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, safe_line, say, table
from gitconvoy.cli.reading import at_option, moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconvoy.rules.facts import Blocker

_MOST = 20


@command("why", "gitconvoy why gt-x7k2p\ngitconvoy why gt-x7k2p --at yesterday")
@click.argument("bead")
@at_option
def why(app: App, bead: str, at: str | None) -> None:
    """Say of every rule what it says of a bead, on which commits and ids that rests, and what to do next.

    Of each link that holds it up: which commit wrote it, when, and who.
    """
    from gitconvoy.ledger.read import history
    from gitconvoy.model.state import Asked
    from gitconvoy.reports import origins
    from gitconvoy.reports.ids import find_bead
    from gitconvoy.reports.why import why as report

    found = moment(app, at, asked=Asked([bead]), meant=lambda plan: Asked([find_bead(plan, bead)]))
    bead_id = find_bead(found.plan, bead)
    convoys = {None, *found.view.tracking(bead_id)}
    entries = [
        entry
        for entry in history(app.town().repo, found.view.ledger.tip)
        if entry.bead == bead_id or (entry.bead is None and entry.convoy in convoys)
    ]

    def introduced(blockers: Sequence[Blocker]) -> Mapping[Blocker, dict[str, Any] | None]:
        return origins.origins(found.plan, found.view.state.trunk, app.town().keepers(found.plan), blockers)

    data = report(found.view, found.local, bead_id, entries, introduced=introduced)
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
    for link in data["blocked_by"][:_MOST]:
        say(f"  {_link(link)}")
    if len(data["blocked_by"]) > _MOST:
        say(f"  and {len(data['blocked_by']) - _MOST} more links")
    say("")
    say(f"Next: {data['next_step']}")


def _link(link: dict[str, Any]) -> str:
    """Which link holds it up, and who wrote it where and when."""
    kind = "" if link["type"] == "blocks" else f" ({link['type']})"
    written = link["introduced"]
    if written is None:
        return f"{link['holder']} -> {link['id']}{kind}: history here does not say who wrote it"
    by = f"{written['author'] or 'somebody without a name'}, {written['at']}, {written['commit'][:10]}"
    return f"{link['holder']} -> {link['id']}{kind}: written by {safe_line(by)}: {safe_line(written['subject'])}"
