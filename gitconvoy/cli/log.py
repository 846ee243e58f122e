"""`log`: what happened, from history (SPEC 8)."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit_rows, say
from gitconvoy.cli.reading import at_option, moment, parse_time
from gitconvoy.errors import UsageError

_COLOURS = {
    "dispatch": "cyan", "done": "green", "merged": "green", "complete": "green", "fail": "red", "expire": "red",
    "dispatch-failed": "red", "kill": "red", "pause": "yellow",
}  # fmt: skip
_AT_ONCE = 1000
"""Entries whose columns are aligned; those that follow align with them, or are wider."""


@command(
    "log",
    "gitconvoy log -n 20\n"
    "gitconvoy log --bead gt-x7k2p --event fail --event expire\n"
    "gitconvoy log --since '2 days ago' --until yesterday --reverse",
)
@click.option("--convoy", metavar="ID", help="Only what is about this convoy and its beads.")
@click.option("--bead", metavar="ID", help="Only what is about this bead.")
@click.option("--since", metavar="TIME", help="Nothing older: a date, a time, or how long ago (2h, '3 days ago').")
@click.option("--until", metavar="TIME", help="Nothing newer than that time, told likewise.")
@click.option("--event", "events", metavar="NAME", multiple=True, help="Only this event; may be given several times.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="At most N entries, the newest.")
@click.option("--reverse", is_flag=True, help="Oldest first.")
@at_option
def log(
    app: App,
    convoy: str | None,
    bead: str | None,
    since: str | None,
    until: str | None,
    events: tuple[str, ...],
    limit: int | None,
    reverse: bool,
    at: str | None,
) -> None:
    """Tell what happened, newest first: the ledger's events, and status changes made in files (event `file`).

    A date alone is its first second, a time without a zone is UTC. With --at, what had happened by then.
    """
    from gitconvoy.reports import history

    found = moment(app, at, planless=True)
    plan, view = found.plan, found.view
    wanted = history.Filter(
        _known("convoy", {*plan.convoys, *view.ledger.convoys}, convoy),
        _known("bead", {*plan.beads, *plan.archive, *view.ledger.beads}, bead),
        parse_time(since, view.now) if since is not None else None,
        parse_time(until, view.now) if until is not None else None,
        _events(events),
    )
    told = history.entries(
        app.town().repo,
        view.ledger.tip,
        view.state.trunk,
        wanted,
        convoy_of=lambda one: next(iter(view.tracking(one)), None) or view.ledger.bead(one).convoy,
        statuses=app.json,
    )
    entries = islice(told, limit and min(limit, sys.maxsize))
    ordered = reversed(list(entries)) if reverse else entries
    emit_rows(app, "entries", (entry.as_dict() for entry in ordered), _tell)


def _known(kind: str, known: Collection[str], text: str | None) -> str | None:
    """An id, or the one that it begins. Ids that are gone from plan and ledger stay as they are: history knows them.

    Refused (`ambiguous`) where several begin so.
    """
    from gitconvoy.reports.ids import ambiguous

    if text is None or text in known:
        return text
    found = sorted(one for one in known if one.startswith(text))
    if len(found) > 1:
        raise ambiguous(kind, text, found)
    return found[0] if found else text


def _events(names: tuple[str, ...]) -> frozenset[str]:
    from gitconvoy.model.events import EVENTS
    from gitconvoy.reports.history import FILE_EVENT

    unknown = sorted(set(names) - EVENTS.keys() - {FILE_EVENT})
    if unknown:
        raise UsageError(
            f"there is no event {unknown[0]}", hint=f"events: {', '.join([*EVENTS, FILE_EVENT])}", code="bad-value"
        )
    return frozenset(names)


def _tell(entries: Iterator[dict[str, Any]]) -> None:
    """One line for each entry, as it is found: time, commit, event, what it is about, who, and what changed or why."""
    width = 0
    while some := list(islice(entries, _AT_ONCE)):
        width = max(width, *(len(_about(entry)) for entry in some))
        if not all(_tell_one(entry, width) for entry in some):  # nobody reads on
            return
    if not width:
        say("nothing happened yet, or nothing that was asked for")


def _tell_one(entry: dict[str, Any], width: int) -> bool:
    who = entry["worker"] or entry["actor"] or ""
    told = ": ".join(part for part in (_change(entry), entry["reason"].partition("\n")[0]) if part)
    line = f"{entry['at']}  {entry['commit'][:10]}  {entry['event']:<9}  {_about(entry):<{width}}  {who}"
    return say(f"{line}  {told}" if told else line, _COLOURS.get(entry["event"]))


def _about(entry: dict[str, Any]) -> str:
    return str(entry["bead"] or entry["convoy"] or "town")


def _change(entry: dict[str, Any]) -> str:
    """Only for what people did in files: of the ledger's events the name says it."""
    if entry["event"] != "file" or entry["from"] == entry["to"]:
        return ""
    return f"{entry['from'] or '-'} -> {entry['to'] or '-'}"
