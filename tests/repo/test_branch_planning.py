"""Planning on a branch: what merging it would mean, and that the trunk is what counts (SPEC 1, 6)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain

CHANGED = (
    "note: this branch (topic) changes the plan, but the trunk's (main) is what counts: --at HEAD reads the plan here, "
    "`gitconvoy diff` says what merging it would change"
)
BEHIND = "note: this is the plan of the trunk (main), which has moved on since this branch (topic) left it"
READS = (
    ["status"], ["status", "hq-cv-1"], ["list"], ["ready"], ["blocked"], ["stranded"], ["workers"], ["why", "gt-b"],
    ["log"], ["plan"], ["bead", "list"], ["bead", "show", "gt-b"], ["dep", "tree", "gt-b"], ["mine"], ["next"],
)  # fmt: skip


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """The branch `topic` is checked out, on which nothing differs from the trunk yet."""
    made = chain(repo)
    made.branch("topic")
    return made


def notes(here: TownHelper, *words: str) -> list[str]:
    """The lines on stderr that tell of branches; stdout is one JSON object whatever they are."""
    here.json(*words)
    return [line for line in here.run(*words, "--json").err.splitlines() if line.startswith("note: this ")]


def test_every_read_says_that_the_branch_plans_otherwise(here: TownHelper) -> None:
    here.repo.write("README", "no plan\n")
    here.commit("code")
    assert notes(here, "status") == []
    here.bead("gt-new")
    here.commit("more work")
    for words in READS:
        assert notes(here, *words) == [CHANGED], words
        assert notes(here, *words, "--at", "HEAD") == notes(here, *words, "--at", "main") == [], words
    assert CHANGED in here.run("why", "gt-new").err, "also where the trunk does not know a bead"


def test_a_branch_that_is_only_behind(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-new")
    here.commit("the trunk moves on")
    assert notes(here, "ready") == []
    here.repo.git("switch", "--quiet", "topic")
    assert notes(here, "ready") == [BEHIND]
    here.repo.git("merge", "--quiet", "main")
    assert notes(here, "ready") == []


def test_a_detached_head_is_told_of_unless_git_is_at_work(here: TownHelper) -> None:
    here.bead("gt-new")
    here.commit("more work")
    here.repo.git("switch", "--quiet", "--detach")
    assert "the commit that is checked out changes the plan" in here.run("status").err
    (here.path / ".git" / "rebase-merge").mkdir()
    assert "checked out" not in here.run("status").err


def test_no_note_where_nobody_stands_on_a_branch(here: TownHelper, tmp_path: Path) -> None:
    here.bead("gt-new")
    here.commit("more work")
    bare = TownHelper(here.repo.clone(tmp_path / "bare", "--bare"))
    bare.repo.config("gitconvoy.trunk", "main")
    assert notes(bare, "status") == []


def test_workers_elsewhere_are_not_told(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gitconvoy.cli.main import run

    here.bead("gt-new")
    here.commit("more work")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITCONVOY_TOWN", os.fspath(here.path))
    assert run(["list"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.chdir(here.path)
    assert run(["list"]) == 0
    assert CHANGED in capsys.readouterr().err


def test_what_merging_would_mean(here: TownHelper) -> None:
    here.bead("gt-new", priority=0)
    here.bead("gt-late", depends_on=["gt-new"])
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", "gt-late", "gt-new", status="open")
    here.commit("more work")
    at = ("--at", "HEAD")
    assert [bead["id"] for bead in here.json("ready", *at)["beads"]] == ["gt-new"]
    assert {bead["id"] for bead in here.json("blocked", *at)["beads"]} >= {"gt-b", "gt-late"}
    status = here.json("status", "hq-cv-1", *at)
    assert status["progress"]["total"] == 5
    assert [row["bead"] for row in status["active"]] == ["gt-a"], "what is at work now, with its lease"
    assert status["active"] == here.json("status", "hq-cv-1")["active"]
    assert here.json("plan", "hq-cv-1", *at)["waves"][0]["beads"] == ["gt-a", "gt-new"]
    assert here.json("ready")["beads"] == []


def test_staging_on_a_branch(here: TownHelper) -> None:
    here.bead("gt-y")
    here.bead("gt-z", depends_on=["gt-y"])
    here.commit("work that only the branch knows")
    events, trunk = here.events(), here.repo.head("main")
    answer = here.run("stage", "gt-y", "gt-z")
    assert answer.code == 0, answer.err
    convoy = next(row["id"] for row in here.json("list", "--at", "HEAD")["convoys"] if row["id"] != "hq-cv-1")
    assert f"next: gitconvoy launch {convoy}, once topic is merged into main" in answer.out
    assert "it takes effect once topic is merged into the trunk (main)" in answer.err
    assert (here.repo.head("main"), here.events()) == (trunk, events)
    assert here.files("topic") == [f".convoy/convoys/{convoy}.yaml", f".convoy/plans/{convoy}.yaml"]
    waves = here.json("plan", convoy, "--at", "HEAD")["waves"]
    assert [wave["beads"] for wave in waves] == [["gt-y"], ["gt-z"]]
    assert here.error("launch", convoy)["code"] == "not-on-trunk"
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--ff-only", "topic")
    assert here.json("launch", convoy)["dispatched"][0]["bead"] == "gt-y"
