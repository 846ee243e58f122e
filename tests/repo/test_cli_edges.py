"""Calls at the edge of what commands expect: no trunk, no plan, no terminal, words that nobody knows (SPEC 8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return chain(repo)


def without_trunk(here: TownHelper) -> None:
    here.branch("elsewhere")
    here.repo.git("branch", "-D", "main")


def without_plan(here: TownHelper) -> None:
    here.repo.git("rm", "-r", "--quiet", ".convoy")
    here.commit("no plan")


def test_a_trunk_that_is_gone_is_named_with_how_to_pin_another(here: TownHelper) -> None:
    without_trunk(here)
    for words in (["status"], ["list"], ["ready"], ["next"], ["why", "gt-a"]):
        error = here.error(*words)
        assert error["code"] == "no-trunk"
        assert "gitconvoy.trunk names main" in error["message"]
        assert "git config gitconvoy.trunk" in error["hint"]
        assert "init" not in error["hint"]
    here.repo.config("gitconvoy.trunk", "elsewhere")
    assert here.json("status")["trunk"]["branch"] == "elsewhere"


def test_where_init_is_what_is_missing_it_is_named(repo: GitRepo) -> None:
    error = TownHelper(repo).error("status")
    assert (error["code"], "gitconvoy init" in error["hint"]) == ("no-plan", True)


@pytest.mark.parametrize(("lose", "told"), [(without_trunk, "no such branch"), (without_plan, "holds no .convoy")])
def test_scan_is_not_content_when_live_attempts_have_lost_their_plan(here: TownHelper, lose: object, told: str) -> None:
    assert here.ok("scan") == "all is in order\n"
    assert callable(lose)
    lose(here)
    ended = here.run("scan")
    assert ended.code == 1
    assert "in order" not in ended.out
    assert told in ended.err
    assert "gt-a" in ended.err
    assert told in here.json("scan", code=1)["problem"]


def test_scan_without_plan_and_without_work_is_no_error(repo: GitRepo) -> None:
    made = TownHelper(repo)
    repo.config("gitconvoy.dispatch", "local")
    assert "no .convoy" in made.ok("scan")


@pytest.mark.parametrize("lose", [without_trunk, without_plan])
def test_the_log_is_there_as_long_as_there_is_a_ledger(here: TownHelper, lose: object) -> None:
    assert callable(lose)
    lose(here)
    assert "dispatch" in [entry["event"] for entry in here.json("log")["entries"]]
    assert "dispatch" in [entry["event"] for entry in here.json("log", "--bead", "gt-a")["entries"]]


def test_the_log_of_nothing_is_refused(repo: GitRepo) -> None:
    assert TownHelper(repo).error("log")["code"] == "no-plan"


def test_scan_waits_for_no_time_that_never_comes(here: TownHelper) -> None:
    assert here.error("scan", "--at", "253402300800", code=2)["code"] == "usage"
    assert here.error("scan", "--at", "-1", code=2)["code"] == "usage"


@pytest.mark.parametrize(
    ("words", "told"), [(["--status", "opne"], "did you mean open?"), (["--type", "bogus"], "known are bug, chore")]
)
def test_lists_of_what_nobody_knows_are_usage_errors(here: TownHelper, words: list[str], told: str) -> None:
    error = here.error("bead", "list", *words, code=2)
    assert told in error["hint"]


def test_lists_of_what_is_known_are_none(here: TownHelper) -> None:
    assert here.json("bead", "list", "--status", "hooked", "--type", "epic")["beads"] == []
    assert [row["id"] for row in here.json("bead", "list", "--type", "bug")["beads"]] == ["gt-x"]


def test_an_id_of_no_rig_is_added_with_a_warning(here: TownHelper) -> None:
    answer = here.run("bead", "add", "Elsewhere", "--id", "zz-1", "--json")
    assert (answer.code, json.loads(answer.out)["id"]) == (0, "zz-1")
    assert "zz-1 belongs to no rig" in answer.err
    assert "warning" not in here.run("bead", "add", "Here", "--id", "gt-here").err


def test_no_editor_is_opened_where_there_is_no_terminal(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_EDITOR", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    error = here.error("bead", "edit", "gt-b")
    assert (error["code"], "EDITOR" in error["hint"]) == ("no-editor", True)


def test_an_editor_that_somebody_chose_needs_no_terminal(
    here: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/Title of/Better/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    here.ok("bead", "edit", "gt-b")
    assert "title: Better gt-b" in here.repo.read(".convoy/beads/gt-b.yaml")


def test_numbers_that_json_does_not_have_are_text_in_answers(repo: GitRepo) -> None:
    here = town(repo)
    here.repo.write(".convoy/beads/gt-n.yaml", "id: gt-n\ntitle: N\nmetadata: {a: .nan, b: -.inf}\n")
    here.commit("numbers")
    out = here.ok("bead", "show", "gt-n", "--json")
    assert json.loads(out, parse_constant=pytest.fail)["bead"]["metadata"] == {"a": ".nan", "b": "-.inf"}
