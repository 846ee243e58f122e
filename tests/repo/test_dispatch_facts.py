"""Facts and files (SPEC 1): what people say in commits of the trunk, and where the state is read from."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, town

from gitconvoy.engine.trunk import statuses
from gitconvoy.model.kinds import BEAD as BEAD_KIND

FLOW = "hq-cv-flow"
BEAD = ".convoy/beads/gt-a.yaml"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


@pytest.fixture
def running(here: TownHelper) -> TownHelper:
    """gt-a <- gt-b in an open convoy, gt-a in flight."""
    here.bead("gt-a")
    here.bead("gt-b", depends_on=["gt-a"])
    here.convoy(FLOW, "gt-a", "gt-b")
    here.commit("plan")
    here.ok("launch", FLOW)
    return here


def say(here: TownHelper, status: str, bead: str = "gt-a") -> str:
    """A person commits a bead's status by hand."""
    here.bead(bead, status=status)
    return here.commit(f"{bead} {status}")


def done(here: TownHelper, bead: str = "gt-a", worker: str = "gt/polecat-1") -> None:
    here.ok("--actor", worker, "done", bead)


def test_closing_by_hand_ends_the_attempt_and_starts_the_next_wave(running: TownHelper) -> None:
    commit = say(running, "closed")
    running.ok("scan")
    assert running.events()[-2:] == ["done gt-a", "dispatch gt-b to gt/polecat-1 (attempt 1)"]
    causes = running.repo.git("log", "-2", "--format=%(trailers:key=Convoy-Cause,valueonly)", "convoy-ledger").split()
    assert causes == ["scan", commit]
    assert running.run("--actor", "gt/polecat-1", "done", "gt-a").code == 1


@pytest.mark.parametrize("status", ["in_progress", "blocked", "deferred"])
def test_wip_and_frozen_let_an_attempt_finish_and_prevent_the_next(running: TownHelper, status: str) -> None:
    say(running, status)
    running.ok("scan")
    assert running.ledger().bead("gt-a").live
    running.ok("--actor", "gt/polecat-1", "fail", "gt-a")
    running.ok("bead", "retry", "gt-a")
    running.ok("scan")
    assert not running.ledger().bead("gt-a").live
    assert running.ledger().bead("gt-a").attempt == 1


def test_an_untracked_bead_finishes_and_is_not_started_again(running: TownHelper) -> None:
    running.convoy(FLOW, "gt-b")
    running.commit("untrack")
    running.ok("scan")
    assert running.ledger().bead("gt-a").live
    running.ok("--actor", "gt/polecat-1", "fail", "gt-a")
    running.ok("bead", "retry", "gt-a")
    assert not running.ledger().bead("gt-a").live


def test_a_status_that_leaves_file_status_reopens(running: TownHelper) -> None:
    done(running)
    say(running, "blocked")
    running.ok("scan")
    assert running.events()[-1] == "reopen gt-a"
    assert running.state().ledger.bead("gt-a").status is None
    say(running, "open")
    running.ok("scan")
    assert running.ledger().bead("gt-a").attempt == 2, "it starts anew, counted on"


def test_several_commits_between_two_looks(running: TownHelper) -> None:
    done(running)
    say(running, "closed")
    say(running, "open")
    running.ok("scan")
    assert "done gt-a" in running.events()[-3:]
    assert running.ledger().bead("gt-a").live, "closed, then opened again by hand: there is work to do"


def test_a_close_that_was_taken_back_between_two_looks_ended_the_attempt(running: TownHelper) -> None:
    say(running, "closed")
    say(running, "open")
    running.ok("scan")
    record = running.ledger().bead("gt-a")
    assert (record.attempt, record.live) == (2, True)


def test_merged_work_counts_through_the_merge_commit(running: TownHelper) -> None:
    running.branch("topic")
    say(running, "closed")
    running.ok("scan")
    assert running.ledger().bead("gt-a").live, "a topic branch says nothing"
    running.repo.git("switch", "--quiet", "main")
    running.repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    running.ok("scan")
    assert not running.ledger().bead("gt-a").live
    assert running.ledger().bead("gt-b").live


def test_an_amended_trunk_is_looked_at_at_its_tip(running: TownHelper) -> None:
    say(running, "closed")
    running.ok("scan")
    running.repo.git("commit", "--quiet", "--amend", "-m", "said otherwise")
    running.ok("scan")
    tip = running.repo.head("convoy-ledger")
    running.ok("scan")
    assert running.repo.head("convoy-ledger") == tip
    assert running.events().count("done gt-a") == 1


