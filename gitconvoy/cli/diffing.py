"""`gitconvoy diff`: what a change of the plan means, for people, reviewers and programs (SPEC 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say, table, write
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.plans.proposals import Point, Proposal

_LONG = 60
"""Characters of a field's value that are shown."""
_EXAMPLE = """\
gitconvoy diff
gitconvoy diff main..topic
gitconvoy diff main..topic --merge origin/other --format markdown
gitconvoy diff --staged
gitconvoy diff HEAD~3 --json"""

Row = Mapping[str, Any]


@command("diff", _EXAMPLE)
@click.argument("revs", required=False, metavar="[BASE[..HEAD]]")
@click.option("--merge", metavar="OTHER", help="What merging both HEAD and OTHER into BASE would do.")
@click.option("--staged", is_flag=True, help="What the next commit would hold, in place of HEAD.")
@click.option("--worktree", is_flag=True, help="The files as they lie in the worktree, in place of HEAD.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="New findings that make the exit code 1.",
)
def diff(app: App, revs: str | None, merge: str | None, staged: bool, worktree: bool, form: str, fail_on: str) -> int:
    """Say what a change does to the plan: beads, links, waves, what becomes ready and would be dispatched, what it
    breaks.

    BASE..HEAD compares two commits, BASE...HEAD begins at their merge base, BASE alone is compared with HEAD. Without
    them: what merging HEAD into the trunk would do. Merges are made in memory: nothing is checked out or written.

    Exit code 1 where the change makes an error, with `--fail-on warning` also where it makes a warning.
    """
    from gitconvoy.engine.plans import proposals
    from gitconvoy.review.compare import Change, compare

    app.json = app.json or form == "json"
    if staged + worktree + (merge is not None) > 1:
        clash = "--merge, --staged and --worktree are different things"
        raise UsageError(clash, hint="give one of them", code="options-clash")
    files = proposals.STAGED if staged else proposals.WORKTREE if worktree else None
    with proposals.proposal(app.town(), revs, merge, files) as found:
        change = Change(
            found.before,
            found.after,
            found.ledger,
            found.now,
            found.parts,
            found.conflicts,
            found.branch_exists,
            found.place,
        )
        data = {**_about(found), **compare(change)}
    for line in data["notes"]:
        note(f"note: {line}")
    if form == "markdown" and not app.json:
        from gitconvoy.review.markdown import render

        write(render(data), nl=False)
    else:
        emit(app, data, lambda: _tell(data))
    bad = data["findings"] if fail_on == "warning" else [row for row in data["findings"] if row["severity"] == "error"]
    return Exit.REFUSED if bad else Exit.OK


def _about(found: Proposal) -> dict[str, Any]:
    """What was compared, and with what knowledge: {base, head, merge, ledger, at, notes[]}."""
    from gitconvoy.model.clock import iso

    return {
        "base": _point(found.base),
        "head": _point(found.head),
        "merge": _point(found.merge) if found.merge is not None else None,
        "ledger": {"source": found.ledger_source, "commit": found.ledger.tip if found.ledger is not None else None},
        "at": iso(found.now),
        "notes": _notes(found),
    }


def _point(point: Point) -> dict[str, Any]:
    return {"rev": point.rev, "commit": point.commit}


_LEDGERS = {
    "none": "there is no ledger here: as if nothing had been dispatched yet",
    "remote": "the ledger is the one last fetched from the remote",
    "unreadable": "the ledger cannot be read, and is left out (`gitconvoy audit` says why)",
}


def _notes(found: Proposal) -> list[str]:
    notes = [_LEDGERS[found.ledger_source]] if found.ledger_source in _LEDGERS else []
    if found.other_conflicts:
        many = "file" if found.other_conflicts == 1 else "files"
        notes.append(f"{found.other_conflicts} {many} outside of .convoy/ cannot be merged either")
    if found.branch_exists is None:
        notes.append("this clone is shallow: whether base branches exist is not looked at")
    return notes


def _tell(data: Row) -> None:
    from gitconvoy.review.words import headline

    merge, merged = data["merge"], ""
    if merge is not None:
        alone = merge["commit"] in (data["base"]["commit"], data["head"]["commit"])
        merged = ", merged into it" if alone else f" and {_named(merge)}, both merged into it"
    say(f"from {_named(data['base'])} to {_named(data['head'])}{merged}")
    if not data["changed"]:
        say("no change of the plan")
        return
    say(headline(data))
    for part in (_tell_findings, _tell_beads, _tell_links, _tell_settings, _tell_convoys, _tell_work, _tell_attempts):
        part(data)


