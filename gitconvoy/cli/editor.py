"""A bead's file in the person's editor, until it is sound or given up; nothing typed is lost (SPEC 8)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App
from gitconvoy.cli.output import note
from gitconvoy.errors import BadFiles, ConvoyError, Refused

if TYPE_CHECKING:
    from gitconvoy.git.repo import Repo
    from gitconvoy.planning.desk import Changes, Desk


def edited_text(app: App, desk: Desk, bead_id: str) -> Changes:
    """The edit that a person makes of a bead's file in an editor.

    Text that cannot stay is shown again on a terminal if the person wants to; else the error names the file in which
    it is kept.
    """
    from gitconvoy.planning.text_edits import replace_text

    bead = desk.plan.archive.get(bead_id) or desk.bead(bead_id)
    folder = Path(tempfile.mkdtemp(prefix="gitconvoy-edit-"))
    file = folder / f"{bead_id}.yaml"
    file.write_bytes(desk.bytes_of(bead))
    while True:
        _open_editor(app, file)
        try:
            changes = replace_text(desk, bead, file.read_bytes())
        except ConvoyError as error:
            if _wants_to_go_on(error):
                continue
            raise _kept(error, file) from error
        file.unlink()
        folder.rmdir()
        return changes


def _open_editor(app: App, file: Path) -> None:
    repo = app.town().repo
    if not (_chosen(repo) or (sys.stdin.isatty() and sys.stdout.isatty())):
        hint = "set EDITOR, or use gitconvoy bead set"
        raise Refused("there is no terminal for git's default editor", hint=hint, code="no-editor")
    said = repo.git("var", "GIT_EDITOR", check=False)
    if said.returncode != 0:
        raise Refused("no editor is set up", hint="git config core.editor vim, or set EDITOR", code="no-editor")
    try:
        click.edit(filename=str(file), editor=said.text)
    except click.ClickException as error:
        raise Refused(error.format_message(), hint=f"your text is in {file}", code="editor") from error


def _chosen(repo: Repo) -> bool:
    """Whether somebody chose an editor, which may need no terminal; git's default one does."""
    from gitconvoy.git import config

    named = (os.environ.get(name) for name in ("GIT_EDITOR", "VISUAL", "EDITOR"))
    return any(named) or bool(config.get(repo, "core.editor"))


def _wants_to_go_on(error: ConvoyError) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(f"error: {error.message}")
    for problem in error.problems if isinstance(error, BadFiles) else ():
        note(problem.text())
    return click.confirm("Edit it again?", default=True, err=True)


def _kept(error: ConvoyError, file: Path) -> ConvoyError:
    error.hint = f"{error.hint}; your text is kept in {file}" if error.hint else f"your text is kept in {file}"
    return error
