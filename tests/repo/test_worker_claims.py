"""Claims by the library: each bead once, whoever decides for whom, and whatever dies in between."""

from __future__ import annotations

import fcntl
import itertools
import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper
from townfixtures import town as begin

from gitconvoy.engine import claiming
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.react import transact
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.ledger.read import following, read_ledger
from gitconvoy.model.ledger import Ledger
from gitconvoy.worker import Task, Worker

CONFIG = "format: 1\nprefix: gt\ndispatch: {auto: false, max_workers: 1000}\n"


@pytest.fixture
def pool(repo: GitRepo) -> TownHelper:
    """An open convoy of 24 beads of which nothing is dispatched by itself."""
    town = begin(repo)
    town.repo.write(".convoy/config.yaml", CONFIG)
    ids = [f"gt-{number:02d}" for number in range(24)]
    for one in ids:
        town.bead(one)
    town.convoy("hq-cv-1", *ids)
    town.commit("plan")
    town.ok("launch", "hq-cv-1", "--force")
    return town


def _claim_all(path: str, name: str, gate: object, found: object) -> None:
    worker = Worker.open(path, actor=name)
    gate.wait()  # type: ignore[attr-defined]
    mine = []
    while (task := worker.claim()) is not None:
        mine.append((task.bead, task.token, task.commit))
    found.put(mine)  # type: ignore[attr-defined]


def test_many_processes_get_each_bead_once(pool: TownHelper) -> None:
    spawn = multiprocessing.get_context("fork")
    gate, queue = spawn.Barrier(4), spawn.Queue()
    workers = [
        spawn.Process(target=_claim_all, args=(str(pool.path), f"gt/w{number}", gate, queue)) for number in range(4)
    ]
    for each in workers:
        each.start()
    found = [row for _ in workers for row in queue.get(timeout=120)]
    for each in workers:
        each.join()
    assert sorted(bead for bead, _, _ in found) == [f"gt-{number:02d}" for number in range(24)]
    ledger = Town.open(pool.path).ledger()
    assert {bead: token for bead, token, _ in found} == {one: record.token for one, record in ledger.beads.items()}
    for bead, token, commit in found:
        said = pool.repo.git("log", "-1", "--format=%B", str(commit))
        assert f"Convoy-Bead: {bead}\n" in said
        assert f"Convoy-Token: {token}" in said
    assert pool.json("audit")["ok"]
    assert list((pool.path / ".git/gitconvoy/wishes").iterdir()) == []


def test_a_worker_from_claim_to_done(pool: TownHelper) -> None:
    worker = Worker.open(pool.path, actor="gt/nux")
    first, second = worker.claim(), worker.claim()
    assert first is not None
    assert second is not None
    assert (first.bead, second.bead, first.attempt) == ("gt-00", "gt-01", 1)
    assert first.document["title"]
    assert [row["id"] for row in pool.json("--actor", "gt/nux", "mine")["beads"]] == ["gt-00", "gt-01"]
    worker.heartbeat(first)
    worker.done(first, reason="all green")
    worker.fail(second, reason="the fixture is missing")
    ledger = Town.open(pool.path).ledger()
    assert (ledger.bead("gt-00").status, ledger.bead("gt-01").failures) == ("closed", 1)
    with pytest.raises(Refused):
        worker.heartbeat(second)
    with pytest.raises(Refused):
        worker.done(Task("gt-02", 1, "0" * 16, None, {}))


