"""`doctor`: what is left of attempts is named with what was seen, what should be, why, and what helps (SPEC 8)."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import what_is_left
from gitfixtures import GitRepo
from workshops import Workshop, alive, close_workshop, end, open_workshop

from gitconvoy.dispatch import leases
from gitconvoy.dispatch.worker import VARIABLES
from gitconvoy.engine import facts
from gitconvoy.engine.react import transact


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def findings(workshop: Workshop, *words: str, code: int = 0) -> list[tuple[str, str, bool]]:
    rows = what_is_left(workshop.here.json("doctor", *words, code=code))
    assert all(row["observed"] and row["expected"] and row["why"] and row["commands"] for row in rows)
    return [(row["check"], row["severity"], row["fixed"]) for row in rows]


def test_nothing_to_find(workshop: Workshop) -> None:
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.begin()
    workshop.event("done gt-a")
    workshop.quiet()
    assert findings(workshop) == []
    assert "attempts: all is as it should be (1 note)\n" in workshop.here.ok("doctor")


def test_processes_of_an_attempt_that_is_over(workshop: Workshop) -> None:
    workshop.worker("time.sleep(600)")
    workshop.begin(lease="1h")
    worker = int(workshop.note("gt-a-1"))
    os.kill(workshop.supervisor(), signal.SIGKILL)
    workshop.here.repo.config("gitconvoy.wake", "false")
    workshop.here.ok("pause", "--all")
    # As if the event had come from elsewhere: nobody here acts on it.
    town = workshop.here.open()
    folder = workshop.own / "attempts" / "gt-a-1"
    folder.rename(folder.with_name("aside"))
    transact(town, lambda draft: facts.taken_back(draft, "gt-a", "by somebody"), feed=False)
    folder.with_name("aside").rename(folder)
    assert ("processes", "error", False) in findings(workshop, code=1)
    assert alive(worker)
    assert ("processes", "error", True) in findings(workshop, "--fix")
    assert not alive(worker)
    assert not workshop.worktree().exists()
    assert findings(workshop) == [("paused", "note", False)]


def test_an_attempt_without_its_supervisor_or_its_worktree(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitconvoy.doctor.attempts._SETTLING", 0)
    workshop.worker("time.sleep(600)")
    workshop.begin(lease="1h")
    workshop.note("gt-a-1")
    assert findings(workshop) == []
    end(workshop.supervisor())
    assert findings(workshop) == [("supervisor", "warning", False)]
    shutil.rmtree(workshop.worktree())
    expected = [("worktree", "error", False), ("supervisor", "warning", False)]
    assert findings(workshop, code=1) == expected
    listed = workshop.here.repo.git("worktree", "list", "--porcelain")
    assert findings(workshop, "--fix", code=1) == expected
    assert workshop.here.repo.git("worktree", "list", "--porcelain") == listed, "its folder may come back"


def test_leftovers_are_mended(workshop: Workshop) -> None:
    repo = workshop.here.repo
    place = workshop.own / "worktrees" / "stray"
    repo.git("worktree", "add", "--quiet", "-b", "stray", str(place))
    (workshop.own / "attempts" / "gt-x-1").mkdir(parents=True)
    leases.write(workshop.here.open().common_dir, leases.Lease("gt-x", "00", int(time.time()) + 600))
    gone = workshop.own / "worktrees" / "gone"
    repo.git("worktree", "add", "--quiet", "-b", "gone", str(gone))
    repo.git("worktree", "lock", "--reason", "gitconvoy: gt-y is worked on", str(gone))
    shutil.rmtree(gone)
    expected = ["worktree", "worktree", "attempt-folder", "lease"]
    assert findings(workshop) == [(check, "warning", False) for check in expected]
    assert findings(workshop, "--fix") == [(check, "warning", True) for check in expected]
    assert findings(workshop) == []
    assert not place.exists()
    assert len(repo.git("worktree", "list").splitlines()) == 1


def test_a_stray_folder_with_something_in_it_stays(workshop: Workshop) -> None:
    place = workshop.own / "worktrees" / "mine"
    place.mkdir(parents=True)
    (place / "notes").write_text("x")
    assert findings(workshop, "--fix") == [("worktree", "note", False)]
    assert (place / "notes").exists()


def test_a_persons_worktree_in_a_shared_folder_stays(workshop: Workshop) -> None:
    repo, shared = workshop.here.repo, workshop.here.path.parent / "wt"
    repo.config("gitconvoy.worktrees", "../wt")
    repo.git("worktree", "add", "--quiet", "-b", "mine", str(shared / "mine"))
    (workshop.here.path / ".git" / "info" / "exclude").write_text("secret\n")
    (shared / "mine" / "secret").write_text("x")
    (shared / "notes").mkdir()
    repo.git("worktree", "add", "--quiet", "-b", "ours", str(shared / "gt-y-1"))
    repo.git("worktree", "lock", "--reason", "gitconvoy: gt-y is worked on", str(shared / "gt-y-1"))
    assert findings(workshop, "--fix") == [("worktree", "warning", True)]
    assert sorted(each.name for each in shared.iterdir()) == ["mine", "notes"]
    assert (shared / "mine" / "secret").exists()


def test_what_a_person_has_locked_stays(workshop: Workshop) -> None:
    repo, place = workshop.here.repo, workshop.own / "worktrees" / "mine"
    repo.git("worktree", "add", "--quiet", "-b", "mine", str(place))
    repo.git("worktree", "lock", "--reason", "on a stick", str(place))
    assert findings(workshop, "--fix") == []
    assert place.exists()


@pytest.mark.parametrize("where", ["--detach", "-bother"])
def test_the_remedy_shows_the_commits_at_stake(workshop: Workshop, where: str) -> None:
    """Wherever the worker went in its worktree."""
    workshop.worker(f"""
    git("checkout", "-q", {where!r})
    commit("work", "x")
    sys.exit(1)
    """)
    workshop.begin()
    workshop.event("fail gt-a")
    workshop.quiet()
    (row,) = what_is_left(workshop.here.json("doctor"))
    assert (row["check"], row["severity"]) == ("worktree", "note")
    told = subprocess.run(shlex.split(row["commands"][1]), capture_output=True, text=True, check=True).stdout
    assert told.count("work on gt-a") == 1


def test_what_we_leave_behind_is_no_part_of_a_workers_attempt(workshop: Workshop) -> None:
    """Supervisors and scans that a worker's command starts must not end with that worker's attempt."""
    code = "import json; from gitconvoy.dispatch.worker import detached_environment as e; print(json.dumps(e()))"
    given = {**os.environ, **dict.fromkeys(VARIABLES, "x"), "GITCONVOY_DATA": "kept"}
    told = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True).stdout
    assert "GITCONVOY_DATA" in told
    assert not any(f'"{name}"' in told for name in VARIABLES)
