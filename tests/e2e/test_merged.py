"""From ready beads to merged code, by worker processes in worktrees: `git commit && gitconvoy done` (SPEC 7)."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until
from workshops import committing_worker

FLOW = "hq-cv-flow"
PATIENCE = 240.0
BEADS = {
    "gt-a1": (), "gt-a2": (), "gt-a3": (), "gt-a4": (),
    "gt-b1": ("gt-a1",), "gt-b2": ("gt-a2",), "gt-b3": ("gt-a3", "gt-a4"), "gt-b4": ("gt-a4",),
    "gt-c1": ("gt-b1", "gt-b2"), "gt-c2": ("gt-b2", "gt-b3"), "gt-c3": ("gt-b3",), "gt-d1": ("gt-c1", "gt-c2", "gt-c3"),
    **{f"gt-e{number}": ("gt-d1",) for number in range(9)},
    **{f"gt-f{number}": (f"gt-e{number}",) for number in range(9)},
}  # fmt: skip
"""30 beads in 6 waves, with what each comes after."""


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in command:
                found.append(int(entry.name))
    return found


@pytest.fixture
def here(repo: GitRepo, tmp_path: Path) -> Iterator[TownHelper]:
    """A town with installed hooks whose workers commit a file and say done; no process of it stays behind."""
    made = town(repo, hooks=True)
    script = tmp_path / "worker.sh"
    script.write_text(committing_worker())
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    repo.config("gitconvoy.dispatcher", "script")
    repo.config("gitconvoy.dispatcher.script.command", shlex.quote(str(script)))
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_workers: 4\n")
    yield made
    for pid in processes_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def launch(here: TownHelper, beads: dict[str, tuple[str, ...]], merge: str) -> None:
    """Plan the beads in one convoy and launch it."""
    for bead, needs in beads.items():
        here.bead(bead, depends_on=list(needs))
    here.convoy(FLOW, *beads, merge=merge)
    here.commit("plan")
    here.ok("launch", FLOW)


def quiet(here: TownHelper) -> bool:
    """Whether no worker and no supervisor is left, and with them their worktrees that are not needed."""
    return not processes_of(here.path)


def test_direct_wave_after_wave_without_a_manual_step(here: TownHelper) -> None:
    launch(here, BEADS, "direct")
    until(lambda: f"complete {FLOW}" in here.events(), "completion", deadline=PATIENCE)
    repo = here.repo
    subjects = repo.git("log", "--first-parent", "--merges", "--format=%s", "main").splitlines()
    assert sorted(subject.split()[1].rstrip(":") for subject in subjects) == sorted(BEADS)
    for commit in repo.git("rev-list", "--first-parent", "--merges", "main").split():
        bead = repo.git("log", "-1", "--format=%s", commit).split()[1].rstrip(":")
        changed = repo.git("diff", "--name-only", f"{commit}^1", commit).splitlines()
        assert changed == [f".convoy/beads/{bead}.yaml", f"src/{bead}.txt"], "code and closed bead in one merge"
    events = here.events()
    done: set[str] = set()
    for event in events:
        kind, bead = event.split()[:2]
        if kind == "dispatch":
            assert set(BEADS[bead]) <= done, f"{bead} started too early"
        elif kind == "merged":
            done.add(bead)
    assert sum(event.startswith("dispatch ") for event in events) == len(BEADS), "each once"
    assert all("status: closed" in repo.read(f".convoy/beads/{bead}.yaml") for bead in BEADS)
    assert repo.status() == []
    until(lambda: quiet(here), "the end of all supervisors")
    assert len(repo.git("worktree", "list").splitlines()) == 1, "merged work needs no worktree"
    here.ok("validate")
    repo.git("fsck", "--strict")


def test_mr_merged_by_a_person_in_any_form_and_order_later(here: TownHelper) -> None:
    beads = {bead: needs for bead, needs in BEADS.items() if bead[3] in "ab"}
    launch(here, beads, "mr")
    repo = here.repo

    def submitted() -> set[str]:
        return {row["bead"] for row in here.json("status", FLOW)["submitted"]}

    until(lambda: submitted() == {"gt-a1", "gt-a2", "gt-a3", "gt-a4"}, "the first wave", deadline=PATIENCE)
    until(lambda: quiet(here), "the end of all supervisors")
    here.ok("scan")
    branches = {bead: here.ledger().bead(bead).branch or "" for bead in beads}
    assert branches["gt-a1"] == "convoy/gt-a1-1"
    repo.git("merge", "--quiet", "--squash", branches["gt-a4"])
    repo.git("commit", "--quiet", "-m", "squashed")
    repo.git("merge", "--quiet", "--no-edit", branches["gt-a2"])
    repo.git("cherry-pick", f"main..{branches['gt-a3']}")
    repo.git("-C", str(repo.path), "branch", "rebased", branches["gt-a1"])
    repo.git("rebase", "--quiet", "main", "rebased")
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--ff-only", "rebased")
    until(lambda: submitted() == {"gt-b1", "gt-b2", "gt-b3", "gt-b4"}, "the second wave", deadline=PATIENCE)
    for bead in ("gt-b3", "gt-b1", "gt-b4", "gt-b2"):
        repo.git("merge", "--quiet", "--no-edit", here.ledger().bead(bead).branch or "")
    events = here.events()
    assert events[-1] == f"complete {FLOW}"
    assert sum(event.startswith("dispatch ") for event in events) == len(beads), "no second worker ever started"
    assert sum(event.startswith("merged ") for event in events) == len(beads)
    here.ok("validate")


def test_a_worker_that_forgets_to_commit_fails_honestly(here: TownHelper, tmp_path: Path) -> None:
    (tmp_path / "worker.sh").write_text(
        f"#!/bin/sh\necho x > x.txt\nexec {shlex.quote(sys.executable)} -m gitconvoy done\n"
    )
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  backoff: 1h\n")
    launch(here, {"gt-a": ()}, "direct")
    until(lambda: "fail gt-a" in here.events(), "the failure")
    assert "exit code 1" in here.json("log", "--event", "fail")["entries"][0]["reason"]
    assert "has no commits" in here.ok("logs", "gt-a")
    assert here.repo.git("rev-list", "--merges", "main") == ""


def test_a_conflict_between_two_workers_ends_one_of_them(here: TownHelper, tmp_path: Path) -> None:
    script = (tmp_path / "worker.sh").read_text().replace('> "src/$GITCONVOY_BEAD.txt"', "> src/same.txt")
    (tmp_path / "worker.sh").write_text(script)
    launch(here, {"gt-a": (), "gt-b": (), "gt-c": ()}, "direct")
    until(lambda: sum(event.startswith(("merged", "fail")) for event in here.events()) == 3, "three ends")
    until(lambda: quiet(here), "the end of all supervisors")
    here.ok("scan")
    events = here.events()
    assert sum(event.startswith("dispatch ") for event in events) == 3, "none is dispatched again"
    assert sum(event.startswith("merged ") for event in events) >= 1
    stuck = here.json("status", FLOW)["stuck"]
    assert len(stuck) == sum(event.startswith("fail ") for event in events)
    for row in stuck:
        assert "same.txt" in row["reason"]
        assert here.repo.exists(f"convoy/{row['bead']}-1"), "the branch is kept"
