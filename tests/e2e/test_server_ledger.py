"""Pushes of the ledger to a server with the hook: honest ones are taken, forged ones are refused by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from forging import FLOW, dispatch, event, forge, rewrite
from gitfixtures import GitRepo
from servers import LEDGER, Server, served, server
from townfixtures import TownHelper, chain

from gitconvoy.git import commits, write
from gitconvoy.ledger import codec
from gitconvoy.ledger.read import REF

Forgery = Callable[[TownHelper], object]


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work, gt-x in none; the server has all of it."""
    return served(tmp_path_factory.mktemp("served"), tmp_path)


def blocked(here: TownHelper) -> object:
    return forge(here, dispatch(here, "gt-b"))


def no_capacity(here: TownHelper) -> object:
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_workers: 1\n")
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    here.commit("room for one")
    return forge(here, replace(dispatch(here, "gt-y", convoy="hq-cv-2"), convoy="hq-cv-2"))


def stale_token(here: TownHelper) -> object:
    over = {"status": None, "token": None, "since": None, "machine": None, "via": None, "worker": None}
    return forge(here, event(here, "fail", "gt-a", token="0" * 16, bead_changes={**over, "failures": 1}))


def twice(here: TownHelper) -> object:
    return forge(here, dispatch(here, "gt-a"))


def disagreeing(here: TownHelper) -> object:
    here.ok("sling", "gt-x", "--no-convoy")
    return rewrite(here, lambda text: text.replace("Convoy-Attempt: 1", "Convoy-Attempt: 2"))


def removed_record(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, tree={codec.bead_path("gt-a"): None})


def foreign_file(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, tree={"beads/evil.sh": b"#!/bin/sh\n"})


def large_page(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, tree={"README.md": b"x" * (257 << 10)})


def no_event(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, lambda _: "tidied up by hand\n")


def merge_in_the_chain(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    tip = commits.commit(here.open().repo, here.repo.head("convoy-ledger"))
    return rewrite(here, parents=[*tip.parents, here.repo.head("main")])


def from_the_future(here: TownHelper) -> object:
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, time=int(time.time()) + 4000)


def invented_plan(here: TownHelper) -> object:
    """gt-b without its link, on a branch that never came to the trunk, which the dispatch says it was decided on."""
    here.branch("invented")
    here.bead("gt-b")
    commit = here.commit("no link")
    tree = here.repo.head(f"{commit}:.convoy")
    here.repo.git("switch", "--quiet", "main")
    return forge(here, replace(dispatch(here, "gt-b"), trunk=commit), plan=tree)


def invented_plan_of_nothing(here: TownHelper) -> object:
    """The same, and the commit it names was never pushed anywhere."""
    commit = invented_plan(here)
    here.repo.git("branch", "--quiet", "-D", "invented")
    return rewrite(here, lambda text: text.replace(text.split("Convoy-Trunk: ")[1][:40], "b" * 40)) or commit


def no_plan_at_all(here: TownHelper) -> object:
    """The plan is left out, and what it was decided on was never pushed anywhere."""
    forge(here, event(here, "pause", trunk="b" * 40, town_changes={"paused": True}))
    return rewrite(here, tree={"plan": None})


def trailer_twice(here: TownHelper) -> object:
    """Who reads the first one is told something else than who reads the last one."""
    forge(here, event(here, "pause", town_changes={"paused": True}))
    return rewrite(here, lambda text: text.replace("Convoy-Actor: ", "Convoy-Actor: mia\nConvoy-Actor: "))


def unnamed_plan(here: TownHelper) -> object:
    """An event that names no trunk commit brings another plan in."""
    here.branch("invented")
    here.bead("gt-b")
    tree = here.repo.head(f"{here.commit('no link')}:.convoy")
    here.repo.git("switch", "--quiet", "main")
    return forge(here, event(here, "pause", trunk=None, town_changes={"paused": True}), plan=tree)


def invented_cause(here: TownHelper) -> object:
    """A convoy closed by what nobody committed."""
    changes = {"status": "closed", "file_status": "open"}
    return forge(here, event(here, "close", convoy="hq-cv-1", cause="c" * 40, convoy_changes=changes))


