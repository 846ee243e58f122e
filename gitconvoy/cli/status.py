"""`status`: progress, waves, who works on what, what waits and why (SPEC 8)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.lists import reasons_text, status_word
from gitconvoy.cli.output import emit, note, say
from gitconvoy.cli.reading import at_option, circumstances, moment

if TYPE_CHECKING:
    from gitconvoy.model.plan import Plan

_BAR = 20
_MARKS = {
    "closed": ("✔", "x", "green"),
    "active": ("▶", ">", "cyan"),
    "submitted": ("⇡", "^", "cyan"),
    "ready": ("○", "o", "yellow"),
    "blocked": ("·", ".", None),
    "skipped": ("∅", "-", "bright_black"),
    "failed": ("✘", "!", "red"),
}
"""Part -> mark, the same where only ASCII can be written, colour."""


@command("status", "gitconvoy status\ngitconvoy status hq-cv-x7k2p")
@click.argument("convoy", required=False)
@at_option
def status(app: App, convoy: str | None, at: str | None) -> None:
    """Show one convoy in full, or all of them at a glance: progress, waves, who works on what, what waits and why."""
    from gitconvoy.ledger.read import history
    from gitconvoy.model.state import Asked
    from gitconvoy.reports.failures import last_failures, waiting_for_it
    from gitconvoy.reports.ids import find_convoy
    from gitconvoy.reports.overview import convoy_status, town_status

    def meant(plan: Plan) -> Asked:
        return Asked(convoys=[find_convoy(plan, convoy)]) if convoy is not None else asked

    asked = Asked(all_open=True) if convoy is None else Asked(convoys=[convoy])
    found = moment(app, at, asked=asked, meant=meant)
    about = circumstances(app, found)
    failures = last_failures(waiting_for_it(found.view), history(app.town().repo, found.view.ledger.tip))
    if convoy is None:
        data = {**town_status(found.view, found.local, failures), **about}
        emit(app, data, lambda: _town(data))
    else:
        convoy_id = find_convoy(found.plan, convoy)
        data = {**convoy_status(found.view, found.local, convoy_id, failures), **about}
        emit(app, data, lambda: _convoy(data))


def mark(part: str) -> str:
    """The sign of a bead's part in its convoy, in characters that stdout can write."""
    nice, plain, _ = _MARKS[part]
    try:
        nice.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return plain
    return nice


def bar(closed: int, total: int) -> str:
    """`[########------------] 2/5`."""
    full = _BAR * closed // total if total else 0
    return f"[{'#' * full}{'-' * (_BAR - full)}] {closed}/{total}"


def _notes(data: dict[str, Any]) -> None:
    for line in data["notes"]:
        note(f"note: {line}")


def _town(data: dict[str, Any]) -> None:
    if not data["convoys"]:
        say("No open or staged convoys.")
    width = max((len(row["id"]) for row in data["convoys"]), default=0)
    for row in data["convoys"]:
        progress = bar(row["progress"]["closed"], row["progress"]["total"])
        say(f"{row['id']:<{width}}  {progress:<28}  {status_word(row):<16}  {row['title']}")
    _section("Active", data["active"], _attempt)
    _section("Submitted", data["submitted"], _attempt)
    _section("Ready", data["ready"], lambda row: f"{row['id']}  {row['title']}")
    _section(
        "Not moving", data["stranded"], lambda row: f"{row['id']}  {row['class']}: {reasons_text(row['reasons'], 2)}"
    )
    _stuck(data["stuck"])
    for who in data["paused"]:
        say(f"Paused: {who}", "yellow")
    if data["next_wake"]:
        say(f"Next due: {data['next_wake']}")
    _notes(data)


def _stuck(rows: list[dict[str, Any]]) -> None:
    _section("Stuck, until somebody does something", rows, lambda row: f"{row['bead']}  {row['reason']}")


def _section(title: str, rows: list[dict[str, Any]], line: Any) -> None:
    if rows:
        say("")
        say(f"{title}:")
        for row in rows[:_MOST]:
            say(f"  {line(row)}")
        if len(rows) > _MOST:
            say(f"  and {len(rows) - _MOST} more")


_MOST = 20


def _attempt(row: dict[str, Any]) -> str:
    until = f", lease until {row['lease_until']}" if row["lease_until"] else ""
    about = f" ({row['note']})" if row["note"] else ""
    return f"{row['bead']}  {row['worker']}, attempt {row['attempt']}, since {row['since']}{until}{about}"


def _convoy(data: dict[str, Any]) -> None:
    convoy, progress = data["convoy"], data["progress"]
    say(f"{convoy['id']}  {convoy['title']}")
    outcome = f", outcome {convoy['outcome']}" if convoy["outcome"] else ""
    owned = ", owned" if convoy["owned"] else ""
    say(f"{status_word(convoy)}{outcome}{owned}  {bar(progress['closed'], progress['total'])}")
    told = {row["bead"]: _attempt(row).partition("  ")[2] for row in (*data["active"], *data["submitted"])}
    told |= {row["id"]: reasons_text(row["reasons"]) for row in (*data["blocked"], *data["skipped"])}
    placed = {bead["id"] for wave in data["waves"] for bead in wave["beads"]}
    width = max((len(bead) for bead in placed), default=0)
    for wave in data["waves"]:
        closed = sum(bead["part"] == "closed" for bead in wave["beads"])
        say("")
        say(f"Wave {wave['wave']}  {closed}/{len(wave['beads'])}")
        for bead in wave["beads"]:
            _bead(bead, told.get(bead["id"], ""), width)
    rest = [row for row in (*data["blocked"], *data["skipped"]) if row["id"] not in placed]
    _section("In no wave", rest, lambda row: f"{row['id']}  {row['title']}: {reasons_text(row['reasons'])}")
    _stuck(data["stuck"])
    if data["completion"] and convoy["status"] == "open":
        say("")
        what = f"gitconvoy land {convoy['id']}" if convoy["owned"] else "gitconvoy check"
        say(f"Complete ({data['completion']}): {what}", "green")
    if data["next_wake"]:
        say("")
        say(f"Next due: {data['next_wake']}")
    _notes(data)


def _bead(bead: dict[str, Any], about: str, width: int) -> None:
    part = "failed" if bead["outcome"] == "failed" else bead["part"]
    words = about or {"ready": "ready", "closed": bead["outcome"] or "closed", "failed": "failed"}.get(part, part)
    say(f"  {mark(part)} {bead['id']:<{width}}  {bead['title']}  [{words}]", _MARKS[part][2])