def test_a_rewritten_trunk_that_says_open_again(running: TownHelper) -> None:
    """The file is the only truth of a bead that closed in it: rewriting it away opens the bead again."""
    before = running.repo.head()
    say(running, "closed")
    running.ok("scan")
    running.repo.git("reset", "--quiet", "--hard", before)
    running.ok("scan")
    assert running.ledger().bead("gt-a").attempt == 2


def test_a_launch_by_hand(here: TownHelper) -> None:
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a", status="open")
    here.commit("plan")
    here.ok("scan")
    assert here.events() == ["init town", f"launch {FLOW}", "dispatch gt-a to gt/polecat-1 (attempt 1)"]


def test_closing_a_convoy_by_hand(running: TownHelper) -> None:
    running.convoy(FLOW, "gt-a", "gt-b", status="closed")
    running.commit("enough")
    running.ok("scan")
    assert running.events()[-1] == f"close {FLOW}"
    assert running.ledger().bead("gt-a").live
    done(running)
    assert running.events()[-1] == "done gt-a"
    running.convoy(FLOW, "gt-a", "gt-b", status="open")
    running.commit("on again")
    running.ok("scan")
    assert running.events()[-2:] == [f"reopen {FLOW}", "dispatch gt-b to gt/polecat-1 (attempt 1)"]


def test_an_illegal_transition_freezes_and_is_reported(running: TownHelper) -> None:
    running.convoy(FLOW, "gt-a", "gt-b", status="open")
    running.commit("by hand")
    running.ok("scan")
    running.convoy(FLOW, "gt-a", "gt-b")
    running.commit("staged again, although something was dispatched")
    told = running.json("scan")
    assert [(event["event"], event["convoy"]) for event in told["events"]] == [("pause", FLOW)]
    done(running)
    assert not running.ledger().bead("gt-b").live
    running.convoy(FLOW, "gt-a", "gt-b", status="open")
    running.commit("mended")
    running.ok("resume", FLOW)
    assert running.ledger().bead("gt-b").live


def test_two_open_convoys_of_one_bead_dispatch_nothing(here: TownHelper) -> None:
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a", status="open")
    here.convoy("hq-cv-too", "gt-a", status="open")
    here.commit("a clean merge could do that")
    here.ok("scan")
    assert not here.ledger().bead("gt-a").live
    assert {row["class"] for row in here.json("stranded")["convoys"]} == {"stuck"}


def test_one_bad_file_freezes_itself_and_its_convoy_and_nothing_else(here: TownHelper) -> None:
    here.bead("gt-a")
    here.bead("gt-b")
    here.repo.write(".convoy/beads/gt-torn.yaml", "id: gt-torn\ntitle: [\n")
    here.convoy(FLOW, "gt-a", "gt-torn", status="open")
    here.convoy("hq-cv-fine", "gt-b", status="open")
    here.commit("plan")
    here.ok("scan")
    assert not here.ledger().bead("gt-a").live
    assert here.ledger().bead("gt-b").live
    status = here.json("status")
    assert any("gt-torn" in line for line in status["notes"])
    assert {row["id"]: row["frozen_by"] for row in status["convoys"]} == {FLOW: ["gt-torn"], "hq-cv-fine": []}


def test_a_bad_config_freezes_dispatch(running: TownHelper) -> None:
    running.repo.write(".convoy/config.yaml", "format: 1\nprefx: gt\n")
    running.commit("a slip")
    done(running)
    assert not running.ledger().bead("gt-b").live
    assert any("settings" in line for line in running.json("status")["notes"])
    running.repo.git("revert", "--no-edit", "HEAD")
    running.ok("scan")
    assert running.ledger().bead("gt-b").live


def test_a_plan_on_a_topic_branch_is_inert(here: TownHelper) -> None:
    here.branch("planning")
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a", status="open")
    here.commit("plan")
    here.ok("scan")
    assert here.events() == []
    assert here.error("launch", FLOW)["code"] in ("not-found", "not-on-trunk")
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "planning")
    here.ok("scan")
    assert here.ledger().bead("gt-a").live


def test_head_and_worktree_are_never_read(running: TownHelper) -> None:
    running.repo.write(BEAD, "id: gt-a\ntitle: A\nstatus: closed\n")
    running.ok("scan")
    assert running.ledger().bead("gt-a").live, "not committed"
    running.repo.git("checkout", "--quiet", "--", ".")
    running.repo.git("switch", "--quiet", "--detach", "HEAD~1")
    assert running.json("status", FLOW)["progress"]["total"] == 2
    assert running.json("ready")["beads"] == []


