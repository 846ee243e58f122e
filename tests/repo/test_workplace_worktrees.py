"""Worktrees of real workers: fresh, on a branch of their own, kept while something in them would be lost (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import what_is_left
from gitfixtures import GitRepo
from waiting import until
from workshops import FLOW, Workshop, close_workshop, open_workshop

DONE = 'sys.exit(gitconvoy("done", "--no-code"))'


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def test_each_attempt_works_on_a_branch_of_its_own(workshop: Workshop) -> None:
    workshop.worker(
        """
        branch = subprocess.run(["git", "branch", "--show-current"], capture_output=True, text=True).stdout.strip()
        names = [name for name in os.environ if name.startswith("GIT_")]
        note("seen", json.dumps([os.getcwd(), branch, os.environ["GITCONVOY_WORKTREE"], os.environ["GITCONVOY_BRANCH"],
                                 os.path.exists("README.md"), sorted(names)]))
        """
        + DONE
    )
    workshop.begin()
    place = str(workshop.worktree())
    names = '["GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"]'
    assert workshop.note("seen") == f'["{place}", "convoy/gt-a-1", "{place}", "convoy/gt-a-1", true, {names}]'
    workshop.event("done gt-a")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.branch, record.base) == ("convoy/gt-a-1", workshop.here.repo.head("main"))
    workshop.quiet()
    assert not workshop.worktree().exists(), "nothing would be lost with it"
    assert not workshop.here.repo.exists("refs/heads/convoy/gt-a-1"), "no commit was added to the branch"
    assert len(workshop.here.repo.git("worktree", "list").splitlines()) == 1
    assert workshop.here.repo.status() == []


def test_a_failed_attempt_loses_its_worktree_and_keeps_its_branch(workshop: Workshop) -> None:
    workshop.worker("sys.exit(3)")
    workshop.begin()
    workshop.event("fail gt-a")
    workshop.quiet()
    assert not workshop.worktree().exists()
    assert workshop.here.repo.head("convoy/gt-a-1") == workshop.here.repo.head("main")


def test_uncommitted_work_is_kept_and_named(workshop: Workshop) -> None:
    workshop.worker('pathlib.Path("half done.txt").write_text("precious"); sys.exit(1)')
    workshop.begin()
    workshop.event("fail gt-a")
    workshop.quiet()
    place = workshop.worktree()
    kept = workshop.here.json("scan")["kept"]
    assert len(kept) == 1
    assert str(place) in kept[0]
    assert "half done.txt" in kept[0]
    assert (place / "half done.txt").read_text() == "precious"
    assert str(place) in workshop.here.ok("logs", "gt-a")
    (place / "half done.txt").unlink()
    assert workshop.here.json("scan")["removed"] == [str(place)]
    assert not place.exists()


def test_unmerged_commits_are_kept_until_they_are_merged(workshop: Workshop) -> None:
    workshop.worker('commit("work.txt", "work"); sys.exit(1)')
    workshop.begin()
    workshop.event("fail gt-a")
    workshop.quiet()
    repo = workshop.here.repo
    assert "1 commit of branch convoy/gt-a-1 not merged" in workshop.here.json("scan")["kept"][0]
    findings = what_is_left(workshop.here.json("doctor", "--fix"))
    assert [(row["check"], row["severity"], row["fixed"]) for row in findings] == [("worktree", "note", False)]
    assert workshop.worktree().is_dir(), "doctor --fix throws no work away"
    repo.git("merge", "--quiet", "--squash", "convoy/gt-a-1")
    repo.commit("squashed by a person")
    assert workshop.here.json("doctor", "--fix")["findings"][0]["fixed"] is True
    assert not workshop.worktree().exists()
    assert repo.exists("convoy/gt-a-1")


def test_work_starts_from_the_convoys_base_branch(workshop: Workshop) -> None:
    repo = workshop.here.repo
    repo.git("branch", "release")
    repo.write("later.txt", "on main only")
    workshop.worker('note("later", os.path.exists("later.txt"))\n' + DONE)
    workshop.begin(convoy={"base_branch": "release"})
    assert workshop.note("later") == "False"
    assert workshop.here.ledger().bead("gt-a").base == repo.head("release")


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("nowhere", "the base branch nowhere does not exist"),
        ("convoy-ledger", "which is the ledger's"),
        ("convoy/other-1", "where attempts have their branches"),
    ],
)
def test_a_base_branch_that_cannot_be_one_is_a_failure_to_start(workshop: Workshop, base: str, reason: str) -> None:
    if base.startswith("convoy/"):
        workshop.here.repo.git("branch", base)
    workshop.worker(DONE)
    workshop.plan("gt-a", convoy={"base_branch": base})
    answer = workshop.here.run("launch", FLOW, "--force")
    assert answer.code == 5
    assert reason in workshop.event("dispatch-failed gt-a")["reason"]


@pytest.mark.parametrize(
    ("ref", "branch"),
    [
        ("refs/heads/convoy/gt-a-1", "convoy/gt-a-1.2"),
        ("refs/remotes/origin/convoy/gt-a-1", "convoy/gt-a-1.2"),
        ("refs/heads/convoy/gt-a-1/x", "convoy/gt-a-1.2"),
        ("refs/heads/convoy", "convoy-gt-a-1"),
    ],
)
def test_where_a_branch_is_in_the_way_another_name_is_taken(workshop: Workshop, ref: str, branch: str) -> None:
    repo = workshop.here.repo
    repo.config("remote.origin.url", "https://example.invalid/x.git")
    repo.git("update-ref", ref, "HEAD")
    before = repo.head(ref)
    workshop.worker('commit("a", "b"); sys.exit(1)')
    workshop.begin(backoff="1h")
    workshop.event("fail gt-a")
    assert workshop.here.ledger().bead("gt-a").branch == branch
    assert repo.git("log", "-1", "--format=%s", branch) == "work on gt-a"
    assert repo.head(ref) == before
    assert not [event for event in workshop.here.events() if event.startswith("dispatch-failed")]


def test_a_folder_that_cannot_be_made_is_a_failure_to_start(workshop: Workshop) -> None:
    workshop.worker(DONE)
    workshop.here.repo.config("gitconvoy.worktrees", str(workshop.out.parent / "file"))
    (workshop.out.parent / "file").write_text("in the way")
    workshop.begin(backoff="1h")
    assert "its worktree could not be made" in workshop.event("dispatch-failed gt-a")["reason"]
    assert not workshop.here.repo.exists("refs/heads/convoy/gt-a-1")


def test_folder_and_prefix_are_settings(workshop: Workshop, tmp_path: Path) -> None:
    workshop.here.repo.config("gitconvoy.worktrees", "../trees")
    workshop.here.repo.config("gitconvoy.branchPrefix", "bots/x-")
    workshop.worker('commit("a", "b"); note("cwd", os.getcwd()); sys.exit(1)')
    workshop.begin()
    assert Path(workshop.note("cwd")) == tmp_path / "trees" / "gt-a-1"
    workshop.event("fail gt-a")
    assert workshop.here.repo.exists("bots/x-gt-a-1")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("gitconvoy.branchPrefix", "-x", "branchPrefix"),
        ("gitconvoy.copy", "../secret", "no path inside"),
        ("gitconvoy.copy", "/etc/passwd", "no path inside"),
        ("gitconvoy.setupTimeout", "soon", "setupTimeout"),
        ("gitconvoy.logLimit", "much", "logLimit"),
        ("gitconvoy.setup", "run {secret}", "{secret}"),
        ("gitconvoy.breaker", "many", "gitconvoy.breaker"),
        ("gitconvoy.dispatcher.script.workplace", "cellar", "workplace"),
    ],
)
def test_settings_that_cannot_be_meant_are_told(workshop: Workshop, key: str, value: str, said: str) -> None:
    workshop.worker(DONE)
    workshop.here.repo.config(key, value)
    workshop.plan("gt-a")
    workshop.here.ok("launch", FLOW)
    assert not [event for event in workshop.here.events() if event.startswith("dispatch")], "no bead pays for it"
    answer = workshop.here.run("status")
    assert said in answer.out + answer.err


def test_scratch_is_a_setting(workshop: Workshop) -> None:
    workshop.worker('note("cwd", os.getcwd() + os.environ["GITCONVOY_BRANCH"])\n' + DONE, workplace="scratch")
    workshop.begin()
    assert Path(workshop.note("cwd")) == workshop.own / "attempts" / "gt-a-1" / "work"
    workshop.event("done gt-a")
    assert workshop.here.ledger().bead("gt-a").branch is None


def test_setup_runs_in_the_worktree_and_its_failure_is_told(workshop: Workshop, tmp_path: Path) -> None:
    script = tmp_path / "setup.sh"
    script.write_text(
        'echo "made $1"; pwd > made.txt; test "$GITCONVOY_ATTEMPT" != 1 || { echo no compiler; exit 4; }\n'
    )
    workshop.here.repo.config("gitconvoy.setup", f"sh {script} {{bead}}")
    workshop.worker('note("made", pathlib.Path("made.txt").read_text().strip()); os.unlink("made.txt")\n' + DONE)
    workshop.begin(backoff="1s")
    reason = workshop.event("dispatch-failed gt-a")["reason"]
    assert "ended with exit code 4: no compiler" in reason
    workshop.scan_for("done gt-a")
    assert Path(workshop.note("made")) == workshop.worktree(attempt=2)
    assert workshop.here.ok("logs", "gt-a").startswith("made gt-a\n")
    assert "made.txt" in workshop.here.ok("doctor"), "what a failed set-up leaves is kept and named"


def test_land_removes_worktrees_and_keeps_those_with_work(workshop: Workshop) -> None:
    workshop.worker(
        """
        pathlib.Path("notes.txt").write_text("x") if bead == "gt-b" else None
        sys.exit(gitconvoy("done", "--no-code", "--force"))
        """
    )
    workshop.begin("gt-a", "gt-b", convoy={"owned": True})
    until(lambda: workshop.here.json("status", FLOW)["completion"], "completion")
    workshop.quiet()
    assert workshop.worktree("gt-b").is_dir()
    would = workshop.here.json("land", FLOW, "--dry-run")
    done = workshop.here.json("land", FLOW)
    assert (would["removed"], would["kept"]) == (done["removed"], done["kept"])
    assert done["removed"] == [str(workshop.own / "attempts" / "gt-a-1")]
    assert "notes.txt" in done["kept"][0]
    assert str(workshop.worktree("gt-b")) in done["kept"][0]
    assert (workshop.worktree("gt-b") / "notes.txt").exists()
