"""`tidy` where nobody may push the trunk: on a topic branch, or as the one commit of a branch of its own (SPEC 1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges import Forge, share
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.ledger.read import REF

FLOW = "hq-cv-1"
FILES = [".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml", ".convoy/convoys/hq-cv-1.yaml"]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A convoy that is complete: the ledger closed gt-a, gt-b and the convoy, the files do not say so."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.convoy(FLOW, "gt-a", "gt-b")
    made.commit("plan")
    made.ok("validate")
    made.ok("launch", FLOW)
    for bead in ("gt-a", "gt-b"):
        made.ok("--actor", "gt/polecat-1", "done", bead, "--no-code")
    assert made.ledger().convoy(FLOW).status == "closed"
    return made


def everything(here: TownHelper) -> tuple[str, str, bytes, list[str]]:
    """HEAD, refs, the index, and what differs in the worktree."""
    status, index = here.repo.status(), (here.path / ".git" / "index").read_bytes()
    return here.repo.git("rev-parse", "HEAD"), here.repo.git("show-ref"), index, status


def test_a_branch_of_its_own_touches_nothing_else(here: TownHelper) -> None:
    here.repo.write("staged.txt", "1\n")
    here.repo.git("add", "staged.txt")
    here.repo.write("README.md", "mine\n")
    head, refs, index, status = everything(here)
    answer = here.json("tidy", "--branch", "tidy-1")
    commit = answer["commit"]
    after = everything(here)
    assert (after[0], after[2], after[3]) == (head, index, status)
    assert set(after[1].splitlines()) - set(refs.splitlines()) == {f"{commit} refs/heads/tidy-1"}
    assert here.repo.git("rev-parse", f"{commit}^") == here.repo.git("rev-parse", "main")
    assert set(FILES) <= set(here.files(commit))
    assert all(path.startswith(".convoy/") for path in here.files(commit))
    assert (answer["beads"], answer["convoys"]) == (["gt-a", "gt-b"], [FLOW])
    assert answer["next"] == ["git merge tidy-1"]


def test_from_any_branch(here: TownHelper) -> None:
    here.branch("topic")
    here.repo.git("rm", "-r", "--quiet", ".convoy")
    here.commit("no plan here")
    assert here.json("tidy", "--branch", "tidy-1")["commit"]


def test_how_it_becomes_a_pull_request(here: TownHelper, tmp_path: Path) -> None:
    share(here, tmp_path / "away")
    out = here.ok("tidy", "--branch", "tidy-1")
    assert "next: git push --set-upstream origin tidy-1, then open a pull request of tidy-1 into main" in out


def test_names_that_cannot_be(here: TownHelper) -> None:
    assert here.error("tidy", "--branch", "main")["code"] == "branch-exists"
    assert here.error("tidy", "--branch", "main/tidy")["code"] == "branch-exists"
    assert here.error("tidy", "--branch", "a..b")["code"] == "bad-branch"
    assert here.error("tidy", "--branch", "x", "--no-commit", code=2)["code"] == "options-clash"


def test_nobody_is_told_to_delete_the_trunk_or_the_ledger(here: TownHelper) -> None:
    for name in ("main", "convoy-ledger"):
        error = here.error("tidy", "--branch", name)
        assert (error["message"], error["hint"]) == (f"there is a branch {name} already", "name another one")
    here.ok("tidy", "--branch", "tidy-1")
    assert "git branch -d tidy-1" in here.error("tidy", "--branch", "tidy-1")["hint"]


def test_nothing_to_do_makes_no_branch(here: TownHelper) -> None:
    here.ok("tidy")
    answer = here.json("tidy", "--branch", "tidy-1")
    assert (answer["commit"], answer["next"]) == (None, [])
    assert not here.repo.exists("refs/heads/tidy-1")


def test_on_a_topic_branch(here: TownHelper) -> None:
    here.branch("topic")
    answer = here.json("tidy")
    assert answer["branch"] == "topic"
    assert here.events()[-1] == f"complete {FLOW}"
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--no-ff", "topic")
    here.ok("scan")
    assert here.json("tidy")["commit"] is None


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only", "--squash", "rebase"])
@pytest.mark.parametrize("moved", [False, True], ids=["at once", "later"])
def test_its_merge_ends_the_facts_and_voids_nothing(here: TownHelper, tmp_path: Path, how: str, moved: bool) -> None:
    forge: Forge = share(here, tmp_path / "away")
    forge.protect()
    here.ok("tidy", "--branch", "tidy-1")
    here.repo.git("push", "--quiet", "origin", "tidy-1")
    if moved and how != "--ff-only":
        here.repo.git("switch", "--quiet", "-c", "other", "main")
        here.repo.write("code.txt", "1\n")
        here.commit("code")
        here.repo.git("push", "--quiet", "origin", "other")
        here.repo.git("switch", "--quiet", "main")
        forge.merge("other")
    events = len(here.events())
    forge.merge("tidy-1", how)
    assert here.json("sync", "--trunk")["trunk"]["moved"]
    here.ok("scan")
    said = {line.split()[0] for line in here.events()[events:]}
    assert said <= {"done", "close"}, "the files are the truth from now on"
    ledger = here.ledger()
    assert {record.status for record in ledger.beads.values()} == {None}
    assert {record.status for record in ledger.convoys.values()} == {None}
    assert [here.json("bead", "show", bead)["bead"]["status"] for bead in ("gt-a", "gt-b")] == ["closed", "closed"]
    assert here.json("status", FLOW)["convoy"]["status"] == "closed"
    assert here.json("tidy", "--branch", "tidy-2")["commit"] is None
    here.ok("audit")
    here.ok("validate")
    before = here.repo.head(REF)
    here.ok("scan")
    assert here.repo.head(REF) == before
