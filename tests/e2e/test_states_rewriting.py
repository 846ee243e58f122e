"""History that is rewritten, replayed or taken back on the trunk, with real hooks (SPEC 1, 3.3, 6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hookedtowns import A_FILE, B_FILE, CLOSING, DISPATCHED, OPEN, STAGED, X_FILE, HookedTown, hooked_town
from waiting import until
from workshops import processes_of

AGAIN = "dispatch gt-a to gt/polecat-2 (attempt 2)"
"""gt-a is open again; who is at gt-b goes on."""


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


@pytest.fixture
def closed(here: HookedTown) -> HookedTown:
    """gt-a is closed on the trunk, gt-b at work."""
    here.close()
    here.saved("Close gt-a")
    here.ok("scan")
    assert here.news() == CLOSING
    return here


def settled(here: HookedTown) -> None:
    until(lambda: not processes_of(here.path), "the end of all scans")


def test_rebase_of_the_trunk(closed: HookedTown) -> None:
    closed.quietly("switch", "--quiet", "-c", "upstream", "HEAD~1")
    closed.repo.write("code.txt", "upstream\n")
    closed.saved("Upstream")
    closed.quietly("switch", "--quiet", "main")
    old = closed.repo.head()
    closed.does("rebase", "--quiet", "upstream")
    settled(closed)
    assert closed.repo.head() != old
    assert closed.news() == CLOSING
    closed.sound()


def test_rebase_with_fixup(closed: HookedTown) -> None:
    closed.bead("gt-b", depends_on=["gt-a"], status="open", priority=1)
    closed.quietly("commit", "--quiet", "-a", "--fixup", "HEAD")
    closed.does("rebase", "--quiet", "-i", "--autosquash", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "true"})
    settled(closed)
    assert closed.files() == [A_FILE, B_FILE]
    assert closed.news() == CLOSING
    closed.sound()


def test_rebase_that_drops_a_commit(closed: HookedTown) -> None:
    closed.repo.write("code.txt", "mine\n")
    closed.saved("Code")
    closed.does("rebase", "--quiet", "-i", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "sed -i -e 1d"})
    settled(closed)
    assert closed.news() == [*CLOSING, AGAIN]
    closed.sound()


def test_cherry_pick(here: HookedTown) -> None:
    here.closing_branch()
    assert DISPATCHED in here.does("cherry-pick", "topic")
    assert here.news() == CLOSING
    here.sound()


def test_am(here: HookedTown, tmp_path: Path) -> None:
    here.closing_branch()
    patch = tmp_path / "mail"
    patch.write_text(here.repo.git("format-patch", "--quiet", "-1", "topic", "--stdout", strip=False))
    assert DISPATCHED in here.does("am", "--quiet", str(patch))
    assert here.news() == CLOSING
    here.sound()


def test_revert_of_a_closed_bead(closed: HookedTown) -> None:
    said = closed.does("revert", "--no-edit", "HEAD")
    assert said.endswith("gitconvoy: dispatched gt-a to gt/polecat-2 (attempt 2)\n")
    assert closed.news() == [*CLOSING, AGAIN]
    closed.sound()


def test_revert_of_a_launch(here: HookedTown) -> None:
    here.convoy(STAGED, "gt-x", status="open")
    here.saved("Launch it by hand")
    here.ok("scan")
    launched = [f"launch {STAGED}", "dispatch gt-x to gt/polecat-2 (attempt 1)"]
    assert here.news() == launched
    said = here.does("revert", "--no-edit", "HEAD")
    assert here.news() == [*launched, f"pause {STAGED}"]
    assert "went from open to staged_ready" in said
    convoy = here.json("status", STAGED)["convoy"]
    assert (convoy["status"], convoy["paused"]) == ("open", True)
    assert here.json("--actor", "gt/polecat-2", "mine")["beads"], "what runs goes on"
    here.sound()
    here.does("revert", "--no-edit", "HEAD")
    here.ok("resume", STAGED)
    assert here.json("status", STAGED)["convoy"]["paused"] is False
    here.sound()


def test_revert_of_a_launch_that_dispatched_nothing(here: HookedTown) -> None:
    here.repo.write(X_FILE, here.repo.read(X_FILE) + "assignee: ada\n")
    here.convoy(STAGED, "gt-x", status="open")
    here.saved("Launch it by hand")
    here.ok("scan")
    assert here.news() == [f"launch {STAGED}"]
    said = here.does("revert", "--no-edit", "HEAD")
    assert f"gitconvoy: reopened {STAGED}: its file says staged_ready again" in said
    assert here.json("status", STAGED)["convoy"]["status"] == "staged_ready"
    here.sound()


def test_reset_hard(closed: HookedTown) -> None:
    assert closed.does("reset", "--hard", "HEAD~1").startswith("HEAD is now at")
    assert closed.news() == CLOSING, "git runs no hook"
    assert closed.run("scan").code == 0
    assert closed.news() == [*CLOSING, AGAIN]
    closed.sound()


def test_stash_and_its_return(here: HookedTown) -> None:
    here.close()
    assert "gitconvoy" not in here.does("stash")
    here.sound()
    here.bead("gt-x", priority=1, status="open")
    here.saved("Something else")
    here.does("stash", "pop", "--quiet")
    here.ok("scan")
    assert here.news() == []
    here.sound(f" M {A_FILE}")


def test_bisect(closed: HookedTown) -> None:
    for number in range(3):
        closed.repo.write("code.txt", f"{number}\n")
        closed.saved(f"Code {number}")
    closed.does("bisect", "start", "HEAD", "HEAD~4")
    assert "gitconvoy" not in closed.does("bisect", "good")
    closed.does("bisect", "bad")
    closed.ok("scan")
    assert closed.news() == CLOSING
    closed.does("bisect", "reset")
    assert closed.news() == CLOSING
    closed.sound()


def test_filter_branch(closed: HookedTown) -> None:
    old = closed.repo.head()
    quiet = {"FILTER_BRANCH_SQUELCH_WARNING": "1"}
    closed.does("filter-branch", "-f", "--msg-filter", "sed s/gt-a/it/", "HEAD~2..main", env=quiet)
    assert closed.repo.head() != old
    closed.ok("scan")
    assert closed.news() == CLOSING
    closed.sound()
    closed.repo.git("update-ref", "-d", "refs/original/refs/heads/main")
    closed.repo.git("reflog", "expire", "--expire=now", "--all")
    closed.repo.git("gc", "--quiet", "--prune=now")
    answer = closed.json("audit")
    assert {finding["severity"] for finding in answer["findings"]} == {"warning"}
    closed.sound()


def test_replaced_commits(here: HookedTown) -> None:
    """What `git replace` shows is one person's view; the trunk says what its objects say."""
    here.closing_branch()
    here.does("replace", "main", "topic")
    here.repo.write("code.txt", "mine\n")
    here.repo.git("add", "code.txt")
    here.ok("scan")
    assert here.news() == []
    here.repo.git("replace", "-d", here.repo.head())
    assert here.json("status", OPEN)["progress"]["closed"] == 0
    here.sound("A  code.txt")


def test_grafts(here: HookedTown) -> None:
    """A root commit by graft: the trunk's tip counts, how far its history goes does not."""
    here.repo.write(".git/info/grafts", f"{here.repo.head()}\n")
    here.close()
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "Close it")
    assert here.news() == CLOSING
    assert here.run("audit").code == 0
