"""`daemon` as a process: it dispatches without hooks, ends cleanly, goes on after errors, and is alone (SPEC 7)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until


@contextmanager
def running(here: TownHelper, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "gitconvoy", "-C", str(here.path), "daemon", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A town without hooks: nothing but the daemon reacts to commits."""
    return town(repo)


def plan(here: TownHelper, bead: str, convoy: str) -> None:
    here.bead(bead)
    here.convoy(convoy, bead, status="open")
    here.commit(f"plan {bead}")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_sees_that_the_trunk_moved_and_ends_on_signals(here: TownHelper, name: signal.Signals) -> None:
    with running(here, "--interval", "1h", "--json") as daemon:
        plan(here, "gt-a", "hq-cv-a")
        until(lambda: "dispatch gt-a to gt/polecat-1 (attempt 1)" in here.events(), "the dispatch")
        plan(here, "gt-b", "hq-cv-b")
        until(lambda: "dispatch gt-b to gt/polecat-2 (attempt 1)" in here.events(), "the next one")
        daemon.send_signal(name)
        out, err = daemon.communicate(timeout=60)
    assert (daemon.returncode, err) == (0, "")
    rounds = [json.loads(line) for line in out.splitlines()]
    assert [each["bead"] for told in rounds for each in told["dispatched"]] == ["gt-a", "gt-b"]


def test_one_is_enough(here: TownHelper) -> None:
    plan(here, "gt-a", "hq-cv-a")
    with running(here):
        until(lambda: here.events() != [], "its first scan")
        error = here.error("daemon", "--once")
        assert error["code"] == "daemon"
    here.ok("daemon", "--once")


def test_it_goes_on_after_an_error(here: TownHelper) -> None:
    plan(here, "gt-a", "hq-cv-a")
    with running(here, "--interval", "1s") as daemon:
        until(lambda: here.events() != [], "its first scan")
        here.repo.config("gitconvoy.maxWorkers", "many")
        assert daemon.stderr is not None
        line = daemon.stderr.readline()
        assert "gitconvoy.maxWorkers" in line
        assert "tried again in 5 s" in line
        here.repo.config("gitconvoy.maxWorkers", "2")
        plan(here, "gt-b", "hq-cv-b")
        until(lambda: "dispatch gt-b to gt/polecat-2 (attempt 1)" in here.events(), "the dispatch")
        assert daemon.poll() is None


def test_what_cannot_be_meant_is_refused(here: TownHelper) -> None:
    assert here.error("daemon", "--interval", "soon", code=2)["message"].startswith("--interval")
    assert here.error("daemon", "--interval", "0s", code=2)
