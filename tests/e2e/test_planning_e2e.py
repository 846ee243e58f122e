"""Real commits through the installed hooks: plan files in the same commit, `git status` clean after each (SPEC 6)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, town

PLAN = ".convoy/plans/hq-cv-1.yaml"
A, CONVOY = ".convoy/beads/gt-a.yaml", ".convoy/convoys/hq-cv-1.yaml"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A launched convoy of gt-a <- gt-b, and gt-0, which it does not track; hooks are installed."""
    made = town(repo, hooks=True)
    made.bead("gt-0")
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.convoy("hq-cv-1", "gt-a", "gt-b")
    made.commit("plan")
    return made


def longer(here: TownHelper) -> None:
    """An edit by hand that makes the plan file stale: gt-a comes after gt-0 and both are tracked."""
    here.bead("gt-a", depends_on=["gt-0"])
    here.convoy("hq-cv-1", "gt-0", "gt-a", "gt-b")


def assert_fresh(here: TownHelper, rev: str = "HEAD") -> None:
    assert PLAN in here.files(rev)
    assert here.repo.show(rev, PLAN) == here.repo.read(PLAN)
    assert here.repo.read(PLAN).index("gt-0") < here.repo.read(PLAN).index("gt-b")
    assert here.repo.status() == []
    assert here.json("validate")["problems"] == []
    assert here.repo.run("fsck", "--strict").returncode == 0


def process(here: TownHelper, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "gitconvoy", *args]
    return subprocess.run(command, cwd=here.path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_plan_file_is_made_by_the_first_commit(here: TownHelper) -> None:
    assert PLAN in here.files()
    assert here.repo.status() == []


def test_commit_of_staged_files(here: TownHelper) -> None:
    longer(here)
    here.repo.git("add", ".")
    here.repo.git("commit", "--quiet", "-m", "staged")
    assert_fresh(here)


def test_commit_all(here: TownHelper) -> None:
    longer(here)
    here.repo.git("commit", "--quiet", "-a", "-m", "all")
    assert_fresh(here)


def test_commit_of_paths(here: TownHelper) -> None:
    longer(here)
    here.repo.write("README.md", "staged, and not part of it\n")
    here.repo.git("add", "README.md")
    here.repo.git("commit", "--quiet", "-m", "paths", "--", A, CONVOY)
    assert PLAN in here.files()
    assert here.repo.status() == ["M  README.md"]
    here.repo.git("commit", "--quiet", "-m", "the rest")
    assert here.files() == ["README.md"]
    assert here.repo.show("HEAD", PLAN) == here.repo.read(PLAN)
    assert here.json("validate")["problems"] == []


def test_commit_of_paths_with_a_new_plan_file(here: TownHelper) -> None:
    here.convoy("hq-cv-2", "gt-0")
    here.repo.git("add", ".")
    here.repo.git("commit", "--quiet", "-m", "new convoy", "--", ".convoy/convoys/hq-cv-2.yaml")
    assert ".convoy/plans/hq-cv-2.yaml" in here.files()
    assert here.repo.status() == []


def test_amend(here: TownHelper) -> None:
    longer(here)
    here.repo.git("commit", "--quiet", "-a", "--amend", "--no-edit")
    assert here.repo.git("rev-list", "--count", "HEAD") == "3"
    assert_fresh(here)


def test_include(here: TownHelper) -> None:
    longer(here)
    here.repo.git("commit", "--quiet", "-m", "include", "--include", A, CONVOY)
    assert_fresh(here)


def test_linked_worktree(here: TownHelper, tmp_path: Path) -> None:
    linked = TownHelper(here.repo.worktree(tmp_path / "linked", "topic"))
    longer(linked)
    linked.repo.git("commit", "--quiet", "-a", "-m", "linked")
    assert_fresh(linked)
    longer_path = linked.repo.git("rev-parse", "HEAD")
    linked.bead("gt-0", depends_on=["gt-new"])
    linked.bead("gt-new")
    linked.repo.git("add", "--intent-to-add", ".")
    linked.repo.git("commit", "--quiet", "-m", "linked paths", "--", ".convoy/beads")
    assert linked.repo.git("rev-parse", "HEAD^") == longer_path
    assert PLAN in linked.files()
    assert linked.repo.status() == []


def test_sub_directory(here: TownHelper) -> None:
    longer(here)
    here.repo.git("commit", "--quiet", "-m", "below", "--", "beads", "convoys", cwd=here.path / ".convoy")
    assert_fresh(here)


def test_git_dir_set(here: TownHelper, tmp_path: Path) -> None:
    longer(here)
    env = {"GIT_DIR": str(here.path / ".git"), "GIT_WORK_TREE": str(here.path)}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    here.repo.git("commit", "--quiet", "-a", "-m", "from afar", env=env, cwd=elsewhere)
    assert_fresh(here)


def test_own_index_file(here: TownHelper, tmp_path: Path) -> None:
    longer(here)
    env = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    here.repo.git("read-tree", "HEAD", env=env)
    here.repo.git("add", A, CONVOY, env=env)
    here.repo.git("commit", "--quiet", "-m", "another index", env=env)
    assert PLAN in here.files()
    here.repo.git("reset", "--quiet")
    assert_fresh(here)


def test_refused_commit_loses_nothing(here: TownHelper) -> None:
    head = here.repo.head()
    here.bead("gt-a", depends_on=["gt-b"])
    here.repo.git("add", ".")
    done = here.repo.run("commit", "-m", "a cycle")
    assert done.returncode != 0
    assert ".convoy/beads/gt-b.yaml:4:5: these beads wait for each other: gt-a -> gt-b -> gt-a" in done.stderr
    assert "  hint: " in done.stderr
    assert here.repo.head() == head
    assert here.repo.status() == [f"M  {A}"]
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "in spite of it")
    assert here.repo.status() == []


