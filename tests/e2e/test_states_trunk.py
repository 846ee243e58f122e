"""The trunk's branch and the ledger's: left, renamed, deleted, checked out, pushed and fetched (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hookedtowns import A_FILE, CLOSING, DISPATCHED, OPEN, HookedTown, hooked_town

LEDGER = "refs/heads/convoy-ledger"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


def test_a_branch_that_begins(here: HookedTown) -> None:
    here.close()
    assert "gitconvoy" not in here.does("switch", "-c", "topic")
    here.sound(f" M {A_FILE}")
    assert "gitconvoy" not in here.does("commit", "-a", "-m", "Close it")
    assert here.news() == []
    assert "gitconvoy" not in here.does("switch", "main")
    assert here.news() == []
    here.sound()


def test_trunk_that_is_renamed(here: HookedTown) -> None:
    here.does("branch", "-m", "main", "trunk")
    here.close()
    said = here.does("commit", "--quiet", "-a", "-m", "Close it")
    assert said == (
        "gitconvoy: the trunk (main) is no branch here: nothing is dispatched\n"
        "hint: bring it back, or name the branch that has the plan: git config gitconvoy.trunk BRANCH\n"
    )
    error = here.error("status")
    assert "git config gitconvoy.trunk" in error["hint"]
    assert here.news() == []
    here.does("config", "gitconvoy.trunk", "trunk")
    here.ok("scan")
    assert here.news() == CLOSING
    here.sound()


def test_trunk_that_is_deleted(here: HookedTown) -> None:
    here.closing_branch()
    here.quietly("switch", "--quiet", "topic")
    here.does("branch", "-D", "main")
    answer = here.run("scan")
    assert (answer.code, "the trunk is gone" in answer.err) == (1, True)
    assert here.news() == []
    said = here.does("switch", "-c", "main")
    assert DISPATCHED in said
    assert here.news() == CLOSING
    here.sound()


def test_trunk_that_is_deleted_and_on_a_remote(here: HookedTown, tmp_path: Path) -> None:
    forge = here.repo.clone(tmp_path / "forge.git", "--bare")
    here.repo.git("remote", "add", "origin", str(forge.path))
    here.repo.git("fetch", "--quiet", "origin")
    here.quietly("switch", "--quiet", "-c", "topic")
    here.does("branch", "-D", "main")
    here.ok("scan")
    assert here.news() == []
    assert here.json("status", OPEN)["active"][0]["bead"] == "gt-a"
    here.sound()


def test_ledger_that_is_checked_out(here: HookedTown) -> None:
    said = here.does("switch", "convoy-ledger")
    assert "gitconvoy: this branch is the ledger: gitconvoy alone adds commits to it" in said
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert here.news() == CLOSING
    assert here.repo.status(), "as with any branch that moves below a worktree"
    here.does("reset", "--quiet", "--hard")
    here.does("switch", "--quiet", "main")
    here.sound()


def test_commit_on_the_ledger(here: HookedTown) -> None:
    here.quietly("switch", "--quiet", "convoy-ledger")
    here.repo.write("notes.txt", "hello\n")
    here.repo.git("add", "notes.txt")
    before = here.repo.head()
    said = here.does("commit", "-m", "Mine", code=1)
    assert "the commit is refused: this branch is the ledger" in said
    assert here.repo.head() == before
    here.does("switch", "--quiet", "-c", "mine")
    here.sound("A  notes.txt", valid=False)


def test_ledger_that_is_pushed_and_fetched(here: HookedTown, tmp_path: Path) -> None:
    forge = here.repo.clone(tmp_path / "forge.git", "--bare")
    here.repo.git("remote", "add", "origin", str(forge.path))
    clone = HookedTown(forge.clone(tmp_path / "clone"), here.begun)
    clone.ok("hooks", "install")
    here.close()
    here.saved("Close it")
    here.ok("scan")
    here.does("push", "--quiet", "origin", "main", "convoy-ledger")
    assert clone.json("status", OPEN)["progress"]["closed"] == 0
    assert clone.does("pull", "--quiet") == "gitconvoy: this clone dispatches nothing (gitconvoy.dispatch is off)\n"
    found = clone.json("status", OPEN)
    assert (found["ledger"]["source"], found["active"][0]["bead"]) == ("remote", "gt-b")
    clone.does("fetch", "--quiet", "origin", "convoy-ledger:convoy-ledger")
    assert clone.events() == here.events()
    clone.sound()
    here.sound()


def delete(here: HookedTown) -> None:
    here.does("branch", "-D", "convoy-ledger")


def set_back(here: HookedTown) -> None:
    here.does("update-ref", LEDGER, f"{LEDGER}~1")


@pytest.mark.parametrize("damage", [delete, set_back])
def test_ledger_that_is_deleted_or_set_back(here: HookedTown, damage: Callable[[HookedTown], None]) -> None:
    last, events = here.repo.head(LEDGER), here.events()
    damage(here)
    left = here.events()
    here.close()
    said = here.does("commit", "--quiet", "-a", "-m", "Close it")
    assert "gitconvoy: the branch convoy-ledger" in said
    assert last[:10] in said
    assert "gitconvoy doctor --fix" in said
    assert here.error("scan")["code"] == "ledger-rewound"
    assert here.events() == left
    here.run("doctor", "--fix")
    here.ok("scan")
    assert here.events() == [*events, *CLOSING]
    here.sound()