def test_what_others_did_meanwhile_is_seen(pool: TownHelper) -> None:
    """Whatever a worker has in memory: the trunk's commits and the ledger's count when it claims."""
    worker = Worker.open(pool.path, actor="gt/nux")
    assert worker.claim() is not None
    pool.ok("--actor", "gt/other", "next", "--claim")
    pool.ok("sling", "gt-02", "polecat-1")
    pool.bead("gt-03", status="closed")
    pool.bead("gt-04", depends_on=["gt-05"])
    pool.bead("gt-05", assignee="gt/nobody")
    pool.bead("gt-06", assignee="gt/nux")
    pool.commit("changes")
    task = worker.claim()
    assert task is not None
    assert task.bead == "gt-06"
    pool.ok("unsling", "gt-02")
    again = worker.claim()
    assert again is not None
    assert (again.bead, again.attempt) == ("gt-02", 2)
    pool.ok("pause", "hq-cv-1")
    assert worker.claim() is None
    assert pool.json("audit")["ok"]


def test_capacity_holds_for_all_that_one_decides_for(pool: TownHelper) -> None:
    pool.repo.write(".convoy/config.yaml", CONFIG.replace("1000", "3"))
    pool.commit("less")
    town = Town.open(pool.path, "gt/a")
    wishes = [claiming.Wish(f"gt/w{number}", None, f"{number:016x}") for number in range(5)]
    transact(town, lambda draft: claiming._grant(draft, wishes))
    ledger = town.ledger()
    assert {record.worker for record in ledger.beads.values()} == {"gt/w0", "gt/w1", "gt/w2"}
    actors = pool.repo.git("log", "-3", "--format=%(trailers:key=Convoy-Actor,valueonly,separator=)", "convoy-ledger")
    assert sorted(actors.split()) == ["gt/w0", "gt/w1", "gt/w2"]


def test_a_wish_that_was_granted_by_one_who_died_is_answered_once(pool: TownHelper) -> None:
    """Between the ledger's commit and the word that it is there."""
    town = Town.open(pool.path, "gt/a")
    wish = claiming.Wish("gt/b", None, "b" * 16)
    transact(town, lambda draft: claiming._grant(draft, [wish]))
    found = transact(Town.open(pool.path, "gt/b"), lambda draft: claiming._grant(draft, [], wish))
    assert (found.value.bead, found.value.token, found.dispatched) == ("gt-00", "b" * 16, ())
    again = transact(town, lambda draft: claiming._grant(draft, [wish]))
    assert again.dispatched == ()


def test_nobody_claims_for_the_dead(pool: TownHelper) -> None:
    child = os.fork()
    if child == 0:
        with claiming._left(Town.open(pool.path, "gt/dead"), claiming.Wish("gt/dead", None, "d" * 16)):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    left = pool.path / ".git/gitconvoy/wishes" / ("d" * 16)
    assert left.exists()
    task = Worker.open(pool.path, actor="gt/nux").claim()
    assert task is not None
    assert not left.exists()
    assert {record.worker for record in Town.open(pool.path).ledger().beads.values()} == {"gt/nux"}


@pytest.mark.parametrize("odd", [b"", b"no json\n", b'["gt/x"]\n', b'["\\u001b", null]\n', b"[1, 2, 3]\n"])
def test_odd_files_among_the_wishes_hold_nobody_up(pool: TownHelper, odd: bytes) -> None:
    place = pool.path / ".git/gitconvoy/wishes"
    place.mkdir(parents=True)
    with (place / "odd").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(odd)
        file.flush()
        assert Worker.open(pool.path, actor="gt/nux").claim() is not None


def test_a_lost_race_is_decided_anew(pool: TownHelper) -> None:
    """A foreign git moves the branch between reading and publishing: the compare-and-swap decides."""
    town = Town.open(pool.path, "gt/nux")
    raced: list[str] = []

    def request(draft: Draft) -> object:
        if not raced:
            raced.append("once")
            tip = pool.repo.head("convoy-ledger")
            message = pool.repo.git("log", "-1", "--format=%B", tip)
            other = pool.repo.git("commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", message)
            pool.repo.git("update-ref", "refs/heads/convoy-ledger", other, tip)
        return claiming._grant(draft, [], claiming.Wish("gt/nux", None, "e" * 16))

    done = transact(town, request)
    assert [each.bead for each in done.dispatched] == ["gt-00"]
    assert pool.repo.git("rev-list", "--count", "convoy-ledger") == "4"


