"""Whatever dies, the bead is dispatched once more after the lease, and nothing of the old attempt lives on (SPEC 7)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from waiting import until
from workshops import FLOW, Workshop, alive, close_workshop, end, open_workshop

from gitconvoy.dispatch import attempts, leases
from gitconvoy.engine import rewound
from gitconvoy.engine.attempts import releasing
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.react import transact
from gitconvoy.ledger.read import REF

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
    workshop.begin(backoff="1s")
    workshop.note("begun")
    worker = int(workshop.note("gt-a-1"))
    end(workshop.supervisor())
    workshop.let_the_lease_run_out()
    workshop.scan_for("expire gt-a")
    until(lambda: not alive(worker), "the end of the orphaned worker")
    second_attempt_succeeds(workshop)


def test_everything_killed(workshop: Workshop) -> None:
    """As after a reboot: nothing runs, and no word of it reached the ledger."""
    workshop.worker(FIRST_HANGS)
    workshop.begin(backoff="1s")
    workshop.note("begun")
    for pid in (workshop.supervisor(), int(workshop.note("gt-a-1"))):
        end(pid)
    workshop.quiet()
    workshop.here.ok("doctor")
    assert "expire gt-a" not in workshop.here.events(), "before the lease is over"
    workshop.let_the_lease_run_out()
    workshop.scan_for("expire gt-a")
    second_attempt_succeeds(workshop)


@pytest.mark.parametrize("damage", ["", "no lease"])
def test_a_lease_that_cannot_be_read_is_no_end_of_its_worker(workshop: Workshop, damage: str) -> None:
    workshop.worker(FIRST_HANGS)
    workshop.begin(lease="1h")
    workshop.note("begun")
    lease = workshop.own / "leases" / "gt-a"
    lease.write_text(damage) if damage else lease.unlink()
    workshop.here.ok("scan")
    assert "requeue gt-a" not in workshop.here.events()
    assert workshop.here.ledger().bead("gt-a").in_flight
    assert alive(int(workshop.note("gt-a-1")))


def test_an_attempt_that_never_began_is_queued_again_at_once(workshop: Workshop) -> None:
    """As if the machine had stopped between the dispatch and the start; another ledger's folder says nothing."""
    workshop.worker(FIRST_HANGS)
    workshop.plan("gt-a", lease="1h")
    workshop.here.repo.config("gitconvoy.wake", "false")
    town = workshop.here.open()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitconvoy.engine.react.begin", lambda *_: None)
        transact(town, partial(convoy_requests.launch, convoy_id=FLOW, force=False))
    folder = workshop.own / "attempts" / "gt-a-1"
    folder.mkdir(parents=True)
    job = {**dict.fromkeys(("convoy", "worker", "dispatcher", "on_exit", "town"), ""), "bead": "gt-a", "attempt": 1}
    (folder / "job.json").write_text(json.dumps({**job, "token": "x", "argv": [], "timeout": None, "lease": 60}))
    (folder / "begun.json").write_text("{}")
    workshop.here.ok("scan")
    assert workshop.here.events()[-2:] == ["requeue gt-a", "dispatch gt-a to gt/polecat-1 (attempt 2)"]


def test_what_another_ledger_left_behind_keeps_no_worker_from_starting(workshop: Workshop) -> None:
    folder, place = workshop.own / "attempts" / "gt-a-1", workshop.worktree()
    for each in (folder, place):
        each.mkdir(parents=True)
        (each / "begun.json").write_text('{"supervisor": 1}')
    workshop.worker('note("cwd", os.getcwd()); sys.exit(gitconvoy("done", "--no-code"))')
    workshop.begin()
    assert Path(workshop.note("cwd")) == place.with_name("gt-a-1.2")
    workshop.event("done gt-a")
    workshop.quiet()
    assert (place / "begun.json").exists()
    assert not place.with_name("gt-a-1.2").exists()


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
    workshop.begin(backoff="1s")
    token = workshop.note("token")
    tip = until(lambda: workshop.here.repo.git("rev-list", "main..convoy/gt-a-1"), "its commit")
    end(workshop.supervisor())
    workshop.let_the_lease_run_out()
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


def test_what_cannot_be_read_or_written_for_a_while_harms_nobody(workshop: Workshop) -> None:
    workshop.worker(
        """
        note("begun")
        while not (out / "go").exists():
            time.sleep(0.05)
        print("still heard", flush=True)
        sys.exit(gitconvoy("done", "--no-code"))
        """
    )
    workshop.begin(lease="2s")
    workshop.note("begun")
    leases, ref = workshop.own / "leases", workshop.here.path / ".git" / "refs" / "heads" / "convoy-ledger"
    kept, tip = leases.rename(workshop.own / "kept"), ref.read_bytes()
    leases.write_text("in the way")
    ref.write_text("torn\n")
    log = workshop.own / "attempts" / "gt-a-1" / "log"
    until(lambda: log.read_text().count("met an error and goes on") >= 2, "both errors")
    leases.unlink()
    kept.rename(leases)
    ref.write_bytes(tip)
    before = (leases / "gt-a").read_text()
    until(lambda: (leases / "gt-a").read_text() != before, "the next renewal")
    (workshop.out / "go").write_text("")
    workshop.event("done gt-a")
    workshop.quiet()
    assert "still heard" in workshop.here.ok("logs", "gt-a", "--attempt", "1")
    assert sum(event.startswith("dispatch ") for event in workshop.here.events()) == 1


