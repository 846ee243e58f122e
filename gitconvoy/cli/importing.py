"""`gitconvoy import`: a beads history becomes part of the plan, as one commit (SPEC 10)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import carry_out, editing_town, no_commit_option, standing, tell
from gitconvoy.cli.output import emit, note, progress_bar, say
from gitconvoy.errors import NotFound

if TYPE_CHECKING:
    from gitconvoy.interop.importer import ImportPlan
    from gitconvoy.planning.desk import Changes, Desk

_COUNTS = ("created", "updated", "unchanged", "tombstones")


@command("import", "gitconvoy import .beads/issues.jsonl")
@click.argument("file")
@no_commit_option
def import_(app: App, file: str, no_commit: bool) -> None:
    """Take over FILE, a history of beads (`.beads/issues.jsonl`), as one commit; - reads stdin.

    Nothing of it is lost and nothing is launched. Importing the same file again changes nothing; a newer one brings
    what changed in it.
    """
    from gitconvoy.engine.plans.importing import import_lines

    lines = _lines(file)
    repo = editing_town(app).repo
    found: list[ImportPlan] = []

    def edit(desk: Desk) -> Changes:
        with progress_bar("reading") as progress:
            changes, counts = import_lines(repo, desk, lines, file, progress)
        found[:] = [counts]
        return changes

    done = carry_out(app, edit, no_commit)
    counts = found[0]
    data = {
        **done.as_dict(),
        **{name: getattr(counts, name) for name in _COUNTS},
        "kept_links": dict(counts.kept_links),
        "kept_whole": counts.kept_whole,
        "warnings": list(counts.warnings),
    }

    def text() -> None:
        say(", ".join(f"{data[name]} {name}" for name in _COUNTS), "green")
        for warning in counts.warnings:
            note(f"warning: {warning}")
        tell(done)

    emit(app, data, text)


def _lines(file: str) -> list[bytes]:
    if file == "-":
        return list(sys.stdin.buffer)
    place = standing() / file
    if not place.is_file():
        raise NotFound(f"there is no file {file}", hint="beads keep theirs in .beads/issues.jsonl")
    return place.read_bytes().split(b"\n")
