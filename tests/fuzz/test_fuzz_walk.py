"""A random walk over every command: exit codes of the table, errors as JSON, and reading changes nothing (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from fuzz_data import odd_texts
from fuzzing import copied, examples, judge, run, small_town
from hypothesis import example, given
from hypothesis import strategies as st

from gitconvoy.cli.main import cli
from gitconvoy.cli.registry import COMMANDS, LOOK

_LEFT_OUT = frozenset({"demo", "daemon", "attach", "edit"})
"""These play for seconds, run for ever, or want a terminal or an editor."""
_LEFT_OUT_OPTIONS = frozenset({"follow", "help", "at_seconds", "when_idle"})
_READS = frozenset(name for name, row in COMMANDS.items() if row[1] == LOOK) | {"validate", "plan", "schema", "audit"}
_KNOWN = ("gt-a", "gt-b", "gt-c", "gt-x", "hq-cv-1", "gt/polecat-1", "HEAD", "main", "1h", "2030-01-31", "title=T", "2")


def _commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if name in _LEFT_OUT or command is None:
            continue
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


TABLE = dict(_commands(cli))


def _value(parameter: click.Parameter) -> st.SearchStrategy[str]:
    likely: list[str] = list(_KNOWN)
    if isinstance(parameter.type, click.Choice):
        likely += [str(choice) for choice in parameter.type.choices]
    return st.sampled_from(likely) | odd_texts


@st.composite
def _words(draw: st.DrawFn, path: tuple[str, ...]) -> list[str]:
    """Words behind a command: some of its options, and about as many arguments as it takes."""
    words: list[str] = []
    for parameter in TABLE[path].params:
        if parameter.name in _LEFT_OUT_OPTIONS or (path == ("scan",) and parameter.name in ("at", "relieved_by")):
            continue
        if isinstance(parameter, click.Option):
            if draw(st.integers(0, 3)):
                continue
            name = draw(st.sampled_from(parameter.opts))
            words += [name] if parameter.is_flag else [name, draw(_value(parameter))]
        else:
            most = 3 if parameter.nargs == -1 else 1
            least = 1 if parameter.required and draw(st.integers(0, 9)) else 0
            words += draw(st.lists(_value(parameter), min_size=least, max_size=most))
    return words


@st.composite
def walks(draw: st.DrawFn) -> list[list[str]]:
    """A few commands in a row."""
    steps = []
    for path in draw(st.lists(st.sampled_from(sorted(TABLE)), min_size=1, max_size=3)):
        words = draw(_words(path))
        front = ["--actor", draw(odd_texts)] if not draw(st.integers(0, 5)) else []
        steps.append([*front, *path, *words])
    return steps


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("walk")) as path:
        yield path


def _read_only(step: list[str]) -> bool:
    words = step[2:] if step[0] == "--actor" else step
    return words[0] in _READS or words[:2] in (["bead", "show"], ["bead", "list"], ["dep", "tree"])


@examples(50)
@given(steps=walks())
@example(steps=[["hand-over", "\udcff"]])
@example(steps=[["log", "--limit", "99999999999999999999"]])
def test_a_walk_over_the_commands(template: Path, steps: list[list[str]]) -> None:
    with copied(template) as here:
        for step in steps:
            before = _standing(here) if _read_only(step) else None
            judge(run(here.path, *step), *step)
            if before is not None:
                assert _standing(here) == before, step


def _standing(here: Any) -> tuple[list[str], str]:
    return here.repo.status(), here.repo.git("for-each-ref")


@pytest.mark.parametrize("path", sorted(TABLE), ids=" ".join)
def test_each_command_with_no_argument_and_with_odd_ones(template: Path, path: tuple[str, ...]) -> None:
    with copied(template) as here:
        for words in ([], ["\udcff", "gt-a\n"], ["--", "-x", "@{", "x" * 5000]):
            if path[0] != "daemon" and not (path == ("scan",) and words == ["-"]):
                step = [*path, *words, "--json"] if "--" not in words else [*path, "--json", *words]
                judge(run(here.path, *step), *step)
