"""Real histories end to end: they import, stage into the waves that are known of them, and get done by real workers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until

from gitconvoy.model.plan import BLOCKING

KNOT = ["gt-l6ro3.3", "gt-vdprb.1", "gt-vdprb.2", "gt-vdprb.3", "gt-vdprb.4"]
DATA = Path(os.environ.get("GITCONVOY_DATA") or Path(__file__).parents[2].parent / "shared" / "data")


def data_file(name: str) -> Path:
    file = DATA / f"{name}.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file.name} at hand (GITCONVOY_DATA)")
    return file


@pytest.fixture
def history(repo: GitRepo) -> TownHelper:
    made = town(repo, prefix="zz")
    made.ok("import", str(data_file("wire-copy")))
    return made


def waves(staged: dict[str, Any]) -> list[int]:
    return [len(wave["beads"]) for wave in staged["waves"]]


@pytest.mark.parametrize(
    ("epic", "sizes"),
    [("workspace-frpl", [3, 3, 2, 1, 4, 3, 3]), ("workspace-blg5", [61, 19, 11, 7, 2])],
)
def test_epics_of_the_wire_copy_history_stage_into_their_waves(
    history: TownHelper, epic: str, sizes: list[int]
) -> None:
    assert waves(history.json("stage", epic)) == sizes
    assert history.repo.status() == []


def test_a_reopened_epic_is_worked_off_by_up_to_four_workers(history: TownHelper) -> None:
    staged = history.json("stage", "workspace-frpl")
    beads = [bead["id"] for wave in staged["waves"] for bead in wave["beads"]]
    assert len(beads) == 19
    history.ok("bead", "reopen", "workspace-frpl", *beads)
    worker = f"{sys.executable} -I -m gitconvoy done {{bead}} --no-code"
    history.repo.config("gitconvoy.dispatcher", "script")
    history.repo.config("gitconvoy.dispatcher.script.command", worker)
    history.ok("launch", staged["convoy_id"], "--force")
    until(
        lambda: history.json("status", staged["convoy_id"])["convoy"]["status"] == "closed",
        "the convoy's completion",
        deadline=300,
    )
    _check_ledger(history, beads)
    history.repo.git("fsck", "--strict", "--no-dangling")
    assert history.repo.status() == []


def _check_ledger(history: TownHelper, beads: list[str]) -> None:
    plan = history.state().plan
    entries = [entry for entry in history.json("log")["entries"][::-1] if entry["event"] != "file"]
    done: set[str] = set()
    busy: set[str] = set()
    started = []
    for entry in entries:
        if entry["event"] == "dispatch":
            needs = {link.target for link in plan.beads[entry["bead"]].links if link.type in BLOCKING}
            assert needs & set(beads) <= done, f"{entry['bead']} started before {needs - done} were closed"
            started.append(entry["bead"])
            busy.add(entry["bead"])
            assert len(busy) <= 4
        elif entry["event"] == "done":
            done.add(entry["bead"])
            busy.discard(entry["bead"])
    assert sorted(started) == sorted(beads)
    assert [entry["event"] for entry in entries].count("complete") == 1


def test_the_gastown_history_imports_whole_and_its_one_knot_is_named(repo: GitRepo) -> None:
    made = town(repo, prefix="zz", hooks=True)
    first = made.json("import", str(data_file("gastown")))
    assert (first["created"], first["tombstones"]) == (2956, 2931)
    made.ok("export", "../out.jsonl")
    assert (made.path / "../out.jsonl").read_bytes() == data_file("gastown").read_bytes()
    head = repo.head()
    second = made.json("import", str(data_file("gastown")))
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 2956)
    assert repo.head() == head
    assert repo.status() == []
    repo.git("fsck", "--strict", "--no-dangling")
    found = made.json("validate")
    assert found["ok"]
    assert [problem["code"] for problem in found["problems"]] == ["cycle"]
    assert all(bead in found["problems"][0]["message"] for bead in KNOT)