def test_a_ledger_that_is_followed_is_the_one_that_is_read(pool: TownHelper) -> None:
    town = Town.open(pool.path)
    known = [Ledger(), read_ledger(town.repo, town.ledger_tip())]
    worker = Worker.open(pool.path, actor="gt/nux")
    first = worker.claim()
    assert first is not None
    known.append(read_ledger(town.repo, town.ledger_tip()))
    worker.done(first)
    pool.ok("pause", "--all")
    pool.ok("pause", "hq-cv-1")
    known.append(read_ledger(town.repo, town.ledger_tip()))
    for before in known:
        for after in known:
            assert following(town.repo, before, after.tip) == after


def test_whoever_is_granted_for_is_told_by_the_wish_itself(pool: TownHelper) -> None:
    """Without a look at the ledger; where nothing was said, the ledger tells."""
    town = Town.open(pool.path, "gt/late")
    for told in (True, False):
        wish = claiming.Wish("gt/late", None, f"{int(told)}" * 16)
        with claiming._left(town, wish) as own:
            granted = transact(Town.open(pool.path, "gt/other"), lambda draft: claiming._grant(draft, [wish]))  # noqa: B023
            (dispatched,) = granted.dispatched
            assert own.answer() is None
            assert not own.is_answered()
            if told:
                assert claiming._tell(own.file, dispatched)
            else:
                own.file.unlink()
            assert own.is_answered()
            found = own.answer() or claiming._answer(town, wish.token)
        assert found is not None
        assert (found.claim.bead, found.claim.token, found.commit) == (dispatched.bead, wish.token, dispatched.commit)
        assert not claiming._tell(own.file, dispatched)
    with claiming._left(town, claiming.Wish("ann", None, "another")) as own:
        assert claiming._tell(own.file, replace(dispatched, begun=False))
        assert own.is_answered()
        assert own.answer() is None


def _claim_on(path: str, name: str, told: object) -> None:
    worker = Worker.open(path, actor=name)
    while (task := worker.claim()) is not None:
        os.write(told.fileno(), f"{task.bead} {task.token} {task.commit}\n".encode())  # type: ignore[attr-defined]


def test_those_who_are_killed_while_they_grant_take_nothing_with_them(repo: GitRepo) -> None:
    """What anybody was told is in the ledger, once; and the next one goes on."""
    town, pick = begin(repo), random.Random(7)
    town.repo.write(".convoy/config.yaml", CONFIG)
    ids = [f"gt-{number:03}" for number in range(150)]
    for one in ids:
        town.bead(one)
    town.convoy("hq-cv-1", *ids)
    town.commit("plan")
    town.ok("launch", "hq-cv-1", "--force")
    fork = multiprocessing.get_context("fork")
    reading, told = fork.Pipe(duplex=False)
    names = itertools.count()

    def start() -> multiprocessing.process.BaseProcess:
        process = fork.Process(target=_claim_on, args=(str(town.path), f"gt/w{next(names)}", told))
        process.start()
        return process

    running = [start() for _ in range(4)]
    for _ in range(12):
        time.sleep(pick.uniform(0.05, 0.4))
        victim = running.pop(pick.randrange(len(running)))
        victim.kill()
        victim.join()
        running.append(start())
    for each in running:
        each.join()
    told.close()
    with os.fdopen(reading.fileno(), closefd=False) as stream:
        claims = [line.split() for line in stream]
    ledger = Town.open(town.path).ledger()
    assert len({bead for bead, _, _ in claims}) == len(claims) > 50
    assert {bead: ledger.bead(bead).token for bead, _, _ in claims} == {bead: token for bead, token, _ in claims}
    assert {record.attempt for record in ledger.beads.values()} == {1}
    assert len(ledger.beads) == len(ids)
    assert town.repo.run("fsck", "--strict", "--full").returncode == 0
    assert town.json("audit")["ok"]
