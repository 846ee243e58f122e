"""How planning commands commit: exactly their files, or nothing at all (SPEC 3, 6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.cli.main import run
from gitconvoy.engine.plans import editing
from gitconvoy.engine.town import Town
from gitconvoy.planning.desk import Changes, Desk


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


@pytest.fixture
def planned(repo: GitRepo) -> TownHelper:
    return chain(repo)


def test_other_staged_and_unstaged_changes_stay(here: TownHelper) -> None:
    here.repo.write("staged.txt", "one")
    here.repo.git("add", "staged.txt")
    here.repo.write("staged.txt", "two")
    here.repo.write("README.md", "changed")
    here.repo.write("new.txt", "new")
    before = here.repo.status()
    here.ok("bead", "add", "Fix it")
    assert here.repo.status() == before
    assert here.repo.git("cat-file", "blob", ":staged.txt") == "one"


def test_no_commit_leaves_the_change_in_the_worktree(here: TownHelper) -> None:
    head = here.repo.head()
    made = here.json("bead", "add", "Later", "--id", "gt-l", "--no-commit")
    assert (made["commit"], made["changed"]) == (None, True)
    assert here.repo.head() == head
    assert here.repo.status() == ["?? .convoy/beads/gt-l.yaml"]


def test_a_file_that_a_person_is_changing_is_not_committed(here: TownHelper) -> None:
    here.ok("bead", "add", "Mine", "--id", "gt-m")
    file = here.repo.write(".convoy/beads/gt-m.yaml", "id: gt-m\ntitle: Changed by hand\n")
    head = here.repo.head()
    error = here.error("bead", "close", "gt-m")
    assert error["code"] == "uncommitted"
    assert ".convoy/beads/gt-m.yaml" in error["message"]
    assert "--no-commit" in error["hint"]
    assert file.read_text() == "id: gt-m\ntitle: Changed by hand\n"
    here.ok("bead", "close", "gt-m", "--no-commit")
    assert here.repo.head() == head
    assert "status: closed" in file.read_text()
    assert "Changed by hand" in file.read_text()


def test_a_commit_leans_on_nothing_that_is_not_committed(here: TownHelper) -> None:
    here.bead("gt-loose")
    head = here.repo.head()
    error = here.error("bead", "add", "Leans", "-d", "gt-loose")
    assert "gt-loose" in error["message"]
    assert "commit them first" in error["hint"]
    assert here.repo.head() == head
    assert here.repo.status() == ["?? .convoy/beads/gt-loose.yaml"]
    here.ok("bead", "add", "Stands alone")
    assert here.repo.status() == ["?? .convoy/beads/gt-loose.yaml"]


def test_config_that_is_not_committed_yet(repo: GitRepo) -> None:
    repo.config("gitconvoy.wake", "false")
    here = TownHelper(repo)
    here.ok("init", "--no-hooks", "--no-commit")
    error = here.error("bead", "add", "Too early")
    assert error["code"] == "uncommitted"
    here.commit()
    here.ok("bead", "add", "In time")


def test_failing_commit_restores_the_files(here: TownHelper) -> None:
    here.ok("bead", "add", "Mine", "--id", "gt-m")
    before = here.repo.read(".convoy/beads/gt-m.yaml")
    here.repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho not today >&2\nexit 1\n").chmod(0o755)
    assert "not today" in here.error("bead", "close", "gt-m")["message"]
    assert "not today" in here.error("bead", "add", "New")["message"]
    assert here.repo.read(".convoy/beads/gt-m.yaml") == before
    assert here.repo.status() == []


def test_symbolic_links_are_not_written_through(here: TownHelper, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for file in (here.path / ".convoy/beads").iterdir():
        file.unlink()
    (here.path / ".convoy/beads").rmdir()
    (here.path / ".convoy/beads").symlink_to(outside)
    assert here.error("bead", "add", "Escapes", "--no-commit")["code"] == "not-a-file"
    assert list(outside.iterdir()) == []


def test_without_a_town(repo: GitRepo) -> None:
    error = TownHelper(repo).error("bead", "add", "Nowhere")
    assert (error["code"], "gitconvoy init" in error["hint"]) == ("no-plan", True)


def test_where_the_files_should_be_and_are_not(here: TownHelper, tmp_path: Path) -> None:
    here.repo.git("sparse-checkout", "set", "--no-cone", "README.md")
    error = here.error("bead", "add", "Where?")
    assert (error["code"], "sparse-checkout add" in error["hint"]) == ("no-plan", True)
    here.repo.git("sparse-checkout", "disable")
    here.repo.git("switch", "--quiet", "--orphan", "empty")
    here.repo.commit()
    assert "git merge main" in here.error("bead", "add", "Where?")["hint"]
    bare = TownHelper(here.repo.clone(tmp_path / "bare.git", "--bare"))
    assert bare.error("bead", "add", "Where?")["code"] == "bare"
    bare.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    assert bare.json("bead", "list")["beads"] == []


def test_shallow_clone(here: TownHelper, tmp_path: Path) -> None:
    here.ok("bead", "add", "Old", "--id", "gt-old")
    clone = TownHelper(here.repo.clone(tmp_path / "shallow", "--depth", "1"))
    clone.ok("bead", "close", "gt-old")
    assert clone.files() == [".convoy/beads/gt-old.yaml"]
    assert clone.json("validate")["problems"] == []


def test_detached_head(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "--detach")
    answer = here.run("bead", "add", "Aside", "--id", "gt-d")
    assert (answer.code, "merged into the trunk (main)" in answer.err) == (0, True)
    assert here.repo.exists("HEAD:.convoy/beads/gt-d.yaml")
    assert not here.repo.exists("main:.convoy/beads/gt-d.yaml")


def test_newer_format_is_refused_clearly(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 2\nanything: new\n")
    here.commit()
    error = here.error("bead", "add", "Old tool", code=3)
    (problem,) = error["problems"]
    assert (problem["code"], "newer gitconvoy" in problem["message"]) == ("format", True)


def test_one_bad_file_freezes_itself_and_all_else_goes_on(planned: TownHelper) -> None:
    planned.repo.write(".convoy/beads/gt-bad.yaml", "id: gt-bad\ntitle: [\n")
    planned.commit()
    planned.ok("bead", "close", "gt-x")
    assert planned.error("bead", "close", "gt-bad", code=3)["problems"][0]["line"] > 0
    assert planned.json("validate", code=3)["problems"][0]["path"] == ".convoy/beads/gt-bad.yaml"


def test_unreadable_config_is_named(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "prefx: gt\n")
    here.commit()
    error = here.error("bead", "add", "Which prefix?", code=3)
    assert error["problems"][0]["path"] == ".convoy/config.yaml"
    assert "prefix" in error["problems"][0]["message"] + error["problems"][0]["hint"]


def test_a_race_for_one_file_is_made_anew(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else changes the file between reading and writing: both changes stay."""
    here.ok("bead", "add", "Shared", "--id", "gt-s")
    publish = editing.publish
    rivals = iter(["owner=bob"])

    def slow(town: Town, desk: Desk, changes: Changes, *, commit: bool = True) -> tuple[Changes, str | None]:
        for pair in rivals:
            here.ok("bead", "set", "gt-s", pair)
        return publish(town, desk, changes, commit=commit)

    monkeypatch.setattr(editing, "publish", slow)
    here.ok("bead", "set", "gt-s", "priority=0")
    bead = here.json("bead", "show", "gt-s")["bead"]
    assert (bead["owner"], bead["priority"]) == ("bob", 0)


def test_locked_index_is_a_lost_race(here: TownHelper) -> None:
    lock = here.repo.write(".git/index.lock", "")
    error = here.error("bead", "add", "Later", code=4)
    assert (error["code"], "try again" in error["hint"]) == ("index-locked", True)
    lock.unlink()
    assert here.repo.status() == []


def test_a_worker_plans_in_the_worktree_in_which_it_stands(
    here: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = here.repo.worktree(tmp_path / "work", "convoy/gt-a-1")
    monkeypatch.setenv("GITCONVOY_TOWN", str(here.path))
    monkeypatch.chdir(linked.path)
    assert run(["bead", "add", "Found on the way", "--id", "gt-found"]) == 0
    assert linked.exists("HEAD:.convoy/beads/gt-found.yaml")
    assert not here.repo.exists("main:.convoy/beads/gt-found.yaml")
    monkeypatch.chdir(tmp_path)
    assert run(["bead", "add", "From nowhere", "--id", "gt-home"]) == 0
    assert here.repo.exists("main:.convoy/beads/gt-home.yaml")
