"""`sync`: two clones and a forge between them; forward only, and nothing happens twice (SPEC 7)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from forges import Forge, clone, colleague, share
from forging import event
from forging import forge as forge_event
from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, chain, town

from gitconvoy.git import remotes
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF

FLOW = "hq-cv-1"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work; gt-x in none."""
    return chain(repo)


@pytest.fixture
def forge(here: TownHelper, tmp_path: Path) -> Forge:
    """The town is on a forge, its ledger too."""
    made = share(here, tmp_path / "away")
    assert here.json("sync")["pushed"]
    return made


@pytest.fixture
def there(forge: Forge, tmp_path: Path) -> TownHelper:
    """A second clone that dispatches, which nobody should have told to."""
    made = colleague(forge, tmp_path / "there", "elsewhere", "local")
    made.ok("sync")
    return made


def tip(of: TownHelper) -> str | None:
    return of.repo.head(REF) if of.repo.exists(REF) else None


def sound(*places: TownHelper) -> None:
    for each in places:
        assert each.json("audit")["ok"]
        each.repo.git("fsck", "--strict", "--no-dangling", "--no-progress")


def names(rows: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(row["event"], row["bead"] or row["convoy"]) for row in rows]


def test_the_first_sync_brings_the_ledger_there(here: TownHelper, tmp_path: Path) -> None:
    forge = share(here, tmp_path / "away")
    answer = here.json("sync", "origin")
    assert (answer["ledger"]["state"], answer["pushed"], answer["ledger"]["remote_before"]) == ("ahead", True, None)
    assert forge.ledger() == tip(here)
    assert here.repo.head("refs/remotes/origin/convoy-ledger") == tip(here)


def test_nothing_to_do(here: TownHelper, forge: Forge) -> None:
    before = here.repo.git("for-each-ref")
    answer = here.json("sync")
    assert (answer["ledger"]["state"], answer["pushed"], answer["moved"]) == ("equal", False, False)
    assert here.repo.git("for-each-ref") == before
    assert here.ok("sync") == "the ledger is that of origin\n"


def test_what_is_only_here_is_pushed(here: TownHelper, forge: Forge) -> None:
    here.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    assert here.json("sync", "--dry-run")["ledger"]["ahead"] == 2
    assert forge.ledger() != tip(here)
    assert here.ok("sync") == "pushed 2 events to origin\n"
    assert forge.ledger() == tip(here)


