"""Hidden commands: what installed hooks call, and what a worker's supervisor runs (SPEC 6, 7)."""

from __future__ import annotations

from pathlib import Path

import click

from gitconvoy.cli import hook_words
from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import standing

_HOOK_ARGUMENTS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


@command("hook-run", "gitconvoy hook-run pre-commit", hidden=True, context_settings=_HOOK_ARGUMENTS)
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def hook_run(app: App, name: str, arguments: tuple[str, ...]) -> int:
    """Do what the git hook NAME does; git's own arguments follow.

    Hooks run where git starts them: a worker's GITCONVOY_TOWN, which is meant for commands, is not looked at.
    """
    return hook_words.run(standing(), app.actor, name, arguments)


@command("supervise", "gitconvoy supervise .git/gitconvoy/attempts/gt-x7k2p-1", hidden=True)
@click.argument("root", type=click.Path(path_type=Path))
def supervise(_app: App, root: Path) -> None:
    """Run the worker of one attempt to its end; ROOT is the attempt's folder."""
    from gitconvoy.engine.attempts.supervise import supervise as run

    run(root)


@command("reap", "gitconvoy reap .git/gitconvoy/attempts/gt-x7k2p-1", hidden=True)
@click.argument("roots", metavar="ROOT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--gently", is_flag=True, help="Leave alone what still runs.")
def reap(_app: App, roots: tuple[Path, ...], gently: bool) -> None:
    """End what is left of attempts that are over, and remove their worktrees; ROOT is the folder of one."""
    from gitconvoy.engine.attempts.ending import reap as run

    run(roots, gently=gently)