def outdated_plan(here: TownHelper) -> object:
    """gt-y waits for gt-a now; the dispatch was decided on the plan before that."""
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    old = here.commit("free")
    tree = here.repo.head(f"{old}:.convoy")
    here.bead("gt-y", depends_on=["gt-a"])
    here.commit("not any more")
    here.ok("pause", FLOW)
    return forge(here, replace(dispatch(here, "gt-y", convoy="hq-cv-2"), convoy="hq-cv-2", trunk=old), plan=tree)


FORGERIES: list[tuple[Forgery, str, str]] = [
    (blocked, "links", "gt-b was not ready: gt-a is not closed"),
    (no_capacity, "capacity", "there was no room for gt-y"),
    (stale_token, "stale-token", "its token is not that of attempt 1"),
    (twice, "twice", "attempt 1 of gt-a was still live (gt/polecat-1)"),
    (disagreeing, "trailers", "its record says attempt 1, the commit 2"),
    (removed_record, "records", "it removes the record beads/"),
    (foreign_file, "records", "beads/evil.sh is no file of a ledger"),
    (large_page, "records", "README.md has more than 256 KiB"),
    (no_event, "message", "it is no event"),
    (merge_in_the_chain, "linear", "it has 2 parents"),
    (from_the_future, "time", "ahead of this server's clock"),
    (invented_plan, "plan", "no commit of the trunk has the plan that it was decided on"),
    (invented_plan_of_nothing, "plan", "never came to the trunk"),
    (no_plan_at_all, "plan", "no commit of the trunk has no plan, as this one: bbbbbbbbbb never came to the trunk"),
    (trailer_twice, "trailers", "the trailer Convoy-Actor stands there twice"),
    (unnamed_plan, "plan", "it keeps another plan, and names no trunk commit"),
    (invented_cause, "cause", "the commit cccccccccc, which it names as its cause, is not on the trunk"),
    (outdated_plan, "outdated", "had been decided on before"),
]


@pytest.mark.parametrize(("forgery", "rule", "said"), FORGERIES, ids=[each[0].__name__ for each in FORGERIES])
def test_what_is_forged_is_refused_by_name(there: Server, forgery: Forgery, rule: str, said: str) -> None:
    forgery(there.town)
    if there.tip("main") != there.town.repo.head("main"):
        there.takes("main")
    told = there.refuses("convoy-ledger")
    commit = there.town.repo.head("convoy-ledger")
    (line,) = [line for line in told.splitlines() if line.startswith(commit[:10]) and line.endswith(f"[{rule}]")]
    assert said in line
    assert f"gitconvoy: {LEDGER} is refused: " in told
    assert "hint: " in told


def test_an_invented_plan_on_a_branch_that_is_there_is_no_plan_of_the_trunk(there: Server) -> None:
    invented_plan(there.town)
    there.takes("invented")
    assert "is not on the trunk" in there.refuses("convoy-ledger")


def test_what_commands_write_is_taken(there: Server) -> None:
    here = there.town
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    here.ok("--actor", "gt/polecat-1", "fail", "gt-b", "--reason", "no")
    here.ok("bead", "retry", "gt-b")
    here.ok("pause", "--all")
    here.ok("resume", "--all")
    assert "gitconvoy" not in there.takes("convoy-ledger")
    here.bead("gt-b", depends_on=["gt-a"], status="closed")
    here.commit("by hand")
    here.ok("scan")
    assert "gitconvoy" not in there.takes("main", "convoy-ledger")
    assert there.tip(LEDGER) == here.repo.head("convoy-ledger")


def test_the_ledger_decides_on_a_trunk_commit_that_is_pushed_alongside(there: Server) -> None:
    here = there.town
    here.bead("gt-y")
    here.convoy("hq-cv-2", "gt-y", status="open")
    here.commit("more")
    here.ok("scan")
    told = there.refuses("convoy-ledger")
    assert "no commit of the trunk has the plan" in told
    assert "hint: push the trunk along" in told
    there.takes("main", "convoy-ledger", "HEAD:refs/heads/copy")


