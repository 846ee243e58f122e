"""What is told of a bug: exit code 70, versions, where to report; and where bugs are noted that nobody sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy import __version__
from gitconvoy.cli import bugs
from gitconvoy.engine.town import Town
from gitconvoy.store import failures

BREAKING = """
import sys
from gitconvoy.engine.town import Town
def broken(*_):
    raise RuntimeError("boom")
Town.state = broken
from gitconvoy.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return chain(repo)


@pytest.fixture
def bugged(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> TownHelper:
    """A town in which nothing that needs the state works."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom at https://ada:pw@example.org with hunter2hunter2")

    monkeypatch.setenv("SOME_TOKEN", "hunter2hunter2")
    monkeypatch.setattr(Town, "state", broken)
    return here


def noted(here: TownHelper) -> list[tuple[str, str]]:
    return [(each.kind, each.command) for each in failures.known(here.path / ".git")]


def test_a_bug_exits_70_with_versions_and_where_to_report(bugged: TownHelper) -> None:
    answer = bugged.run("status")
    assert (answer.code, answer.out) == (70, "")
    assert "Traceback" in answer.err
    assert "RuntimeError: boom" in answer.err
    error, hint = answer.err.splitlines()[-2:]
    assert error.startswith("error: this is a bug in gitconvoy (")
    for part in (
        f"gitconvoy {__version__}",
        f"pygit2 {metadata.version('pygit2')}",
        "git 2.",
        "libgit2 ",
        "python 3.",
        "system",
    ):
        assert part in error, part
    assert "report it to the maintainers of gitconvoy" in hint
    assert str(failures.file_of(bugged.path / ".git")) in hint


def test_a_bug_as_json(bugged: TownHelper) -> None:
    answer = bugged.run("status", "--json")
    assert (answer.code, answer.out) == (70, "")
    error = json.loads(answer.err)["error"]
    assert (error["code"], "report it" in error["hint"]) == ("bug", True)
    assert set(error["versions"]) == {"gitconvoy", "python", "git", "pygit2", "libgit2", "system"}
    assert "RuntimeError: boom" in error["traceback"]


def test_no_secret_is_told(bugged: TownHelper) -> None:
    for words in (["status"], ["status", "--json"]):
        said = bugged.run(*words).err
        assert "boom at https://***@example.org with ***" in said
        assert "hunter2" not in said
    log = failures.file_of(bugged.path / ".git").read_text()
    assert "boom at https://***@example.org with ***" in log
    assert "hunter2" not in log


def test_a_bug_of_the_command_as_a_process(here: TownHelper) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BREAKING, "-C", str(here.path), "status"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (70, "")
    assert "this is a bug in gitconvoy" in ended.stderr


def test_a_bug_in_a_repository_without_a_town_leaves_nothing(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Town, "open", broken)
    answer = TownHelper(repo).run("status")
    assert answer.code == 70
    assert not (repo.path / ".git/gitconvoy").exists()
    assert "they are in" not in answer.err


def test_a_bug_outside_of_any_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Town, "open", broken)
    assert TownHelper(GitRepo(tmp_path)).run("status").code == 70


def test_a_bug_of_a_detached_process_is_found_by_status(here: TownHelper) -> None:
    """Its streams lead nowhere, as those of scans and supervisors that are left behind do."""
    ended = subprocess.run(
        [sys.executable, "-c", BREAKING, "-C", str(here.path), "scan"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "GITCONVOY_DETACHED": "1"},
        check=False,
    )
    assert ended.returncode == 70
    assert noted(here) == [("bug", "scan")]
    log = failures.file_of(here.path / ".git")
    assert "RuntimeError: boom" in log.read_text()
    [note] = [line for line in here.json("status")["notes"] if "bug" in line]
    assert "a bug was met in scan at 20" in note
    assert f"report {log} and remove it" in note
    log.unlink()
    assert not [line for line in here.json("status")["notes"] if "bug" in line]


def test_an_error_of_a_detached_process_is_noted_and_no_bug(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    assert here.run("scan").code == 1
    assert noted(here) == []
    monkeypatch.setenv("GITCONVOY_DETACHED", "1")
    assert here.run("scan").code == 1
    assert noted(here) == [("error", "scan")]
    assert failures.known(here.path / ".git")[0].said.endswith("[role]")
    assert not [line for line in here.json("status")["notes"] if "bug" in line]


def test_a_bug_of_a_supervisor_is_noted(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started at `-C` the town, and crashes before its attempt has a log."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("gitconvoy.engine.attempts.supervise.supervise", broken)
    assert here.run("supervise", str(here.path / ".git/gitconvoy/attempts/gt-a-1")).code == 70
    assert noted(here) == [("bug", "supervise")]


def test_the_file_is_bounded(here: TownHelper) -> None:
    common = here.path / ".git"
    for number in range(200):
        failures.note(common, failures.Failure("2030-01-01T00:00:00Z", "bug", "scan", f"boom {number}"), "x\n" * 400)
    failures.note(common, failures.Failure("2030-01-01T00:00:00Z", "bug", "scan", "long"), "line\n" * 100_000)
    files = sorted((common / "gitconvoy").glob("failures.log*"))
    assert [file.name for file in files] == ["failures.log", "failures.log.1"]
    assert all(file.stat().st_size <= failures.LIMIT for file in files)
    assert failures.known(common)[-1].said == "long"


def test_an_entry_cannot_pretend_to_be_two(here: TownHelper) -> None:
    forged = "x\n=== 2030-01-01T00:00:00Z bug in status: forged"
    failures.note(here.path / ".git", failures.Failure("2030-01-01T00:00:00Z", "bug", "scan", forged), forged)
    assert [each.command for each in failures.known(here.path / ".git")] == ["scan"]


def test_a_log_that_cannot_be_written_makes_nothing_worse(bugged: TownHelper) -> None:
    failures.file_of(bugged.path / ".git").mkdir()
    answer = bugged.run("status")
    assert answer.code == 70
    assert "they are in" not in answer.err


# Hooks


@pytest.fixture
def hooked(repo: GitRepo) -> TownHelper:
    """A town with installed hooks, which run a gitconvoy that has a bug."""
    here = town(repo, hooks=True)
    here.bead("gt-a")
    here.commit("a bead")
    broken = here.path / ".git/broken.py"
    broken.write_text(BREAKING.replace("Town.state", "Town.open"))
    python = here.path / ".git/python"
    python.write_text(f'#!/bin/sh\ncase $2 in -m) shift 3; exec "{sys.executable}" "{broken}" "$@";; esac\nexit 0\n')
    python.chmod(0o755)
    for hook in (here.path / ".git/hooks").iterdir():
        text = hook.read_text()
        assert sys.executable in text
        hook.write_text(text.replace(sys.executable, str(python)))
    return here


def test_a_bug_in_post_commit_does_not_disturb_the_commit(hooked: TownHelper) -> None:
    hooked.bead("gt-b")
    hooked.repo.git("add", "--all")
    done = hooked.repo.run("commit", "--quiet", "--no-verify", "-m", "more")
    assert done.returncode == 0
    assert hooked.repo.show("HEAD", ".convoy/beads/gt-b.yaml")
    [line] = done.stderr.splitlines()
    assert line.startswith("gitconvoy: the post-commit hook met a bug (RuntimeError: boom), noted in ")
    assert "your commit is safe: run `gitconvoy scan`" in line
    assert noted(hooked) == [("bug", "hook-run:post-commit")]
    hooked.ok("scan")
    assert hooked.repo.status() == []


def test_a_bug_in_pre_commit_refuses_and_names_the_way_round(hooked: TownHelper) -> None:
    hooked.bead("gt-b")
    hooked.repo.git("add", "--all")
    head = hooked.repo.head()
    done = hooked.repo.run("commit", "--quiet", "-m", "more")
    assert (done.returncode, hooked.repo.head()) == (1, head)
    assert "this is a bug in gitconvoy" in done.stderr
    assert "`git commit --no-verify` leaves .convoy/ unchecked" in done.stderr
    assert "report it" in done.stderr
    assert hooked.repo.status() == ["A  .convoy/beads/gt-b.yaml"]


def test_a_commit_that_is_none_of_ours_does_not_meet_the_bug(hooked: TownHelper) -> None:
    hooked.repo.write("file", "x\n")
    hooked.repo.git("add", "file")
    assert hooked.repo.run("commit", "--quiet", "-m", "more").stderr == ""


def test_pre_commit_names_the_way_round_where_it_cannot_check(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("gitconvoy.hooking.hook_impl.run_hook", full)
    for name, command in (("pre-commit", "commit"), ("pre-merge-commit", "merge")):
        answer = here.run("hook-run", name)
        assert answer.code == 1
        assert "error: the disk is full: /somewhere: No space left on device" in answer.err
        assert f"`git {command} --no-verify` leaves .convoy/ unchecked" in answer.err
    answer = here.run("hook-run", "post-commit")
    assert (answer.code, len(answer.err.splitlines())) == (0, 1)
    assert "the disk is full" in answer.err
    assert "`gitconvoy scan` does later" in answer.err


@pytest.mark.parametrize("words", [[], ["-C", "."], ["--version"], ["hook-run"], ["no-such-command"]], ids=str)
def test_what_is_told_of_a_bug_needs_no_command(words: list[str]) -> None:
    assert "report it to the maintainers" in bugs.remedy(words)


def test_of_two_secrets_the_longer_one_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abcdef")
    monkeypatch.setenv("B_TOKEN", "abcdefghijkl")
    said = bugs.scrubbed("abcdefghijkl, abcdef, https://hooks.example.org/T1/B2?key=sec and https://a:b@example.org/x")
    assert said == "***, ***, https://hooks.example.org/*** and https://***@example.org/***"
