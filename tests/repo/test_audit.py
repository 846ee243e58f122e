"""`audit` on real ledgers: what the commands wrote is in order, what was forged is named with its commit and rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from forging import FLOW, dispatch, event, forge, rewrite
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town

from gitconvoy.audit.run import audit
from gitconvoy.engine.town import Town
from gitconvoy.git import commits, trees
from gitconvoy.ledger import codec
from gitconvoy.model.ledger import Ledger


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work; gt-x in none."""
    return chain(repo)


def found(here: TownHelper, code: int = 1) -> list[tuple[str, str, str]]:
    """(commit, rule, severity) of each finding."""
    answer = here.json("audit", code=code)
    assert answer["ok"] == (code == 0)
    assert answer["commits_checked"] == int(here.repo.git("rev-list", "--count", "--first-parent", "convoy-ledger"))
    return [(each["commit"], each["rule"], each["severity"]) for each in answer["findings"]]


def test_what_commands_write_is_in_order(here: TownHelper) -> None:
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    here.ok("--actor", "gt/polecat-1", "fail", "gt-b", "--reason", "no")
    here.ok("bead", "retry", "gt-b")
    here.ok("sling", "gt-x", "--no-convoy")
    here.ok("unsling", "gt-x")
    here.ok("pause", "--all")
    here.ok("resume", "--all")
    here.bead("gt-b", depends_on=["gt-a"], status="closed")
    here.bead("gt-c", depends_on=["gt-b"], status="closed")
    here.commit("both by hand")
    here.ok("scan")
    here.ok("reopen", FLOW)
    assert found(here, 0) == []
    assert "all of them follow from the rules" in here.ok("audit")


def test_a_dispatch_while_blocked(here: TownHelper) -> None:
    commit = forge(here, dispatch(here, "gt-b"))
    assert found(here) == [(commit, "links", "error")]
    (finding,) = here.json("audit", code=1)["findings"]
    assert finding["event"] == "dispatch"
    assert set(finding["ids"]) == {"gt-b", "gt-a"}
    assert "gt-a is not closed" in finding["message"]
    assert f"{commit[:10]} dispatch: error" in here.run("audit").out


