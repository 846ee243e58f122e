"""`merge: direct`: handed-in work gets into its base branch by itself, as `git merge` would bring it there (SPEC 7)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import FLOW, claim, flow, status, try_again_now
from townfixtures import TownHelper

from gitconvoy.git import merging
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import drivers


def kinds(here: TownHelper, bead: str) -> list[str]:
    """The kinds of a bead's ledger events, oldest first."""
    return [entry["event"] for entry in here.json("log", "--bead", bead)["entries"][::-1] if entry["event"] != "file"]


def test_code_and_closed_bead_arrive_in_one_merge(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b<gt-a")
    before = repo.head()
    worker = claim(here)
    code = worker.edit("a.py", "print('a')\n")
    answer = worker.done("--reason", "all green")
    assert (answer["status"], answer["attempt"], answer["conflict"]) == ("closed", 1, None)
    merge = repo.head("main")
    assert answer["merged_as"] == merge
    assert repo.git("log", "-1", "--format=%P %s", "main") == f"{before} {worker.tree.head()} Merge gt-a: Title of gt-a"
    assert repo.git("log", "-1", "--format=%P %s", worker.branch) == f"{code} Close gt-a: Title of gt-a"
    assert repo.read("a.py") == "print('a')\n", "the worktree that has the base branch went along"
    assert "status: closed" in repo.read(".convoy/beads/gt-a.yaml")
    assert "close_reason: all green" in repo.read(".convoy/beads/gt-a.yaml")
    assert (repo.status(), worker.tree.status()) == ([], [])
    assert kinds(here, "gt-a") == ["dispatch", "submit", "merged"]
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-b"], "the state was read again"
    assert here.ledger().bead("gt-a").status is None, "the file says it"
    here.ok("validate")
    repo.git("fsck", "--strict")


def test_a_base_branch_that_nobody_has_checked_out_is_merged_in_memory(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b<gt-a", base_branch="release")
    repo.git("branch", "release")
    trunk = repo.head()
    worker = claim(here)
    worker.edit("a.py", "a\n")
    answer = worker.done()
    assert answer["status"] == "closed"
    assert answer["merged_as"] == repo.head("release")
    assert repo.show("release", "a.py") == "a\n"
    assert "status: closed" in repo.show("release", ".convoy/beads/gt-a.yaml")
    assert (repo.head(), repo.status()) == (trunk, [])
    record = here.ledger().bead("gt-a")
    assert (record.status, record.outcome, record.file_status) == ("closed", "done", "open"), (
        "the trunk does not say so"
    )
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-b"]
    repo.git("merge", "--quiet", "--no-edit", "release")
    here.ok("scan")
    assert here.ledger().bead("gt-a").status is None
    assert kinds(here, "gt-a") == ["dispatch", "submit", "merged", "done"]


def test_two_who_start_from_the_same_commit(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b")
    one, two = claim(here, "ada"), claim(here, "bob")
    one.edit("one.py", "1\n")
    two.edit("two.py", "2\n")
    assert one.done()["status"] == "closed"
    assert two.done()["status"] == "closed"
    assert (repo.read("one.py"), repo.read("two.py")) == ("1\n", "2\n")
    assert here.json("status", FLOW)["convoy"]["status"] == "closed"
    assert here.events().count(f"complete {FLOW}") == 1


def test_a_conflict_gives_the_bead_back_to_a_person_and_blocks_nobody_else(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b", "gt-c")
    one, two, three = claim(here, "ada"), claim(here, "bob"), claim(here, "eve")
    for number, worker in enumerate((one, two, three)):
        worker.edit("same.py" if number < 2 else "other.py", f"{number}\n")
    one.done()
    tip = two.tree.head()
    ended = two.end()
    assert ended.code == 5
    assert "given back to a person" in ended.out
    assert "conflicts in same.py" in ended.out
    assert repo.git("log", "-1", "--format=%P", two.branch) == tip, "the branch is kept, closed as it was handed in"
    assert three.done()["status"] == "closed"
    record = here.ledger().bead("gt-b")
    assert (record.live, record.failures, record.submitted) == (False, 1, two.tree.head())
    for _ in range(2):
        here.ok("scan")
        here.ok("feed")
    assert here.json("--actor", "mia", "next", "--claim")["bead"] is None, "never again by itself"
    found = here.json("why", "gt-b")
    rule = next(rule for rule in found["rules"] if rule["rule"] == "attempts")
    assert not rule["ok"]
    assert "same.py" in rule["message"]
    assert two.branch in found["next_step"]
    assert "bead retry" in found["next_step"]
    assert [(row["bead"], "same.py" in row["reason"]) for row in here.json("status")["stuck"]] == [("gt-b", True)]
    assert here.json("status", FLOW)["stuck"][0]["bead"] == "gt-b"
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["stuck"]
    assert "same.py" in here.ok("status", FLOW)
    here.ok("bead", "retry", "gt-b")
    assert here.json("status")["stuck"] == []
    again = claim(here, "bob")
    assert (again.bead, again.branch) == ("gt-b", "work/gt-b-2")
    again.edit("same.py", "both\n")
    assert again.done()["status"] == "closed"
    assert repo.exists(two.branch)


@pytest.mark.parametrize("squash", [False, True])
def test_a_person_who_resolves_the_conflict_closes_the_bead(repo: GitRepo, squash: bool) -> None:
    here = flow(repo, "gt-a", "gt-b", mountain=True)
    one, two = claim(here, "ada"), claim(here, "bob")
    one.edit("same.py", "1\n")
    two.edit("same.py", "2\n")
    one.done()
    two.end()
    assert status(here, "gt-b")[0] == "open", "no failure for good, not even in a mountain convoy"
    repo.run("merge", *(["--squash"] if squash else []), two.branch)
    repo.write("same.py", "12\n")
    repo.commit("resolved")
    here.ok("scan")
    assert status(here, "gt-b") == ("closed", "done")
    record = here.ledger().bead("gt-b")
    assert (record.conflict, record.submitted, record.merged_as) == (None, None, repo.head())
    assert kinds(here, "gt-b") == ["dispatch", "submit", "fail", "merged"]
    assert here.events()[-1] == f"complete {FLOW}"


def test_local_changes_that_do_not_overlap_stay(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    repo.write("README.md", "being edited\n")
    repo.write("notes.txt", "untracked\n")
    repo.write("staged.txt", "staged\n")
    repo.git("add", "staged.txt")
    before = repo.status()
    assert worker.done()["status"] == "closed"
    assert repo.read("a.py") == "a\n"
    assert repo.status() == before
    assert repo.read("README.md") == "being edited\n"


def test_local_changes_that_overlap_make_it_wait(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b", "gt-c<gt-a")
    one, two = claim(here, "ada"), claim(here, "bob")
    one.edit("README.md", "from the worker\n")
    two.edit("b.py", "b\n")
    repo.write("README.md", "being edited\n")
    base = repo.head()
    answer = one.done()
    assert (answer["status"], answer["conflict"]) == ("submitted", None)
    assert "README.md" in answer["note"]
    assert str(here.path) in answer["note"]
    assert repo.head() == base
    assert repo.read("README.md") == "being edited\n"
    waiting = here.json("status", FLOW)["submitted"]
    assert [(row["bead"], row["path"], row["stuck"], row["base_branch"]) for row in waiting] == [
        ("gt-a", str(here.path), False, "main")
    ]
    assert "README.md" in here.json("why", "gt-a")["next_step"]
    assert here.json("status")["next_wake"] is not None
    assert two.done()["status"] == "closed", "it is in nobody's way"
    try_again_now(here)
    here.ok("scan")
    assert here.ledger().bead("gt-a").submitted == one.tree.head()
    assert here.json("status", FLOW)["submitted"][0]["stuck"], "it is still in the way at the second try"
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["stuck"]
    repo.git("checkout", "--quiet", "README.md")
    here.ok("scan")
    assert status(here, "gt-a") == ("closed", "done")
    assert repo.read("README.md") == "from the worker\n"
    assert kinds(here, "gt-a") == ["dispatch", "submit", "merged"]
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-c"]


def test_the_commit_that_clears_the_way_lets_it_through(repo: GitRepo) -> None:
    """Merged by the person's own post-commit hook, into the worktree in which that runs."""
    lines = [f"line {number}\n" for number in range(20)]
    repo.write("text.txt", "".join(lines))
    here = flow(repo, "gt-a", "gt-b<gt-a", hooks=True)
    worker = claim(here)
    worker.edit("text.txt", "".join(["the worker's\n", *lines[1:]]))
    repo.write("text.txt", "".join([*lines[:-1], "the person's\n"]))
    repo.write("left.txt", "alone\n")
    assert worker.done()["status"] == "submitted"
    repo.git("commit", "--quiet", "-m", "mine", "--", "text.txt")
    assert status(here, "gt-a") == ("closed", "done")
    assert repo.read("text.txt") == "".join(["the worker's\n", *lines[1:-1], "the person's\n"])
    assert repo.status() == ["?? left.txt"]
    assert repo.git("log", "-2", "--format=%s", "--first-parent").splitlines() == ["Merge gt-a: Title of gt-a", "mine"]


def test_a_rebase_in_progress_makes_it_wait(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    repo.commit("one more")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    repo.git("rebase", "--quiet", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 's/^pick/edit/'"})
    answer = worker.done()
    assert answer["status"] == "submitted"
    assert "rebase" in answer["note"]
    repo.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    here.ok("scan")
    assert status(here, "gt-a") == ("closed", "done")
    assert repo.read("a.py") == "a\n"


@pytest.mark.parametrize("set_up", [False, True])
def test_the_beads_file_is_merged_field_by_field(repo: GitRepo, set_up: bool) -> None:
    here = flow(repo, "gt-a")
    if set_up:
        drivers.set_up(Repo.discover(repo.path), sys.executable)
    worker = claim(here)
    worker.edit("a.py", "a\n")
    repo.write(
        ".convoy/beads/gt-a.yaml",
        "id: gt-a\ntitle: A better title\nlabels:\n  - ui\nstatus: in_progress\nassignee: mia\nx-note: kept # why\n",
    )
    repo.commit("a person edits the bead meanwhile")
    assert worker.done("--reason", "it works")["status"] == "closed"
    text = repo.read(".convoy/beads/gt-a.yaml")
    for line in ("title: A better title", "status: closed", "assignee: mia", "x-note: kept # why", "  - ui"):
        assert line in text, text
    assert "close_reason: it works" in text
    assert repo.read("a.py") == "a\n"


@pytest.mark.parametrize("set_up", [False, True])
def test_plan_files_never_conflict(repo: GitRepo, set_up: bool) -> None:
    here = flow(repo, "gt-a")
    if set_up:
        drivers.set_up(Repo.discover(repo.path), sys.executable)
    worker = claim(here)
    worker.edit(f".convoy/plans/{FLOW}.yaml", f"convoy: {FLOW}\nwaves: []\n")
    here.bead("gt-n", status="open")
    here.convoy(FLOW, "gt-a", "gt-n", status="open", merge="direct")
    here.ok("tidy", "--no-commit")
    repo.commit("a person widens the convoy meanwhile")
    ours = repo.read(f".convoy/plans/{FLOW}.yaml")
    assert worker.done()["status"] == "closed"
    assert repo.read(f".convoy/plans/{FLOW}.yaml") == ours


def test_a_commit_that_lands_meanwhile_is_never_lost(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    real = merging.advance
    landed: list[str] = []

    def slow(*args: object, **more: object) -> object:
        if args[1] == "refs/heads/main" and len(landed) < 3:
            repo.write(f"mine-{len(landed)}.txt", "a person's\n")
            landed.append(repo.commit("a person's commit"))
        return real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(merging, "advance", slow)
    assert worker.done()["status"] == "closed"
    assert len(landed) == 3
    assert repo.git("log", "-1", "--format=%P", "main").split()[0] == landed[-1]
    assert repo.git("rev-list", "--count", "--merges", "main") == "1"
    assert repo.status() == []


def test_a_linked_worktree_that_has_the_base_branch_goes_along(
    make_repo: Callable[[str], GitRepo], tmp_path: Path
) -> None:
    repo = make_repo("repo")
    here = flow(repo, "gt-a", base_branch="release")
    release = repo.worktree(tmp_path / "release", "release")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    assert worker.done()["status"] == "closed"
    assert release.read("a.py") == "a\n"
    assert release.status() == []


def test_titles_are_data(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    here.bead("gt-a", title="'\"$(touch x)\\e[31m -- Signed-off-by: root'")
    here.commit("a title")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    assert worker.done()["status"] == "closed"
    message = repo.git("log", "-1", "--format=%B", "main")
    assert message.startswith("Merge gt-a: ")
    assert len(message.splitlines()) == 1
    assert repo.git("log", "-1", "--format=%(trailers)", "main") == ""


def test_children_that_a_worker_adds_come_along(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    worker.tree.write(".convoy/beads/gt-kid.yaml", "id: gt-kid\ntitle: Found on the way\nparent: gt-a\n")
    worker.edit("a.py", "a\n")
    assert worker.done()["status"] == "closed"
    assert status(here, "gt-kid")[0] == "open"
    here.ok("validate")


def test_a_merge_that_would_break_the_plan_is_a_conflict(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    worker.tree.write(".convoy/beads/gt-kid.yaml", "id: gt-kid\ntitle: Twice\nparent: gt-a\n")
    worker.edit("a.py", "a\n")
    here.bead("gt-kid", folder="elsewhere/")
    here.commit("the same id elsewhere")
    assert "gt-kid" in worker.refused()["message"], "seen by the guard"
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.write("held.txt", "mine\n")
    worker.edit("held.txt", "theirs\n")
    assert worker.done()["status"] == "submitted"
    here.bead("gt-kid", folder="elsewhere/")
    repo.git("add", ".convoy")
    repo.git("commit", "--quiet", "-m", "the same id elsewhere")
    (here.path / "held.txt").unlink()
    here.ok("scan")
    assert "would break the plan" in (here.ledger().bead("gt-a").conflict or "")
    here.ok("validate")


def test_signing_and_identity_are_those_of_the_repository(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    repo.config("extensions.worktreeConfig", "true")
    worker.tree.git("config", "--worktree", "user.name", "Robo Worker")
    worker.edit("a.py", "a\n")
    worker.done()
    assert repo.git("log", "-1", "--format=%an", worker.branch) == "Robo Worker"
    assert repo.git("log", "-1", "--format=%an", "main") == "Test Person"


def test_a_branch_that_was_deleted_is_shown_and_never_dispatched_again(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    worker = claim(here)
    worker.edit("README.md", "theirs\n")
    repo.write("README.md", "mine\n")
    assert worker.done()["status"] == "submitted"
    repo.git("worktree", "remove", "--force", str(worker.tree.path))
    repo.git("branch", "-D", worker.branch)
    repo.git("checkout", "--quiet", "README.md")
    here.ok("scan")
    assert here.ledger().bead("gt-a").live
    row = here.json("status", FLOW)["submitted"][0]
    assert row["stuck"]
    assert "is gone" in row["note"]
    here.ok("--actor", "ada", "fail", "gt-a", "--reason", "lost")
    assert not here.ledger().bead("gt-a").live
