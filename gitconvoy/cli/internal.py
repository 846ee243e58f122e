"""Hidden commands: what installed hooks call, and what a worker's supervisor runs (SPEC 6, 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import standing
from gitconvoy.cli.output import note
from gitconvoy.errors import ConvoyError, Exit

if TYPE_CHECKING:
    from gitconvoy.hooking.hook_impl import HookResult

_HOOK_ARGUMENTS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


@command("hook-run", "gitconvoy hook-run pre-commit", hidden=True, context_settings=_HOOK_ARGUMENTS)
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def hook_run(app: App, name: str, arguments: tuple[str, ...]) -> int:
    """Do what the git hook NAME does; git's own arguments follow.

    Hooks run where git starts them: a worker's GITCONVOY_TOWN, which is meant for commands, is not looked at.
    """
    start = standing()
    if name.startswith("post-"):
        return _after_the_fact(start, app.actor, name, arguments)
    return _run(start, app.actor, name, arguments)


def _run(start: Path, actor: str | None, name: str, arguments: tuple[str, ...]) -> int:
    from gitconvoy.engine.town import Town
    from gitconvoy.hooking.hook_impl import run_hook

    result = run_hook(Town.open(start, actor), name, arguments)
    _print(result)
    return result.code


def _after_the_fact(start: Path, actor: str | None, name: str, arguments: tuple[str, ...]) -> int:
    """The commit is made, the branch has moved: nothing here may look like a failure of that."""
    try:
        _run(start, actor, name, arguments)
    except ConvoyError as error:
        note(f"gitconvoy: {error.message}")
        if error.hint:
            note(f"hint: {error.hint}")
    except Exception as error:  # noqa: BLE001 - a bug here must not disturb git; `scan` meets it again and shows it
        note(f"gitconvoy: the {name} hook failed ({type(error).__name__}: {error}); your commit is safe")
        note("hint: `gitconvoy scan` does what the hook would have done")
    return Exit.OK


def _print(result: HookResult) -> None:
    for problem in result.problems:
        note(_place(problem.text(), problem.severity))
        if problem.hint:
            note(f"  hint: {problem.hint}")
    for line in result.lines:
        note(line)


def _place(text: str, severity: str) -> str:
    """`path:line:column: message`, as SPEC 6 has it: what is not marked as a warning is an error."""
    return text.replace(": error: ", ": ", 1) if severity == "error" else text


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