def test_a_trunk_without_commits(tmp_path: Path) -> None:
    made = new_repo(tmp_path / "empty")
    made.config("gitconvoy.wake", "false")
    made.config("gitconvoy.dispatch", "local")
    here = TownHelper(made)
    for words in (["status"], ["list"], ["ready"], ["launch", FLOW], ["next", "--claim"], ["feed"]):
        assert here.error(*words)["code"] in ("no-plan", "not-found"), words
    assert here.json("scan")["events"] == []
    assert here.events() == []
    here.ok("init", "--no-hooks", "--prefix", "gt")
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a")
    here.commit("plan")
    here.ok("launch", FLOW)
    assert here.ledger().bead("gt-a").live


def test_a_clone_reads_the_remote_ledger_and_writes_none(running: TownHelper, tmp_path: Path) -> None:
    there = TownHelper(running.repo.clone(tmp_path / "clone"))
    status = there.json("status", FLOW)
    assert (status["ledger"]["source"], status["role"]) == ("remote", "off")
    assert [row["bead"] for row in status["active"]] == ["gt-a"]
    assert any("remote-tracking" in line for line in status["notes"])
    assert there.json("log")["entries"]
    assert there.json("why", "gt-b")["ready"] is False
    for words in (
        ["launch", FLOW], ["scan"], ["feed"], ["next", "--claim"], ["done", "gt-a"], ["fail", "gt-a"], ["check"],
        ["heartbeat", "gt-a"], ["unsling", "gt-a"], ["sling", "gt-b"], ["pause", "--all"], ["resume", "--all"],
        ["close", FLOW], ["reopen", FLOW], ["land", FLOW],
    ):  # fmt: skip
        error = there.error(*words)
        assert error["code"] == "role", words
        assert "gitconvoy.dispatch" in error["message"] + error["hint"]
    assert not there.repo.exists("refs/heads/convoy-ledger")
    assert there.json("next")["bead"] is None


def test_a_clone_that_takes_over_goes_on_where_the_shared_ledger_ends(running: TownHelper, tmp_path: Path) -> None:
    there = TownHelper(running.repo.clone(tmp_path / "clone"))
    there.repo.config("gitconvoy.dispatch", "local")
    there.repo.config("gitconvoy.wake", "false")
    there.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert there.ledger().bead("gt-b").live
    assert there.repo.run("merge-base", "--is-ancestor", "origin/convoy-ledger", "convoy-ledger").returncode == 0


def test_without_a_ledger_anywhere(here: TownHelper) -> None:
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a")
    here.commit("plan")
    status = here.json("status")
    assert (status["ledger"]["source"], status["ledger"]["tip"]) == ("none", None)
    assert any("no ledger" in line for line in status["notes"])


def test_a_machine_without_the_dispatcher_dispatches_nothing(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  dispatcher: elsewhere\n")
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a")
    here.commit("plan")
    assert here.json("launch", FLOW)["dispatched"] == []
    status = here.json("status")
    assert status["dispatcher"] == {"name": "elsewhere", "defined": False}
    assert any("elsewhere" in line for line in status["notes"])
    assert here.error("feed")["code"] == "no-dispatcher"
    assert here.error("sling", "gt-a")["code"] == "no-dispatcher"
    assert here.json("next", "--claim")["bead"]["id"] == "gt-a", "claims need no dispatcher"


@pytest.mark.parametrize("count", [3, 30])
def test_what_files_say_in_a_commit(here: TownHelper, count: int) -> None:
    """Few files are looked up one by one, many at once."""
    names = [f"gt-{number:02}" for number in range(count)]
    paths = [here.bead(name, **({"status": "blocked"} if number % 2 else {})) for number, name in enumerate(names)]
    paths.append(here.repo.write(".convoy/beads/gt-torn.yaml", "status: [").relative_to(here.path).as_posix())
    commit = here.commit("many")
    found = statuses(here.open().repo, commit, [*paths, ".convoy/beads/gt-gone.yaml"], BEAD_KIND)
    assert found == {name: "blocked" if number % 2 else "open" for number, name in enumerate(names)}
    assert statuses(here.open().repo, here.repo.head("HEAD~1"), paths, BEAD_KIND) == {}
    assert statuses(here.open().repo, None, paths, BEAD_KIND) == {}