def _named(point: Row) -> str:
    return f"{point['rev']} ({point['commit'][:10]})" if point["commit"] else str(point["rev"])


def _head(title: str) -> None:
    say("")
    say(title, "cyan")


def _tell_findings(data: Row) -> None:
    from gitconvoy.review.words import grouped

    for row, more in grouped(data["findings"]):
        line = f"{row['line']}:{row['column']}:" if row["line"] else ""
        place = f"{row['path']}:{line} " if row["path"] else ""
        about = f"convoy {row['convoy']}: " if row["convoy"] else ""
        say(
            f"{place}{row['severity']}: {about}{row['message']} [{row['code']}]",
            "red" if row["severity"] == "error" else "yellow",
        )
        if row["together"]:
            say("  neither side has this alone: the merge makes it")
        say(f"  hint: {row['hint']}" + (f" ({more} more like it)" if more else ""))
    for row in data["mended"]:
        say(f"no longer: {row['message']} [{row['code']}]", "green")


_SIGNS = {"added": "+", "removed": "-", "changed": "~", "archived": "a", "restored": "r", "unreadable": "!"}


def _tell_beads(data: Row) -> None:
    if not any(data["beads"].values()):
        return
    _head("beads")
    for kind, sign in _SIGNS.items():
        for row in data["beads"][kind]:
            say(f"{sign} {row['id']}  {row['title']}" + (f"  ({kind})" if sign.isalpha() or sign == "!" else ""))
            _tell_fields(row.get("fields", ()))


def _tell_fields(fields: Sequence[Row]) -> None:
    from gitconvoy.model.text import safe_line
    from gitconvoy.review.words import values

    for each in fields:
        before, after = map(safe_line, values(each, _LONG))
        say(f"    {each['field']}: {before} -> {after}")


def _tell_links(data: Row) -> None:
    if not any(data["links"].values()):
        return
    from gitconvoy.review.words import link_type

    _head("links")
    for sign, kind in (("+", "added"), ("-", "cut")):
        for row in data["links"][kind]:
            say(f"{sign} {row['bead']} -> {row['target']}  {link_type(row)}")


def _tell_settings(data: Row) -> None:
    if data["settings"]:
        _head("settings")
        _tell_fields(data["settings"])


def _tell_convoys(data: Row) -> None:
    from gitconvoy.review.words import convoy_lines, wave_number

    for row in data["convoys"]:
        _head(f"convoy {row['id']}  {row['title']}")
        for line in convoy_lines(row):
            say(f"  {line}")
        _tell_fields(row["fields"])
        if row["moves"]:
            say("  moves:")
            waves = [[wave_number(each[side]) for side in ("before", "after")] for each in row["moves"]]
            moves = zip(row["moves"], waves, strict=True)
            table(
                ("BEAD", "WAVE", "", "WAVE", "TITLE"),
                [(each["bead"], was, "->", now, each["title"]) for each, (was, now) in moves],
            )


def _tell_work(data: Row) -> None:
    ready = data["ready"]
    new = [row for row in data["dispatch"] if row["new"]]
    if ready["added"] or ready["removed"] or new:
        _head("work")
    if ready["added"]:
        say(f"becomes ready: {', '.join(row['id'] for row in ready['added'])}")
    for row in ready["removed"]:
        say(f"no longer ready: {row['id']} ({row['reason']})")
    if new:
        say(f"would be dispatched, in this order{': but ' + data['held'] if data['held'] else ''}:")
        table(
            ("", "BEAD", "RIG", "WORKER", "TITLE"),
            [(row["order"], row["id"], row["rig"], row["worker"], row["title"]) for row in new],
        )
    for row in data["waiting"]:
        if any(row["id"] == one["id"] for one in ready["added"]):
            say(f"ready, but no room yet: {row['id']} ({row['reason']})")


def _tell_attempts(data: Row) -> None:
    if data["attempts"]:
        _head("attempts in flight")
    for row in data["attempts"]:
        for effect in row["effects"]:
            say(f"{row['bead']} (attempt {row['attempt']}, {row['worker'] or 'a worker'}): {effect}")
