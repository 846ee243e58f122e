"""`merge: mr` and `local`: branches that somebody else merges, in whatever form, however late (SPEC 7)."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import FLOW, Worker, claim, flow, status
from townfixtures import TownHelper
from waiting import until

from gitconvoy.dispatch import handins
from gitconvoy.engine import seen
from gitconvoy.engine.handin import handover, proofs
from gitconvoy.engine.handin.handover import hand_over
from gitconvoy.git import lock, merging, trees
from gitconvoy.git import proofs as git_proofs
from gitconvoy.git.repo import Repo


def handed_in(repo: GitRepo, *beads: str, merge: str = "mr", hooks: bool = False) -> tuple[TownHelper, list[Worker]]:
    """Work on all beads that are ready at once, two commits each, handed in."""
    here = flow(repo, *beads, merge=merge, hooks=hooks)
    workers = []
    for number in range(sum("<" not in bead for bead in beads)):
        worker = claim(here, f"worker-{number}")
        worker.edit(f"{worker.bead}.py", f"{worker.bead}\n")
        worker.edit(f"{worker.bead}.py", f"{worker.bead}\nmore\n", "more work")
        assert worker.done()["status"] == "submitted"
        workers.append(worker)
    return here, workers


def merged(here: TownHelper, worker: Worker) -> None:
    """The bead's work is known to be merged: by an event, once."""
    assert status(here, worker.bead) == ("closed", "done")
    assert here.events().count(f"merged {worker.bead}") == 1
    assert here.ledger().bead(worker.bead).merged_as is not None


def test_it_waits_for_a_person_and_nobody_else_gets_it(repo: GitRepo) -> None:
    here, (worker,) = handed_in(repo, "gt-a", "gt-b<gt-a")
    for _ in range(2):
        here.ok("scan")
        here.ok("feed")
    assert here.json("next", "--claim")["bead"] is None
    row = here.json("status", FLOW)["submitted"][0]
    assert (row["branch"], row["base_branch"], row["merge"], row["stuck"]) == (worker.branch, "main", "mr", False)
    assert f"waits for {worker.branch} to be merged into main" in here.json("why", "gt-a")["next_step"]
    assert here.json("stranded")["convoys"] == []
    assert here.json("status")["stuck"] == []
    assert here.json("heartbeat", "gt-a", "--token", worker.token)["lease_until"] is None


@pytest.mark.parametrize("form", ["merge", "ff", "squash", "rebase", "pick", "hand"])
def test_proof_of_merging_in_every_form(repo: GitRepo, form: str) -> None:
    here, (worker,) = handed_in(repo, "gt-a", "gt-b<gt-a")
    if form != "ff":
        repo.write("other.txt", "the trunk goes on\n")
        repo.commit("something else")
    if form == "merge":
        repo.git("merge", "--quiet", "--no-edit", worker.branch)
    elif form == "ff":
        repo.git("merge", "--quiet", "--ff-only", worker.branch)
    elif form == "squash":
        repo.git("merge", "--quiet", "--squash", worker.branch)
        repo.commit("squashed")
    elif form == "rebase":
        worker.tree.git("rebase", "--quiet", "main")
        repo.git("merge", "--quiet", "--ff-only", worker.branch)
    elif form == "pick":
        repo.git("cherry-pick", f"main..{worker.branch}")
    else:
        here.bead("gt-a", status="closed")
        here.commit("closed by hand")
    here.ok("scan")
    merged(here, worker)
    assert here.ledger().bead("gt-a").status is None, "the file says it"
    here.ok("scan")
    assert here.events()[-1] == "merged gt-a"
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-b"]


@pytest.mark.parametrize("form", ["pick", "squash", "merge"])
def test_who_takes_the_code_alone_has_taken_the_work(repo: GitRepo, form: str) -> None:
    here, (worker,) = handed_in(repo, "gt-a")
    repo.write("other.txt", "the trunk goes on\n")
    repo.commit("something else")
    if form == "pick":
        repo.git("cherry-pick", f"main..{worker.branch}~1")
    elif form == "merge":
        repo.git("merge", "--quiet", "--no-edit", f"{worker.branch}~1")
    else:
        repo.git("merge", "--quiet", "--squash", f"{worker.branch}~1")
        repo.commit("squashed")
    here.ok("scan")
    merged(here, worker)
    record = here.ledger().bead("gt-a")
    assert (record.status, record.outcome, record.file_status) == ("closed", "done", "open")
    here.ok("tidy")
    assert "status: closed" in repo.read(".convoy/beads/gt-a.yaml")


