"""Pushes that hang are seen, end, and are in nobody's way (SPEC 7)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import FLOW, Worker, claim, flow
from townfixtures import TownHelper
from waiting import until
from workshops import alive, end, processes_of

from gitconvoy.dispatch import handins
from gitconvoy.dispatch.handins import Handin


class Hanging:
    """A remote called origin, of which the server's hook hangs until it is told otherwise."""

    def __init__(self, repo: GitRepo, place: Path) -> None:
        self.path = place / "hanging.git"
        self._pids = place / "pids"
        repo.git("init", "--quiet", "--bare", str(self.path))
        repo.git("remote", "add", "origin", str(self.path))
        self._hook = self.path / "hooks" / "pre-receive"
        self._hook.parent.mkdir(exist_ok=True)
        self._hook.write_text(f"#!/bin/sh\necho $$ >>{shlex.quote(str(self._pids))}\nexec sleep 600\n")
        self._hook.chmod(0o755)

    def pids(self) -> list[int]:
        """The hooks that were begun."""
        return [int(each) for each in self._pids.read_text().split()] if self._pids.exists() else []

    def hangs(self, times: int = 1) -> int:
        """Wait until it hangs for this time; the hook's process."""
        until(lambda: len(self.pids()) >= times, "the push")
        return self.pids()[times - 1]

    def goes_on(self) -> None:
        """Take pushes from now on."""
        self._hook.unlink()

    def has(self, branch: str, commit: str) -> bool:
        """Whether a branch there stands on a commit."""
        file = self.path / "refs" / "heads" / branch
        return file.exists() and file.read_text().strip() == commit


@pytest.fixture
def remote(repo: GitRepo, tmp_path: Path) -> Iterator[Hanging]:
    made = Hanging(repo, tmp_path)
    yield made
    for pid in [*made.pids(), *processes_of(repo.path)]:
        end(pid)


def note(here: TownHelper) -> Handin:
    """What is noted of gt-a."""
    found = handins.read_one(here.path / ".git", "gt-a")
    assert found is not None
    return found


def handed_in(repo: GitRepo) -> tuple[TownHelper, Worker]:
    """Work on gt-a that was handed in."""
    here = flow(repo, "gt-a", merge="mr")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    worker.done()
    return here, worker


def test_it_is_seen_and_ends_at_its_limit(repo: GitRepo, remote: Hanging) -> None:
    repo.config("gitconvoy.pushTimeout", "1s")
    here, worker = handed_in(repo)
    server = remote.hangs()
    until(lambda: note(here).waits, "the time limit")
    until(lambda: not alive(server), "the end of the server's side")
    row = here.json("status", FLOW)["submitted"][0]
    assert "time limit of 1 s (gitconvoy.pushTimeout)" in row["note"]
    assert note(here).pushing is None
    assert note(here).retry_at is not None
    remote.goes_on()
    here.ok("scan")
    until(lambda: note(here).pushed, "the push")
    assert remote.has(worker.branch, worker.tree.head())


def test_status_says_since_when_it_is_being_pushed(repo: GitRepo, remote: Hanging) -> None:
    here, _ = handed_in(repo)
    server = remote.hangs()
    row = here.json("status", FLOW)["submitted"][0]
    assert (row["note"].startswith("it is being pushed since 20"), row["stuck"]) == (True, False)
    assert here.json("status")["stuck"] == []
    here.ok("unsling", "gt-a")
    until(lambda: not alive(server), "the end of the push")
    until(lambda: not processes_of(here.path), "the end of what pushes")


def test_it_ends_once_the_work_is_merged(repo: GitRepo, remote: Hanging) -> None:
    here, worker = handed_in(repo)
    server = remote.hangs()
    for _ in range(2):
        here.ok("scan")
    repo.git("merge", "--quiet", "--no-edit", worker.branch)
    here.ok("scan")
    assert here.events()[-2:] == ["merged gt-a", f"complete {FLOW}"]
    until(lambda: not alive(server), "the end of the push")
    until(lambda: not processes_of(here.path), "the end of what pushes")
    assert len(remote.pids()) == 1, "nobody began another push meanwhile"


def test_the_next_attempt_does_not_wait_for_it(repo: GitRepo, remote: Hanging) -> None:
    here, first = handed_in(repo)
    hanging = remote.hangs()
    remote.goes_on()
    file = handins.own_file(here.path / ".git", note(here), "lock")
    assert file.exists()
    here.ok("unsling", "gt-a")
    second = claim(here, "bob")
    second.edit("b.py", "b\n")
    second.done()
    until(lambda: note(here).pushed, "the second push")
    assert remote.has(second.branch, second.tree.head())
    assert not remote.has(first.branch, first.tree.head())
    until(lambda: not alive(hanging), "the end of the first push")


def test_more_work_of_the_same_attempt_is_pushed_instead(repo: GitRepo, remote: Hanging) -> None:
    here, worker = handed_in(repo)
    hanging = remote.hangs()
    remote.goes_on()
    worker.edit("more.py", "more\n")
    worker.done()
    until(lambda: note(here).pushed == worker.tree.head(), "the second push")
    assert remote.has(worker.branch, worker.tree.head())
    until(lambda: not alive(hanging), "the end of the first push")


def test_a_limit_that_cannot_be_meant_is_told(repo: GitRepo, remote: Hanging) -> None:
    repo.config("gitconvoy.pushTimeout", "soon")
    here, _ = handed_in(repo)
    until(lambda: note(here).waits, "the complaint")
    assert "gitconvoy.pushTimeout" in here.json("status", FLOW)["submitted"][0]["note"]
    assert remote.pids() == []
