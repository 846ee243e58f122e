"""`gitconvoy import`: a beads history becomes part of the plan, as one commit (SPEC 10)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import Done, carry_out, editing_town, no_commit_option, standing, tell
from gitconvoy.cli.outcome import dry_run_option
from gitconvoy.cli.output import emit, note, progress_bar, say
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.plans.importing import Source
    from gitconvoy.interop.report import ImportPlan
    from gitconvoy.planning.desk import Changes, Desk

_COUNTS = ("created", "updated", "unchanged", "tombstones", "deleted", "older")
_ALWAYS = frozenset(_COUNTS[:4])
_SHOWN = 20
"""Changes and conflicts that people are shown; --json has them all."""


@command("import", "gitconvoy import .beads\ngitconvoy import .beads/issues.jsonl --dry-run")
@click.argument("file")
@dry_run_option
@click.option("--since", metavar="DATE", help="Only records that changed then or later.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines and import the others; exit 5 where there were some.")
@click.option("--delete-missing", is_flag=True, help="Delete imported beads that FILE has no longer.")
@no_commit_option
def import_(
    app: App, file: str, dry_run: bool, since: str | None, skip_bad: bool, delete_missing: bool, no_commit: bool
) -> int:
    """Take over FILE, a history of beads (`.beads/issues.jsonl`), as one commit; - reads stdin.

    FILE may be a folder (`.beads`, with its routes.jsonl), routes.jsonl itself, or a graph for `bd create --graph`.
    Nothing of a history is lost and nothing is launched. Importing the same file again changes nothing; a newer one
    brings what changed in it. What changed both here and there stays as it is here, and is listed.
    """
    from gitconvoy.engine.plans.importing import import_source
    from gitconvoy.interop.report import Wishes
    from gitconvoy.model.plan import Plan

    if skip_bad and delete_missing:
        message = "--skip-bad and --delete-missing exclude each other: a bad line may be that of a bead"
        raise UsageError(message, hint="mend the file first", code="options-clash")
    source = _source(file)
    wishes = Wishes(since=_moment(since), skip_bad=skip_bad, delete_missing=delete_missing)
    repo = editing_town(app).repo
    kept: list[ImportPlan] = []

    def edit(desk: Desk) -> Changes:
        with progress_bar("importing") as progress:
            changes, found = import_source(repo, desk, source, wishes, progress)
        kept[:] = [replace(found, files={}, plan=Plan())]
        return replace(changes, plan=Plan())  # what follows reads it anew, and both at once would be twice as much

    done = _preview(app, edit) if dry_run else carry_out(app, edit, no_commit)
    found = kept[0]
    emit(app, _data(done, found, source, dry_run=dry_run), lambda: _text(done, found, dry_run=dry_run))
    return Exit.PARTLY if found.left else Exit.OK


def _preview(app: App, edit: Callable[[Desk], Changes]) -> Done:
    from gitconvoy.engine.plans import editing

    town = editing_town(app)
    branch, trunk = editing.branches(town)
    return Done(edit(editing.open_desk(town)), None, branch, trunk)


def _data(done: Done, found: ImportPlan, source: Source, *, dry_run: bool) -> dict[str, Any]:
    return {
        **done.as_dict(),
        "dry_run": dry_run,
        "source": source.name,
        **{name: getattr(found, name) for name in _COUNTS},
        "kept_links": dict(found.kept_links),
        "kept_whole": found.kept_whole,
        "changes": [{"change": what, "id": one, "keys": list(keys)} for what, one, keys in found.changes],
        "conflicts": [
            {"id": each.id, "key": each.key, "here": each.here, "there": each.there} for each in found.conflicts
        ],
        "left": [problem.as_dict() for problem in found.left],
        "warnings": list(found.warnings),
    }


def _text(done: Done, found: ImportPlan, *, dry_run: bool) -> None:
    counts = [(name, getattr(found, name)) for name in _COUNTS]
    say(", ".join(f"{count} {name}" for name, count in counts if count or name in _ALWAYS), "green")
    if dry_run:
        _some([f"{what}: {one}{_keys(keys)}" for what, one, keys in found.changes], say)
    for warning in found.warnings:
        note(f"warning: {warning}")
    _some([f"conflict: {each.id} {each.key} changed here and there, and stays" for each in found.conflicts], note)
    _some([f"left: {problem.text()}" for problem in found.left], note)
    if dry_run:
        say(f"nothing was done: {len(done.changes.files)} files would change")
    else:
        tell(done)


def _keys(keys: tuple[str, ...]) -> str:
    return f" ({', '.join(keys)})" if keys else ""


def _some(lines: list[str], show: Callable[[str], object]) -> None:
    for line in lines[:_SHOWN]:
        show(line)
    if len(lines) > _SHOWN:
        show(f"and {len(lines) - _SHOWN} more (--json names them all)")


def _moment(given: str | None) -> int | None:
    from gitconvoy.model.clock import parse_iso

    if given is None:
        return None
    try:
        return parse_iso(given)
    except (ValueError, OverflowError):
        hint = "write 2030-01-31 or 2030-01-31T12:00:00Z"
        raise UsageError(f"{given!r} is no date or time", hint=hint, code="bad-time") from None


def _source(file: str) -> Source:
    from gitconvoy.engine.plans.importing import Source
    from gitconvoy.interop.sources import find

    if file == "-":
        content = sys.stdin.buffer.read()
        return Source("-", lambda: BytesIO(content))
    place = standing() / file
    found = find(place, file)
    if found.file == place:
        return Source(file, lambda: found.file.open("rb"))
    name = str(found.file.relative_to(standing())) if found.file.is_relative_to(standing()) else str(found.file)
    note(f"found {name}" + (f" and {found.routes.name}" if found.routes else ""))
    return Source(name, lambda: found.file.open("rb"), found.routes)
