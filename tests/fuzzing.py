"""Help for the tests that feed odd input: how many examples, strict streams, and what every command promises."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import gitfixtures
import pytest
from gitfixtures import GitRepo
from hypothesis import HealthCheck, settings
from townfixtures import Answer, TownHelper, chain

from gitconvoy.cli.main import run as run_command
from gitconvoy.errors import Problem

CASES = Path(__file__).parent / "cases" / "fuzz"
TIMES = int(os.environ.get("GITCONVOY_FUZZ", "1"))
"""Multiplies the number of examples: `GITCONVOY_FUZZ=100 pytest --hypothesis-profile=default tests/fuzz`."""


def examples(number: int) -> Callable[[Any], Any]:
    """Settings for a property that is tried that often in an ordinary run."""
    silenced = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=number * TIMES, deadline=None, suppress_health_check=silenced)


def cases(topic: str) -> list[tuple[str, str, bytes]]:
    """The corpus of a topic, as (name, what is expected, bytes): a file is called `name.expected.ext`."""
    found = []
    for file in sorted((CASES / topic).iterdir()):
        name, expected, _ = file.name.split(".")
        found.append((name, expected, file.read_bytes()))
    return found


def run(path: Path, *words: str, stdin: bytes = b"") -> Answer:
    """Run a command in this process, with streams as strict about characters as those of a process are."""
    out, err = _stream(b"", "strict"), _stream(b"", "backslashreplace")
    given = _stream(stdin, "surrogateescape")
    with redirect_stdout(out), redirect_stderr(err), mock.patch("sys.stdin", given):
        code = run_command(["-C", str(path), *words])
    return Answer(code, _text(out), _text(err))


def _stream(data: bytes, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), "utf-8", errors)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


def judge(answer: Answer, *words: object) -> Answer:
    """What holds of every command whatever it is given: an exit code of the table, no traceback, JSON if asked for."""
    said = f"gitconvoy {words!r}: exit {answer.code}\n{answer.out[-3000:]}{answer.err[-3000:]}"
    assert answer.code in {0, 1, 2, 3, 4, 5}, said
    assert "Traceback" not in answer.err, said
    if "--json" in words and "-h" not in words and "--help" not in words:
        if answer.out:
            assert json.loads(last_line(answer.out))["schema_version"] == 1, said
        else:
            error = json.loads(last_line(answer.err))["error"]
            assert {"code", "message", "hint"} <= error.keys(), said
            assert error["message"], said
    elif answer.code not in (0, 5) and not answer.out:
        assert answer.err, said
    return answer


def last_line(text: str) -> str:
    """The last line of an answer; not by `splitlines`, which takes more characters than the line feed for an end."""
    return text.removesuffix("\n").rpartition("\n")[2]


def complain(problems: tuple[Problem, ...] | list[Problem]) -> None:
    """What holds of every complaint about a file: it has a place, a code and a message, and stays short."""
    for problem in problems:
        assert problem.path
        assert problem.code
        assert problem.message
        assert problem.line >= 0
        assert problem.column >= 0
        assert len(problem.message) + len(problem.hint) < 2000
        assert problem.message.isprintable(), ascii(problem.message)
        assert problem.hint.isprintable(), ascii(problem.hint)


@contextmanager
def small_town(folder: Path) -> Iterator[Path]:
    """The repository of `townfixtures.chain`, made once, to be copied: three linked beads of an open convoy."""
    with pytest.MonkeyPatch.context() as patch:
        gitfixtures.hermetic(patch, folder / "home")
        gitfixtures.build_template(folder / "repo")
        chain(GitRepo(folder / "repo"))
        yield folder / "repo"


@contextmanager
def copied(template: Path) -> Iterator[TownHelper]:
    """A copy of a town for one example, in a folder of its own; gone afterwards, whoever is still at work in it."""
    target = Path(tempfile.mkdtemp(prefix="copy-", dir=template.parent)) / "repo"
    shutil.copytree(template, target, symlinks=True)
    try:
        yield TownHelper(GitRepo(target))
    finally:
        shutil.rmtree(target.parent, ignore_errors=True)
