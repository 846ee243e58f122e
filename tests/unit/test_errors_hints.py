"""Every `gitconvoy ...` that a message, a hint, an example or docs/errors.md names can be run as it stands there."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import sourcecodes

from gitconvoy.cli.app import App
from gitconvoy.cli.main import cli
from gitconvoy.cli.registry import COMMANDS, HIDDEN

DOC = Path(__file__).parents[2] / "docs" / "errors.md"
_LINE = re.compile(r"(?<![\w/.<>-])gitconvoy((?: [^\s`;()\n]+)+)")
_ARGUMENT = re.compile(r"\{\}|[A-Z]+(\.\.\.)?|-{1,2}[a-zA-Z][\w-]*|[\w{}.+]+[-+]?=\S*|'.*'|\".*\"|\$\w+|\d+|,?\.\.\.")
_PROSE = frozenset(
    {"as", "asks", "can", "has", "here", "keeps", "knows", "process", "reads", "refuses", "town", "was", "when", "with"}
    | {"itself", "writes"}
)
"""Words after `gitconvoy` where it is spoken of."""


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text that is no docstring, with `{}` for what is filled in."""
    skipped = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command":
            skipped |= {id(part) for part in node.args}  # examples, which are looked at by themselves
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )


def _told() -> list[tuple[str, str]]:
    """(place, what follows `gitconvoy`) for every command line that is told of."""
    found = []
    for path, tree in sourcecodes.modules().items():
        for number, text in _strings(tree):
            found += [(f"{path}:{number}", match[1].strip()) for match in _LINE.finditer(text)]
    for number, line in enumerate(DOC.read_text().splitlines(), 1):
        found += [(f"errors.md:{number}", match[1]) for match in re.finditer("`gitconvoy ([^`]+)`", line)]
    return found


TOLD = _told()


@pytest.fixture(autouse=True)
def as_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers need not name their bead."""
    monkeypatch.setenv("GITCONVOY_BEAD", "gt-a")


def _words(line: str) -> list[str]:
    """The words, with what is in quotes as one; nothing behind a colon."""
    words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line)
    ends = next((at for at, word in enumerate(words) if word.endswith(":")), len(words))
    return words[: ends + 1]


def _arguments(words: list[str]) -> list[str]:
    """The words of the command line, up to where the sentence goes on."""
    taken: list[str] = []
    for word in words:
        bare = word.rstrip(",:.") if not word.endswith("...") else word
        if not _ARGUMENT.fullmatch(bare):
            break
        taken.append(re.sub(r"\{\w*\}", "gt-a", bare).strip("'\""))
        if word != bare:
            break
    return taken


def _command(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """The command that the words name, a sub-command too, and the words behind it."""
    words = list(words)
    while words and words[0].startswith("-") and words[0] not in ("-h", "--help"):
        words = words[2:]
    if not words:
        return None, []
    name = words[0].rstrip(",:.")
    found = cli.get_command(click.Context(cli), name)
    if isinstance(found, click.Group) and len(words) > 1:
        inner = found.get_command(click.Context(found), words[1].rstrip(",:."))
        if inner is not None:
            return inner, words[2:]
    return found, words[1:]


def _parse(command: click.Command, words: list[str]) -> None:
    with click.Context(cli, obj=App(Path())) as parent:
        try:
            command.make_context(command.name, list(words), parent=parent)
        except click.exceptions.Exit:
            return  # --help


def test_there_are_many() -> None:
    assert len(TOLD) > 100


def test_each_names_a_command() -> None:
    unknown = []
    for place, line in TOLD:
        words = _words(line)
        first = words[0].rstrip(",:.")
        while first in ("-C", "--actor"):
            words = words[2:] or ["..."]
            first = words[0].rstrip(",:.")
        if (
            first in ("{}", "COMMAND", "...", "--help")
            or first in _PROSE
            or (not first.isidentifier() and "-" not in first)
        ):
            continue
        if first not in COMMANDS and first not in HIDDEN:
            unknown.append(f"{place}: gitconvoy {line}")
    assert unknown == []


def test_each_can_be_parsed() -> None:
    wrong = []
    for place, line in TOLD:
        command, rest = _command(_words(line))
        if command is None:
            continue
        words = _arguments(rest)
        if not words or words[-1:] == ["..."]:
            continue  # only named
        try:
            _parse(command, words)
        except click.UsageError as error:
            wrong.append(f"{place}: gitconvoy {line}: {error.format_message()}")
    assert wrong == []


def test_sub_commands_exist() -> None:
    wrong = []
    for place, line in TOLD:
        words = _words(line)
        command = cli.get_command(click.Context(cli), words[0]) if words else None
        if isinstance(command, click.Group) and len(words) > 1 and words[1].isalpha() and words[1].islower():
            inner = command.get_command(click.Context(command), words[1])
            if inner is None and place.partition(":")[0] != "errors.md":
                wrong.append(f"{place}: gitconvoy {line}")
    assert wrong == []


def _examples() -> Iterator[tuple[str, str]]:
    def walk(name: str, command: click.Command) -> Iterator[tuple[str, str]]:
        for line in (command.epilog or "").splitlines():
            if line.strip().startswith("$ gitconvoy "):
                yield name, line.strip().removeprefix("$ gitconvoy ")
        if isinstance(command, click.Group):
            for inner in command.list_commands(click.Context(command)):
                yield from walk(f"{name} {inner}", command.commands[inner])

    for name in (*COMMANDS, *HIDDEN):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield from walk(name, command)


EXAMPLES = sorted(set(_examples()))


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_examples_can_be_parsed(name: str, line: str) -> None:
    words = shlex.split(line.partition(" #")[0].partition(" >> ")[0])
    command, rest = _command(words)
    assert command is not None
    _parse(command, rest)
