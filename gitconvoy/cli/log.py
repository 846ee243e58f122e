"""`log`: what happened, from history (SPEC 8)."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say
from gitconvoy.cli.reading import at_option, moment
from gitconvoy.errors import UsageError

_COLOURS = {
    "dispatch": "cyan", "done": "green", "merged": "green", "complete": "green", "fail": "red", "expire": "red",
    "dispatch-failed": "red", "kill": "red", "pause": "yellow",
}  # fmt: skip


@command("log", "gitconvoy log --limit 20\ngitconvoy log --bead gt-x7k2p --event fail --event expire")
@click.option("--convoy", metavar="ID", help="Only what is about this convoy and its beads.")
@click.option("--bead", metavar="ID", help="Only what is about this bead.")
@click.option("--since", metavar="TIME", help="Only what is newer: a date, a time, or how long ago (2h, 3d).")
@click.option("--event", "events", metavar="NAME", multiple=True, help="Only this event; may be given several times.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N entries.")
@at_option
def log(
    app: App,
    convoy: str | None,
    bead: str | None,
    since: str | None,
    events: tuple[str, ...],
    limit: int | None,
    at: str | None,
) -> None:
    """Tell what happened, newest first: the ledger's events, and status changes made in files (event `file`)."""
    from gitconvoy.reports import history

    found = moment(app, at, planless=True)
    wanted = history.Filter(
        _known(found.plan.convoys, convoy),
        _known({**found.plan.beads, **found.plan.archive}, bead),
        _since(since, found.view.now),
        _events(events),
    )
    view = found.view
    told = history.entries(
        app.town().repo,
        view.ledger.tip,
        view.state.trunk,
        wanted,
        convoy_of=lambda one: next(iter(view.tracking(one)), None) or view.ledger.bead(one).convoy,
    )
    data = history.as_data(islice(told, limit and min(limit, sys.maxsize)))
    emit(app, data, lambda: _tell(data["entries"]))


def _known(known: Any, text: str | None) -> str | None:
    """An id, or the one that it begins; ids that are gone from the plan stay as they are: history knows them."""
    if text is None or text in known:
        return text
    found = [one for one in known if one.startswith(text)]
    return found[0] if len(found) == 1 else text


def _since(text: str | None, now: int) -> int | None:
    from gitconvoy.model.clock import parse_duration, parse_iso

    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_iso(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time", hint="write 2030-01-31, 2030-01-31T12:00:00Z, 90m or 3d", code="bad-time"
        ) from None


def _events(names: tuple[str, ...]) -> frozenset[str]:
    from gitconvoy.model.events import EVENTS
    from gitconvoy.reports.history import FILE_EVENT

    unknown = sorted(set(names) - EVENTS.keys() - {FILE_EVENT})
    if unknown:
        raise UsageError(
            f"there is no event {unknown[0]}", hint=f"events: {', '.join([*EVENTS, FILE_EVENT])}", code="bad-value"
        )
    return frozenset(names)


def _tell(entries: list[dict[str, Any]]) -> None:
    """One line for each entry: time, commit, event, what it is about, who, and what changed or why."""
    width = max((len(_about(entry)) for entry in entries), default=0)
    for entry in entries:
        who = entry["worker"] or entry["actor"] or ""
        told = ": ".join(part for part in (_change(entry), entry["reason"].partition("\n")[0]) if part)
        line = f"{entry['at']}  {entry['commit'][:10]}  {entry['event']:<9}  {_about(entry):<{width}}  {who}"
        say(f"{line}  {told}" if told else line, _COLOURS.get(entry["event"]))
    if not entries:
        say("nothing happened yet, or nothing that was asked for")


def _about(entry: dict[str, Any]) -> str:
    return str(entry["bead"] or entry["convoy"] or "town")


def _change(entry: dict[str, Any]) -> str:
    """Only for what people did in files: of the ledger's events the name says it."""
    if entry["event"] != "file" or entry["from"] == entry["to"]:
        return ""
    return f"{entry['from'] or '-'} -> {entry['to'] or '-'}"
