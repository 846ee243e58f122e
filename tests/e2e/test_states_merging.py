"""Merges, pulls and what becomes of them, with real hooks (SPEC 3.3, 6, 7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import GitRepo
from hookedtowns import A_FILE, CLOSING, DISPATCHED, OPEN, STAGED, HookedTown, hooked_town
from waiting import until
from workshops import processes_of


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


def both_change(here: HookedTown) -> None:
    """The branch topic closes gt-a, and both give it a title of their own; neither is seen by hooks."""
    here.closing_branch()
    here.quietly("switch", "--quiet", "topic")
    here.bead("gt-a", title="A third", status="closed")
    here.saved("A third title")
    here.quietly("switch", "--quiet", "main")
    here.bead("gt-a", title="Another", status="open")
    here.saved("Another title")
    here.ok("scan")


def forge(here: HookedTown, folder: Path) -> GitRepo:
    """A bare repository named origin, on whose main gt-a is closed."""
    here.closing_branch()
    made = here.repo.clone(folder / "forge.git", "--bare")
    made.git("update-ref", "refs/heads/main", made.head("topic"))
    here.repo.git("remote", "add", "origin", str(made.path))
    here.repo.git("branch", "--quiet", "-D", "topic")
    return made


def test_conflict_and_its_resolution(here: HookedTown) -> None:
    both_change(here)
    assert "CONFLICT" in here.does("merge", "topic", code=1)
    said = here.does("commit", "-a", "-m", "With its markers", code=1)
    assert f"{A_FILE}:" in said
    assert "conflict" in said
    assert here.news() == []
    here.bead("gt-a", title="Another", status="closed")
    here.repo.git("add", A_FILE)
    assert DISPATCHED in here.does("commit", "--quiet", "--no-edit")
    assert here.news() == CLOSING
    here.sound()


def test_conflict_that_is_not_looked_at(here: HookedTown) -> None:
    both_change(here)
    here.does("merge", "topic", code=1)
    here.does("add", A_FILE)
    said = here.does("commit", "--quiet", "--no-verify", "--no-edit")
    assert "dispatched" not in said
    (problem,) = here.json("validate", code=3)["problems"]
    assert (problem["code"], problem["path"]) == ("yaml-conflict", A_FILE)
    here.ok("scan")
    assert here.news() == []
    here.sound(valid=False)


def test_merge_abort(here: HookedTown) -> None:
    both_change(here)
    here.does("merge", "topic", code=1)
    assert here.does("merge", "--abort") == ""
    here.ok("scan")
    assert here.news() == []
    here.sound()


def test_octopus(here: HookedTown) -> None:
    here.closing_branch("one")
    here.quietly("switch", "--quiet", "-c", "two")
    here.widen()
    here.saved("Wider")
    here.quietly("switch", "--quiet", "main")
    here.repo.write("code.txt", "meanwhile\n")
    here.saved("Code")
    said = here.does("merge", "--quiet", "-m", "Both", "one", "two")
    assert DISPATCHED in said
    assert "dispatched gt-c" in said
    assert len(here.repo.git("rev-list", "--parents", "-1", "HEAD").split()) == 4
    assert [problem["code"] for problem in here.json("validate")["problems"]] == ["stale-plan"]
    here.sound()


def test_clean_merge_that_breaks_the_plan(here: HookedTown) -> None:
    here.quietly("switch", "--quiet", "-c", "topic")
    here.convoy("hq-cv-mine", "gt-y", status="staged_ready")
    here.bead("gt-y", status="open")
    here.saved("Mine")
    here.quietly("switch", "--quiet", "main")
    here.convoy(STAGED, "gt-x", "gt-y", status="staged_ready")
    here.bead("gt-y", status="open")
    here.saved("Ours")
    before = here.repo.head()
    said = here.does("merge", "-m", "Both", "topic", code=1)
    assert "hq-cv-mine" in said
    assert "gt-y" in said
    assert "the commit is refused" in said
    here.does("merge", "--abort")
    assert (here.repo.head(), here.news()) == (before, [])
    here.sound()


def test_merge_of_a_branch_from_before_a_launch(here: HookedTown) -> None:
    here.quietly("branch", "old", "HEAD")
    here.convoy(STAGED, "gt-x", status="open")
    here.saved("Launch")
    here.ok("scan")
    news = here.news()
    here.quietly("switch", "--quiet", "old")
    here.repo.write("code.txt", "old\n")
    here.saved("Code")
    here.quietly("switch", "--quiet", "main")
    here.does("merge", "--quiet", "--no-edit", "old")
    assert here.json("status", STAGED)["convoy"]["status"] == "open"
    assert here.news() == news == [f"launch {STAGED}", "dispatch gt-x to gt/polecat-2 (attempt 1)"]
    here.sound()


def test_pull_with_rebase_and_autostash(here: HookedTown, tmp_path: Path) -> None:
    forge(here, tmp_path)
    here.repo.write("code.txt", "local\n")
    here.saved("Local commit")
    here.repo.write("README.md", "half an edit\n")
    said = here.does("pull", "--quiet", "--rebase", "--autostash", "origin", "main")
    assert DISPATCHED in said
    until(lambda: not processes_of(here.path), "the end of all scans")
    assert here.news() == CLOSING
    here.sound(" M README.md")


def test_pull_with_a_fast_forward_rebase(here: HookedTown, tmp_path: Path) -> None:
    forge(here, tmp_path)
    here.repo.write("README.md", "half an edit\n")
    here.does("pull", "--quiet", "--rebase", "--autostash", "origin", "main")
    until(lambda: not processes_of(here.path), "the end of all scans")
    until(lambda: here.news() == CLOSING, "the reaction")
    here.sound(" M README.md")


def test_fetch_moves_nothing(here: HookedTown, tmp_path: Path) -> None:
    forge(here, tmp_path)
    assert "gitconvoy" not in here.does("fetch", "origin")
    here.ok("scan")
    assert here.news() == []
    here.sound()


def test_push_of_the_trunk(here: HookedTown, tmp_path: Path) -> None:
    made = here.repo.clone(tmp_path / "forge.git", "--bare")
    here.repo.git("remote", "add", "origin", str(made.path))
    here.close()
    here.saved("Close it")
    here.ok("scan")
    here.does("push", "--quiet", "origin", "main")
    assert made.git("for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/convoy-ledger",
        "refs/heads/main",
    ]
    assert made.git("rev-list", "--count", "convoy-ledger") == str(here.begun), "the ledger goes only when it is pushed"
    assert here.json("status", OPEN)["progress"]["closed"] == 1
    here.sound()
