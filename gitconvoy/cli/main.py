"""The entry point: lazily loaded commands behind one error boundary with named exit codes (SPEC 8)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from gitconvoy import __version__
from gitconvoy.cli.app import App, start_directory
from gitconvoy.cli.output import as_json, colour, discard, lost_answer, note, open_streams, safe, say, write
from gitconvoy.cli.registry import COMMANDS, HIDDEN, SECTIONS
from gitconvoy.errors import BadFiles, ConvoyError, Exit, fault_of, told


class ReaderGone(Exception):
    """Nobody reads what click itself says, such as `--help`; of answers `write` takes care."""


class Commands(click.Group):
    """Loads the module of a command only when that command is run or asked for help."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """As click's, but that the reader has gone is told as such: click would exit with 1."""
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def invoke(self, ctx: click.Context) -> Any:
        """Likewise."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

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
    open_streams()
    code = run(words)
    try:
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)  # what is still buffered cannot be written either; Python would say so once more at its end
        code = code or Exit.REFUSED
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run one command; returns its exit code. Every error is told once, here."""
    code = _run(words)
    lost = lost_answer()
    if lost is None:
        return code
    hint = "what the command did stands: look with gitconvoy status and gitconvoy log before running it again"
    _tell(words, "answer-lost", f"the answer could not be written: {lost.strerror or lost}", hint)
    return code or Exit.REFUSED


def _run(words: list[str]) -> int:
    lost_answer()
    try:
        result = cli.main(words, prog_name="gitconvoy", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
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
        _note(words, error.code, error.message)
        return error.exit
    except OSError as error:
        return _fault(words, error)
    except ReaderGone:
        discard(sys.stdout)
        return Exit.OK
    except Exception:  # noqa: BLE001 - the one boundary: what comes here is a bug, and is told as one
        return _bug(words)
    return result if isinstance(result, int) else Exit.OK


def _fault(words: Sequence[str], error: OSError) -> int:
    """An error of the system: what it is, where, and what to do about it."""
    fault = fault_of(error)
    code, hint = (fault.code, fault.hint) if fault is not None else ("system", "mend the cause and try again")
    message = told(error)
    _tell(words, code, message, f"{hint}; `git status` and `gitconvoy log` show what was done before that")
    _note(words, code, message)
    return Exit.REFUSED


def _note(words: Sequence[str], code: str, message: str) -> None:
    from gitconvoy.cli import bugs

    bugs.note_error(words, code, message)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"see: {context.command_path} --help" if context is not None else "see: gitconvoy --help"


def _in_json(words: Sequence[str]) -> bool:
    """Whether the caller wants errors as objects, too."""
    return not {"--json", "--format=json"}.isdisjoint(words) or ("--format", "json") in pairwise(words)


def _tell(words: Sequence[str], code: str, message: str, hint: str, error: ConvoyError | None = None) -> None:
    problems = error.problems if isinstance(error, BadFiles) else ()
    if _in_json(words):
        body: dict[str, Any] = {"code": code, "message": message, "hint": hint}
        if problems:
            body["problems"] = [problem.as_dict() for problem in problems]
        write(as_json({"error": body}), err=True)
        return
    red = click.style("error:", fg="red", bold=True) if colour(sys.stderr) else "error:"
    write(f"{red} {safe(message)}", err=True)
    for problem in problems:
        note(problem.text())
        if problem.hint:
            note(f"  hint: {problem.hint}")
    if hint:
        note(f"hint: {hint}")


def _bug(words: Sequence[str]) -> int:
    """Something that should not have happened: said as such, with all that a report of it needs."""
    from gitconvoy.cli import bugs

    trace, versions = bugs.trace(), bugs.versions()
    message, hint = f"this is a bug in gitconvoy ({bugs.in_words(versions)})", bugs.remedy(words)
    file = bugs.note_bug(words, trace)
    if file is not None:
        hint += f"; they are in {file} too"
    if _in_json(words):
        body = {"code": "bug", "message": message, "hint": hint, "versions": versions, "traceback": trace}
        write(as_json({"error": body}), err=True)
        return Exit.BUG
    note(trace)
    _tell(words, "bug", message, hint)
    return Exit.BUG