def test_commits_of_other_files_and_planning_commands_in_between(here: TownHelper) -> None:
    here.repo.write("README.md", "changed\n")
    here.repo.git("commit", "--quiet", "-am", "code")
    assert here.files() == ["README.md"]
    done = process(here, "bead", "add", "As a process", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["commit"], here.repo.status()) == (here.repo.head(), [])


def test_closing_by_hand_dispatches_in_the_same_breath(here: TownHelper) -> None:
    here.ok("launch", "hq-cv-1")
    here.bead("gt-a", status="closed")
    done = here.repo.run("commit", "-am", "gt-a is done")
    assert "gitconvoy: dispatched gt-b to gt/polecat-1 (attempt 1)" in done.stderr
    assert here.events()[-2:] == ["done gt-a", "dispatch gt-b to gt/polecat-1 (attempt 1)"]
    assert here.repo.status() == []


def test_commands_tell_what_the_hooks_did(here: TownHelper) -> None:
    here.ok("launch", "hq-cv-1")
    done = process(here, "bead", "close", "gt-a")
    assert done.returncode == 0, done.stderr
    assert "dispatched gt-b to gt/polecat-1 (attempt 1)" in done.stdout.splitlines()
    assert here.events().count("done gt-a") == 1


def test_a_branch_takes_effect_by_its_merge(here: TownHelper) -> None:
    here.branch("topic")
    here.convoy("hq-cv-1", "gt-a", "gt-b", status="open")
    here.repo.git("commit", "--quiet", "-am", "launch")
    assert here.events() == []
    here.repo.git("switch", "--quiet", "main")
    assert here.events() == []
    done = here.repo.run("merge", "topic")
    assert "gitconvoy: launched hq-cv-1" in done.stderr
    assert here.events()[-1] == "dispatch gt-a to gt/polecat-1 (attempt 1)"


def test_merge_that_makes_a_cycle_is_stopped(here: TownHelper) -> None:
    here.branch("side")
    here.bead("gt-0", depends_on=["gt-b"])
    here.repo.git("commit", "--quiet", "-am", "side")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", depends_on=["gt-0"])
    here.repo.git("commit", "--quiet", "-am", "main")
    done = here.repo.run("merge", "--no-edit", "side")
    assert done.returncode != 0
    assert "[cycle]" in done.stderr
    here.repo.git("merge", "--abort")
    assert here.repo.status() == []


def test_environment_of_a_worker_does_not_lead_hooks_astray(here: TownHelper, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = GitRepo(tmp_path / "other", {"GITCONVOY_TOWN": str(here.path)})
    subprocess.run(["git", "init", "--quiet", str(other.path)], check=True, env=dict(os.environ))
    second = town(other, hooks=True)
    second.bead("gt-z", depends_on=["gt-nope"])
    other.git("add", ".")
    assert "gt-nope" in other.run("commit", "-m", "bad").stderr


def test_editor_as_a_process(here: TownHelper) -> None:
    script = here.path.parent / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i "s/Title of gt-0/Renamed/" "$1"\n')
    script.chmod(0o755)
    here.repo.config("core.editor", str(script))
    done = process(here, "bead", "edit", "gt-0")
    assert done.returncode == 0, done.stderr
    assert here.files() == [".convoy/beads/gt-0.yaml"]
    assert "Renamed" in here.repo.read(".convoy/beads/gt-0.yaml")


def test_many_at_once(here: TownHelper) -> None:
    """Planning commands of several agents in one worktree wait for each other; nothing is lost."""
    count = int(here.repo.git("rev-list", "--count", "HEAD"))
    command = [sys.executable, "-I", "-m", "gitconvoy", "bead"]
    racers = [
        subprocess.Popen([*command, *words], cwd=here.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for words in (
            ("add", "One"),
            ("add", "Two", "--convoy", "hq-cv-1"),
            ("set", "gt-0", "labels+=one"),
            ("set", "gt-0", "labels+=two"),
        )
    ]
    ends = [(racer.communicate(timeout=60)[1], racer.returncode) for racer in racers]
    assert [code for _, code in ends] == [0, 0, 0, 0], ends
    assert int(here.repo.git("rev-list", "--count", "HEAD")) == count + 4
    assert here.json("bead", "show", "gt-0")["bead"]["labels"] == ["one", "two"]
    assert here.repo.status() == []


def test_first_commit_ever_goes_through_the_hook(tmp_path: Path) -> None:
    here = TownHelper(new_repo(tmp_path / "fresh"))
    here.repo.config("gitconvoy.wake", "false")
    here.ok("init", "--no-commit", "--prefix", "gt")
    here.convoy("hq-cv-1", "gt-0")
    here.bead("gt-0", depends_on=["gt-nope"])
    here.repo.git("add", ".")
    assert "gt-nope" in here.repo.run("commit", "-m", "first").stderr
    here.bead("gt-0")
    here.repo.git("add", ".")
    here.repo.git("commit", "--quiet", "-m", "first")
    assert PLAN in here.files()
    assert here.repo.status() == []