def test_merged_into_a_base_branch_that_is_not_the_trunk(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", merge="mr", base_branch="release")
    repo.git("branch", "release")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    worker.done()
    release = repo.worktree(Path(f"{here.path}-release"), "next")
    release.git("switch", "--quiet", "release")
    release.git("merge", "--quiet", "--squash", worker.branch)
    release.commit("squashed")
    here.ok("scan")
    merged(here, worker)
    assert here.ledger().bead("gt-a").status == "closed"


def test_changes_that_come_to_nothing_prove_nothing(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", merge="mr")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    worker.tree.git("revert", "--no-edit", "HEAD")
    assert worker.done()["status"] == "submitted"
    repo.commit("something else")
    here.ok("scan")
    assert here.ledger().bead("gt-a").submitted == worker.tree.head()
    here.json("done", "gt-a", "--merged", "main", "--reason", "it was only tried")
    merged(here, worker)


def test_a_word_that_it_is_merged(repo: GitRepo) -> None:
    here, (worker,) = handed_in(repo, "gt-a")
    assert here.error("done", "gt-a", "--merged", "nowhere")["code"] == "not-found"
    assert here.error("done", "gt-a", "--merged", worker.branch)["code"] == "not-merged"
    assert here.ledger().bead("gt-a").live
    repo.write("gt-a.py", "written anew\n")
    commit = repo.commit("another way")
    assert here.json("done", "gt-a", "--merged", commit[:12])["merged_as"] == commit
    merged(here, worker)
    assert here.error("done", "gt-a", "--merged", commit)["code"] == "not-live"


def test_hooks_see_merges_of_branches_that_are_waited_for(repo: GitRepo) -> None:
    """Also where the merge changes nothing under .convoy/: the shim knows the branches that are waited for."""
    here, (worker,) = handed_in(repo, "gt-a", hooks=True)
    noted = seen.recall(repo.path / ".git")
    assert noted is not None
    assert noted.waits == {"refs/heads/main": repo.head()}
    repo.git("cherry-pick", f"main..{worker.branch}~1")
    merged(here, worker)
    after = seen.recall(repo.path / ".git")
    assert after is not None
    assert (after.waits, after.commit) == ({}, repo.head())


def test_many_in_any_order_and_form(repo: GitRepo) -> None:
    here, workers = handed_in(repo, "gt-a", "gt-b", "gt-c", "gt-d", "gt-e<gt-a,gt-b,gt-c,gt-d", hooks=True)
    forms = ["squash", "pick", "merge", "rebase"]
    for form, worker in zip(forms, reversed(workers), strict=True):
        if form == "squash":
            repo.git("merge", "--quiet", "--squash", worker.branch)
            repo.git("commit", "--quiet", "-m", "squashed")
        elif form == "pick":
            repo.git("cherry-pick", f"main..{worker.branch}")
        elif form == "merge":
            repo.git("merge", "--quiet", "--no-edit", worker.branch)
        else:
            worker.tree.git("rebase", "--quiet", "main")
            repo.git("merge", "--quiet", "--ff-only", worker.branch)
        merged(here, worker)
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-e"]


def test_a_branch_that_vanished_unmerged_is_stuck(repo: GitRepo) -> None:
    here, (worker,) = handed_in(repo, "gt-a")
    repo.git("worktree", "remove", str(worker.tree.path))
    repo.git("branch", "-D", worker.branch)
    here.ok("scan")
    assert here.ledger().bead("gt-a").live
    assert [(row["bead"], "is gone" in row["reason"]) for row in here.json("status")["stuck"]] == [("gt-a", True)]
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["stuck"]
    assert "--merged" in here.json("why", "gt-a")["next_step"]
    here.ok("unsling", "gt-a")
    assert claim(here).branch == "work/gt-a-2"


def test_a_branch_that_vanished_after_it_was_merged_is_no_trouble(repo: GitRepo) -> None:
    here, (worker,) = handed_in(repo, "gt-a")
    repo.git("merge", "--quiet", "--squash", worker.branch)
    repo.commit("squashed")
    repo.git("worktree", "remove", str(worker.tree.path))
    repo.git("branch", "-D", worker.branch)
    here.ok("scan")
    merged(here, worker)


def test_local_leaves_the_branch(repo: GitRepo, make_repo: Callable[[str], GitRepo]) -> None:
    remote = make_repo("remote")
    repo.git("remote", "add", "origin", str(remote.path))
    here, (worker,) = handed_in(repo, "gt-a", merge="local")
    here.ok("scan")
    assert not remote.exists(worker.branch)
    repo.git("merge", "--quiet", worker.branch)
    here.ok("scan")
    merged(here, worker)


def test_a_late_attempt_is_cancelled_when_the_first_ones_branch_is_merged(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", merge="mr")
    first = claim(here, "ada")
    first.edit("a.py", "a\n")
    first.done()
    here.ok("unsling", "gt-a")
    second = claim(here, "bob")
    repo.git("merge", "--quiet", first.branch)
    here.ok("scan")
    assert status(here, "gt-a") == ("closed", "done")
    assert not here.ledger().bead("gt-a").live
    second.edit("b.py", "b\n")
    assert here.error(*second.words())["code"] == "not-live"


# Pushing, and telling a program


@pytest.fixture
def remote(make_repo: Callable[[str], GitRepo], repo: GitRepo) -> GitRepo:
    """A remote called origin."""
    made = make_repo("remote")
    repo.git("remote", "add", "origin", str(made.path))
    return made


def note(here: TownHelper, bead: str = "gt-a") -> handins.Handin:
    """The note about a bead that is handed in."""
    found = handins.read_one(here.path / ".git", bead)
    assert found is not None
    return found


def test_the_branch_is_pushed_and_never_by_force(repo: GitRepo, remote: GitRepo) -> None:
    here, (worker,) = handed_in(repo, "gt-a")
    until(lambda: remote.exists(worker.branch) and note(here).pushed, "the push")
    assert remote.head(worker.branch) == worker.tree.head()
    assert here.json("status", FLOW)["submitted"][0]["pushed"] == worker.tree.head()
    theirs = remote.git("commit-tree", "-m", "theirs", "-p", f"{worker.branch}~1", f"{worker.branch}^{{tree}}")
    remote.git("update-ref", f"refs/heads/{worker.branch}", theirs)
    worker.edit("more.py", "more\n")
    worker.done()
    until(lambda: note(here).waits, "the refusal")
    assert remote.head(worker.branch) == theirs
    row = here.json("status", FLOW)["submitted"][0]
    assert "cannot be pushed to origin" in row["note"]
    assert not row["stuck"], "after one try"
    here.ok("scan")
    until(lambda: here.json("status", FLOW)["submitted"][0]["stuck"], "the second try")


def test_a_push_that_fails_is_shown_and_tried_again(repo: GitRepo, remote: GitRepo) -> None:
    away = remote.path.with_name("away")
    remote.path.rename(away)
    here, (worker,) = handed_in(repo, "gt-a")
    until(lambda: note(here).waits, "the failure")
    assert "cannot be pushed" in here.json("status")["submitted"][0]["note"]
    assert here.json("status")["next_wake"] is not None
    away.rename(remote.path)
    here.ok("scan")
    until(lambda: note(here).pushed, "the push")
    assert remote.head(worker.branch) == worker.tree.head()
    assert "pushed" not in here.json("status")["submitted"][0]["note"]


@pytest.mark.parametrize("chosen", ["", "backup"])
def test_where_it_is_pushed_to(
    repo: GitRepo, remote: GitRepo, make_repo: Callable[[str], GitRepo], chosen: str
) -> None:
    backup = make_repo("backup")
    repo.git("remote", "add", "backup", str(backup.path))
    repo.config("gitconvoy.pushRemote", chosen)
    here, (worker,) = handed_in(repo, "gt-a")
    if chosen:
        until(lambda: note(here).pushed, "the push")
    hand_over(here.open(), "gt-a")
    assert (remote.exists(worker.branch), backup.exists(worker.branch)) == (False, bool(chosen))


TELLER = """
import json, os, pathlib, sys
out, *args = sys.argv[1:]
given = {
    "args": args, "stdin": json.load(sys.stdin), "cwd": os.getcwd(), "title": pathlib.Path(args[3]).read_text(),
    "body": pathlib.Path(args[4]).read_text(),
    "git": [name for name in os.environ if name.startswith("GIT_") and "CONFIG" not in name],
}
with open(out, "a") as file:
    file.write(json.dumps(given) + "\\n")
sys.exit(int(os.environ.get("TELLER_EXIT", "0")))
"""


def teller(repo: GitRepo, tmp_path: Path) -> Path:
    """Configure a program that notes what it is told; the file in which it does."""
    script, out = tmp_path / "teller.py", tmp_path / "told"
    script.write_text(TELLER)
    words = [sys.executable, str(script), str(out), "{bead}", "{branch}", "x{base}", "{title_file}", "{body_file}"]
    repo.config("gitconvoy.onSubmit", shlex.join(words))
    return out


def test_the_program_is_told_once(repo: GitRepo, remote: GitRepo, tmp_path: Path) -> None:
    out = teller(repo, tmp_path)
    here = flow(repo, "gt-a", merge="mr")
    title = "$(touch x); '\"' {base} --force"
    here.bead("gt-a", title=json.dumps(title), description='"line 1\\nline `2`\\n\\u001b[31m"')
    here.commit("a title")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    worker.done("--reason", "all green")
    until(lambda: note(here).told == handins.ENDED, "the program's end")
    for _ in range(2):
        here.ok("scan")
        hand_over(here.open(), "gt-a")
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(told) == 1
    given = told[0]
    assert given["args"][:3] == ["gt-a", worker.branch, "xmain"]
    assert given["title"] == f"{title}\n"
    assert given["stdin"]["title"] == title
    assert "line `2`" in given["stdin"]["body"]
    assert "all green" in given["body"]
    assert given["cwd"] == str(here.path)
    assert given["git"] == []
    assert remote.exists(worker.branch), "pushed before"
    worker.edit("b.py", "b\n")
    worker.done()
    until(lambda: note(here).pushed == worker.tree.head(), "the second push")
    assert len(out.read_text().splitlines()) == 1


def test_a_program_that_fails_is_shown_and_not_run_again(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLER_EXIT", "3")
    out = teller(repo, tmp_path)
    here, _ = handed_in(repo, "gt-a")
    until(lambda: note(here).told == handins.ENDED, "the program's end")
    here.ok("scan")
    row = here.json("status", FLOW)["submitted"][0]
    assert "gitconvoy.onSubmit ended with exit code 3" in row["note"]
    assert len(out.read_text().splitlines()) == 1


KILLS_ITS_PARENT = """
import os, pathlib, signal, sys
out = pathlib.Path(sys.argv[1])
out.write_text(out.read_text() + "told\\n" if out.exists() else "told\\n")
parent = os.getppid()
if out.read_text() == "told\\n" and b"hand-over" in pathlib.Path(f"/proc/{parent}/cmdline").read_bytes():
    os.kill(parent, signal.SIGKILL)
sys.exit(int(sys.argv[2]) if "told\\ntold\\ntold" not in out.read_text() else 0)
"""


def test_a_program_whose_caller_has_died_is_run_again_only_when_somebody_says_so(repo: GitRepo, tmp_path: Path) -> None:
    script, out = tmp_path / "killer.py", tmp_path / "told"
    script.write_text(KILLS_ITS_PARENT)
    repo.config("gitconvoy.onSubmit", shlex.join([sys.executable, str(script), str(out), "3"]))
    here, (worker,) = handed_in(repo, "gt-a")
    until(lambda: here.json("status")["stuck"], "the end of who ran it")
    here.ok("scan")
    here.json(*worker.words())
    row = here.json("status", FLOW)["submitted"][0]
    assert row["stuck"]
    assert "what ran it has died" in row["note"]
    assert "gitconvoy hand-over gt-a --again" in row["note"]
    assert [each["class"] for each in here.json("stranded")["convoys"]] == ["stuck"]
    assert out.read_text() == "told\n", "nobody knows whether it has opened a pull request"
    again = here.json("hand-over", "gt-a", "--again", code=5)["beads"]
    assert [(each["told"], "exit code 3" in each["complaint"]) for each in again] == [("ended", True)]
    row = here.json("status", FLOW)["submitted"][0]
    assert (row["stuck"], "gitconvoy hand-over gt-a --again" in row["note"]) == (False, True)
    here.ok("scan")
    assert out.read_text() == "told\n" * 2
    assert here.json("hand-over", "gt-a", "--again")["beads"][0]["complaint"] == ""
    assert here.error("hand-over", "gt-b", "--again")["code"] == "not-submitted"
    repo.git("config", "--unset", "gitconvoy.onSubmit")
    assert here.error("hand-over", "gt-a", "--again")["code"] == "configuration"
    assert out.read_text() == "told\n" * 3


def test_a_committed_file_names_no_program(repo: GitRepo, tmp_path: Path) -> None:
    here, _ = handed_in(repo, "gt-a")
    hand_over(here.open(), "gt-a")
    assert note(here).told == handins.NOT_YET


def squashed_and_changed_again(repo: GitRepo, *workers: Worker) -> str:
    """One commit takes all work, and more, and the next changes the same files; the first."""
    repo.git("checkout", "--quiet", "--detach")
    for worker in workers:
        repo.git("merge", "--quiet", "--squash", worker.branch + "~1")
    repo.write("extra", "by the reviewer\n")
    squash = repo.commit("squashed, and more")
    for worker in workers:
        repo.write(f"{worker.bead}.py", "in other words\n")
    repo.commit("later")
    repo.git("checkout", "--quiet", "-B", "main")
    return squash


def merges_of_proofs(patch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The merges that proofs try from now on."""
    asked: list[tuple[str, str]] = []

    def counted(repo: Repo, ours: str, theirs: str, *, keep: bool = True) -> merging.Merge:
        asked.append((ours, theirs))
        return merging.merge_trees(repo, ours, theirs, keep=keep)

    patch.setattr(git_proofs, "merge_trees", counted)
    return asked


def test_hooks_look_at_the_tip_alone_and_scans_at_what_came_before(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, workers = handed_in(repo, "gt-a", "gt-b")
    asked = merges_of_proofs(monkeypatch)
    squash = squashed_and_changed_again(repo, *workers)
    here.hook("post-commit")
    assert len(asked) == 2, "one merge for each branch"
    assert [here.ledger().bead(worker.bead).live for worker in workers] == [True, True]
    assert proofs.owed(repo.path / ".git")
    here.hook("post-commit")
    assert len(asked) == 2, "nothing has moved"
    answer = here.json("scan")
    for worker in workers:
        merged(here, worker)
        assert here.ledger().bead(worker.bead).merged_as == squash
    assert answer["dispatched"] == []
    assert not proofs.owed(repo.path / ".git")


def test_a_walk_goes_on_where_its_time_ended(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here, workers = handed_in(repo, "gt-a", "gt-b")
    squashed_and_changed_again(repo, *workers)
    monkeypatch.setattr(proofs.walk, "__defaults__", (0.0,))
    for worker in workers:
        assert here.ledger().bead(worker.bead).live
        here.ok("scan")
        merged(here, worker)


def test_a_walk_that_found_nothing_is_not_made_again(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = handed_in(repo, "gt-a")
    for text in ("one\n", "two\n"):
        repo.write("gt-a.py", text)
        repo.commit(text)
    here.ok("scan")
    asked = merges_of_proofs(monkeypatch)
    here.ok("scan")
    assert asked == []
    repo.write("gt-a.py", "three\n")
    repo.commit("three")
    here.ok("scan")
    assert len(asked) == 1, "one more commit is the tip itself"
    assert here.ledger().bead("gt-a").live


def test_a_branch_that_did_not_move_is_not_looked_at(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = handed_in(repo, "gt-a")
    here.ok("scan")
    state = here.state()
    local = here.open().local(state.plan, state.ledger)
    asked: list[object] = []

    def counted(*args: object) -> list[str]:
        asked.append(args)
        return []

    monkeypatch.setattr(trees, "changed_paths", counted)
    assert proofs.look(here.open(), state, local) == ()
    assert asked == []


def test_work_that_comes_after_its_merge_is_found(repo: GitRepo) -> None:
    """The base branch does not move any more once the commit is here."""
    here, (worker,) = handed_in(repo, "gt-a")
    repo.git("cherry-pick", f"main..{worker.branch}~1")
    work = worker.tree.head()
    hidden = repo.path / ".git" / "objects" / work[:2] / work[2:]
    hidden.rename(repo.path / "away")
    (repo.path / ".git" / "refs" / "heads" / worker.branch).unlink()
    here.ok("scan")
    assert here.ledger().bead("gt-a").live
    (repo.path / "away").rename(hidden)
    here.ok("scan")
    merged(here, worker)


def test_a_note_that_a_later_attempt_wrote_meanwhile_stays(repo: GitRepo) -> None:
    here, _ = handed_in(repo, "gt-a")
    old = note(here)
    handins.write(here.path / ".git", replace(old, token="later"))
    handins.drop(here.path / ".git", old)
    assert note(here).token == "later"
    handins.drop(here.path / ".git", note(here))
    assert handins.read_all(here.path / ".git") == {}


def test_one_process_hands_over_all_that_nobody_is_at(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = handed_in(repo, "gt-a", "gt-b", "gt-c")
    repo.config("gitconvoy.onSubmit", "true")
    begun: list[list[str]] = []
    monkeypatch.setattr(handover, "spawn", lambda _town, words, _place: begun.append(words))
    with lock.exclusive(handins.own_file(here.path / ".git", note(here, "gt-b"), "lock"), 0):
        here.ok("scan")
    assert begun == [["hand-over", "gt-a", "gt-c"]]
