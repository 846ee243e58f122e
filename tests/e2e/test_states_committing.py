"""Every way of `git commit`, with real hooks: what is checked, what follows, what stays a person's (SPEC 6, 7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hookedtowns import A_FILE, B_FILE, CLOSING, DISPATCHED, PLAN, HookedTown, hooked_town


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


def test_commit(here: HookedTown) -> None:
    here.bead("gt-new")
    here.repo.write("code.txt", "mine\n")
    here.repo.git("add", here.close())
    said = here.does("commit", "-m", "Close gt-a")
    assert said.endswith(f"gitconvoy: gt-a is done\n{DISPATCHED}\n")
    assert here.news() == CLOSING
    here.sound("?? .convoy/beads/gt-new.yaml", "?? code.txt")


def test_commit_all(here: HookedTown) -> None:
    here.repo.write("README.md", "staged\n")
    here.repo.git("add", "README.md")
    here.repo.write("README.md", "and changed again\n")
    here.close()
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "Everything")
    assert (here.news(), here.files()) == (CLOSING, [A_FILE, "README.md"])
    here.sound()


def test_commit_of_picked_hunks(here: HookedTown) -> None:
    here.close("gt-a")
    here.close("gt-b")
    assert DISPATCHED in here.does("commit", "--quiet", "-p", "-m", "Only gt-a", typed="y\nn\n")
    assert (here.news(), here.files()) == (CLOSING, [A_FILE])
    here.sound(f" M {B_FILE}")


def test_commit_of_paths(here: HookedTown) -> None:
    here.repo.write("staged.txt", "staged\n")
    here.repo.git("add", "staged.txt")
    convoy = here.widen()
    here.repo.git("add", "--intent-to-add", ".convoy/beads/gt-c.yaml")
    said = here.does("commit", "--quiet", "-m", "Wider", "--", convoy, ".convoy/beads/gt-c.yaml")
    assert f"gitconvoy: rewrote {PLAN}" in said
    assert here.files() == [".convoy/beads/gt-c.yaml", convoy, PLAN]
    assert here.news() == ["dispatch gt-c to gt/polecat-2 (attempt 1)"]
    here.sound("A  staged.txt")


def test_amend_that_adds_to_the_plan(here: HookedTown) -> None:
    here.widen()
    here.repo.git("add", "--all")
    before = here.repo.head("HEAD~1")
    said = here.does("commit", "--quiet", "--amend", "--no-edit")
    assert f"gitconvoy: rewrote {PLAN}" in said
    assert here.repo.head("HEAD~1") == before
    assert here.news() == ["dispatch gt-c to gt/polecat-2 (attempt 1)"]
    here.sound()


def test_reused_messages(here: HookedTown) -> None:
    here.repo.git("add", here.close())
    assert DISPATCHED in here.does("commit", "--quiet", "-c", "HEAD~1", env={"GIT_EDITOR": "true"})
    assert here.repo.git("log", "-1", "--format=%s") == here.repo.git("log", "-1", "--format=%s", "HEAD~2")
    here.sound()


def test_settings_of_one_command(here: HookedTown) -> None:
    here.close()
    said = here.does("-c", "user.name=Ada", "-c", "gitconvoy.paused=true", "commit", "--quiet", "-a", "-m", "Close it")
    assert said == "gitconvoy: gt-a is done\n"
    actor = here.repo.git(
        "log", "-1", "--format=%an %(trailers:key=Convoy-Actor,valueonly,separator=)", "convoy-ledger"
    )
    assert (here.news(), actor) == (CLOSING[:1], "Ada Ada")
    here.ok("scan")
    assert here.news() == CLOSING
    here.sound()


def test_no_verify(here: HookedTown) -> None:
    here.close()
    here.bead("gt-bad", depends_on=["gt-bad"])
    here.widen()
    here.repo.git("add", "--all")
    said = here.does("commit", "--quiet", "--no-verify", "-m", "Unchecked")
    assert DISPATCHED in said
    assert here.news() == [CLOSING[0], CLOSING[1], "dispatch gt-c to gt/polecat-2 (attempt 1)"]
    found = {problem["code"] for problem in here.json("validate", code=1)["problems"]}
    assert found == {"cycle", "stale-plan"}
    here.sound(valid=False)


def test_refused_commit(here: HookedTown) -> None:
    here.repo.write("code.txt", "mine\n")
    here.bead("gt-b", depends_on=["gt-a", "gt-nowhere"], status="open")
    here.repo.git("add", "--all")
    before = here.repo.head()
    said = here.does("commit", "-m", "No", code=1)
    assert f"{B_FILE}:5:5: " in said
    assert "the commit is refused: 1 error under .convoy/; nothing was lost" in said
    assert (here.repo.head(), here.news()) == (before, [])
    here.sound(f"M  {B_FILE}", "A  code.txt", valid=False)


def test_from_a_sub_directory(here: HookedTown) -> None:
    here.close()
    assert DISPATCHED in here.does("commit", "--quiet", "-m", "Here", "gt-a.yaml", cwd=here.path / ".convoy/beads")
    assert here.news() == CLOSING
    here.sound()


def test_git_dir_and_work_tree(here: HookedTown, tmp_path: Path) -> None:
    here.close()
    places = {"GIT_DIR": str(here.path / ".git"), "GIT_WORK_TREE": str(here.path)}
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "From afar", env=places, cwd=tmp_path)
    assert here.news() == CLOSING
    here.sound()


def test_index_of_ones_own(here: HookedTown, tmp_path: Path) -> None:
    mine = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    here.repo.git("read-tree", "HEAD", env=mine)
    here.widen()
    here.repo.git("add", "--all", env=mine)
    said = here.does("commit", "--quiet", "-m", "With another index", env=mine)
    assert f"gitconvoy: rewrote {PLAN}" in said
    assert here.news() == ["dispatch gt-c to gt/polecat-2 (attempt 1)"]
    assert here.repo.git("status", "--porcelain", env=mine) == ""
    here.repo.git("reset", "--quiet")
    here.sound()


def test_signing_that_fails(here: HookedTown) -> None:
    here.repo.config("gpg.program", "false")
    here.close()
    assert "gpg failed to sign" in here.does("-c", "commit.gpgsign=true", "commit", "-a", "-m", "Signed", code=128)
    assert here.news() == []
    here.sound(f" M {A_FILE}")
    here.repo.config("commit.gpgsign", "true")
    said = here.does("commit", "--quiet", "--no-gpg-sign", "-a", "-m", "Unsigned")
    assert said.startswith("gitconvoy: a commit could not be signed: gpg failed to sign the data\nhint: commit.gpgsign")
    assert here.news() == []
    here.repo.git("config", "--unset", "commit.gpgsign")
    here.ok("scan")
    assert here.news() == CLOSING
    here.sound()


def test_index_that_is_locked(here: HookedTown) -> None:
    here.close()
    lock = here.path / ".git/index.lock"
    lock.touch()
    assert "index.lock" in here.does("commit", "-a", "-m", "Locked", code=128)
    error = here.error("bead", "set", "gt-x", "priority=1", code=4)
    assert error["code"] == "index-locked"
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert here.news() == CLOSING
    lock.unlink()
    here.sound(f" M {A_FILE}")


def test_message_that_stays_empty(here: HookedTown) -> None:
    here.widen()
    here.repo.git("add", "--all")
    said = here.does("commit", env={"GIT_EDITOR": "true"}, code=1)
    assert "Aborting commit due to empty commit message" in said
    assert here.news() == []
    here.sound("A  .convoy/beads/gt-c.yaml", "M  .convoy/convoys/hq-cv-open.yaml", f"M  {PLAN}")


def test_commit_without_the_plan_starts_nothing(here: HookedTown) -> None:
    lock = here.path / ".git/gitconvoy/lock"
    lock.unlink()
    here.repo.write("code.txt", "mine\n")
    here.repo.git("add", "code.txt")
    assert "gitconvoy" not in here.does("commit", "-m", "Code")
    assert not lock.exists(), "whoever decides anything takes it"
    assert here.news() == []
    here.sound()
