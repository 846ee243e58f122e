"""Whatever dies, the bead is dispatched once more after the lease, and nothing of the old attempt lives on (SPEC 7)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from waiting import until
from workshops import Workshop, alive, close_workshop, end, open_workshop

FIRST_HANGS = """
if attempt == "1":
    commit("begun.txt", "half")
    note("begun")
    time.sleep(600)
sys.exit(gitconvoy("done", "--no-code"))
"""


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def second_attempt_succeeds(workshop: Workshop) -> None:
    """One dispatch more, attempt + 1; the old branch and its commit are kept."""
    until(lambda: workshop.here.ok("scan") is not None and workshop.here.ledger().bead("gt-a").attempt == 2, "retry")
    workshop.event("done gt-a")
    workshop.quiet()
    events = [each for each in workshop.here.events() if each.startswith("dispatch ")]
    assert [each[-11:] for each in events] == ["(attempt 1)", "(attempt 2)"]
    assert workshop.here.repo.git("log", "-1", "--format=%s", "convoy/gt-a-1") == "work on gt-a"


def test_worker_killed(workshop: Workshop) -> None:
    workshop.worker(FIRST_HANGS)
    workshop.begin(backoff="1s")
    workshop.note("begun")
    end(int(workshop.note("gt-a-1")))
    assert "SIGKILL" in workshop.event("fail gt-a")["reason"]
    second_attempt_succeeds(workshop)


def test_supervisor_killed(workshop: Workshop) -> None:
    workshop.worker(FIRST_HANGS)
    workshop.begin(lease="2s", backoff="1s")
    workshop.note("begun")
    worker = int(workshop.note("gt-a-1"))
    end(workshop.supervisor())
    workshop.scan_for("expire gt-a")
    until(lambda: not alive(worker), "the end of the orphaned worker")
    second_attempt_succeeds(workshop)


def test_everything_killed(workshop: Workshop) -> None:
    """As after a reboot: nothing runs, and no word of it reached the ledger."""
    workshop.worker(FIRST_HANGS)
    workshop.begin(lease="2s", backoff="1s")
    workshop.note("begun")
    for pid in (workshop.supervisor(), int(workshop.note("gt-a-1"))):
        end(pid)
    workshop.quiet()
    workshop.here.ok("doctor")
    assert workshop.here.ledger().bead("gt-a").attempt == 1 or "expire gt-a" in workshop.here.events()
    workshop.scan_for("expire gt-a")
    second_attempt_succeeds(workshop)


def test_before_the_lease_is_over_nobody_takes_over(workshop: Workshop) -> None:
    workshop.worker(FIRST_HANGS)
    workshop.begin(lease="1h")
    workshop.note("begun")
    for pid in (workshop.supervisor(), int(workshop.note("gt-a-1"))):
        end(pid)
    workshop.quiet()
    workshop.here.ok("scan")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.live, record.attempt) == (True, 1)


def test_a_late_done_is_refused_and_its_branch_kept(workshop: Workshop) -> None:
    workshop.worker('note("token", os.environ["GITCONVOY_TOKEN"]); commit("x", "y"); time.sleep(600)')
    workshop.begin(lease="2s", backoff="1s")
    token = workshop.note("token")
    tip = until(lambda: workshop.here.repo.git("rev-list", "main..convoy/gt-a-1"), "its commit")
    end(workshop.supervisor())
    workshop.scan_for("expire gt-a")
    until(lambda: workshop.here.ok("scan") is not None and workshop.here.ledger().bead("gt-a").attempt == 2, "retry")
    error = workshop.here.error("done", "gt-a", "--token", token)
    assert error["code"] == "stale-token"
    assert "attempt 2" in error["message"]
    assert "branch" in error["hint"]
    assert workshop.here.repo.head("convoy/gt-a-1") == tip


def test_a_second_supervisor_ends_without_harm(workshop: Workshop) -> None:
    workshop.worker('note("started-" + str(os.getpid())); time.sleep(600)')
    workshop.begin(lease="1h")
    worker = int(workshop.note("gt-a-1"))
    root = workshop.own / "attempts" / "gt-a-1"
    tip = workshop.here.repo.head("convoy-ledger")
    command = [sys.executable, "-m", "gitconvoy", "-C", str(workshop.here.path), "supervise", str(root)]
    assert [subprocess.run(command, check=False).returncode for _ in range(2)] == [0, 0]
    end(workshop.supervisor())
    assert subprocess.run(command, check=False).returncode == 0, (
        "nor does it start a worker anew once the first is dead"
    )
    assert alive(worker)
    assert [file.name for file in workshop.out.glob("started-*")] == [f"started-{worker}"]
    assert workshop.here.repo.head("convoy-ledger") == tip


def test_two_supervisors_at_once_start_one_worker(workshop: Workshop) -> None:
    workshop.worker('note("started-" + str(os.getpid())); time.sleep(600)')
    workshop.here.repo.config("gitconvoy.setup", "sleep 1")
    workshop.begin(lease="1h")
    root = workshop.own / "attempts" / "gt-a-1"
    command = [sys.executable, "-m", "gitconvoy", "-C", str(workshop.here.path), "supervise", str(root)]
    rivals = [subprocess.Popen(command) for _ in range(2)]
    worker = workshop.note("gt-a-1")
    winner = workshop.supervisor()
    codes = [rival.wait(60) for rival in rivals if rival.pid != winner]
    assert codes == [0] * len(codes)
    assert [file.name for file in workshop.out.glob("started-*")] == [f"started-{worker}"]
    assert json.loads((workshop.own / "leases" / "gt-a").read_text())["pid"] == winner
    workshop.here.ok("kill", "gt-a")
    assert [rival.wait(60) for rival in rivals] == [0, 0]
