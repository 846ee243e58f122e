"""`gitconvoy bead list` and `bead show`: beads as the trunk has them, with their effective status (SPEC 4, 8)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say, table
from gitconvoy.cli.reading import at_option, reading
from gitconvoy.errors import BadFiles, Problem, Refused, UsageError

if TYPE_CHECKING:
    from gitconvoy.model.plan import Bead
    from gitconvoy.rules.view import View

_BACK = "bring that repository back, or say with git config gitconvoy.rig.NAME.path where it is"
_COLOURS = {"closed": "green", "in_progress": "cyan"}
_TEXTS = ("description", "design", "acceptance_criteria", "notes", "close_reason")


@command("list", "gitconvoy bead list --status open --label ui\ngitconvoy bead list --convoy hq-cv-x7k2p --all")
@click.option("-s", "--status", help="Effective status, such as open, in_progress or closed.")
@click.option("-t", "--type", "type_", help="Type, such as bug.")
@click.option("-l", "--label", help="A label that it has.")
@click.option("--rig", help="The rig that it belongs to.")
@click.option("--convoy", metavar="ID", help="A convoy that tracks it.")
@click.option("--assignee", help="Whom it is reserved for, or who is at it.")
@click.option("--limit", type=click.IntRange(0), default=0, metavar="N", help="At most N; 0 is all.")
@click.option("--all", "every", is_flag=True, help="Closed ones too.")
@at_option
def list_(app: App, at: str | None, every: bool, limit: int, convoy: str | None, **wanted: str | None) -> None:
    """List beads by priority and id. Without --all or --status, those that are not closed."""
    from gitconvoy.reports.ids import find_convoy
    from gitconvoy.rules.view import View

    state = reading(app, at, [convoy] if convoy else [])
    view = View(state)
    beads = state.plan.beads.values()
    _known("status", wanted["status"], {*state.plan.config.statuses, *(bead.status for bead in beads)})
    _known("type", wanted["type_"], {*state.plan.config.types, *(bead.type for bead in beads)})
    tracked = state.plan.convoys[find_convoy(state.plan, convoy)].tracks if convoy else None
    shown_closed = every or wanted["status"] is not None
    rows = []
    for bead in sorted(state.plan.beads.values(), key=lambda bead: (bead.priority, bead.id)):
        if tracked is not None and bead.id not in tracked:
            continue
        row = _row(view, bead)
        if (shown_closed or view.effective(bead.id).category != "done") and _fits(row, wanted):
            rows.append(row)
    found = rows[:limit] if limit else rows
    emit(app, {"beads": found, "total": len(rows)}, lambda: _table(found, len(rows)))


def _known(what: str, given: str | None, known: Collection[str]) -> None:
    """UsageError for a word that neither the settings nor any bead knows: an empty list would say too little."""
    if given is None or given in known:
        return
    near = get_close_matches(given, known, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"there is no {what} {given}", hint=f"{hint}known are {', '.join(sorted(known))}", code="bad-value"
    )


def _row(view: View, bead: Bead) -> dict[str, Any]:
    effective = view.effective(bead.id)
    rig = view.rig_of(bead.id)
    record = view.ledger.bead(bead.id)
    tracking = view.tracking(bead.id)
    return {
        "id": bead.id,
        "title": bead.title,
        "type": bead.type,
        "priority": bead.priority,
        "status": effective.status,
        "outcome": effective.outcome,
        "rig": rig.name if rig else None,
        "convoy": tracking[0] if tracking else None,
        "parent": bead.parent,
        "assignee": (record.worker if record.live else None) or bead.assignee,
        "labels": list(bead.labels),
    }


def _fits(row: dict[str, Any], wanted: dict[str, str | None]) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "status": lambda value: row["status"] == value,
        "type_": lambda value: row["type"] == value,
        "label": lambda value: value in row["labels"],
        "rig": lambda value: row["rig"] == value,
        "assignee": lambda value: row["assignee"] == value,
    }
    return all(value is None or tests[key](value) for key, value in wanted.items())


def _table(rows: list[dict[str, Any]], total: int) -> None:
    keys = ("id", "priority", "type", "status", "assignee", "title")
    heads = ("ID", "PRI", "TYPE", "STATUS", "WHO", "TITLE")
    table(heads, [[row[key] for key in keys] for row in rows], lambda row: _COLOURS.get(str(row[3]), ""))
    if not rows:
        note("no beads")
    elif len(rows) < total:
        note(f"{total - len(rows)} more")


@command("show", "gitconvoy bead show gt-x7k2p\ngitconvoy bead show gt-x7 --json")
@click.argument("bead_id", metavar="ID")
@at_option
def show(app: App, bead_id: str, at: str | None) -> None:
    """Show a bead. Its file's fields, its effective status, what it waits for and what waits for it.

    A unique beginning of the id is enough.
    """
    from gitconvoy.reports.ids import find_bead
    from gitconvoy.rules.view import View

    state = reading(app, at, [bead_id])
    plan = state.plan
    one = find_bead(plan, bead_id)
    bead = plan.bead(one)
    if (unseen := plan.unseen(one)) is not None:
        raise Refused(f"{one} cannot be seen: {unseen}", hint=_BACK, code="rig-away")
    if bead is None:
        raise _unreadable(one, plan.problems)
    data = _details(View(state), bead)
    emit(app, {"bead": data}, lambda: _show(data))


def _unreadable(one: str, problems: tuple[Problem, ...]) -> BadFiles:
    from gitconvoy.model.kinds import stem

    found = tuple(problem for problem in problems if one in problem.ids or stem(problem.path) == one)
    return BadFiles(
        f"the file of {one} cannot be read", found, hint="gitconvoy validate shows what is wrong", code="unreadable"
    )


def _details(view: View, bead: Bead) -> dict[str, Any]:
    """The document with defaults, and what the rules make of it."""
    row = _row(view, bead)
    waiting = [one for one, other in sorted(view.graph.nodes.items()) if _waits_for(other, bead.id)]
    return {
        **bead.data,
        **row,
        "path": bead.path,
        "archived": bead.archived,
        "file_status": bead.status,
        "status_source": view.effective(bead.id).source,
        "attempt": view.ledger.bead(bead.id).attempt,
        "failures": view.ledger.bead(bead.id).failures,
        "children": list(view.graph.children(bead.id)),
        "blocked_by": [
            {"id": each.target, "type": each.type, "holder": each.holder, "message": each.message}
            for each in view.blocked_by(bead.id)
        ],
        "blocks": waiting,
        "ready": bead.id in view.plan.beads and view.is_ready(bead.id),
    }


def _waits_for(bead: Bead, target: str) -> bool:
    return any(link.blocking and link.target == target for link in bead.links)


def _show(data: dict[str, Any]) -> None:
    outcome = f" ({data['outcome']})" if data["outcome"] else ""
    say(f"{data['id']}  {data['title']}")
    say(f"  {data['type']}, priority {data['priority']}, {data['status']}{outcome}{_source(data)}")
    say(f"  file {data['path']}")
    for key in ("rig", "convoy", "parent", "assignee", "owner", "due_at", "defer_until", "external_ref"):
        if data.get(key):
            say(f"  {key.replace('_', ' ')} {data[key]}")
    for key in ("labels", "touches", "children"):
        if data.get(key):
            say(f"  {key} {', '.join(map(str, data[key]))}")
    for blocker in data["blocked_by"]:
        say(f"  waits: {blocker['message']}", "yellow")
    if data["blocks"]:
        say(f"  waited for by {', '.join(data['blocks'])}")
    if data["ready"]:
        say("  ready", "green")
    for key in _TEXTS:
        if data.get(key):
            say("")
            say(f"{key.replace('_', ' ')}:")
            say("\n".join("  " + line for line in str(data[key]).splitlines()))
    for comment in data.get("comments", ()):
        say("")
        say(f"{comment.get('author', 'somebody')}, {comment.get('created_at', 'some time')}:")
        say("\n".join("  " + line for line in str(comment.get("text", "")).splitlines()))


def _source(data: dict[str, Any]) -> str:
    if data["status"] == data["file_status"]:
        return ""
    return f" (its file says {data['file_status']}; this comes from: {data['status_source']})"
