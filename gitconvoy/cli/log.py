"""`log`: what happened, from history; `logs`: what a worker printed (SPEC 8)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, safe, say, write
from gitconvoy.cli.reading import at_option, moment
from gitconvoy.errors import NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gitconvoy.engine.town import Town

_COLOURS = {
    "dispatch": "cyan", "done": "green", "merged": "green", "complete": "green", "fail": "red", "expire": "red",
    "dispatch-failed": "red", "pause": "yellow",
}  # fmt: skip
_LOOK = 0.5
_CHUNK = 1 << 16


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
    data = history.as_data(islice(told, limit))
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
        raise UsageError(f"{text!r} is no time", hint="write 2030-01-31, 2030-01-31T12:00:00Z, 90m or 3d") from None


def _events(names: tuple[str, ...]) -> frozenset[str]:
    from gitconvoy.model.events import EVENTS
    from gitconvoy.reports.history import FILE_EVENT

    unknown = sorted(set(names) - EVENTS.keys() - {FILE_EVENT})
    if unknown:
        raise UsageError(f"there is no event {unknown[0]}", hint=f"events: {', '.join([*EVENTS, FILE_EVENT])}")
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


@command("logs", "gitconvoy logs gt-x7k2p\ngitconvoy logs gt-x7k2p --attempt 1\ngitconvoy logs gt-x7k2p -f")
@click.argument("bead")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Another attempt than the last one.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends.")
def logs(app: App, bead: str, attempt: int | None, follow: bool) -> None:
    """Show what a bead's worker printed, on the machine where it ran."""
    from gitconvoy.dispatch.attempts import attempt_folder
    from gitconvoy.reports.ids import find_bead

    found = moment(app)
    town = app.town()
    bead_id = find_bead(found.plan, bead)
    number = attempt or found.view.ledger.bead(bead_id).attempt
    file = attempt_folder(town.common_dir, bead_id, number).log
    if not number or not file.exists():
        hint = f"gitconvoy why {bead_id} says what happened; only started workers have a log, where they ran"
        raise NotFound(f"there is no log of {f'attempt {number} of ' if number else ''}{bead_id} here", hint=hint)
    if app.json:
        if follow:
            raise UsageError("--json and --follow do not go together", hint="leave one of them out")
        text = file.read_text(encoding="utf-8", errors="replace")
        emit(app, {"bead": bead_id, "attempt": number, "file": str(file), "log": text}, lambda: None)
        return
    for chunk in _chunks(file, town, bead_id, number, follow):
        if not write(safe(chunk), nl=False):
            return  # nobody reads on, and following an attempt may take hours
    if found.view.ledger.bead(bead_id).attempt != number:
        note(f"that was attempt {number}; the last one is {found.view.ledger.bead(bead_id).attempt}")


def _chunks(file: Path, town: Town, bead: str, attempt: int, follow: bool) -> Iterator[str]:
    """The log in pieces; with `follow` until the attempt has ended and everything is read."""
    with file.open(encoding="utf-8", errors="replace", newline="") as stream:
        while True:
            over = not follow or _over(town, bead, attempt)
            while chunk := stream.read(_CHUNK):
                yield chunk
            if over:
                return
            time.sleep(_LOOK)


def _over(town: Town, bead: str, attempt: int) -> bool:
    record = town.ledger().bead(bead)
    return not record.in_flight or record.attempt != attempt
