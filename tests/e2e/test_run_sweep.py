"""A whole run in which every gitconvoy process dies right before a write, at each point once (SPEC 7).

Launching, hooks, supervisors, the workers' own `done`, scans, reaping: whichever meets a point at which none has died
yet, dies there. Scans go on with the run until all beads are closed, and until a run meets no new point.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import mortal
import pytest
from gitfixtures import GitRepo
from runs import SIX, THIRTY, Run, begin, launched, settled

EVERY = int(os.environ.get("GITCONVOY_KILL_EVERY", "12"))
"""At which of the points somebody dies: at every twelfth in `make test`, at each one in `make faults`."""
BEADS = THIRTY if EVERY < 10 else SIX
RUNS = 3 if EVERY < 10 else 1
PATIENCE = 1800.0
REPORT = os.environ.get("GITCONVOY_REPORT")
"""A file for all points, where somebody wants to read them."""


@pytest.fixture
def python(tmp_path: Path) -> mortal.Mortal:
    return mortal.make(tmp_path / "python")


@pytest.fixture
def begun(tmp_path: Path, python: mortal.Mortal, make_repo: Callable[[str], GitRepo]) -> Iterator[Callable[[int], Run]]:
    runs: list[Run] = []

    def make(number: int) -> Run:
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        runs.append(begin(make_repo(f"run{number}/repo"), python, tmp_path / f"outside{number}", BEADS))
        return runs[-1]

    yield make
    for run in runs:
        run.end()


def test_each_process_dies_at_each_point_once(
    begun: Callable[[int], Run], python: mortal.Mortal, record_property: Callable[[str, object], None]
) -> None:
    end = time.monotonic() + PATIENCE
    for number in range(RUNS):
        run = begun(number)
        before = deaths(python)
        python.arm(EVERY)
        assert launched(run)
        looked = before
        while not run.over():
            assert time.monotonic() < end, f"the run does not end: {run.here.json('status')}"
            run.scan()
            if deaths(python) > looked:
                looked = deaths(python)
                run.look()
        python.disarm()
        settled(run)
        run.finish()
        if deaths(python) == before:
            break
    points = [point for point in python.points() if point["died"]]
    kinds = Counter(point["kind"] for point in points)
    record_property("kills", len(points))
    record_property("kinds", json.dumps(kinds))
    if REPORT:
        Path(REPORT).write_text(json.dumps(python.points(), indent=1))
    if EVERY == 1:
        assert len(points) >= 200
        assert {"done", "supervise", "scan", "hook-run post-commit", "launch"} <= set(kinds)
    else:
        assert len(points) >= 5


def deaths(python: mortal.Mortal) -> int:
    return sum(point["died"] for point in python.points())
