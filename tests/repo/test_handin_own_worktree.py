"""What a worker left in the worktree that it was given: `done` takes no part of it for the whole (SPEC 7)."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from handing import status
from townfixtures import TownHelper
from workshops import close_workshop, open_workshop

BRANCH = "convoy/gt-a-1"
_AS_MR = "id: hq-cv-flow\ntitle: Flow\ntracks:\n  - gt-a\nmerge: mr\nstatus: open\n"


@dataclass(slots=True)
class Given:
    """An attempt at gt-a whose worker only waits: the tests do its work, in its worktree."""

    here: TownHelper
    tree: GitRepo
    token: str

    def commit(self, path: str) -> str:
        """Add a file with a commit; the commit."""
        self.tree.write(path, "work\n")
        return self.tree.commit(f"add {path}")

    def done(self, *more: str) -> dict[str, Any]:
        """Hand in, which must succeed."""
        return self.here.json("done", "gt-a", "--token", self.token, *more)

    def refused(self, *more: str) -> dict[str, Any]:
        """Hand in, which must be refused without a trace."""
        before = self.here.events(), self.here.repo.git("for-each-ref")
        error = self.here.error("done", "gt-a", "--token", self.token, *more)
        assert (self.here.events(), self.here.repo.git("for-each-ref")) == before
        return error

    def merged(self, path: str) -> bool:
        """Whether the base branch has a file."""
        return self.here.repo.run("cat-file", "-e", f"main:{path}").returncode == 0


@pytest.fixture
def given(repo: GitRepo, tmp_path: Path) -> Iterator[Given]:
    workshop = open_workshop(repo, tmp_path)
    workshop.worker('note("token", os.environ["GITCONVOY_TOKEN"]); time.sleep(600)')
    workshop.begin(convoy={"merge": "direct"})
    token = workshop.note("token")
    yield Given(workshop.here, GitRepo(workshop.worktree(), repo.env), token)
    close_workshop(workshop)


def test_work_that_went_on_on_another_branch_is_not_left_out(given: Given) -> None:
    given.commit("one.txt")
    given.tree.git("checkout", "--quiet", "-b", "feature-y")
    given.commit("two.txt")
    given.tree.write("three.txt", "dirty\n")
    error = given.refused()
    assert error["code"] == "elsewhere"
    assert f"stands on feature-y, which has a commit that {BRANCH} does not have" in error["message"]
    assert "--branch feature-y" in error["hint"]
    assert f"git checkout {BRANCH}" in error["hint"]
    assert given.refused("--branch", "feature-y")["code"] == "uncommitted"
    given.tree.commit("three")
    assert given.done("--branch", "feature-y")["status"] == "closed"
    assert [given.merged(f"{name}.txt") for name in ("one", "two", "three")] == [True] * 3


def test_work_on_a_detached_head_is_not_left_out(given: Given) -> None:
    given.commit("one.txt")
    given.tree.git("checkout", "--quiet", "--detach")
    given.commit("two.txt")
    error = given.refused()
    assert (error["code"], "(detached)" in error["message"]) == ("elsewhere", True)
    assert given.refused("--branch", BRANCH)["code"] == "elsewhere", "that names a part of it, too"
    assert f"git checkout -B {BRANCH}" in error["hint"]
    given.tree.git("checkout", "--quiet", "-B", BRANCH)
    assert given.done()["status"] == "closed"
    assert given.merged("two.txt")


def test_all_of_it_on_another_branch(given: Given) -> None:
    given.tree.git("checkout", "--quiet", "-b", "feature-x")
    given.commit("one.txt")
    error = given.refused()
    assert error["code"] == "elsewhere"
    assert "--branch feature-x" in error["hint"]
    assert given.done("--branch", "feature-x")["status"] == "closed"
    assert given.merged("one.txt")


def test_a_branch_that_was_renamed_is_named(given: Given) -> None:
    given.tree.git("branch", "--quiet", "-m", "my-nice-name")
    given.commit("one.txt")
    error = given.refused()
    assert error["code"] == "no-branch"
    assert "--branch my-nice-name" in error["hint"]
    assert given.done("--branch", "my-nice-name")["status"] == "closed"


def test_where_nothing_would_be_left_out_it_may_stand_anywhere(given: Given) -> None:
    given.commit("one.txt")
    given.tree.git("checkout", "--quiet", "--detach", "main")
    given.tree.write("two.txt", "dirty\n")
    assert given.refused()["code"] == "uncommitted"
    (given.tree.path / "two.txt").unlink()
    assert given.done()["status"] == "closed"


def test_a_person_may_hand_in_another_branch_instead(given: Given) -> None:
    given.commit("half.txt")
    mine = given.here.repo.worktree(given.here.path.parent / "mine", "my-fix")
    mine.write("fix.txt", "fix\n")
    mine.commit("a fix")
    assert given.done("--branch", "my-fix")["status"] == "closed"
    assert (given.merged("fix.txt"), given.merged("half.txt")) == (True, False)
    assert given.here.repo.exists(BRANCH)


def test_a_worktree_that_somebody_removed_holds_nobody_up(given: Given) -> None:
    given.commit("one.txt")
    shutil.rmtree(given.tree.path)
    assert given.done()["status"] == "closed"
    assert given.merged("one.txt")
    assert str(given.tree.path) not in given.here.repo.git("worktree", "list")


def test_a_removed_worktree_may_have_stood_elsewhere(given: Given) -> None:
    given.commit("one.txt")
    given.tree.git("checkout", "--quiet", "--detach")
    tip = given.commit("two.txt")
    shutil.rmtree(given.tree.path)
    error = given.refused()
    assert error["code"] == "elsewhere"
    assert f"git branch NAME {tip[:12]}" in error["hint"]
    given.here.repo.git("branch", "saved", tip)
    assert given.done("--branch", "saved")["status"] == "closed"


def test_the_folder_around_is_gone_as_well(given: Given) -> None:
    """As on a disk that is not mounted: git is not made to forget the worktree, and the remedy works."""
    given.commit("one.txt")
    folder = given.tree.path.parent
    folder.rename(folder.with_name("elsewhere"))
    error = given.here.error("done", "gt-a", "--token", given.token)
    assert f"git worktree remove -f -f {given.tree.path}" in error["hint"]
    given.here.repo.git("worktree", "remove", "-f", "-f", str(given.tree.path))
    assert given.done()["status"] == "closed"


def test_a_worktree_whose_link_is_broken(given: Given) -> None:
    given.commit("one.txt")
    (given.tree.path / ".git").unlink()
    error = given.refused()
    assert error["code"] == "broken"
    assert f"git -C {given.here.path} worktree repair" in error["hint"]
    given.here.repo.git("worktree", "repair")
    assert given.done()["status"] == "closed"


@pytest.mark.parametrize("trace", ["file", "commit"])
def test_what_a_check_leaves_behind_is_named_as_its_doing(given: Given, trace: str) -> None:
    given.commit("one.txt")
    code = "import pathlib, subprocess as s; pathlib.Path('junk.txt').write_text('junk')"
    if trace == "commit":
        code += "; s.run('git add . && git commit -qm autofix', shell=True, check=True)"
    given.here.repo.config("gitconvoy.rig.gt.verify", shlex.join([sys.executable, "-c", code]))
    error = given.here.error("done", "gt-a", "--token", given.token)
    assert error["code"] == "verify"
    assert "the check (gitconvoy.rig.gt.verify)" in error["message"]
    assert ("junk.txt" if trace == "file" else "has moved") in error["message"]
    if trace == "file":
        assert "name what it makes in .gitignore" in error["hint"]
    assert given.here.ledger().bead("gt-a").in_flight
    given.here.repo.config("gitconvoy.rig.gt.verify", "true")
    (given.tree.path / "junk.txt").unlink()
    if trace == "commit":
        given.tree.commit("no junk")
    assert given.done()["status"] == "closed"
    assert status(given.here, "gt-a") == ("closed", "done")


def without_code(given: Given, *named: str) -> None:
    """`--no-code` is refused, by the names of what it would leave out."""
    error = given.refused("--no-code")
    assert error["code"] == "has-commits"
    assert all(name in error["message"] for name in named), error["message"]


def test_a_word_leaves_no_work_out(given: Given) -> None:
    given.tree.write("draft.txt", "half\n")
    without_code(given, "not committed: draft.txt")
    given.commit("one.txt")
    without_code(given, f"{BRANCH} has a commit")
    given.tree.git("checkout", "--quiet", "-b", "elsewhere")
    given.commit("two.txt")
    without_code(given, f"{BRANCH} has a commit", "elsewhere has 2 commits")
    given.here.repo.git("worktree", "remove", "-f", "-f", str(given.tree.path))
    without_code(given, f"{BRANCH} has a commit")
    assert given.here.ledger().bead("gt-a").in_flight
    assert given.done("--no-code", "--force")["status"] == "closed"
    assert given.here.repo.exists(BRANCH)


def test_a_word_is_enough_where_nothing_was_made(given: Given) -> None:
    given.commit("one.txt")
    given.tree.git("reset", "--quiet", "--hard", "main")
    assert given.done("--no-code")["status"] == "closed"


def test_a_word_after_handing_in_does_not_make_the_work_undone(given: Given) -> None:
    given.here.repo.write(".convoy/convoys/hq-cv-flow.yaml", _AS_MR)
    given.here.commit("by others")
    given.commit("one.txt")
    assert given.done()["status"] == "submitted"
    without_code(given, f"{BRANCH} has a commit")


def test_an_attempt_that_is_lost_while_the_check_runs_closes_nothing(given: Given) -> None:
    tip = given.commit("one.txt")
    given.here.ok("pause", "--all")
    words = [sys.executable, "-m", "gitconvoy", "-C", str(given.here.path), "unsling", "gt-a"]
    given.here.repo.config("gitconvoy.rig.gt.verify", shlex.join(words))
    error = given.here.error("done", "gt-a", "--token", given.token)
    assert error["code"] == "not-live"
    assert "was taken back" in error["message"]
    assert f"{BRANCH} is kept" in error["hint"]
    assert given.here.repo.head(BRANCH) == tip
