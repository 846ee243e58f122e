"""Topic branches, every way of merging them, and people in the middle of something: with real hooks (SPEC 1, 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

CONVOY = "hq-cv-work"


@pytest.fixture
def hooked(repo: GitRepo) -> TownHelper:
    """A town with hooks, an open convoy, one bead at work and one that waits for it."""
    made = town(repo, hooks=True)
    made.bead("gt-first")
    made.bead("gt-later", depends_on=["gt-first"])
    made.convoy(CONVOY, "gt-first", "gt-later", status="open")
    made.commit("Plan")
    assert dispatched(made) == ["gt-first"]
    return made


def dispatched(made: TownHelper) -> list[str]:
    return [event.split()[1] for event in made.events() if event.startswith("dispatch ")]


def close_on_branch(made: TownHelper) -> None:
    made.branch("topic")
    made.bead("gt-first", status="closed")
    made.repo.git("commit", "--quiet", "-am", "First is done")
    made.bead("gt-first", status="closed", outcome="done")
    made.repo.git("commit", "--quiet", "-am", "Say so")


def fast_forward(made: TownHelper, _: Path) -> None:
    made.repo.git("switch", "--quiet", "main")
    made.repo.git("merge", "--quiet", "--ff-only", "topic")


def no_ff(made: TownHelper, _: Path) -> None:
    made.repo.git("switch", "--quiet", "main")
    made.repo.git("merge", "--quiet", "--no-ff", "-m", "Merge topic", "topic")


def squash(made: TownHelper, _: Path) -> None:
    made.repo.git("switch", "--quiet", "main")
    made.repo.git("merge", "--quiet", "--squash", "topic")
    made.repo.git("commit", "--quiet", "-m", "Squashed topic")


def rebase(made: TownHelper, _: Path) -> None:
    made.repo.git("switch", "--quiet", "main")
    made.repo.write("code.txt", "meanwhile\n")
    made.commit("Meanwhile on the trunk")
    made.repo.git("rebase", "--quiet", "main", "topic")
    made.repo.git("switch", "--quiet", "main")
    made.repo.git("merge", "--quiet", "--ff-only", "topic")


def pull(made: TownHelper, folder: Path) -> None:
    forge = made.repo.clone(folder / "forge.git", "--bare")
    made.repo.git("remote", "add", "origin", str(forge.path))
    made.repo.git("push", "--quiet", "origin", "topic:main")
    made.repo.git("switch", "--quiet", "main")
    made.repo.git("pull", "--quiet", "--ff-only", "origin", "main")


@pytest.mark.parametrize("merge", [fast_forward, no_ff, squash, rebase, pull])
def test_a_branch_dispatches_nothing_and_its_merge_does(
    hooked: TownHelper, tmp_path: Path, merge: Callable[[TownHelper, Path], None]
) -> None:
    close_on_branch(hooked)
    hooked.ok("scan")
    assert dispatched(hooked) == ["gt-first"]
    merge(hooked, tmp_path)
    assert dispatched(hooked) == ["gt-first", "gt-later"]
    assert hooked.repo.status() == []
    authors = hooked.repo.git("log", "--format=%s", "main")
    assert "convoy:" not in authors


def test_amend_changes_nothing_and_a_reset_opens_the_bead_again(hooked: TownHelper) -> None:
    hooked.bead("gt-first", status="closed")
    hooked.repo.git("commit", "--quiet", "-am", "First is done")
    hooked.repo.git("commit", "--quiet", "--amend", "-m", "First is done, better said")
    assert dispatched(hooked) == ["gt-first", "gt-later"]
    hooked.repo.git("reset", "--quiet", "--hard", "HEAD~1")
    hooked.ok("scan")
    assert dispatched(hooked) == ["gt-first", "gt-later", "gt-first"], "open again, and nobody is at it"
    assert hooked.repo.status() == []


def snapshot(path: Path) -> dict[str, str]:
    """Everything that belongs to the person: worktree, index, HEAD, branches, operations; not the ledger, not ours."""
    found = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        ours = name.startswith((".git/objects", ".git/gitconvoy", ".git/logs")) or "convoy-ledger" in name
        if file.is_file() and not ours:
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def rebasing(repo: GitRepo) -> None:
    conflict(repo)
    assert repo.run("rebase", "main", "topic").returncode != 0


def merging(repo: GitRepo) -> None:
    conflict(repo)
    repo.git("switch", "--quiet", "main")
    assert repo.run("merge", "topic").returncode != 0


def bisecting(repo: GitRepo) -> None:
    repo.git("bisect", "start", "HEAD", "HEAD~2")


def dirty(repo: GitRepo) -> None:
    repo.write("staged.txt", "staged\n")
    repo.git("add", "staged.txt")
    repo.write("staged.txt", "and changed again\n")
    repo.write(".convoy/beads/gt-later.yaml", "half an edit: [\n")
    (repo.path / ".git" / "COMMIT_EDITMSG").write_text("a message being written\n")


def detached(repo: GitRepo) -> None:
    repo.git("switch", "--quiet", "--detach", "HEAD~1")
    repo.write("untracked.txt", "mine\n")


def elsewhere(repo: GitRepo) -> None:
    repo.git("switch", "--quiet", "--orphan", "unborn")


def conflict(repo: GitRepo) -> None:
    repo.write("code.txt", "trunk\n")
    repo.commit("Trunk's way")
    repo.git("switch", "--quiet", "-c", "topic", "HEAD~1")
    repo.write("code.txt", "topic\n")
    repo.commit("Topic's way")


@pytest.mark.parametrize("state", [rebasing, merging, bisecting, dirty, detached, elsewhere])
def test_dispatch_leaves_a_person_in_the_middle_of_something_alone(
    hooked: TownHelper, state: Callable[[GitRepo], None]
) -> None:
    state(hooked.repo)
    before = snapshot(hooked.path)
    hooked.ok("--actor", "gt/polecat-1", "done", "gt-first")
    assert dispatched(hooked) == ["gt-first", "gt-later"]
    assert snapshot(hooked.path) == before


def test_two_linked_worktrees_share_one_ledger(hooked: TownHelper, tmp_path: Path) -> None:
    other = TownHelper(hooked.repo.worktree(tmp_path / "other", "side"))
    other.ok("--actor", "gt/polecat-1", "done", "gt-first")
    assert dispatched(hooked) == ["gt-first", "gt-later"]
    other.bead("gt-side")
    other.commit("Plan on the side")
    assert other.repo.status() == hooked.repo.status() == []


def test_a_clone_without_a_role_reads_and_writes_no_ledger(hooked: TownHelper, tmp_path: Path) -> None:
    hooked.repo.git("switch", "--quiet", "main")
    clone = TownHelper(hooked.repo.clone(tmp_path / "clone"))
    assert clone.json("status", CONVOY)["active"][0]["bead"] == "gt-first"
    error = clone.error("--actor", "gt/polecat-1", "done", "gt-first")
    assert "gitconvoy.dispatch" in error["message"] + error["hint"]
    assert not clone.repo.exists("refs/heads/convoy-ledger")
    assert clone.repo.status() == []
