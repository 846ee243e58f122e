"""The command dispatcher with real workers: what they are given, and what their end means (SPEC 7)."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until

FLOW = "hq-cv-flow"

WORKER = '''
"""A worker for tests: notes what it was given, then does what its first argument says."""
import json, os, pathlib, signal, subprocess, sys, time

mode, out = sys.argv[1], pathlib.Path(sys.argv[2])
given = json.load(sys.stdin)
names = [name for name in os.environ if name.startswith(("GITCONVOY_", "GIT_"))]
note = {
    "stdin": given, "argv": sys.argv[3:], "cwd": os.getcwd(), "pid": os.getpid(), "pgid": os.getpgid(0),
    "env": {name: os.environ[name] for name in sorted(names)},
}
attempt = os.environ["GITCONVOY_ATTEMPT"]
temporary = out / f".{attempt}"
temporary.write_text(json.dumps(note))
temporary.rename(out / attempt)
print(f"attempt {attempt} speaks", flush=True)
print("and complains", file=sys.stderr, flush=True)
gitconvoy = [sys.executable, "-m", "gitconvoy"]
if mode == "done":
    subprocess.run([*gitconvoy, "done", "--no-code", "--reason", "by the worker"], check=True)
elif mode == "fail":
    subprocess.run([*gitconvoy, "fail", "--reason", "could not"], check=True)
elif mode == "fail-once":
    subprocess.run([*gitconvoy, *(["fail"] if attempt == "1" else ["done", "--no-code"])], check=True)
elif mode == "signal":
    os.kill(os.getpid(), signal.SIGSEGV)
elif mode == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (out / "child").write_text(str(child.pid))
    time.sleep(600)
elif mode.isdigit():
    sys.exit(int(mode))
'''


@dataclass(slots=True)
class Workshop:
    """A town whose dispatcher runs the worker above; `out` is where that one leaves its notes."""

    here: TownHelper
    script: Path
    out: Path

    def use(self, mode: str, *, more: str = "", **settings: str) -> None:
        """Set up the dispatcher in git config; `settings` are its keys (onExit, timeout)."""
        command = shlex.join([sys.executable, str(self.script), mode, str(self.out)]) + (f" {more}" if more else "")
        self.here.repo.config("gitconvoy.dispatcher", "script")
        for key, value in {"command": command, **settings}.items():
            self.here.repo.config(f"gitconvoy.dispatcher.script.{key}", value)

    def begin(self, **dispatch: object) -> dict[str, Any]:
        """Plan gt-a in a convoy and launch that."""
        lines = "".join(f"  {key}: {value}\n" for key, value in dispatch.items())
        self.here.repo.write(
            ".convoy/config.yaml", f"format: 1\nprefix: gt\n{f'dispatch:{chr(10)}{lines}' if lines else ''}"
        )
        self.here.bead("gt-a", description='"; rm -rf $HOME; echo {bead}"')
        self.here.convoy(FLOW, "gt-a")
        self.here.commit("plan")
        return self.here.json("launch", FLOW)

    def note(self, attempt: int = 1) -> dict[str, Any]:
        """What the worker of an attempt was given, once it runs."""
        file = self.out / str(attempt)
        until(file.exists, f"attempt {attempt}")
        return dict(json.loads(file.read_text()))

    def event(self, text: str) -> None:
        """Wait for a ledger event, by its subject."""
        until(lambda: text in self.here.events(), text)


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and waits to be collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in command and alive(int(entry.name)):
                found.append(int(entry.name))
    return found


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    """Nothing that was started here stays behind."""
    script, out = tmp_path / "worker.py", tmp_path / "out"
    script.write_text(WORKER)
    out.mkdir()
    yield Workshop(town(repo), script, out)
    for pid in processes_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_what_a_worker_is_given(workshop: Workshop) -> None:
    workshop.use("done", more="{bead} {branch} {worktree} {prompt_file} {bead}:{bead}")
    answer = workshop.begin()
    assert [(row["bead"], row["attempt"]) for row in answer["dispatched"]] == [("gt-a", 1)]
    note = workshop.note()
    assert note["stdin"]["id"] == "gt-a"
    assert note["stdin"]["description"] == "; rm -rf $HOME; echo {bead}", "text is data"
    assert (note["stdin"]["convoy"], note["stdin"]["attempt"]) == (FLOW, 1)
    env = note["env"]
    assert {name for name in env if name.startswith("GIT_")} <= {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"}
    assert env["GITCONVOY_BEAD"] == "gt-a"
    assert env["GITCONVOY_CONVOY"] == FLOW
    assert env["GITCONVOY_ATTEMPT"] == "1"
    assert env["GITCONVOY_BRANCH"] == "convoy/gt-a-1"
    assert len(env["GITCONVOY_TOKEN"]) >= 16
    assert Path(env["GITCONVOY_WORKTREE"]).is_dir()
    assert note["argv"][:3] == ["gt-a", "convoy/gt-a-1", env["GITCONVOY_WORKTREE"]]
    assert "Title of gt-a" in Path(note["argv"][3]).read_text()
    assert note["argv"][4] == "gt-a:gt-a"
    assert note["cwd"] == env["GITCONVOY_WORKTREE"]
    assert note["pid"] == note["pgid"], "a group of its own"


def test_done_by_the_worker_completes_the_convoy_and_leaves_a_log(workshop: Workshop) -> None:
    workshop.use("done")
    workshop.begin()
    workshop.event(f"complete {FLOW}")
    here = workshop.here
    entry = here.json("log", "--event", "done")["entries"][0]
    assert (entry["bead"], entry["actor"], entry["reason"]) == ("gt-a", "gt/polecat-1", "by the worker")
    assert here.ok("logs", "gt-a", "-f").splitlines()[:2] == ["attempt 1 speaks", "and complains"]
    assert "attempt 1 speaks" in here.json("logs", "gt-a")["log"]
    assert here.error("logs", "gt-a", "--attempt", "7")["code"] == "not-found"
    assert here.repo.status() == []


def test_fail_by_the_worker_is_counted_once(workshop: Workshop) -> None:
    workshop.use("fail")
    workshop.begin(backoff="1h")
    workshop.event("fail gt-a")
    until(lambda: not processes_of(workshop.here.path), "the supervisor's end")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.failures, record.live) == (1, False)
    assert workshop.here.events().count("fail gt-a") == 1


@pytest.mark.parametrize(("mode", "reason"), [("3", "exit code 3"), ("signal", "SIGSEGV")])
def test_any_other_end_is_a_failure(workshop: Workshop, mode: str, reason: str) -> None:
    workshop.use(mode, onExit="done")
    workshop.begin(backoff="1h")
    workshop.event("fail gt-a")
    assert reason in workshop.here.json("log", "--event", "fail")["entries"][0]["reason"]


def test_exit_0_can_mean_done(workshop: Workshop) -> None:
    workshop.use("0", onExit="done", workplace="scratch")
    workshop.begin()
    workshop.event("done gt-a")
    assert not workshop.here.ledger().bead("gt-a").live


def test_exit_0_can_mean_failed(workshop: Workshop) -> None:
    workshop.use("0", onExit="fail")
    workshop.begin(backoff="1h")
    workshop.event("fail gt-a")
    assert workshop.here.ledger().bead("gt-a").failures == 1


def test_exit_0_asks_by_default(workshop: Workshop) -> None:
    workshop.use("0")
    workshop.begin()
    here = workshop.here
    until(lambda: here.json("stranded")["convoys"], "the question")
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["stuck"]
    active = here.json("status", FLOW)["active"][0]
    assert "neither done nor fail" in active["note"]
    assert active["lease_until"] is None
    stuck = here.json("status")["stuck"]
    row = next(each for each in here.json("workers")["workers"] if each["state"] == "asks")
    for told in (active["note"], row["note"], *(each["reason"] for each in stuck)):
        assert "it holds a place until somebody ends it: gitconvoy --actor gt/polecat-1 done gt-a" in told
    assert [each["bead"] for each in stuck] == ["gt-a"]
    here.ok("scan")
    assert here.ledger().bead("gt-a").live, "it waits for a person, however long"
    here.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    assert here.events()[-1] == f"complete {FLOW}"


def test_the_time_limit_ends_the_whole_group(workshop: Workshop) -> None:
    workshop.use("hang", timeout="1s")
    workshop.begin(backoff="1h")
    pid = workshop.note()["pid"]
    child = workshop.out / "child"
    workshop.event("fail gt-a")
    assert "time limit of 1 s" in workshop.here.json("log", "--event", "fail")["entries"][0]["reason"]
    until(lambda: not alive(pid), "the worker's end")
    if child.exists():
        until(lambda: not alive(int(child.read_text())), "the end of what it started")


def test_unsling_ends_the_worker(workshop: Workshop) -> None:
    workshop.use("hang")
    workshop.begin()
    pid = workshop.note()["pid"]
    until((workshop.out / "child").exists, "its child")
    workshop.here.ok("pause", FLOW)
    workshop.here.ok("unsling", "gt-a")
    until(lambda: not alive(pid), "the worker's end")
    until(lambda: not alive(int((workshop.out / "child").read_text())), "the end of its child")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.live, record.failures) == (False, 0)


def test_a_command_that_cannot_be_started_is_counted_and_kept_back(workshop: Workshop) -> None:
    workshop.here.repo.config("gitconvoy.dispatcher", "script")
    workshop.here.repo.config("gitconvoy.dispatcher.script.command", str(workshop.script.parent / "no-such-program"))
    workshop.begin(backoff="1h")
    workshop.event("dispatch-failed gt-a")
    record = workshop.here.ledger().bead("gt-a")
    assert (record.live, record.failures) == (False, 1)
    assert record.not_before is not None


def test_a_message_reaches_the_worker(workshop: Workshop) -> None:
    workshop.use("done")
    workshop.here.bead("gt-a")
    workshop.here.commit("plan")
    workshop.here.ok("sling", "gt-a", "--message", "the small one first")
    assert workshop.note()["stdin"]["message"] == "the small one first"


def test_a_retry_needs_no_further_commit_or_command(workshop: Workshop) -> None:
    """The one who creates the due time leaves a scan behind, that waits for it."""
    workshop.here.repo.config("gitconvoy.wake", "true")
    workshop.use("fail-once")
    workshop.begin(backoff="1s", lease="20s")
    workshop.note(2)
    workshop.event(f"complete {FLOW}")
    events = [event for event in workshop.here.events() if "gt-a" in event]
    first, second = (f"dispatch gt-a to gt/polecat-1 (attempt {number})" for number in (1, 2))
    assert events == [first, "fail gt-a", second, "done gt-a"]


def test_an_attempt_whose_supervisor_died_expires_after_its_lease(workshop: Workshop) -> None:
    workshop.use("hang")
    workshop.begin(lease="2s", max_attempts=2)
    worker = workshop.note()["pid"]
    folder = workshop.here.path / ".git" / "gitconvoy"
    lease = until(lambda: json.loads((folder / "leases" / "gt-a").read_text()), "the lease")
    supervisors = [pid for pid in processes_of(folder / "attempts" / "gt-a-1") if pid != worker]
    assert lease["pid"] in supervisors
    os.kill(lease["pid"], signal.SIGKILL)
    workshop.use("done")
    until(lambda: workshop.here.ok("scan") and "expire gt-a" in workshop.here.events(), "the end of the lease")
    assert workshop.note(2)["stdin"]["attempt"] == 2
    workshop.event(f"complete {FLOW}")
    assert workshop.here.ledger().bead("gt-a").failures == 1


def test_without_a_definition_nothing_is_dispatched(workshop: Workshop) -> None:
    workshop.use("done", more="{secret}")
    assert workshop.begin()["dispatched"] == []
    assert any("dispatcher" in line for line in workshop.here.json("status")["notes"])
    assert workshop.here.events() == ["init town", f"launch {FLOW}"]
