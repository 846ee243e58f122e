"""Commands that are killed right before any one of their writes: the next one finds a whole state and goes on (SPEC 7).

Each command is killed before its first write, then before its second, and so on until it lives. After each death a scan
and the same command once more must lead to what the command leads to when nobody kills it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import FLOW, Worker, claim, flow
from townfixtures import TownHelper

DYING = Path(__file__).parents[1] / "dying.py"
EVERY = int(os.environ.get("GITCONVOY_KILL_EVERY", "11"))
"""Which writes are tried: every eleventh in `make test`, each one in `make faults`."""


@dataclass(frozen=True)
class Scene:
    """A repository, a command for it, and what may be true when that is over."""

    here: TownHelper
    words: list[str]
    worker: Worker | None = None


def launching(repo: GitRepo) -> Scene:
    here = flow(repo, "gt-a", "gt-b<gt-a", "gt-c")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\n")
    here.bead("gt-d")
    here.convoy("hq-cv-two", "gt-d", status="staged_ready")
    here.commit("plan two")
    return Scene(here, ["launch", "hq-cv-two"])


def claiming(repo: GitRepo) -> Scene:
    here = flow(repo, "gt-a", "gt-b<gt-a")
    return Scene(here, ["--actor", "ada", "next", "--claim"])


def handing_in(repo: GitRepo) -> Scene:
    worker = claim(flow(repo, "gt-a", "gt-b<gt-a"))
    worker.edit("a.txt", "a\n")
    return Scene(worker.here, [*worker.words(), "--token", worker.token], worker)


def failing(repo: GitRepo) -> Scene:
    worker = claim(flow(repo, "gt-a"))
    return Scene(worker.here, ["--actor", "ada", "fail", "gt-a", "--reason", "no", "--token", worker.token], worker)


def planning(repo: GitRepo) -> Scene:
    here = flow(repo, "gt-a", hooks=True)
    return Scene(here, ["bead", "close", "gt-a"])


def tidying(repo: GitRepo) -> Scene:
    worker = claim(flow(repo, "gt-a", "gt-b<gt-a"))
    worker.here.ok("--actor", "ada", "done", "gt-a", "--no-code")
    return Scene(worker.here, ["tidy"], worker)


SCENES: list[Callable[[GitRepo], Scene]] = [launching, claiming, handing_in, failing, planning, tidying]


def essence(here: TownHelper) -> dict[str, object]:
    """What has to be the same whoever was killed when: statuses, how often things happened, the trunk's code."""
    state, view = here.state(), here.json("list", "--all")
    beads = {bead: here.json("why", bead) for bead in state.plan.beads}
    events = Counter(event.split(" (")[0] for event in here.events())
    code = [line for line in here.repo.git("ls-tree", "-r", "main").splitlines() if ".convoy/" not in line]
    return {
        "convoys": [(each["id"], each["status"]) for each in view["convoys"]],
        "beads": {bead: (each["status"], each["outcome"]) for bead, each in beads.items()},
        "events": {event: count for event, count in events.items() if not event.startswith("requeue ")},
        "code": code,
        "dirt": here.repo.status(),
    }


def die(scene: Scene, write: int, note: Path) -> bool:
    """Run the command until just before this write; whether it died there."""
    command = [sys.executable, str(DYING), str(write), str(note), "-C", str(scene.here.path), *scene.words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode != 0


def whole(here: TownHelper) -> None:
    """Nothing is damaged, and everything that was written follows from the rules."""
    fsck = here.repo.run("fsck", "--strict", "--no-dangling")
    assert fsck.returncode == 0, fsck.stderr
    assert here.json("audit")["ok"]
    assert here.json("validate")["ok"]


@pytest.mark.parametrize("build", SCENES, ids=lambda build: build.__name__)
def test_killed_before_any_write(
    build: Callable[[GitRepo], Scene], repo: GitRepo, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    scene = build(repo)
    place, kept = tmp_path / "note", tmp_path.parent / f"{tmp_path.name}-kept"
    shutil.copytree(tmp_path, kept, symlinks=True)

    def again() -> None:
        for each in tmp_path.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        shutil.copytree(kept, tmp_path, symlinks=True, dirs_exist_ok=True)

    assert not die(scene, 0, place)
    writes = int(place.read_text())
    expected = essence(scene.here)
    assert expected["dirt"] == []
    whole(scene.here)
    died = 0
    for write in range(1, writes + 1, EVERY):
        again()
        died += die(scene, write, place)
        scene.here.run("scan")
        whole(scene.here)
        last = scene.here.run(*scene.words)
        assert last.code in (0, 1), last.err
        scene.here.run("scan")
        whole(scene.here)
        assert essence(scene.here) == expected, f"killed before write {write} of {writes}"
    assert died >= writes // EVERY
    record_property("kills", died)
    shutil.rmtree(kept)
    assert FLOW in scene.here.ok("list", "--all")
