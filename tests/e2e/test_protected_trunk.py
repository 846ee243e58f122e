"""A forge that refuses every push to the trunk but its merge button's: the whole cycle, with real hooks and workers.

Plan on a branch, merge it there, launch, work, submit, merge there, complete, tidy by a branch, merge it there; the
ledger goes between two clones, of which one only reads (SPEC 1, 7).
"""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from forges import Forge, colleague, share
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until
from workshops import close_workshop, committing_worker, open_workshop, processes_of

from gitconvoy.ledger.read import REF

FLOW = "hq-cv-flow"
MERGES = {"gt-a": "--ff-only", "gt-b": "--no-ff", "gt-c": "--squash"}
"""How the work of each bead is merged by the forge."""


@pytest.fixture
def here(repo: GitRepo, tmp_path: Path) -> Iterator[TownHelper]:
    """The clone that dispatches: its workers commit a file and say done; nothing of them stays behind."""
    made = town(repo, hooks=True)
    script = tmp_path / "worker.sh"
    script.write_text(committing_worker())
    script.chmod(0o755)
    repo.config("gitconvoy.dispatcher", "script")
    repo.config("gitconvoy.dispatcher.script.command", shlex.quote(str(script)))
    yield made
    for pid in processes_of(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def forge(here: TownHelper, tmp_path: Path) -> Forge:
    """Its trunk is protected from here on."""
    made = share(here, tmp_path / "away")
    made.protect()
    return made


@pytest.fixture
def reader(forge: Forge, tmp_path: Path) -> TownHelper:
    """A colleague's clone, without a role, with hooks."""
    made = colleague(forge, tmp_path / "reader")
    made.ok("hooks", "install")
    return made


def pull(of: TownHelper) -> str:
    """As a person does; what the terminal shows."""
    done = of.repo.run("pull", "--ff-only", "--quiet")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def planned(reader: TownHelper, forge: Forge) -> None:
    """The colleague plans on a branch; a pull request brings it onto the trunk."""
    reader.branch("plan")
    reader.bead("gt-a")
    reader.bead("gt-b", depends_on=["gt-a"])
    reader.bead("gt-c", depends_on=["gt-b"])
    reader.convoy(FLOW, "gt-a", "gt-b", "gt-c")
    reader.commit("plan")
    refused = reader.repo.run("push", "origin", "plan:main")
    assert refused.returncode == 1
    assert "main is protected" in refused.stderr
    reader.repo.git("push", "--quiet", "origin", "plan")
    forge.merge("plan")
    reader.repo.git("switch", "--quiet", "main")
    pull(reader)


def handed_in(here: TownHelper, bead: str, forge: Forge) -> str:
    """The branch of a bead, once its worker has handed it in and it is on the forge."""
    until(lambda: here.ledger().bead(bead).submitted is not None, f"{bead} is handed in")
    branch = here.ledger().bead(bead).branch
    assert branch is not None
    until(lambda: forge.bare.exists(f"refs/heads/{branch}"), f"{branch} is pushed")
    return branch


def test_the_whole_cycle(here: TownHelper, forge: Forge, reader: TownHelper) -> None:
    planned(reader, forge)
    assert here.events() == []
    pull(here)
    here.ok("launch", FLOW)
    for bead, how in MERGES.items():
        branch = handed_in(here, bead, forge)
        here.ok("sync")
        reader.ok("sync", "--trunk")
        assert [row["bead"] for row in reader.json("status", FLOW)["submitted"]] == [bead]
        trunk = here.repo.head("main")
        forge.merge(branch, how)
        assert here.repo.head("main") == trunk, "nobody here moved it"
        pull(here)  # the hook reacts
        assert here.ledger().bead(bead).merged_as is not None
    status = here.json("status", FLOW)
    assert (status["convoy"]["status"], status["progress"]) == ("closed", {"total": 3, "closed": 3})

    here.ok("tidy", "--branch", "tidy-1")
    here.repo.git("push", "--quiet", "origin", "tidy-1")
    forge.merge("tidy-1", "--squash")
    pull(here)
    assert here.json("tidy", "--branch", "tidy-2")["commit"] is None
    until(lambda: not processes_of(here.path), "supervisors end")
    here.ok("scan")
    here.ok("sync")
    reader.ok("sync", "--trunk")

    assert reader.repo.head("main") == forge.bare.head("main") == here.repo.head("main")
    assert not reader.repo.exists(REF), "it only reads"
    assert reader.repo.head("origin/convoy-ledger") == here.repo.head(REF) == forge.ledger()
    for each in (here, reader):
        assert each.json("audit")["findings"] == []
        assert each.json("validate")["problems"] == []
        assert each.json("status", FLOW)["convoy"]["status"] == "closed"
        each.repo.git("fsck", "--strict", "--no-dangling", "--no-progress")
        assert each.repo.status() == []
    authors = set(forge.bare.git("log", "--format=%an", "main").splitlines())
    subjects = forge.bare.git("log", "--format=%s", "main").splitlines()
    assert authors == {"Test Person"}
    assert not any(subject.startswith("convoy:") for subject in subjects), "the trunk holds people's commits alone"
    board = forge.bare.show(REF, "README.md")
    assert f"| `{FLOW}` | Title of {FLOW} | done | 3/3 |" in board


def test_steering_needs_no_commit_on_the_trunk(here: TownHelper, forge: Forge, reader: TownHelper) -> None:
    """launch, pause, resume, close, reopen: facts of the ledger, which the colleague sees after a sync."""
    here.repo.config("gitconvoy.dispatcher", "record")
    planned(reader, forge)
    pull(here)
    before = here.repo.head("main"), here.repo.status()
    for words, status, paused in (
        (("launch", FLOW), "open", False),
        (("pause", FLOW), "open", True),
        (("resume", FLOW), "open", False),
        (("close", FLOW, "--force", "--reason", "not now"), "closed", False),
        (("reopen", FLOW), "open", False),
    ):
        here.ok(*words)
        here.ok("sync")
        reader.ok("sync")
        convoy = reader.json("status", FLOW)["convoy"]
        assert (convoy["status"], convoy["paused"]) == (status, paused), words
        assert (here.repo.head("main"), here.repo.status()) == before, words
    here.ok("audit")


def test_direct_merging_moves_only_the_local_trunk_and_sync_says_so(
    here: TownHelper, forge: Forge, reader: TownHelper
) -> None:
    planned(reader, forge)
    reader.branch("direct")
    reader.repo.git("pull", "--quiet", "origin", "main")
    reader.convoy(FLOW, "gt-a", merge="direct")
    reader.commit("direct")
    reader.repo.git("push", "--quiet", "origin", "direct")
    forge.merge("direct")
    pull(here)
    here.ok("launch", FLOW)
    until(lambda: here.ledger().bead("gt-a").merged_as is not None, "gt-a is merged here")
    answer = here.run("sync")
    assert answer.code == 0
    assert "main has " in answer.err
    assert "that origin/main does not have" in answer.err
    assert "merge: mr" in answer.err
    assert here.repo.run("push", "origin", "main").returncode == 1


def test_a_worker_whose_dispatch_does_not_hold_is_ended(repo: GitRepo, tmp_path: Path) -> None:
    """Two clones gave out one bead. The worker of the one that pushed later ends; its branch stays."""
    workshop = open_workshop(repo, tmp_path)
    here = workshop.here
    try:
        workshop.worker("""
            commit("half.txt", "half")
            note("began")
            time.sleep(600)
        """)
        workshop.plan("gt-a", lease="3s")
        here.ok("pause", "--all")
        here.ok("resume", "--all")
        forge = share(here, tmp_path / "away")
        here.ok("sync")
        there = colleague(forge, tmp_path / "there", "elsewhere", "local")
        there.ok("sync")
        there.ok("launch", FLOW)
        there.ok("sync")
        here.ok("launch", FLOW)
        workshop.note("began")
        answer = here.json("sync", code=5)
        assert [(row["bead"], row["branch"], row["running"]) for row in answer["fenced"]] == [
            ("gt-a", "convoy/gt-a-1", True)
        ]
        workshop.quiet()
        assert here.repo.show("convoy/gt-a-1", "half.txt") == "half"
        assert here.ledger().bead("gt-a").machine == "elsewhere"
        assert here.repo.head(REF) == forge.ledger()
        here.ok("scan")
        here.ok("audit")
    finally:
        close_workshop(workshop)
