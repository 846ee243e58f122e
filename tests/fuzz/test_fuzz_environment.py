"""Environments that nobody tidied up: clear errors, the same answers, never a crash (SPEC 8)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fuzzing import copied, judge, run, small_town
from townfixtures import Answer, TownHelper

COMMAND = f"{sys.executable} -m gitconvoy"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("env")) as path:
        yield path


@pytest.fixture
def here(template: Path) -> Iterator[TownHelper]:
    with copied(template) as made:
        made.bead("gt-e", title="\u00e9 \U0001f680")
        made.commit("a title that is no ASCII")
        yield made


def shell(here: TownHelper, line: str, env: Mapping[str, str | None] | None = None) -> Answer:
    """Run a line of shell in which `$G` is the command; variables that are None are left out."""
    full = {**os.environ, "G": COMMAND, **(env or {})}
    given = {name: value for name, value in full.items() if value is not None}
    done = subprocess.run(["bash", "-c", line], cwd=here.path, env=given, capture_output=True, check=False)
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None, "XDG_CONFIG_HOME": None},
    "a home that is not there": {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"},
    "POSIX": {"LANG": "POSIX", "LC_ALL": "POSIX"},
    "C without its remedies": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "ascii, strictly": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "odd terminal": {"TERM": "\x1b", "COLUMNS": "0", "LINES": "0"},
    "narrow": {"TERM": "dumb", "COLUMNS": "1"},
    "wide": {"COLUMNS": "99999"},
    "columns that are no number": {"COLUMNS": "x", "LINES": "-5"},
    "a bad time zone": {"TZ": "Nowhere/Never"},
    "an odd actor": {"GITCONVOY_ACTOR": "\udcff\n"},
}


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_odd_environments(here: TownHelper, name: str) -> None:
    env = ENVIRONMENTS[name]
    for words in ("bead show gt-e", "bead show gt-e --json") if "ascii" in name else ("bead show gt-e",):
        answer = judge(shell(here, f"$G {words}", env), *words.split())
        assert answer.code == 0, answer


BROKEN: dict[str, dict[str, str | None]] = {
    "GIT_DIR leads nowhere": {"GIT_DIR": "/nonexistent"},
    "GIT_DIR is a file": {"GIT_DIR": "README.md"},
    "GIT_DIR is empty": {"GIT_DIR": ""},
    "GIT_WORK_TREE leads nowhere": {"GIT_WORK_TREE": "/nonexistent"},
    "GIT_INDEX_FILE is a folder": {"GIT_INDEX_FILE": "/tmp"},
    "GIT_CONFIG_COUNT is no number": {"GIT_CONFIG_COUNT": "x"},
    "GIT_OBJECT_DIRECTORY leads nowhere": {"GIT_OBJECT_DIRECTORY": "/nonexistent"},
    "git is not found": {"PATH": "/nonexistent"},
    "git is not found on an empty PATH": {"PATH": ""},
    "no temporary folder": {"TMPDIR": "/nonexistent"},
    "a town that is not there": {"GITCONVOY_TOWN": "/nonexistent"},
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_environments(here: TownHelper, name: str) -> None:
    env = {**BROKEN[name], "PATH": BROKEN[name].get("PATH", os.environ["PATH"])}
    given = {name: value for name, value in {**os.environ, **env}.items() if value is not None}
    for words in (["scan", "--json"],):
        argv = [sys.executable, "-m", "gitconvoy", *words]
        done = subprocess.run(argv, cwd=here.path, env=given, capture_output=True, text=True, check=False)
        judge(Answer(done.returncode, done.stdout, done.stderr), *words)


GITS = {
    "fails": "exit 1",
    "fails with many words": "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 128",
    "says nothing": "exit 0",
    "says odd bytes": "printf '\\377\\000\\n\\n\\n'; exit 0",
    "is ended by a signal": "kill -KILL $$",
    "cannot write objects": 'case "$*" in *commit*|*update-ref*|*hash-object*) exit 1;; esac; exec "$REAL" "$@"',
    "has no config": 'case "$*" in *config*) exit 3;; esac; exec "$REAL" "$@"',
}


@pytest.mark.parametrize("name", sorted(GITS))
def test_a_git_that_fails(here: TownHelper, tmp_path: Path, name: str) -> None:
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\nREAL={real}\n{GITS[name]}\n")
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        for words in (("scan",), ("bead", "add", "A title"), ("log",), ("doctor",)):
            judge(run(here.path, *words, "--json"), *words, "--json")


PLACES = (
    "",
    ".",
    "/",
    "/dev/null",
    "/nonexistent",
    "README.md",
    ".git",
    ".git/objects",
    ".convoy",
    "x" * 5000,
    "\udcff",
    "a\nb",
    "-x",
)


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_odd_places(here: TownHelper, place: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here.path)
        for words in (("status",), ("scan",), ("validate",)):
            judge(run(here.path, "-C", place, *words, "--json"), *words, "--json")


LINES = (
    "$G status <&-", "$G status --json <&- 2>&-", "$G bead comment gt-e - <&-", "$G bead list <&- >&- 2>&-",
    "$G status 2>&-",
    "$G scan --json </dev/full", "$G nonsense 2>/dev/full", "$G status --json 2>/dev/full", "$G import - </dev/null",
    "mkdir gone; cd gone; rmdir ../gone; $G status", "mkdir gone; cd gone; rmdir ../gone; $G status --json",
    "mkdir gone; cd gone; rmdir ../gone; $G --help", "$G status $'\\xff'", "$G bead show $'\\xff' --json",
    "$G --actor $'\\xff' heartbeat gt-a",
    "$G bead add $'\\xff\\xfe'", "ulimit -n 20; $G status", "ulimit -f 0; $G bead list",
    "$G bead show \"$(head -c 100000 /dev/zero | tr '\\0' x)\"",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_odd_streams_and_arguments(here: TownHelper, line: str) -> None:
    answer = shell(here, line)
    assert answer.code in range(6), answer
    assert "Traceback" not in answer.err, answer.err