def test_what_is_only_there_is_taken_over(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    there.ok("pause", "--all")
    there.ok("sync")
    before = tip(here)
    assert here.json("sync", "--dry-run")["ledger"]["behind"] == 1
    assert tip(here) == before
    assert here.ok("sync") == "took over 1 event of origin\n"
    assert tip(here) == tip(there)
    here.ok("resume", "--all")  # the ledger is taken for whole
    assert here.ok("sync") == "pushed 1 event to origin\n"
    sound(here, there)


def test_a_clone_without_a_role_fetches_and_pushes_nothing(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    reader = colleague(forge, tmp_path / "reader")
    here.ok("pause", "--all")
    here.ok("sync")
    assert reader.ok("sync") == "fetched the ledger of origin\n"
    assert tip(reader) is None
    assert reader.json("status")["paused"] == ["the ledger (gitconvoy resume --all)"]


def test_its_own_copy_of_the_ledger_follows(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    reader = colleague(forge, tmp_path / "reader")
    reader.repo.git("branch", "--quiet", "convoy-ledger", "origin/convoy-ledger")
    here.ok("pause", "--all")
    here.ok("sync")
    assert reader.ok("sync") == "took over 1 event of origin\n"
    assert tip(reader) == forge.ledger()


def test_a_clone_without_a_role_whose_ledger_went_another_way(
    here: TownHelper, forge: Forge, there: TownHelper
) -> None:
    there.ok("pause", "--all")
    there.ok("sync")
    here.ok("pause", FLOW)
    here.repo.config("gitconvoy.dispatch", "off")
    before = tip(here), forge.ledger()
    answer = here.run("sync")
    assert answer.code == 1
    assert "nothing is pushed: this clone writes no ledger (gitconvoy.dispatch is off)" in answer.err
    assert (tip(here), forge.ledger()) == before


def test_what_happened_in_both_is_done_again_on_top(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    """Different things: all of it holds."""
    there.ok("pause", FLOW, "--reason", "the fixture is broken")
    there.ok("sync")
    here.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    here.ok("pause", "--all")
    old = tip(here)
    assert old is not None
    theirs = forge.ledger()
    preview = here.json("sync", "--dry-run", code=5)
    assert (tip(here), forge.ledger()) == (old, theirs)
    answer = here.json("sync", code=5)
    assert names(answer["replayed"]) == names(preview["replayed"]) == [("done", "gt-a"), ("pause", None)]
    # gt-b was dispatched here before anybody knew that its convoy is paused
    assert names(answer["dropped"]) == [("dispatch", "gt-b")]
    assert "paused" in answer["dropped"][0]["reason"]
    assert answer["kept_as"] == f"refs/gitconvoy/kept/convoy-ledger-{old[:10]}"
    assert here.repo.head(answer["kept_as"]) == old
    assert [row["bead"] for row in answer["fenced"]] == ["gt-b"]
    assert forge.ledger() == tip(here) == answer["ledger"]["tip"]
    assert here.repo.run("merge-base", "--is-ancestor", str(theirs), REF).returncode == 0
    ledger = here.ledger()
    assert ledger.paused
    assert ledger.convoy(FLOW).paused
    assert (ledger.bead("gt-a").status, ledger.bead("gt-b").live) == ("closed", False)
    there.ok("sync")
    assert tip(there) == tip(here)
    sound(here, there)
    here.ok("scan")


def test_dates_actors_and_tokens_stay(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    there.ok("pause", "--all", "--reason", "first")
    there.ok("sync")
    here.ok("--actor", "gt/polecat-1", "fail", "gt-a", "--reason", "could\nnot")
    was = here.repo.git("log", "-1", "--format=%ct %B", REF)
    here.ok("sync")
    now = here.repo.git("log", "-1", "--format=%ct %B", REF)
    assert now.partition(" ")[2] == was.partition(" ")[2]
    assert int(now.split()[0]) >= int(was.split()[0])
    assert "Convoy-Actor: gt/polecat-1" in now
    sound(here, there)


def test_a_dispatch_holds_whatever_the_clocks_say(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    there.ok("sling", "gt-x")
    token = there.ledger().bead("gt-x").token
    with mock.patch("time.time", return_value=4_000_000_000.0):
        here.ok("pause", FLOW)
        here.ok("sync")
    answer = there.json("sync")
    assert (answer["dropped"], answer["fenced"]) == ([], [])
    record = there.ledger().bead("gt-x")
    assert (record.token, record.since) == (token, 4_000_000_000)
    sound(there)


def test_the_same_bead_dispatched_in_both(repo: GitRepo, tmp_path: Path) -> None:
    """Whoever pushed first has it; the other's attempt is fenced, and what it said is dropped with it."""
    here = town(repo)
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a")
    here.commit("plan")
    here.ok("pause", "--all")  # the ledger begins
    here.ok("resume", "--all")
    forge = share(here, tmp_path / "away")
    here.ok("sync")
    there = colleague(forge, tmp_path / "there", "elsewhere", "local")
    there.ok("sync")
    there.ok("--actor", "bob", "launch", FLOW)
    there.ok("sync")
    here.ok("launch", FLOW)
    token = here.ledger().bead("gt-a").token
    here.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    answer = here.json("sync", code=5)
    assert answer["replayed"] == []
    dropped = {row["event"]: row["reason"] for row in answer["dropped"]}
    assert list(dropped) == ["dispatch", "done", "complete"]
    assert answer["known"] == 1, "the launch"
    other = "attempt 1 of it, by gt/polecat-1 on elsewhere,"
    assert dropped == {
        "dispatch": f"{other} was pushed first, and is live",
        "done": f"{other} is the one that counts",
        "complete": f"by what was pushed first, {FLOW} is not complete",
    }
    assert tip(here) == forge.ledger()
    assert not answer["pushed"]
    assert here.ledger().bead("gt-a").token not in (None, token)
    assert here.error("done", "gt-a", "--token", str(token))["code"] in ("stale-token", "not-yours")
    sound(here, there)


def test_a_clock_that_is_far_ahead_is_told(here: TownHelper, forge: Forge) -> None:
    assert here.json("sync")["ledger"]["ahead_of_clock"] < 60
    sooner = event(here, "pause", at=int(time.time()) + 3 * 86400, town_changes={"paused": True})
    written = forge_event(here, sooner)
    answer = here.run("sync")
    assert answer.code == 0
    assert "warning: the ledger's newest event is dated 2d23h" in answer.err or "dated 3d" in answer.err
    assert 2 * 86400 < here.json("sync")["ledger"]["ahead_of_clock"] <= 3 * 86400
    assert forge.ledger() == written


def test_events_that_are_there_already_are_not_done_twice(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    """As after a crash between the push of the new chain and the move of the branch."""
    there.ok("pause", FLOW)
    there.ok("sync")
    here.ok("pause", "--all")
    old = tip(here)
    here.ok("sync")
    here.repo.git("update-ref", REF, str(old))
    (here.path / ".git" / "gitconvoy" / "seen").unlink()
    answer = here.json("sync")
    assert (answer["known"], answer["replayed"], answer["dropped"]) == (1, [], [])
    assert tip(here) == forge.ledger()
    sound(here)


def test_watchers_of_both_stay(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    there.ok("--actor", "bob", "watch", FLOW)
    there.ok("sync")
    here.ok("--actor", "ada", "watch", FLOW)
    here.ok("sync")
    assert here.ledger().convoy(FLOW).watchers == ("ada", "bob")
    sound(here)


def test_the_trunk_that_was_decided_on_never_goes_back(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    """What was said in the trunk's commits between is no news a second time."""
    there.bead("gt-a", status="closed")
    there.commit("close gt-a")
    there.repo.git("push", "--quiet", "origin", "main")
    there.ok("scan")
    there.ok("sync")
    here.ok("pause", "--all")
    here.ok("sync")
    assert here.ledger().trunk == there.repo.head()
    sound(there)
    here.repo.git("pull", "--quiet", "--ff-only")
    sound(here)


def test_two_towns_begun_apart(here: TownHelper, tmp_path: Path) -> None:
    other = chain(new_repo(tmp_path / "other"))
    forge = share(other, tmp_path / "away")
    other.ok("sync")
    here.repo.git("remote", "add", "origin", str(forge.bare.path))
    before = tip(here), forge.ledger()
    error = here.error("sync")
    assert error["code"] == "ledgers-unrelated"
    assert "begun apart" in error["message"]
    assert (tip(here), forge.ledger()) == before


def test_a_ledger_that_was_set_back_is_mended_by_what_the_remote_has(here: TownHelper, forge: Forge) -> None:
    here.repo.git("update-ref", REF, f"{REF}~1")
    assert here.ok("sync") == "took over 1 event of origin\n"
    here.ok("scan")
    sound(here)


def test_a_ledger_that_was_set_back_behind_what_was_not_pushed(here: TownHelper, forge: Forge) -> None:
    here.ok("pause", "--all")
    here.repo.git("update-ref", REF, f"{REF}~2")
    before = tip(here), forge.ledger()
    assert here.error("sync")["code"] == "ledger-rewound"
    assert (tip(here), forge.ledger()) == before


def test_the_servers_words_are_shown(here: TownHelper, forge: Forge) -> None:
    forge.hook("pre-receive", "#!/bin/sh\necho 'convoy-ledger: not signed' >&2\nexit 1\n")
    here.ok("pause", "--all")
    before = here.repo.git("for-each-ref")
    error = here.error("sync")
    assert error["code"] == "push-refused"
    assert "convoy-ledger: not signed" in error["message"]
    assert here.repo.git("for-each-ref") == before


def test_a_refusal_leaves_a_diverged_ledger_as_it_is(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    there.ok("pause", FLOW)
    there.ok("sync")
    here.ok("pause", "--all")
    before = tip(here)
    forge.hook("pre-receive", "#!/bin/sh\nexit 1\n")
    assert here.error("sync")["code"] == "push-refused"
    assert tip(here) == before
    here.ok("scan")  # nothing is taken for rewound


def test_others_are_faster_each_time(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    """A hook there moves the ledger on before each push arrives."""
    there.ok("pause", "--all")
    script = (
        "#!/bin/sh\nunset GIT_QUARANTINE_PATH\n"
        f"next=$(git commit-tree '{REF}^{{tree}}' -p {REF} -m 'convoy: notify town\n\nConvoy-Event: notify\n"
        "Convoy-Cause: command\nConvoy-Actor: eve')\n"
        f"git update-ref {REF} $next\n"
    )
    forge.hook("pre-receive", script)
    before = tip(there)
    error = there.error("sync", code=4)
    assert error["code"] == "lost-race"
    assert tip(there) == before


def test_a_race_that_is_lost_once_is_decided_anew(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    here.ok("pause", FLOW)
    once = forge.bare.path / "once"
    source = here.path / ".git"
    script = (
        f"#!/bin/sh\n[ -e {once} ] && exit 0\ntouch {once}\n"
        f"unset GIT_QUARANTINE_PATH\ngit fetch --quiet {source} {REF} && git update-ref {REF} FETCH_HEAD\n"
    )
    forge.hook("pre-receive", script)
    there.ok("pause", "--all")
    answer = there.json("sync")
    assert names(answer["replayed"]) == [("pause", None)]
    assert tip(there) == forge.ledger()
    assert there.ledger().convoy(FLOW).paused
    sound(there)


def test_a_remote_that_is_away(here: TownHelper, forge: Forge) -> None:
    forge.bare.path.rename(forge.bare.path.with_name("gone"))
    before = here.repo.git("for-each-ref")
    error = here.error("sync")
    assert error["code"] == "remote"
    assert "cannot be reached" in error["message"]
    assert here.repo.git("for-each-ref") == before


def test_a_remote_that_hangs(here: TownHelper, forge: Forge) -> None:
    here.repo.config("remote.origin.uploadpack", "sleep 600; true")
    here.repo.config("gitconvoy.pushTimeout", "1s")
    assert here.error("sync")["code"] == "time-limit"


def test_remotes_are_named_and_chosen(here: TownHelper, forge: Forge) -> None:
    here.repo.git("remote", "add", "backup", str(forge.bare.path))
    assert here.json("sync", "backup")["remote"] == "backup"
    here.repo.config("branch.main.remote", "backup")
    assert here.json("sync")["remote"] == "backup"
    assert here.error("sync", "nowhere")["code"] == "not-found"
    for name in ("origin", "backup"):
        here.repo.git("remote", "remove", name)
    assert here.error("sync")["code"] == "no-remote"


def test_which_remote_is_never_guessed(here: TownHelper, forge: Forge) -> None:
    for name in ("fork", "backup"):
        here.repo.git("remote", "add", name, str(forge.bare.path))
    here.repo.git("remote", "remove", "origin")
    error = here.error("sync")
    assert (error["code"], error["message"]) == ("no-remote", "there are several remotes: backup, fork")
    here.repo.config("branch.main.remote", "fork")
    assert here.json("sync")["remote"] == "fork"
    here.repo.git("remote", "remove", "fork")
    assert here.json("sync")["remote"] == "backup"


def test_a_remote_that_looks_like_an_option_is_none(here: TownHelper, forge: Forge) -> None:
    here.repo.config("remote.--upload-pack=x.url", str(forge.bare.path))
    here.repo.config("branch.main.remote", "--upload-pack=x")
    assert here.json("sync")["remote"] == "origin"
    assert "hint: known are origin\n" in here.run("sync", "--", "--upload-pack=x").err


def test_reading_follows_the_remote_that_sync_asks(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    narrow = colleague(forge, tmp_path / "narrow")
    narrow.ok("sync")
    narrow.repo.git("remote", "add", "upstream", str(forge.bare.path))
    narrow.repo.config("branch.main.remote", "upstream")
    here.ok("pause", FLOW)
    here.ok("sync")
    narrow.ok("sync")
    assert narrow.ledger().tip == forge.ledger()


def test_a_clone_of_a_single_branch_gets_the_ledger(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    forge.bare.git("clone", "--quiet", "--single-branch", str(forge.bare.path), str(tmp_path / "narrow"))
    narrow = TownHelper(GitRepo(tmp_path / "narrow"))
    narrow.ok("sync")
    assert narrow.repo.head("refs/remotes/origin/convoy-ledger") == forge.ledger()
    assert narrow.json("status")["ledger"]["source"] == "remote"


def test_a_mirror_keeps_its_own_ledger(here: TownHelper, forge: Forge, there: TownHelper) -> None:
    """Its refspec leads to its branches: a fetch by it would throw away what it has for itself."""
    there.repo.config("remote.origin.fetch", "+refs/*:refs/*")
    here.ok("pause", FLOW)
    here.ok("sync")
    there.ok("pause", "--all")
    assert names(there.json("sync")["replayed"]) == [("pause", None)]
    assert there.repo.head("refs/remotes/origin/convoy-ledger") == forge.ledger() == tip(there)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("+refs/heads/*:refs/remotes/origin/*", "refs/remotes/origin/main"),
        ("refs/heads/main:refs/remotes/origin/trunk", "refs/remotes/origin/trunk"),
        ("+refs/heads/ma*n:refs/remotes/o/x*", "refs/remotes/o/xi"),
        ("+refs/heads/topic/*:refs/remotes/origin/topic/*", "refs/remotes/origin/main"),
        ("+refs/*:refs/*", "refs/remotes/origin/main"),
        ("refs/heads/main", "refs/remotes/origin/main"),
    ],
)
def test_where_a_branch_is_followed(repo: GitRepo, spec: str, wanted: str) -> None:
    repo.config("remote.origin.fetch", spec)
    assert remotes.tracking(Repo.at(repo.path), "origin", "main") == wanted


def test_the_trunk_is_told_of_and_never_pushed(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    other = clone(forge.bare, tmp_path / "other")
    other.write("code.txt", "1\n")
    other.commit("code")
    other.git("push", "--quiet", "origin", "main")
    answer = here.run("sync")
    assert "main is 1 commit behind origin/main: git pull --ff-only brings it up to date" in answer.err
    here.repo.write("mine.txt", "1\n")
    here.commit("mine")
    answer = here.run("sync")
    assert "main and origin/main have diverged (1 commit here, 1 commit there)" in answer.err
    here.repo.git("pull", "--quiet", "--rebase")
    answer = here.run("sync")
    assert "main has 1 commit that origin/main does not have" in answer.err
    assert forge.bare.head("main") == other.head()


def test_the_trunk_follows_when_asked_to(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    """As git pull --ff-only, with its worktree; what the new commits mean is done and pushed at once."""
    other = TownHelper(clone(forge.bare, tmp_path / "other"))
    other.bead("gt-a", status="closed")
    closed = other.commit("close gt-a")
    other.repo.git("push", "--quiet", "origin", "main")
    here.repo.write("README.md", "mine\n")
    answer = here.json("sync", "--trunk")
    assert answer["trunk"]["moved"]
    assert [row["bead"] for row in answer["dispatched"]] == ["gt-b"]
    assert here.repo.head("main") == closed
    assert here.repo.status() == [" M README.md"]
    assert forge.ledger() == tip(here)
    sound(here)


def test_a_trunk_that_cannot_follow_says_why(here: TownHelper, forge: Forge, tmp_path: Path) -> None:
    other = clone(forge.bare, tmp_path / "other")
    other.write("README.md", "theirs\n")
    other.commit("theirs")
    other.git("push", "--quiet", "origin", "main")
    here.repo.write("README.md", "mine\n")
    before = here.repo.head("main")
    answer = here.run("sync", "--trunk")
    assert "main cannot follow origin/main" in answer.err
    assert "README.md" in answer.err
    assert answer.code == 5
    assert here.run("sync").code == 0
    assert here.repo.head("main") == before