def test_what_was_forced_is_a_persons_word(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_workers: 1\n")
    here.bead("gt-y")
    here.commit("room for one")
    here.ok("sling", "gt-y", "--no-convoy", "--force")
    assert found(here, 0) == []


def test_a_dispatch_twice(here: TownHelper) -> None:
    commit = forge(here, dispatch(here, "gt-a"))
    assert (commit, "twice", "error") in found(here)


def test_a_dispatch_beyond_capacity(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_workers: 1\n")
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    here.commit("room for one")
    commit = forge(here, replace(dispatch(here, "gt-y", convoy="hq-cv-2"), convoy="hq-cv-2"))
    assert found(here) == [(commit, "capacity", "error")]


def test_a_second_bead_for_one_worker(here: TownHelper) -> None:
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    here.commit("more")
    commit = forge(here, replace(dispatch(here, "gt-y", convoy="hq-cv-2", worker="gt/polecat-1"), convoy="hq-cv-2"))
    assert found(here) == [(commit, "worker-busy", "error")]


def test_a_stale_token_and_an_attempt_that_is_over(here: TownHelper) -> None:
    over = {"status": None, "token": None, "since": None, "machine": None, "via": None, "worker": None}
    failed = {**over, "failures": 1}
    first = forge(here, event(here, "fail", "gt-a", token="0" * 16, bead_changes=failed))
    second = forge(here, event(here, "expire", "gt-a", token=None, attempt=1, bead_changes={**over, "failures": 2}))
    assert found(here) == [(first, "stale-token", "error"), (second, "not-live", "error")]


def test_records_and_trailers_that_disagree(here: TownHelper) -> None:
    commit = rewrite(here, lambda text: text.replace("Convoy-Worker: gt/polecat-1", "Convoy-Worker: gt/polecat-2"))
    assert (commit, "trailers", "error") in found(here)


def test_a_change_that_the_event_table_does_not_allow(here: TownHelper) -> None:
    record = replace(here.ledger().bead("gt-a"), branch="elsewhere", worker="gt/polecat-7")
    forge(here, event(here, "submit", "gt-a", bead_changes={"submitted": "a" * 40}))
    commit = rewrite(here, tree={codec.bead_path("gt-a"): codec.bead_bytes(replace(record, submitted="a" * 40))})
    assert found(here) == [(commit, "event-table", "error")]


@pytest.mark.parametrize(
    ("path", "rule"),
    [(codec.bead_path("gt-c"), "records"), ("beads/00/gt-a.yaml", "records"), ("notes.txt", "records")],
)
def test_a_file_that_the_commit_does_not_speak_of(here: TownHelper, path: str, rule: str) -> None:
    data = codec.bead_bytes(replace(here.ledger().bead("gt-a"), id="gt-c"))
    commit = rewrite(here, tree={path: data})
    assert (commit, rule, "error") in found(here)


def test_a_removed_and_a_damaged_record(here: TownHelper) -> None:
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    first = rewrite(here, tree={codec.bead_path("gt-a"): None})
    assert (first, "records", "error") in found(here)
    second = rewrite(here, tree={codec.bead_path("gt-a"): b"id: gt-a\nattempt: many\n"})
    assert (second, "records", "error") in found(here)


def test_a_chain_that_is_not_linear(here: TownHelper) -> None:
    info = commits.commit(here.open().repo, here.repo.head("convoy-ledger"))
    commit = rewrite(here, parents=[*info.parents, here.repo.head("main")])
    assert (commit, "linear", "error") in found(here)


def test_a_root_that_is_no_beginning_and_time_that_runs_back(here: TownHelper) -> None:
    repo = here.open().repo
    commit = rewrite(here, time=commits.commit(repo, here.repo.head("convoy-ledger")).time - 3600)
    assert (commit, "time", "error") in found(here)
    root = rewrite(here, parents=[])
    assert (root, "root", "error") in found(here)


def test_a_plan_that_is_not_that_of_the_trunk(here: TownHelper) -> None:
    old = here.state().plan.tree
    here.bead("gt-y")
    here.commit("more")
    commit = forge(here, event(here, "pause", town_changes={"paused": True}), plan=old)
    assert found(here) == [(commit, "plan", "error")]


def test_a_trunk_commit_that_was_amended_away_is_a_warning(here: TownHelper) -> None:
    trunk = "b" * 40
    commit = forge(here, event(here, "pause", trunk=trunk, town_changes={"paused": True}))
    assert found(here, 0) == [(commit, "trunk", "warning")]


def test_a_plan_that_is_left_out_is_told_with_the_trunk_commit_that_is_not_here(here: TownHelper) -> None:
    forge(here, event(here, "pause", trunk="b" * 40, town_changes={"paused": True}))
    commits_ = [rewrite(here, tree={"plan": None})]
    commits_.append(forge(here, event(here, "resume", trunk="b" * 40, town_changes={"paused": False})))
    commits_[1] = rewrite(here, tree={"plan": None})
    assert found(here, 0) == [(commit, "trunk", "warning") for commit in commits_]
    assert "it keeps no plan" in here.ok("audit")


def test_a_trailer_that_stands_there_twice(here: TownHelper) -> None:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    commit = rewrite(here, lambda text: text.replace("Convoy-Actor: ", "Convoy-Actor: mia\nConvoy-Actor: "))
    assert found(here) == [(commit, "trailers", "error")]


def test_a_convoy_that_was_not_complete(here: TownHelper) -> None:
    changes = {"status": "closed", "completed_at": here.state().now, "outcome": "done", "file_status": "open"}
    commit = forge(here, event(here, "complete", convoy=FLOW, convoy_changes=changes))
    assert found(here) == [(commit, "complete", "error")]


def test_a_transition_that_no_convoy_may_make(here: TownHelper) -> None:
    here.ok("close", FLOW, "--force", "--reason", "enough")
    changes = {"status": "staged_ready", "file_status": "open"}
    commit = forge(here, event(here, "launch", convoy=FLOW, convoy_changes=changes))
    assert (commit, "convoy-transition", "error") in found(here)


def test_a_commit_that_is_no_event(here: TownHelper) -> None:
    commit = rewrite(here, lambda _: "tidied up by hand\n")
    assert (commit, "message", "error") in found(here)


def test_a_subject_that_tells_of_something_else(here: TownHelper) -> None:
    """`git log --oneline` is what people read."""
    here.ok("pause", FLOW)
    commit = rewrite(here, lambda text: text.replace(f"convoy: pause {FLOW}", "convoy: done gt-c", 1))
    assert found(here) == [(commit, "message", "error")]


def test_any_clone_can_do_it_and_nothing_is_written(here: TownHelper, make_repo: Callable[[str], GitRepo]) -> None:
    clone = TownHelper(make_repo("clone"))
    clone.repo.git("fetch", "--quiet", str(here.path), "+refs/heads/*:refs/remotes/origin/*")
    before = sorted((path, path.stat().st_mtime_ns) for path in clone.path.rglob("*"))
    assert clone.json("audit", "origin/convoy-ledger")["ok"]
    assert sorted((path, path.stat().st_mtime_ns) for path in clone.path.rglob("*")) == before


def test_without_a_ledger_nothing_is_claimed(repo: GitRepo) -> None:
    here = town(repo)
    here.repo.run("branch", "-D", "convoy-ledger")
    assert here.error("audit")["code"] == "no-ledger"
    assert here.error("audit", "nowhere")["code"] == "not-found"


def test_ledgers_of_other_formats_are_told(here: TownHelper) -> None:
    """The same check that every reader makes, before anything else is said."""
    rewrite(here, tree={"format": b"2\n"})
    assert "format" in here.error("audit", code=3)["message"]


def test_the_town_is_left_as_it_is(here: TownHelper) -> None:
    town_before: Ledger = here.ledger()
    here.ok("audit")
    assert here.ledger() == town_before
    assert here.repo.status() == []
    assert isinstance(here.open(), Town)


def test_an_audit_from_any_commit_on_finds_what_that_of_the_whole_finds_there(here: TownHelper) -> None:
    """Honest and forged commits, records that disagree, an amended trunk: all of it told where it is, once."""
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    forge(here, dispatch(here, "gt-c"))
    here.ok("pause", FLOW)
    forge(here, event(here, "pause", trunk="b" * 40, town_changes={"paused": True}))
    forge(here, event(here, "resume", trunk="b" * 40, town_changes={"paused": False}))
    here.bead("gt-y")
    here.commit("more")
    forge(here, dispatch(here, "gt-y", convoy=None, worker="gt/polecat-2"))
    rewrite(here, lambda text: text.replace("Convoy-Worker: gt/polecat-2", "Convoy-Worker: gt/polecat-3"))
    forge(here, event(here, "fail", "gt-y", token="0" * 16, bead_changes={"status": None, "failures": 3}))
    here.ok("resume", FLOW)
    repo = here.open().repo
    tip = here.repo.head("convoy-ledger")
    whole = audit(repo, tip)
    assert {each.rule for each in whole.findings} > {"links", "trunk", "trailers", "stale-token"}
    line = commits.first_parents(repo, tip, None) or []
    for number, since in enumerate(line):
        behind = audit(repo, tip, since=since)
        assert behind.checked == number
        assert behind.findings == tuple(each for each in whole.findings if each.commit in line[:number])


def test_an_audit_begins_at_an_ancestor(here: TownHelper) -> None:
    with pytest.raises(ValueError, match="no first-parent ancestor"):
        audit(here.open().repo, here.repo.head("convoy-ledger"), since=here.repo.head("main"))


@pytest.mark.parametrize(("size", "found_"), [(256 << 10, []), ((256 << 10) + 1, ["records"])])
def test_the_page_at_the_root_is_bounded(here: TownHelper, size: int, found_: list[str]) -> None:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    rewrite(here, tree={"README.md": b"x" * size})
    assert [rule for _, rule, _ in found(here, 1 if found_ else 0)] == found_


def test_a_trunk_that_lost_its_plan_is_recorded_as_one(here: TownHelper) -> None:
    here.repo.git("rm", "--quiet", "-r", ".convoy")
    here.commit("no plan any more")
    here.ok("pause", "--all")
    assert trees.tree_at(here.open().repo, here.repo.head("convoy-ledger"), "plan") is None
    assert found(here, 0) == []
