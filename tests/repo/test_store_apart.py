"""Files that several processes read at once: the plan is the same, and whatever becomes of them."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Plan
from gitconvoy.store import apart, load

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="there nothing is read apart")
BAD = {
    "gt-yaml": "id: [\n",
    "gt-schema": "id: gt-schema\ntitle: x\nprioritty: 1\n",
    "gt-name": "id: gt-other\ntitle: x\n",
    "gt-half": 'id: gt-half\ntitle: "\\ud800"\n',
    "gt-huge": "id: gt-huge\ntitle: x\ndescription: " + "x" * (1 << 20) + "\n",
    "gt-odd": "id: gt-odd\ntitle: x\nx-a: .inf\n",
}


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    made = town(repo)
    names = [f"gt-{number}" for number in range(60)]
    for number, name in enumerate(names):
        made.bead(name, depends_on=names[max(0, number - 2) : number], description=f"Wörter {number} " + "x" * number)
    made.convoy("hq-cv-1", *names, status="open")
    return made


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Much is little here, and there are processors: the numbers of children."""
    monkeypatch.setattr(apart, "MUCH", 10)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    begun: list[int] = []
    real = os.fork

    def counted() -> int:
        child = real()
        begun.append(child)
        return child

    monkeypatch.setattr(os, "fork", counted)
    yield begun
    for child in begun:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def plan(path: Path) -> Plan:
    found = Repo.discover(path)
    return load.from_commit(found, found.git("rev-parse", "HEAD").text)


def cached(path: Path) -> list[tuple[str, str, str]]:
    (file,) = (path / ".git" / "gitconvoy").glob("index-*.sqlite3")
    with sqlite3.connect(file) as db:
        return sorted(db.execute("SELECT blob, kind, data FROM documents"))


def forget(path: Path) -> None:
    for file in (path / ".git" / "gitconvoy").glob("*.sqlite3*"):
        file.unlink()


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_the_plan_is_the_same(here: TownHelper, shared: list[int], kept: bool, bad: bool) -> None:
    for name, text in BAD.items() if bad else ():
        here.repo.write(f".convoy/beads/{name}.yaml", text)
    if bad:
        here.repo.write(".convoy/archive/gt-1.yaml", "id: gt-1\ntitle: twice\n")
        (here.path / ".convoy/beads/gt-link.yaml").symlink_to("gt-1.yaml")
    here.repo.git("add", "-A")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "plan")
    own = here.path / ".git" / "gitconvoy"
    if kept:
        own.mkdir(exist_ok=True)
        forget(here.path)
    else:
        assert not own.exists()
    found = plan(here.path)
    assert len(shared) == 3
    documents = cached(here.path) if kept else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "MUCH", 1 << 30)
        if kept:
            assert plan(here.path) == found, "by what was kept"
            forget(here.path)
        alone = plan(here.path)
        assert alone == found
        assert [each.data for each in alone.beads.values()] == [each.data for each in found.beads.values()]
        assert (cached(here.path) if kept else []) == documents
    assert len(shared) == 3
    assert bool(found.problems) == bad


def test_children_that_die(here: TownHelper, shared: list[int]) -> None:
    items = list(range(1000))

    def read(number: int) -> apart.Row | None:
        if number == 601:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 602:
            raise ValueError(number)
        return (str(number), "bead", "x" * number) if number % 7 else None

    found = sorted(int(row[0]) for row in apart.rows(items, read))
    assert len(shared) == 3
    assert [number for number in items if number % 3 == 0 and number % 7] == [n for n in found if n % 3 == 0]
    assert 0 < len([n for n in found if n % 3]) < 601


def test_whoever_stops_listening_leaves_nobody_behind(shared: list[int]) -> None:
    answers = apart.rows(list(range(10_000)), lambda number: (str(number), "bead", "x" * 5000))
    assert next(answers)[1] == "bead"
    answers.close()
    assert len(shared) == 3


def test_where_nobody_can_share(shared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def read(number: int) -> apart.Row:
        return str(number), "bead", ""

    assert list(apart.rows(range(9), read)) == []
    waits = threading.Event()
    thread = threading.Thread(target=waits.wait)
    thread.start()
    try:
        assert list(apart.rows(range(100), read)) == []
    finally:
        waits.set()
        thread.join()
    with monkeypatch.context() as patch:
        patch.setattr(resource, "getrlimit", lambda _: (60, 60))
        assert list(apart.rows(range(100), read)) == []
    with monkeypatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _: {0})
        assert list(apart.rows(range(100), read)) == []
    assert shared == []
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError))
        assert list(apart.rows(range(100), read)) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(list(apart.rows(range(100), read))) == 100
