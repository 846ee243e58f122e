"""What a command loads: nobody waits for what the answer does not need (SPEC 6: shims and hooks are quick)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

CODE = """
import sys
sys.argv = ["gitconvoy", *sys.argv[1:]]
from gitconvoy.__main__ import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print("LOADED", *sorted(sys.modules))
"""
HEAVY = {"jsonschema", "rich", "importlib.metadata", "gitconvoy.merge", "gitconvoy.interop", "gitconvoy.dispatch.tmux"}
LIBGIT2 = {"pygit2", "cffi"}
PARSING = {"ruamel", "ruamel.yaml", "gitconvoy.yamlio.strict", "gitconvoy.yamlio.editing"}
SELDOM = {"tempfile", "shutil", "random", "secrets", "socket", "difflib", "ctypes", "importlib.resources"}
"""What the standard library takes milliseconds for, and no answer needs."""
STARTING = {
    "gitconvoy.dispatch.workplace",
    "gitconvoy.dispatch.attempts",
    "gitconvoy.engine.settle",
    "gitconvoy.git.write",
}
JUDGING = {"gitconvoy.checks", "gitconvoy.hooking.before", "gitconvoy.engine.plans.validating"}
DISPATCHING = {"gitconvoy.dispatch", "gitconvoy.engine.react", "gitconvoy.engine.here"}
PLAN = {
    "config.yaml": "format: 1\n",
    "beads/gt-a.yaml": "id: gt-a\ntitle: A\nstatus: open\n",
    "beads/gt-b.yaml": "id: gt-b\ntitle: B\nstatus: open\ndepends_on:\n  - gt-a\n",
    "convoys/hq-cv-1.yaml": "id: hq-cv-1\ntitle: Flow\ntracks:\n  - gt-a\n  - gt-b\nstatus: open\n",
}


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    found = town(repo)
    for path, text in PLAN.items():
        repo.write(f".convoy/{path}", text)
    repo.commit("plan")
    found.ok("scan")
    found.ok("ready")  # the outline is there from now on
    return found


def loaded(place: Path, *words: str) -> set[str]:
    """The modules that a command has loaded in the end."""
    done = subprocess.run([sys.executable, "-c", CODE, *words], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("words", [("ready",), ("list",)])
def test_who_asks_what_is_ready_loads_no_dispatchers(here: TownHelper, words: tuple[str, ...]) -> None:
    assert not loaded(here.path, *words) & (HEAVY | LIBGIT2 | PARSING | SELDOM | JUDGING | DISPATCHING)


@pytest.mark.parametrize("words", [("status",), ("status", "hq-cv-1"), ("why", "gt-b")])
def test_who_asks_how_it_stands_loads_nothing_that_judges(here: TownHelper, words: tuple[str, ...]) -> None:
    assert not loaded(here.path, *words) & (HEAVY | LIBGIT2 | PARSING | SELDOM | STARTING | JUDGING)


def test_a_hook_that_reacts_loads_nothing_that_judges(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\nstatus: closed\n")
    here.repo.commit("a is closed")
    assert not loaded(here.path, "hook-run", "post-commit") & (HEAVY | LIBGIT2 | PARSING | SELDOM | JUDGING | {"click"})
    assert here.ledger().bead("gt-b").live


def test_a_commit_that_closes_a_bead_is_looked_at_with_git_alone(here: TownHelper) -> None:
    heavy = {"click", "pygit2", "gitconvoy.engine", "gitconvoy.store"}

    def close(bead: str) -> None:
        text = here.repo.read(f".convoy/beads/{bead}.yaml").replace("status: open", "status: closed")
        here.repo.write(f".convoy/beads/{bead}.yaml", text)
        here.repo.git("add", "--all")

    close("gt-a")
    assert heavy - {"pygit2"} < loaded(here.path, "hook-run", "pre-commit")  # nobody has judged this plan yet
    here.repo.git("commit", "--quiet", "-m", "a is closed")
    close("gt-b")
    assert not loaded(here.path, "hook-run", "pre-commit") & (heavy | HEAVY | JUDGING)


@pytest.mark.parametrize("words", [("ready",), ("list",), ("status", "hq-cv-1"), ("status",)])
def test_who_reads_starts_git_three_times(here: TownHelper, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Where the repository is, its settings, its objects."""
    assert started(here.path, tmp_path, *words) == ["rev-parse", "config", "cat-file"]


def test_who_asks_why_starts_git_for_the_history_of_the_file_too(here: TownHelper, tmp_path: Path) -> None:
    assert started(here.path, tmp_path, "why", "gt-b") == ["rev-parse", "config", "cat-file", "rev-list", "diff-tree"]


def test_a_hook_that_dispatches_starts_git_but_a_few_times(here: TownHelper, tmp_path: Path) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\nstatus: closed\n")
    here.repo.commit("a is closed")
    wanted = ["rev-parse", "config", "cat-file", "rev-list", "update-ref"]
    assert started(here.path, tmp_path, "hook-run", "post-commit") == wanted
    assert here.ledger().bead("gt-b").live


def started(place: Path, folder: Path, *words: str) -> list[str]:
    """The git commands that a command starts, in order."""
    listing, found = folder / "started", shutil.which("git")
    shim = folder / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >>{listing}\nexec {found} "$@"\n')
    shim.chmod(0o755)
    environ = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}"}
    command = (sys.executable, "-m", "gitconvoy", *words)
    subprocess.run(command, cwd=place, env=environ, capture_output=True, check=True)
    return [next(word for word in re.sub("-c [^ ]+", "", line).split()) for line in listing.read_text().splitlines()]
