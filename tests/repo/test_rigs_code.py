"""Work on rigs with repositories of their own: it starts, is handed in, merged and proven there (SPEC 7)."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from doctoring import what_is_left
from gitfixtures import GitRepo
from handing import Worker, status
from rigfixtures import FLOW, Rigs, rigs
from waiting import until

from gitconvoy.dispatch.attempts import Job
from gitconvoy.engine.attempts import releasing
from gitconvoy.git.repo import Repo

MakeRepo = Callable[[str], GitRepo]


@pytest.fixture
def place(make_repo: MakeRepo) -> Rigs:
    """A town with the rigs api and ui, whose beads only claims take."""
    return rigs(make_repo, "api", "ui", auto="false")


def test_direct_lands_on_the_trunk_of_the_rigs_repository(place: Rigs) -> None:
    place.plan("api-a")
    before = place.here.repo.head("main")
    worker = place.claim()
    commit = worker.edit("code.py", "x = 1\n")
    answer = worker.done()
    assert answer["status"] == "closed"
    api = place["api"]
    assert api.git("log", "-1", "--format=%s", "main") == "Merge api-a: Title of api-a"
    assert api.git("rev-list", "--parents", "-1", "main").split()[2] == commit, "there is no file of the bead to close"
    assert api.read("code.py") == "x = 1\n", "the worktree that has the base branch checked out goes along"
    assert api.status() == []
    assert place.here.repo.head("main") == before
    assert place.here.repo.run("cat-file", "-e", commit).returncode != 0
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]
    assert place.here.ledger().bead("api-a").merged_as == api.head("main")
    assert status(place.here, "api-a") == ("closed", "done")


def test_the_base_branch_is_one_of_that_repository(place: Rigs) -> None:
    place["api"].git("branch", "next")
    place.plan("api-a", base_branch="next")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    assert place["api"].git("log", "-1", "--format=%s", "next").startswith("Merge api-a")
    assert place["api"].git("rev-list", "--merges", "main") == ""


def test_a_base_branch_that_is_missing_there_is_said_when_it_is_staged(place: Rigs) -> None:
    place.here.repo.git("branch", "next")
    place["api"].git("branch", "next")
    place.plan("api-a", "ui-a", base_branch="next", launch=False)
    found = place.here.json("stage", FLOW)["warnings"]
    assert [each["bead_ids"] for each in found if each["category"] == "missing-branch"] == [["ui-a"]]


def test_its_trunk_is_the_one_that_is_pinned_there(place: Rigs) -> None:
    place["api"].git("branch", "-m", "main", "trunk")
    place["api"].config("gitconvoy.trunk", "trunk")
    place.plan("api-a")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    assert place["api"].git("log", "-1", "--format=%s", "trunk").startswith("Merge api-a")


def test_branches_of_the_same_name_in_two_repositories(place: Rigs) -> None:
    place.plan("api-a", "ui-a", "gt-a", merge="local")
    workers = [place.claim(), place.claim(), place.claim()]
    assert {worker.bead for worker in workers} == {"api-a", "ui-a", "gt-a"}
    assert {worker.branch for worker in workers} == {"work/ada-1"}
    for worker in workers:
        worker.edit("code.py", f"{worker.bead}\n")
        assert worker.done()["status"] == "submitted"
    records = place.here.ledger().beads
    assert {records[worker.bead].submitted == worker.tree.head() for worker in workers} == {True}
    place["ui"].git("merge", "--quiet", "--no-edit", "work/ada-1")
    place.here.ok("scan")
    assert [status(place.here, worker.bead)[0] == "closed" for worker in workers] == [
        worker.bead == "ui-a" for worker in workers
    ]


def test_two_rigs_in_one_repository_share_its_branches(place: Rigs) -> None:
    place.here.repo.config("gitconvoy.rig.ui.path", str(place["api"].path))
    place.plan("api-a", "ui-a", merge="local")
    first, second = place.claim("ada"), place.claim("bob")
    by_bead = {worker.bead: worker for worker in (first, second)}
    by_bead["api-a"].edit("code.py", "x = 1\n")
    by_bead["api-a"].done()
    words = ["--actor", by_bead["ui-a"].name, "done", "ui-a", "--branch", by_bead["api-a"].branch]
    assert place.here.error(*words)["message"].endswith("is the branch of api-a")


def test_the_path_may_lead_to_a_linked_worktree_or_through_a_link(place: Rigs, tmp_path: Path) -> None:
    linked = place["api"].worktree(tmp_path / "linked", "side")
    (tmp_path / "link").symlink_to(linked.path)
    place.here.repo.config("gitconvoy.rig.api.path", str(tmp_path / "link"))
    place["api"].config("gitconvoy.trunk", "main")
    place.plan("api-a")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    assert worker.done()["status"] == "closed"
    assert place["api"].read("code.py") == "x = 1\n"


def merge(repo: GitRepo, branch: str) -> None:
    repo.git("merge", "--quiet", "--no-ff", "--no-edit", branch)


def squash(repo: GitRepo, branch: str) -> None:
    repo.git("merge", "--quiet", "--squash", branch)
    repo.git("commit", "--quiet", "-m", "squashed")


def rebase(repo: GitRepo, branch: str) -> None:
    repo.commit("something else")
    repo.git("branch", "rebased", branch)
    repo.git("rebase", "--quiet", "main", "rebased")
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--ff-only", "rebased")


def pick(repo: GitRepo, branch: str) -> None:
    repo.commit("something else")
    repo.git("cherry-pick", f"main..{branch}")


@pytest.mark.parametrize("way", [merge, squash, rebase, pick])
def test_what_a_person_merges_there_is_proven_here(place: Rigs, way: Callable[[GitRepo, str], None]) -> None:
    place.plan("api-a", merge="mr")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.edit("more.py", "y = 2\n")
    assert worker.done()["note"] == f"it waits for {worker.branch} to be merged into main in {place['api'].path}"
    place.here.ok("scan")
    assert status(place.here, "api-a")[0] != "closed"
    way(place["api"], worker.branch)
    place.here.ok("scan")
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]


def test_a_persons_word_is_about_a_commit_there(place: Rigs) -> None:
    place.plan("api-a", merge="mr")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    other = place["api"].commit("done in another way")
    ours = place.here.repo.commit("of the town")
    assert place.here.error("done", "api-a", "--merged", ours)["message"] == f"there is no commit '{ours}'"
    place.here.ok("done", "api-a", "--merged", other)
    assert place.here.ledger().bead("api-a").merged_as == other


def test_pushed_to_the_remote_of_that_repository_and_told_there(place: Rigs, tmp_path: Path) -> None:
    remote = place["api"].clone(tmp_path / "remote.git", "--bare")
    place["api"].git("remote", "add", "origin", str(remote.path))
    script = tmp_path / "tell.py"
    out = tmp_path / "told.json"
    script.write_text(
        f"import os, json; open({str(out)!r}, 'w').write(json.dumps([os.getcwd(), os.environ['GITCONVOY_BEAD']]))"
    )
    place.here.repo.config("gitconvoy.onSubmit", shlex.join([sys.executable, str(script)]))
    place.plan("api-a", merge="mr")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    until(out.exists, "the program")
    assert json.loads(out.read_text()) == [str(place["api"].path), "api-a"]
    assert remote.head(worker.branch) == worker.tree.head()
    assert place.here.repo.git("remote") == ""


def test_guards_look_at_that_repository(place: Rigs) -> None:
    place.plan("api-a")
    worker = place.claim()
    assert worker.refused()["code"] == "no-commits"
    worker.tree.write("loose.txt", "x")
    worker.edit("code.py", "x = 1\n")
    worker.tree.write("loose.txt", "y")
    assert worker.refused()["code"] == "uncommitted"
    worker.tree.git("checkout", "--quiet", "loose.txt")
    worker.edit(".convoy/config.yaml", "format: 1\n")
    assert worker.refused()["code"] == "foreign-changes"


def test_its_check_runs_in_the_worktree_and_is_a_setting_of_the_town(place: Rigs) -> None:
    place.here.repo.config("gitconvoy.rig.api.verify", "test -f wanted.txt")
    place["api"].config("gitconvoy.rig.api.verify", "false")
    place.plan("api-a")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    assert worker.refused()["code"] == "verify"
    worker.edit("wanted.txt", "x")
    assert worker.done()["status"] == "closed"


def test_a_conflict_gives_the_bead_back_and_holds_up_nobody(place: Rigs) -> None:
    place.plan("api-a", "ui-a")
    first, second = place.claim("ada"), place.claim("bob")
    for worker in (first, second):
        worker.edit("same.txt", worker.bead)
    place["api"].write("same.txt", "theirs")
    place["api"].commit("meanwhile")
    by_bead = {worker.bead: worker for worker in (first, second)}
    assert by_bead["api-a"].end().code == 5
    assert by_bead["ui-a"].done()["status"] == "closed"
    (stuck,) = place.here.json("status", FLOW)["stuck"]
    assert stuck["bead"] == "api-a"
    assert "same.txt" in stuck["reason"]
    assert place["api"].exists(by_bead["api-a"].branch)


def test_local_changes_in_the_checkout_of_that_repository_make_it_wait(place: Rigs) -> None:
    place.plan("api-a")
    worker = place.claim()
    worker.edit("api.txt", "changed\n")
    place["api"].write("api.txt", "in the middle of it\n")
    assert worker.done()["status"] == "submitted"
    (row,) = place.here.json("status", FLOW)["submitted"]
    assert (row["path"], "api.txt" in row["note"]) == (str(place["api"].path), True)
    place["api"].git("checkout", "--quiet", "api.txt")
    place.here.ok("scan")
    assert status(place.here, "api-a") == ("closed", "done")
    assert place["api"].read("api.txt") == "changed\n"


def submitted_and_away(place: Rigs, strategy: str) -> tuple[Worker, Callable[[], None]]:
    place.plan("api-a", "api-b<api-a", "ui-a", merge=strategy)
    worker = place.claim()
    assert worker.bead == "api-a"
    worker.edit("code.py", "x = 1\n")
    return worker, place.move("api")


READING = [
    ("status",), ("status", FLOW), ("why", "api-a"), ("why", "api-b"), ("why", "ui-a"), ("ready",), ("ready", "--all"),
    ("blocked",), ("scan",), ("workers",), ("stranded",), ("bead", "show", "api-a"), ("log",), ("validate",), ("list",),
    ("plan", FLOW), ("doctor",), ("check",), ("mine",), ("prime", "api-a"),
    ("status", "--at", "HEAD"), ("status", "--at", "HEAD~1"),
]  # fmt: skip


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_while_it_is_away_every_look_answers(place: Rigs, words: tuple[str, ...]) -> None:
    submitted_and_away(place, "direct")
    answer = place.here.run(*words)
    assert answer.code in (0, 1), answer
    assert "Traceback" not in answer.out + answer.err


def test_while_it_is_away_nothing_of_it_happens_and_nothing_is_lost(place: Rigs) -> None:
    worker, back = submitted_and_away(place, "direct")
    events = place.here.events()
    error = place.here.error(*worker.words())
    assert error["code"] == "rig-away"
    assert "the repository of the rig api cannot be used: there is no folder" in error["message"]
    found = place.here.json("why", "api-b")
    assert "cannot be used" in json.dumps(found)
    other = place.claim("bob")
    assert other.bead == "ui-a", "the other rig goes on"
    other.edit("code.py", "x = 1\n")
    assert other.done()["status"] == "closed"
    place.here.ok("scan")
    assert [event for event in place.here.events()[len(events) :] if "api-" in event] == []
    assert place.here.ledger().bead("api-a").live
    (row,) = [each for each in place.here.json("doctor", code=1)["findings"] if each["check"] == "rig"]
    assert row["subject"] == "api"
    stopped = {each["rig"] for each in place.here.json("workers")["workers"] if each["state"] == "stopped"}
    assert stopped == {"api"}
    back()
    assert worker.done()["status"] == "closed"
    assert place.claim("cid").bead == "api-b"


@pytest.mark.parametrize("strategy", ["direct", "mr"])
def test_what_is_handed_in_waits_with_the_reason_and_goes_on(place: Rigs, strategy: str) -> None:
    place.plan("api-a", merge=strategy)
    worker = place.claim()
    worker.edit("api.txt", "changed\n")
    place["api"].write("api.txt", "in the way\n")
    worker.done()
    back = place.move("api")
    place.here.ok("scan")
    (row,) = place.here.json("status", FLOW)["submitted"]
    assert "the repository of the rig api cannot be used" in row["note"]
    assert row["stuck"]
    assert place.here.error("done", "api-a", "--merged", "HEAD")["code"] == "rig-away"
    back()
    place["api"].git("checkout", "--quiet", "api.txt")
    if strategy == "mr":
        merge(place["api"], worker.branch)
    place.here.ok("scan")
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]


def test_facts_of_the_ledger_need_no_repository(place: Rigs) -> None:
    worker, _ = submitted_and_away(place, "direct")
    place.here.ok("--actor", worker.name, "fail", "api-a", "--reason", "no network")
    place.here.ok("bead", "retry", "api-a")
    assert place.here.error("sling", "api-a")["code"] == "rig"


@pytest.mark.parametrize("state", ["no path", "no commits", "sha256", "nested", "file"])
def test_what_is_no_repository_that_can_be_used(place: Rigs, make_repo: MakeRepo, tmp_path: Path, state: str) -> None:
    target = tmp_path / "odd"
    if state == "no commits":
        target.mkdir()
        GitRepo(target).git("init", "--quiet")
    elif state == "sha256":
        target.mkdir()
        GitRepo(target).git("init", "--quiet", "--object-format=sha256")
    elif state == "nested":
        target = place["ui"].path / "folder"
        target.mkdir()
    elif state == "file":
        target.write_text("x")
    place.here.repo.config("gitconvoy.rig.api.path", str(target))
    place.plan("api-a", "ui-a")
    assert place.claim().bead == "ui-a"
    assert place.here.json("--actor", "eve", "next", "--claim")["bead"] is None
    said = json.dumps(place.here.json("why", "api-a"))
    assert "the repository of the rig api cannot be used: " in said


def test_doctor_mends_what_this_town_left_there_and_nothing_else(place: Rigs) -> None:
    place.plan("api-a")
    api = place["api"]
    folder = api.path / ".git" / "gitconvoy" / "worktrees"
    for name, town in (("ours", place.here.path), ("gone", place.here.path), ("theirs", "/elsewhere"), ("own", "")):
        api.git("worktree", "add", "--quiet", "-b", name, str(folder / name))
        reason = f"gitconvoy: api-x is worked on for {town}" if town else "gitconvoy: api-x is worked on"
        api.git("worktree", "lock", "--reason", reason, str(folder / name))
    shutil.rmtree(folder / "gone")
    found = what_is_left(place.here.json("doctor", "--fix"))
    assert {(Path(row["subject"]).name, row["fixed"]) for row in found} == {("ours", True), ("gone", True)}
    assert sorted(path.name for path in folder.iterdir()) == ["own", "theirs"]
    assert what_is_left(place.here.json("doctor")) == []


def test_closing_the_bead_in_the_town_proves_nothing_about_the_rigs_repository(place: Rigs) -> None:
    place.plan("api-a", merge="mr")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    place.here.bead("api-a", status="closed")
    place.here.commit("closed by hand")
    place.here.ok("scan")
    state = place.here.state()
    merged = state.ledger.bead("api-a").merged_as
    assert merged == place.here.repo.head("main")
    api = place["api"]
    job = Job(
        "api-a", FLOW, 1, worker.token, "ada", "script", (), "ask", None, 60, str(place.here.path),
        worktree=str(worker.tree.path), branch=worker.branch, base=api.head("main"), repository=str(api.path),
    )  # fmt: skip
    found = releasing.targets(Repo.at(api.path), state, job)
    assert (api.head("main") in found, merged in found) == (True, False)
