"""`gitconvoy validate` and `schema`: what is wrong with files and graph, and what the files may hold (SPEC 3, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say, table, write
from gitconvoy.errors import Exit, NotFound, Refused, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.plans.validating import Validation
    from gitconvoy.errors import Problem

_COLOURS = {"error": "red", "warning": "yellow"}


@command("validate", "gitconvoy validate\ngitconvoy validate --staged\ngitconvoy validate --at origin/main --json")
@click.option("--staged", is_flag=True, help="What the next commit would hold, instead of the worktree.")
@click.option("--at", "rev", metavar="REV", help="What a commit holds, or the trunk held at a date.")
def validate(app: App, staged: bool, rev: str | None) -> int:
    """Check every file below .convoy/ and the graph that they make: `path:line:column: severity: message [code]`.

    Exit code 3 where a file cannot be read or breaks its schema, 1 for any other error and where there is no .convoy/
    to check, 0 with warnings alone.
    """
    from gitconvoy.engine.plans import validating

    if staged and rev is not None:
        raise UsageError("--staged and --at are two different things", hint="give one of them", code="options-clash")
    town = app.town()
    if rev is not None:
        found = validating.validate_commit(town, rev)
    elif staged:
        found = validating.validate_staged(town)
    elif town.repo.worktree is None:
        found = validating.validate_commit(town, town.settings.trunk)
    else:
        found = validating.validate_worktree(town)
    if not found.exists and not found.problems:
        where = f"at {rev}" if rev is not None else "in the index" if staged else "here"
        hint = "gitconvoy init begins one; -C names another place, --at another commit"
        raise Refused(f"there is no .convoy folder {where}: nothing was checked", hint=hint, code="no-plan")
    data = {"ok": found.ok, "problems": [problem.as_dict() for problem in found.problems]}
    emit(app, data, lambda: _tell(found))
    if found.unreadable:
        return Exit.BAD_FILES
    return Exit.OK if found.ok else Exit.REFUSED


def _tell(found: Validation) -> None:
    for problem in found.problems:
        say(problem.text(), _COLOURS.get(problem.severity))
        if problem.hint:
            say(f"  hint: {problem.hint}")
    say(_summary(found.problems))


def _summary(problems: tuple[Problem, ...]) -> str:
    counts = {name: sum(problem.severity == name for problem in problems) for name in ("error", "warning")}
    told = [f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    return ", ".join(told) if told else "all is well"


@command("schema", "gitconvoy schema bead\ngitconvoy schema --list")
@click.argument("kind", required=False)
@click.option("--list", "names", is_flag=True, help="The names of all kinds.")
def schema(app: App, kind: str | None, names: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of a kind of file: bead, convoy, plan, config, ..."""
    import json

    from gitconvoy.resources import schema_names, schema_text

    known = schema_names()
    if names or kind is None:
        emit(app, {"schemas": list(known)}, lambda: table(("KIND",), [(name,) for name in known]))
        return
    if kind not in known:
        raise NotFound(f"there is no kind {kind!r}", hint=f"kinds are {', '.join(known)}")
    text = schema_text(kind)
    emit(app, {"kind": kind, "schema": json.loads(text)}, lambda: _print(text))


def _print(text: str) -> None:
    write(text, nl=False)
