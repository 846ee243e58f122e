"""What a supervisor does once its worker has handed in: it lets it end by itself, and sees to the merge (SPEC 7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import status
from waiting import until
from workshops import Workshop, alive, close_workshop, open_workshop

KILLED = """
code = (
    "import os; from gitconvoy.engine import react; react._act_on = lambda *_: os._exit(9); "
    "from gitconvoy.cli.main import run; run(['done'])"
)
commit("work.txt", "work")
note("killed", subprocess.run([sys.executable, "-c", code]).returncode)
"""
"""`done` dies between its event and the merge."""


UNTOLD = """
code = (
    "import os; from gitconvoy.engine.handin import done; done.transact = lambda *_: os._exit(9); "
    "from gitconvoy.cli.main import run; run(['done'])"
)
commit("work.txt", "work")
note("killed", subprocess.run([sys.executable, "-c", code]).returncode)
sys.exit(1)
"""
"""`done` dies with its commit on the branch, before its event, and the worker says that it failed."""


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def test_a_worker_may_go_on_after_done_whatever_else_happens(workshop: Workshop) -> None:
    workshop.worker(
        """
        commit("work.txt", "work")
        note("done", gitconvoy("done"))
        time.sleep(2.5)  # while its supervisor looks at the ledger a few times
        note("finished")
        """
    )
    workshop.begin(convoy={"merge": "direct"})
    worker = int(workshop.note("gt-a-1"))
    assert workshop.note("done") == "0"
    verbs = cycle(("pause", "resume"))
    until(
        lambda: (workshop.here.ok(next(verbs), "--all") and (workshop.out / "finished").exists()) or not alive(worker),
        "the worker's end",
    )
    workshop.quiet()
    assert (workshop.out / "finished").exists()
    assert "so its worker is ended" not in workshop.here.ok("logs", "gt-a")
    assert not workshop.worktree().exists()


@pytest.mark.parametrize("then", ["", "time.sleep(600)"], ids=["ends", "stays"])
def test_a_done_that_was_killed_before_the_merge(workshop: Workshop, then: str) -> None:
    workshop.worker(KILLED + then)
    workshop.begin(convoy={"merge": "direct"}, lease="3s")
    assert workshop.note("killed") == "9"
    until(lambda: "merged gt-a" in workshop.here.events(), "the merge, without any command")
    assert status(workshop.here, "gt-a") == ("closed", "done")
    assert workshop.here.repo.show("main", "work.txt") == "work"


def test_a_done_that_was_killed_before_its_event_has_handed_in(workshop: Workshop) -> None:
    workshop.worker(UNTOLD)
    workshop.begin(convoy={"merge": "direct"}, lease="3s")
    assert workshop.note("killed") == "9"
    until(lambda: "merged gt-a" in workshop.here.events(), "the merge, without any command")
    workshop.quiet()
    assert [event for event in workshop.here.events() if event.startswith(("fail", "expire"))] == []
    assert status(workshop.here, "gt-a") == ("closed", "done")
    assert workshop.here.repo.show("main", "work.txt") == "work"
    assert not workshop.worktree().exists()
