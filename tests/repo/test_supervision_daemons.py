"""Daemons that left session and environment of their worker are found; a person's processes never (SPEC 7)."""

from __future__ import annotations

import os
import pty
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from waiting import until
from workshops import Workshop, alive, close_workshop, end, open_workshop

from gitconvoy.dispatch import processes
from gitconvoy.engine import facts
from gitconvoy.engine.react import transact

BARE = """
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
note(bead + "-bare", os.read(read, 20).decode())
"""


@pytest.fixture
def strangers() -> Iterator[list[int]]:
    """Processes that a test has started, which end with it."""
    made: list[int] = []
    yield made
    for pid in made:
        end(pid)


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path, strangers: list[int]) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


def bare(workshop: Workshop, strangers: list[int]) -> int:
    """The daemon, once nothing of the worker's environment is left to it."""
    pid = int(workshop.note("gt-a-bare"))
    strangers.append(pid)
    until(lambda: Path(f"/proc/{pid}/environ").read_bytes() == b"", "the daemon")
    return pid


def test_it_ends_with_its_worker(workshop: Workshop, strangers: list[int]) -> None:
    workshop.worker(BARE + 'os.chdir("/"); note("go-on"); time.sleep(600)')
    workshop.begin()
    daemon = bare(workshop, strangers)
    end(int(workshop.note("gt-a-1")))
    workshop.event("fail gt-a")
    assert not alive(daemon), "the failure is told once nothing runs any more"


def test_kill_ends_it(workshop: Workshop, strangers: list[int]) -> None:
    workshop.worker(BARE + "time.sleep(600)")
    workshop.begin()
    daemon = bare(workshop, strangers)
    assert workshop.here.json("kill", "gt-a")["ended"] is True
    assert not alive(daemon)


def test_orphans_that_end_are_collected(workshop: Workshop) -> None:
    workshop.worker("""
    subprocess.run(["sh", "-c", "for n in 1 2 3 4 5; do (sleep 0 &); done"])
    note("made")
    time.sleep(600)
    """)
    workshop.begin()
    workshop.note("made")
    supervisor, worker = workshop.supervisor(), int(workshop.note("gt-a-1"))
    until(lambda: children(supervisor) == {worker}, "the end of the zombies")
    workshop.here.ok("kill", "gt-a")


def children(pid: int) -> set[int]:
    """Also those that have ended and were not collected."""
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.parametrize("by", ["doctor", "reap"])
def test_it_is_found_after_everybody_else_has_died(workshop: Workshop, strangers: list[int], by: str) -> None:
    workshop.worker(BARE + "time.sleep(600)")
    workshop.begin(lease="1h")
    daemon = bare(workshop, strangers)
    end(workshop.supervisor())
    end(int(workshop.note("gt-a-1")))
    workshop.here.ok("pause", "--all")
    assert alive(daemon)
    if by == "reap":
        workshop.here.ok("unsling", "gt-a")
    else:  # as if the event had come from elsewhere: nobody here acts on it
        folder = workshop.own / "attempts" / "gt-a-1"
        folder.rename(folder.with_name("aside"))
        transact(workshop.here.open(), lambda draft: facts.taken_back(draft, "gt-a", "by somebody"), feed=False)
        folder.with_name("aside").rename(folder)
        (row,) = [row for row in workshop.here.json("doctor", code=1)["findings"] if row["check"] == "processes"]
        assert str(daemon) in row["observed"]
        workshop.here.ok("doctor", "--fix")
    until(lambda: not alive(daemon), "the end of the daemon")
    until(lambda: not workshop.worktree().exists(), "the end of the worktree")


def orphan(strangers: list[int], place: Path, env: Mapping[str, str], before: Callable[[], object] = os.setsid) -> int:
    """Start a process whose parent has ended, in a session of its own."""
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        if os.fork() == 0:
            before()
            os.chdir(place)
            os.write(write, str(os.getpid()).encode())
            os.execve("/bin/sleep", ["sleep", "600"], dict(env))
        os._exit(0)
    os.waitpid(first, 0)
    pid = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    strangers.append(pid)
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00600\x00", "the process")
    return pid


def test_what_is_left_in_a_folder(tmp_path: Path, strangers: list[int]) -> None:
    place, other = tmp_path / "work", tmp_path / "work-2"
    (place / "inner").mkdir(parents=True)
    other.mkdir()
    _, terminal = pty.openpty()
    name = os.ttyname(terminal)

    def with_terminal() -> None:
        os.setsid()
        os.open(name, os.O_RDWR)  # the first terminal that the leader of a session opens is its own

    ours = {
        orphan(strangers, place, {}),
        orphan(strangers, place / "inner", {"PATH": "/bin"}),
        orphan(strangers, other, {"GITCONVOY_TOKEN": "t1"}),
    }
    orphan(strangers, other, {})
    orphan(strangers, place, {}, with_terminal)
    orphan(strangers, place, {"DISPLAY": ":0"})
    orphan(strangers, place, {"GITCONVOY_TOKEN": "t2"})
    orphan(strangers, place, {processes.DETACHED: "1"})
    child = os.spawnve(os.P_NOWAIT, "/bin/sh", ["sh", "-c", f"cd '{place}' && exec sleep 600"], {})
    strangers.append(child)
    until(lambda: Path(f"/proc/{child}/cwd").readlink() == place, "the child of somebody")
    assert processes.of_attempt("t1", folder=place) == ours
