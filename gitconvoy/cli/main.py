"""The entry point: lazily loaded commands behind one error boundary with named exit codes (SPEC 8)."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from gitconvoy import __version__
from gitconvoy.cli.app import App, start_directory
from gitconvoy.cli.output import colour, note, safe
from gitconvoy.cli.registry import COMMANDS, HIDDEN, SECTIONS
from gitconvoy.errors import BadFiles, ConvoyError, Exit


class Commands(click.Group):
    """Loads the module of a command only when that command is run or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names for help and completion."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command by name, or None."""
        target = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target[0].partition(":")
        found = getattr(importlib.import_module(f"gitconvoy.cli.{module}"), attribute)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The overview, by what one wants to do; from the registry, so that it loads no command."""
        for section in SECTIONS:
            rows = [(name, about) for name, (_, where, about) in COMMANDS.items() if where == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="gitconvoy")
@click.option("-C", "directory", metavar="DIR", help="Run as if started in DIR.")
@click.option("--actor", metavar="NAME", help="Who acts (else GITCONVOY_ACTOR, gitconvoy.actor, user.name).")
@click.pass_context
def cli(context: click.Context, directory: str | None, actor: str | None) -> None:
    """Convoys of work as YAML in git: waves at each commit, dispatch as commits.

    Edit `.convoy/`, commit, and work flows to workers in dependency order; `gitconvoy log` is the history of it.
    """
    context.obj = App(start_directory(directory), actor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Run one command; returns its exit code. Every error is told once, here."""
    try:
        result = cli.main(words, prog_name="gitconvoy", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return Exit.OK
    except click.ClickException as error:
        _tell(words, "usage", error.format_message(), _usage_hint(error))
        return Exit.USAGE
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        note("interrupted")
        return Exit.INTERRUPTED
    except ConvoyError as error:
        _tell(words, error.code, error.message, error.hint, error)
        return error.exit
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to say to a closed pipe
        return Exit.OK
    except OSError as error:
        _tell(words, "system", _describe(error), "nothing was half done; mend the cause and run it again")
        return Exit.REFUSED
    except Exception:  # noqa: BLE001 - the one boundary: what comes here is a bug, and is told as one
        return _bug(words)
    return result if isinstance(result, int) else Exit.OK


def _describe(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"see: {context.command_path} --help" if context is not None else "see: gitconvoy --help"


def _tell(words: Sequence[str], code: str, message: str, hint: str, error: ConvoyError | None = None) -> None:
    problems = error.problems if isinstance(error, BadFiles) else ()
    if "--json" in words:
        body: dict[str, Any] = {"code": code, "message": message, "hint": hint}
        if problems:
            body["problems"] = [problem.as_dict() for problem in problems]
        click.echo(json.dumps({"error": body}, ensure_ascii=False), err=True)
        return
    red = click.style("error:", fg="red", bold=True) if colour(sys.stderr) else "error:"
    click.echo(f"{red} {safe(message)}", err=True)
    for problem in problems:
        note(problem.text())
        if problem.hint:
            note(f"  hint: {problem.hint}")
    if hint:
        note(f"hint: {hint}")


def _bug(words: Sequence[str]) -> int:
    import platform
    import traceback

    versions = f"gitconvoy {__version__}, Python {platform.python_version()}, {platform.system()}"
    trace = traceback.format_exc()
    note(trace)
    _tell(words, "bug", f"this is a bug in gitconvoy ({versions})", "report it with the lines above and what you ran")
    return Exit.BUG
