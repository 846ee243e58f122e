"""`doctor` looks at what is set on this machine (SPEC 7, 9)."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import follow, of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.doctor import keys

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


# --- values and keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dispatch", "always"),
        ("maxWorkers", "many"),
        ("paused", "perhaps"),
        ("wake", "x"),
        ("trunk", ""),
        ("trunk", "convoy-ledger"),
    ],
)
def test_a_value_that_cannot_be_meant(here: TownHelper, key: str, value: str) -> None:
    here.repo.config(f"gitconvoy.{key}", value)
    row = only(here, "config", code=1)
    assert f"gitconvoy.{key} is '{value}'" in row["observed"] or f"gitconvoy.{key}" in row["observed"]
    answer = here.json("doctor", "--fix", code=1)
    assert "leases" in answer["skipped"]
    assert here.repo.git("config", f"gitconvoy.{key}") == value


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("gitconvoy.keepLog", "gitconvoy.keepLogs"),
        ("gitconvoy.actr", "gitconvoy.actor"),
        ("gitconvoy.dispatcher.Agent.comand", "gitconvoy.dispatcher.Agent.command"),
        ("gitconvoy.rig.api.paht", "gitconvoy.rig.api.path"),
        ("gitconvoy.rigs.api.path", "gitconvoy.rig.api.path"),
        ("gitconvoy.zzz", ""),
        ("gitconvoy.zzz.api.path", ""),
    ],
)
def test_a_key_that_nobody_reads(here: TownHelper, key: str, near: str) -> None:
    here.repo.config(key, "it's 4")
    row = only(here, "key", "--fix")
    assert (row["subject"].lower(), row["severity"], row["fixed"]) == (key.lower(), "warning", False)
    assert here.repo.git("config", key) == "it's 4", "what a person configured stays"
    assert row["expected"] == (f"{near}, perhaps" if near else "keys that gitconvoy knows")
    follow(here, row)
    assert of(here, "key") == []
    if near:
        assert here.repo.git("config", near) == "it's 4"


def test_what_is_set_already_is_not_set_again(here: TownHelper) -> None:
    here.repo.config("gitconvoy.trunc", "other")
    row = only(here, "key")
    assert (row["expected"], row["commands"]) == (
        "gitconvoy.trunk, perhaps",
        ["git config --unset-all gitconvoy.trunc"],
    )


def test_keys_of_plug_ins_are_their_own_business(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatcher.cloud.kind", "balloon")
    here.repo.config("gitconvoy.dispatcher.cloud.height", "3000")
    assert of(here, "key") == []


def named_in_code() -> Iterator[str]:
    packages = {file.stem for file in (ROOT / "gitconvoy").iterdir()} | {"dispatchers"}
    for file in (ROOT / "gitconvoy").rglob("*.py"):
        if file.name != "keys.py":
            found = re.findall(r'"gitconvoy\.([A-Za-z]+)"', file.read_text())
            yield from (f"gitconvoy.{name}" for name in found if name not in packages)


def named_in_docs() -> Iterator[str]:
    for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        yield from re.findall(r"git config (?:--\S+ )?(gitconvoy(?:\.[A-Za-z]+)+)", file.read_text())


def test_every_key_that_code_and_docs_name_is_known() -> None:
    found = [*named_in_code(), *named_in_docs()]
    assert len(set(found)) > 20
    assert keys.unknown(each.lower() for each in found) == {}


def test_every_known_key_is_read_by_something() -> None:
    text = "".join(file.read_text() for file in (ROOT / "gitconvoy").rglob("*.py") if file.name != "keys.py")
    for name in (*keys.TOWN, *keys.DISPATCHER, *keys.RIG):
        assert re.search(rf'(gitconvoy|\{{key\}}|\{{rig\}}|\{{dispatcher\}})\.{name}"', text), name


# --- trunk and role -------------------------------------------------------------------------------------------------


def test_a_trunk_that_is_gone(here: TownHelper) -> None:
    here.repo.config("gitconvoy.trunk", "gone")
    assert of(here, "trunk", code=1) == [("error", "gone", False)]


def test_a_repository_without_commits(tmp_path: Path) -> None:
    made = GitRepo(tmp_path)
    made.git("init", "--quiet")
    assert of(TownHelper(made), "trunk") == [("note", "main", False)]


def test_a_trunk_that_was_guessed(here: TownHelper) -> None:
    here.repo.git("config", "--unset", "gitconvoy.trunk")
    row = only(here, "trunk")
    assert (row["severity"], row["subject"]) == ("warning", "main")
    follow(here, row)
    assert of(here, "trunk") == []


def test_a_trunk_that_only_the_remote_has(here: TownHelper, tmp_path: Path) -> None:
    clone = TownHelper(here.repo.clone(tmp_path / "clone"))
    clone.repo.git("switch", "--quiet", "-c", "topic")
    clone.repo.git("branch", "--quiet", "-D", "main")
    clone.repo.config("gitconvoy.trunk", "main")
    assert of(clone, "trunk") == []
    clone.repo.config("gitconvoy.dispatch", "local")
    row = only(clone, "trunk")
    assert row["severity"] == "note"
    follow(clone, row)
    assert clone.repo.exists("refs/heads/main")


def test_a_trunk_that_is_checked_out_nowhere_or_twice(here: TownHelper, tmp_path: Path) -> None:
    here.branch("topic")
    assert only(here, "trunk")["observed"] == "no worktree has it checked out"
    here.repo.git("switch", "--quiet", "main")
    assert of(here, "trunk") == []
    here.repo.git("worktree", "add", "--quiet", "--force", str(tmp_path / "twice"), "main")
    row = only(here, "trunk")
    assert row["severity"] == "note"
    assert "more than once" in row["observed"]
    follow(here, row)
    assert of(here, "trunk") == []


@pytest.mark.parametrize(("value", "severity", "code"), [("off", "note", 0), ("remote", "error", 1)])
def test_a_role_that_writes_no_ledger(here: TownHelper, value: str, severity: str, code: int) -> None:
    here.repo.config("gitconvoy.dispatch", value)
    assert of(here, "role", code=code) == [(severity, "gitconvoy.dispatch", False)]
    here.repo.config("gitconvoy.dispatch", "local")
    assert of(here, "role") == []


def test_a_clone_that_was_never_told(here: TownHelper, tmp_path: Path) -> None:
    clone = TownHelper(here.repo.clone(tmp_path / "clone"))
    assert "it is not set" in only(clone, "role")["observed"]
    assert [row for row in rows(clone) if row["severity"] != "note"] == []


def test_a_repository_that_is_no_town(repo: GitRepo) -> None:
    found = rows(TownHelper(repo))
    assert [(row["check"], row["severity"]) for row in found] == [("plan", "note")]


# --- who ------------------------------------------------------------------------------------------------------------


def test_a_clone_from_another_machine(here: TownHelper) -> None:
    assert of(here, "machine") == []
    here.repo.config("gitconvoy.machine", "elsewhere")
    row = only(here, "machine")
    assert row["severity"] == "note"
    assert f"this machine is called {socket.gethostname()}" in row["observed"]


def test_nobody(here: TownHelper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    here.repo.config("user.useConfigOnly", "true")
    row = only(here, "identity")
    assert row["severity"] == "warning"
    follow(here, row)
    assert of(here, "identity") == []


def test_pauses(repo: GitRepo) -> None:
    here = chain(repo)
    here.ok("pause", "--all")
    here.repo.config("gitconvoy.paused", "true")
    assert of(here, "paused") == [("note", "gitconvoy.paused", False), ("note", "ledger", False)]
    follow(here, next(row for row in rows(here) if row["subject"] == "gitconvoy.paused"))
    here.ok("resume", "--all")
    assert of(here, "paused") == []


# --- the dispatcher -------------------------------------------------------------------------------------------------


def test_a_dispatcher_that_nobody_defined(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatcher", "agent")
    row = only(here, "dispatcher", code=1)
    assert "does not define the dispatcher 'agent'" in row["observed"]
    here.repo.config("gitconvoy.dispatch", "off")
    assert of(here, "dispatcher") == []


@pytest.mark.parametrize("setting", ["setupTimeout", "logLimit", "breaker"])
def test_settings_of_started_workers_that_cannot_be_meant(here: TownHelper, setting: str) -> None:
    here.repo.config("gitconvoy.dispatcher", "agent")
    here.repo.config("gitconvoy.dispatcher.agent.command", "sh -c true")
    assert of(here, "dispatcher") == []
    here.repo.config(f"gitconvoy.{setting}", "soon")
    assert of(here, "dispatcher", code=1) == [("error", "agent", False)]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("no-such-program-here -x", 1),
        ("/nowhere/agent", 1),
        (sys.executable, 0),
        ("./bin/agent", 0),
        ("{worktree}/x", 0),
    ],
)
def test_a_program_that_is_not_there(here: TownHelper, command: str, found: int) -> None:
    here.repo.config("gitconvoy.dispatcher", "agent")
    here.repo.config("gitconvoy.dispatcher.agent.command", command)
    assert of(here, "dispatcher") == [("warning", "agent", False)] * found