def test_a_supervisor_that_fails_ends_its_worker(workshop: Workshop) -> None:
    workshop.worker('note("begun"); time.sleep(600)')
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    try:
        workshop.begin(lease="1h")
    finally:
        signal.signal(signal.SIGINT, before)
    workshop.note("begun")
    worker = int(workshop.note("gt-a-1"))
    os.kill(workshop.supervisor(), signal.SIGINT)
    until(lambda: not alive(worker), "the end of the worker")
    workshop.quiet()
    assert "the supervisor failed (KeyboardInterrupt" in (workshop.own / "attempts" / "gt-a-1" / "log").read_text()


def test_a_worktree_is_removed_by_one_at_a_time(workshop: Workshop) -> None:
    """`kill`, the `reap` that it leaves behind, and a scan may all be at it: none takes the others' work for a loss."""
    for number in range(400):
        workshop.here.repo.write(f"src/{number}", "x\n" * 100)
    workshop.worker("time.sleep(600)")
    workshop.begin(lease="1h")
    pids = [int(workshop.note("gt-a-1")), workshop.supervisor()]
    workshop.here.repo.config("gitconvoy.wake", "false")
    for pid in reversed(pids):
        end(pid)
    folder = workshop.own / "attempts" / "gt-a-1"
    folder.rename(folder.with_name("aside"))
    workshop.here.ok("unsling", "gt-a")
    workshop.here.ok("pause", "--all")
    folder.with_name("aside").rename(folder)
    together = threading.Barrier(3)
    said: list[tuple[str | None, bool]] = []

    def release() -> None:
        town = workshop.here.open()
        together.wait()
        said.append((releasing.release(town, "gt-a", 1), workshop.worktree().exists()))

    threads = [threading.Thread(target=release) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [(None, False)] * 3


def test_only_what_somebody_may_ask_for_is_kept(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.worker('sys.exit(1 if bead == "gt-b" else gitconvoy("done", "--no-code"))')
    workshop.begin("gt-a", "gt-b", "gt-c", backoff="1s", max_attempts=2)
    for event in ("done gt-a", "done gt-c"):
        workshop.event(event)
    until(lambda: workshop.here.ok("scan") is not None and workshop.here.ledger().bead("gt-b").failures == 2, "its end")
    workshop.quiet()
    place = workshop.own / "attempts"
    for name, age in (("gt-x-1", 60), ("gt-y-1", 90_000)):
        (place / name).mkdir()
        (place / name / "job.json").write_text("{")
        os.utime(place / name / "job.json", (time.time() - age,) * 2)

    def kept() -> list[str]:
        workshop.here.ok("scan")
        return sorted(each.name for each in place.iterdir())

    assert kept() == ["gt-a-1", "gt-b-1", "gt-b-2", "gt-c-1", "gt-x-1", "gt-y-1"]
    for file in place.glob("gt-[bc]-*/*"):
        os.utime(file, (time.time() + 60,) * 2)
    monkeypatch.setattr("gitconvoy.engine.attempts.pruning.MOST", 3)
    assert kept() == ["gt-b-1", "gt-b-2", "gt-c-1", "gt-x-1", "gt-y-1"], "the oldest goes"
    workshop.here.repo.config("gitconvoy.keepLogs", "1d")
    for file in place.glob("gt-[bc]-*/*"):
        os.utime(file, (time.time() - 90_000,) * 2)
    assert kept() == ["gt-b-2", "gt-x-1"], "the last attempt of what is not done stays"
    assert attempts.known(workshop.here.open().common_dir)[0][1].attempt == 2
    shutil.rmtree(place / "gt-x-1")


def test_a_ledger_that_was_set_back_ends_no_worker(workshop: Workshop) -> None:
    """The supervisor says so in its log and waits; once the branch is put back, the work is handed in as ever."""
    workshop.worker("""
        note("begun")
        while not (out / "go").exists():
            time.sleep(0.05)
        sys.exit(gitconvoy("done", "--no-code"))
    """)
    workshop.begin()
    workshop.note("begun")
    worker = int(workshop.note("gt-a-1"))
    workshop.here.repo.git("update-ref", REF, f"{REF}~1")
    until(lambda: "was set back" in workshop.here.ok("logs", "gt-a", "--attempt", "1"), "the supervisor's word")
    assert workshop.here.error("scan")["code"] == rewound.CODE
    assert alive(worker)
    rewound.put_back(workshop.here.open())
    (workshop.out / "go").touch()
    workshop.event("done gt-a")
    workshop.quiet()
    assert [each for each in workshop.here.events() if each.startswith("dispatch")] == [
        "dispatch gt-a to gt/polecat-1 (attempt 1)"
    ]


def test_a_worker_that_ends_while_the_ledger_is_set_back_waits_for_a_person(workshop: Workshop) -> None:
    """How it went cannot be recorded: it keeps its lease and its worktree, and nobody is given the bead beside it."""
    workshop.worker("""
        note("begun")
        while not (out / "go").exists():
            time.sleep(0.05)
        commit("work.txt", "work")
        sys.exit(3)
    """)
    workshop.begin(backoff="1s")
    workshop.note("begun")
    workshop.here.repo.git("update-ref", REF, f"{REF}~1")
    (workshop.out / "go").touch()
    workshop.quiet()
    assert workshop.worktree().is_dir()
    lease = leases.read_all(workshop.here.path / ".git")["gt-a"]
    assert lease.expires >= leases.NEVER, "it would run out, and the bead be dispatched again"
    rewound.put_back(workshop.here.open())
    workshop.here.ok("scan")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.in_flight, record.attempt) == (True, 1)
    assert workshop.here.json("status")["active"][0]["bead"] == "gt-a"
    workshop.here.ok("fail", "gt-a", "--token", record.token or "", "--reason", "exit code 3")
    assert "fail gt-a" in workshop.here.events()