def test_a_first_push_is_looked_at_from_its_root(repo: GitRepo) -> None:
    here = chain(repo)
    there = server(here)
    assert "no commit of the trunk has the plan" in there.refuses("convoy-ledger")
    there.takes("main")
    good = here.repo.head("convoy-ledger")
    forge(here, dispatch(here, "gt-b"))
    forge(here, event(here, "pause", town_changes={"paused": True}))
    assert "1 error in 5 new commits" in there.refuses("convoy-ledger")
    here.repo.git("update-ref", REF, good)
    there.takes("convoy-ledger")


def test_only_fast_forwards_and_no_deletion(there: Server) -> None:
    here = there.town
    good = here.repo.head("convoy-ledger")
    here.ok("pause", "--all")
    there.takes("convoy-ledger")
    here.repo.git("update-ref", REF, good)
    told = there.refuses("convoy-ledger", force=True)
    assert "does not follow" in told
    assert "never push it with --force" in told
    assert "is never deleted" in there.refuses(f":{LEDGER}")


def test_a_merge_is_no_way_on(there: Server) -> None:
    here = there.town
    repo = here.open().repo
    good = here.repo.head("convoy-ledger")
    info = commits.commit(repo, good)
    other = write.create_commit(repo, info.tree, list(info.parents), "convoy: other\n", info.time)
    merged = write.create_commit(repo, info.tree, [other, good], "a merge\n", info.time)
    here.repo.git("update-ref", REF, merged)
    assert "by way of a merge" in there.refuses("convoy-ledger")


def test_a_trunk_commit_that_was_amended_away_is_a_warning(there: Server) -> None:
    here = there.town
    here.repo.write("notes.txt", "one\n")
    here.commit("notes")
    here.ok("pause", "--all")
    here.repo.git("commit", "--quiet", "--amend", "-m", "better notes")
    told = there.takes("main", "convoy-ledger")
    assert "warning: the trunk commit" in told
    assert "amended away" in told


def test_a_pull_that_turns_the_parents_of_a_merge_round_is_no_reason(there: Server) -> None:
    """The dispatcher decided on what the trunk was; then somebody's `git pull` made that the second parent."""
    here = there.town
    here.repo.git("branch", "--quiet", "theirs", "HEAD~1")
    here.repo.write("notes.txt", "one\n")
    here.commit("notes")
    here.ok("pause", "--all")
    here.repo.git("switch", "--quiet", "theirs")
    here.repo.write("mine.txt", "two\n")
    here.commit("mine")
    here.repo.git("merge", "--quiet", "--no-edit", "main")
    there.takes("theirs:main")
    there.takes("convoy-ledger")


def test_a_ledger_that_is_broken_on_the_server_is_its_owners_business(there: Server) -> None:
    here = there.town
    tree = there.repo.head(f"{LEDGER}^{{tree}}")
    foreign = there.repo.git("commit-tree", "-p", LEDGER, "-m", "by hand", tree)
    there.repo.git("update-ref", LEDGER, foreign)
    here.repo.git("fetch", "--quiet", "origin", LEDGER)
    here.repo.git("update-ref", REF, here.repo.git("commit-tree", "-p", foreign, "-m", "on top", tree))
    told = there.refuses("convoy-ledger")
    assert "it cannot be told what follows the one that stands here" in told
    assert "whoever owns this server has to mend it there" in told


def test_nothing_is_put_in_the_place_of_a_commit(there: Server) -> None:
    """git would show the honest commit wherever the forged one is meant; no settings of the server forbid such refs."""
    here = there.town
    good = here.repo.head("convoy-ledger")
    here.ok("pause", "--all")
    honest = here.repo.head("convoy-ledger")
    here.repo.git("update-ref", REF, good)
    forged = str(forge(here, dispatch(here, "gt-b")))
    here.repo.git("push", "--quiet", "origin", f"{honest}:refs/replace/{forged}")
    assert f"{forged[:10]} dispatch: gt-b was not ready" in there.refuses("convoy-ledger")


def test_everything_that_is_wrong_is_told_at_once(there: Server) -> None:
    here = there.town
    forge(here, dispatch(here, "gt-b"))
    here.bead("gt-a", depends_on=["gt-c"])
    here.commit("a cycle")
    told = there.refuses("main", "convoy-ledger")
    assert "refs/heads/main is refused: 1 error" in told
    assert f"{LEDGER} is refused: 1 error in 1 new commit" in told
    assert told.count("[cycle]") == 1
    assert "gt-b was not ready" in told
