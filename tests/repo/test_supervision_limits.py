"""Time limits, daemons, endless output, `kill`, hostile text, and a dispatcher that cannot start anything (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from waiting import until
from workshops import FLOW, Workshop, alive, close_workshop, end, hang_in_submodules, open_workshop, processes_of

from gitconvoy.dispatch import breaker

HANGS = """
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
note(bead + "-child", child.pid)
time.sleep(600)
"""
DAEMON = """
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note(bead + "-daemon", os.getpid())
        os.write(write, b"x")
        time.sleep(600)
    os._exit(0)
os.read(read, 1)
"""


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def test_the_time_limit_ends_group_and_daemons(workshop: Workshop) -> None:
    workshop.worker(DAEMON + HANGS, timeout="1s")
    workshop.begin()
    assert "time limit of 1 s" in workshop.event("fail gt-a")["reason"]
    workshop.quiet()
    assert not alive(int(workshop.note("gt-a-daemon")))
    assert "time limit" in workshop.here.ok("logs", "gt-a")


def test_a_daemon_ends_with_its_worker(workshop: Workshop) -> None:
    workshop.worker(DAEMON + 'sys.exit(gitconvoy("done", "--no-code"))')
    workshop.begin()
    daemon = int(workshop.note("gt-a-daemon"))
    workshop.event("done gt-a")
    until(lambda: not alive(daemon), "the end of the daemon")
    workshop.quiet()
    assert not workshop.worktree().exists()


def test_endless_output_stays_bounded_and_shows_both_ends(workshop: Workshop) -> None:
    workshop.here.repo.config("gitconvoy.logLimit", "100k")
    workshop.worker(
        """
        print("the beginning", flush=True)
        for number in range(40):
            os.write(1, b"0123456789abcde\\n" * (1 << 16))
        print("the end", flush=True)
        sys.exit(3)
        """
    )
    workshop.begin()
    workshop.event("fail gt-a")
    workshop.quiet()
    folder = workshop.own / "attempts" / "gt-a-1"
    assert sum(file.stat().st_size for file in folder.glob("log*")) <= 100 << 10
    told = workshop.here.ok("logs", "gt-a", "-f").splitlines()
    assert (told[0], told[-1]) == ("the beginning", "the end")
    assert sum("left out" in line for line in told) == 1
    assert workshop.here.json("logs", "gt-a")["log"].endswith("the end\n")


def test_kill_counts_and_ends_all_of_it(workshop: Workshop) -> None:
    workshop.worker(DAEMON + HANGS)
    workshop.begin()
    pids = [int(workshop.note(name)) for name in ("gt-a-1", "gt-a-child", "gt-a-daemon")]
    answer = workshop.here.json("kill", "gt-a", "--reason", "enough")
    assert answer["killed"] == [{"bead": "gt-a", "worker": "gt/polecat-1", "attempt": 1}]
    assert answer["ended"] is True
    assert [alive(pid) for pid in pids] == [False] * 3
    record = workshop.here.ledger().bead("gt-a")
    assert (record.live, record.failures) == (False, 1)
    assert record.not_before is not None
    entry = workshop.event("kill gt-a")
    assert "enough" in entry["reason"]
    workshop.quiet()
    assert not workshop.worktree().exists()
    assert "fail gt-a" not in workshop.here.events()
    assert workshop.here.error("kill", "gt-a")["code"] == "not-live"
    assert workshop.here.error("kill", code=2)["code"] == "nothing-named"


def test_kill_works_without_a_supervisor(workshop: Workshop) -> None:
    workshop.worker(HANGS)
    workshop.begin(lease="1h")
    child = int(workshop.note("gt-a-child"))
    end(workshop.supervisor())
    workshop.here.ok("kill", "gt-a")
    assert not alive(child)
    assert not workshop.worktree().exists()


def test_kill_all_pauses_and_counts_nothing(workshop: Workshop) -> None:
    workshop.worker(HANGS)
    workshop.begin("gt-a", "gt-b")
    pids = [int(workshop.note(f"{bead}-child")) for bead in ("gt-a", "gt-b")]
    answer = workshop.here.json("kill", "--all", "--reason", "fire")
    assert [each["bead"] for each in answer["killed"]] == ["gt-a", "gt-b"]
    assert [alive(pid) for pid in pids] == [False, False]
    assert workshop.here.events()[-3:] == ["pause town", "unsling gt-a", "unsling gt-b"]
    records = workshop.here.ledger().beads
    assert [(records[bead].live, records[bead].failures) for bead in ("gt-a", "gt-b")] == [(False, 0)] * 2
    workshop.here.ok("scan")
    assert workshop.here.ledger().bead("gt-a").attempt == 1, "everything is paused"
    assert workshop.here.json("kill", "--all")["killed"] == []
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.here.ok("resume", "--all")
    workshop.event(f"complete {FLOW}")


TITLES = [
    "$(touch x); \"' && rm -rf ~",
    "--dangerously-skip",
    "`id` | cat > x",
    "Convoy-Event: done",
    "\N{CONVENIENCE STORE} \N{SNOWMAN}",
]


def test_hostile_text_reaches_the_worker_unchanged(workshop: Workshop) -> None:
    workshop.worker('note("stdin-" + bead, sys.stdin.read()); sys.exit(gitconvoy("done", "--no-code"))')
    description = "first\n\nConvoy-Event: done\n$(touch x)\n" + "x" * 100_000 + "\n"
    workshop.plan()
    beads = [f"gt-{number}" for number in range(len(TITLES))]
    for bead, title in zip(beads, TITLES, strict=True):
        body = "".join(f"  {line}\n" if line else "\n" for line in description.splitlines())
        told = json.dumps(title, ensure_ascii=False)
        text = f'id: {bead}\ntitle: {told}\ndescription: |\n{body}notes: "\\u001b[31m"\n'
        workshop.here.repo.write(f".convoy/beads/{bead}.yaml", text)
    workshop.here.convoy("hq-cv-words", *beads)
    workshop.here.commit("plan")
    workshop.here.ok("launch", "hq-cv-words")
    workshop.event("complete hq-cv-words")
    for bead, title in zip(beads, TITLES, strict=True):
        given = json.loads(workshop.note(f"stdin-{bead}"))
        assert (given["title"], given["description"], given["notes"]) == (title, description, "\x1b[31m")
    workshop.quiet()
    assert not list(workshop.here.path.glob("**/x"))
    assert workshop.here.repo.status() == []


def failures(workshop: Workshop, count: int) -> bool:
    return sum("dispatch-failed" in event for event in workshop.here.events()) >= count


def test_a_dispatcher_that_cannot_start_is_not_asked_on_and_on(workshop: Workshop) -> None:
    beads = [f"gt-{number}" for number in range(5)]
    repo = workshop.here.repo
    workshop.worker("pass", command="/nowhere/to-be-found")
    repo.config("gitconvoy.breaker", "2")
    workshop.plan(*beads, max_workers=1)
    workshop.here.ok("launch", FLOW)
    for count in (1, 2):
        until(partial(failures, workshop, count), "a failure")
        workshop.here.ok("scan")
    workshop.quiet()
    dispatches = [each for each in workshop.here.events() if each.startswith("dispatch ")]
    assert len(dispatches) == 2, "the other beads are spared"
    status = workshop.here.json("status")
    assert any("2 starts in a row failed" in note for note in status["notes"])
    assert status["next_wake"]
    assert [row["class"] for row in status["stranded"]] == ["waiting"]
    assert {row["state"] for row in workshop.here.json("workers")["workers"]} == {"stopped"}
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.here.ok("sling", "gt-4")
    workshop.event("done gt-4")
    for bead in ("gt-2", "gt-3"):
        workshop.event(f"done {bead}")
    assert breaker.read_all(workshop.here.open().common_dir) == {}


def test_what_is_wrong_with_one_convoy_stops_no_rig(workshop: Workshop) -> None:
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.here.repo.config("gitconvoy.breaker", "2")
    workshop.plan("gt-a", "gt-b", "gt-c", convoy={"base_branch": "gone"})
    assert workshop.here.run("launch", FLOW, "--force").code == 5
    assert sum("dispatch-failed" in event for event in workshop.here.events()) == 3
    assert breaker.read_all(workshop.here.open().common_dir) == {}
    workshop.here.bead("gt-d")
    workshop.here.convoy("hq-cv-good", "gt-d", status="open")
    workshop.here.commit("more")
    workshop.here.ok("scan")
    workshop.event("done gt-d")


def test_kill_ends_a_checkout_that_hangs(workshop: Workshop) -> None:
    workshop.worker("pass")
    workshop.plan("gt-a", lease="1h")
    hang_in_submodules(workshop.here.repo)
    workshop.here.ok("launch", FLOW)
    fetching = until(lambda: [pid for pid in processes_of(Path("sleep\x00987")) if alive(pid)], "the fetch")
    assert workshop.here.json("kill", "gt-a")["ended"] is True
    assert not any(alive(pid) for pid in fetching)
    workshop.quiet()
    assert "dispatch-failed gt-a" not in workshop.here.events()


def test_a_poisoned_bead_holds_up_nobody(workshop: Workshop) -> None:
    workshop.worker('sys.exit(1 if bead == "gt-a" else gitconvoy("done", "--no-code"))')
    workshop.begin("gt-a", "gt-b", "gt-c", max_workers=1, backoff="1s", max_attempts=2)
    workshop.event("done gt-b")
    workshop.event("done gt-c")
    until(lambda: workshop.here.ok("scan") is not None and workshop.here.ledger().bead("gt-a").failures == 2, "its end")
    assert workshop.here.ledger().bead("gt-a").attempt == 2


def test_workers_says_who_does_what(workshop: Workshop) -> None:
    workshop.worker(HANGS)
    workshop.begin("gt-a", max_workers=2)
    workshop.note("gt-a-child")
    data = workshop.here.json("workers")
    first, second = data["workers"]
    assert (first["worker"], first["state"], first["bead"], first["attempt"]) == ("gt/polecat-1", "working", "gt-a", 1)
    assert first["since"]
    assert (second["worker"], second["state"], second["bead"]) == ("gt/polecat-2", "idle", None)
    assert {"of": "town", "in_flight": 1, "most": 2} in data["capacity"]
    assert [row["worker"] for row in workshop.here.json("workers", "--idle")["workers"]] == ["gt/polecat-2"]
    assert workshop.here.ok("workers").startswith("gt/polecat-1\tworking\tgt-a\t1\t")
    assert workshop.here.error("workers", "--rig", "none", code=2)["code"] == "bad-value"


def test_exit_0_can_hand_in_as_done_does(workshop: Workshop) -> None:
    workshop.worker('commit("work.txt", "work") if bead == "gt-a" else None', onExit="done")
    workshop.begin("gt-a", "gt-b", convoy={"merge": "direct"})
    until(lambda: workshop.here.repo.run("cat-file", "-e", "main:work.txt").returncode == 0, "the merge")
    assert workshop.here.repo.show("main", "work.txt") == "work"
    assert "no commits" in workshop.event("fail gt-b")["reason"]
    workshop.quiet()
    assert not workshop.worktree().exists()
