"""Objects that git looks up ahead: right in whatever order they are asked for, and whatever becomes of git (SPEC 6)."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from gitfixtures import GitRepo

from gitconvoy.git import objects
from gitconvoy.git.ahead import Ahead
from gitconvoy.git.repo import Repo
from gitconvoy.store import load

NUMBER = 600
LARGE = 3000


@pytest.fixture(params=["loose", "packed", "both"])
def stored(repo: GitRepo, request: pytest.FixtureRequest) -> dict[str, bytes]:
    """Blobs by their ids, in the order in which a tree has them; some are large."""
    for number in range(NUMBER):
        repo.write(f"many/{number:03}", f"file {number}\n" * (number % 7 + (LARGE if number % 50 == 0 else 1)))
        if number == NUMBER // 2 and request.param == "both":
            repo.commit("half")
            repo.git("repack", "-adq")
    repo.commit("all")
    if request.param == "packed":
        repo.git("repack", "-adq", "--depth=50", "--window=50")
    lines = repo.git("ls-tree", "-r", "HEAD", "many/").splitlines()
    return {line.split()[2]: (repo.path / line.split("\t")[1]).read_bytes() for line in lines}


@pytest.fixture
def ahead(repo: GitRepo, stored: dict[str, bytes]) -> Iterator[Ahead]:
    found = Repo.discover(repo.path)
    made = Ahead(found.git_dir, found.env, stored)
    yield made
    made.close()


def test_in_their_order_all_are_had(ahead: Ahead, stored: dict[str, bytes]) -> None:
    for oid, data in stored.items():
        assert ahead.take(oid, 1 << 20) == ("blob", data)
    assert ahead.take(next(iter(stored)), 1 << 20) is None
    assert not ahead._reader.running


def test_in_any_order_what_is_had_is_right(ahead: Ahead, stored: dict[str, bytes]) -> None:
    pick, had, at = Random(5), 0, 0
    oids = list(stored)
    while at < NUMBER:
        found = ahead.take(oids[at], 1 << 20)
        assert found in (None, ("blob", stored[oids[at]]))
        had += found is not None
        at = max(0, at + pick.choice((1, 1, 1, 1, 1, 1, 1, 2, 2, 50, -3, -40)))
    assert had > 50


def test_what_is_too_large_is_left_out_until_it_is_too_often(ahead: Ahead, stored: dict[str, bytes]) -> None:
    large, begun = 0, set()
    for oid, data in stored.items():
        found = ahead.take(oid, LARGE)
        large += len(data) > LARGE
        assert found == (("blob", data) if len(data) <= LARGE and large <= 8 else None)
        if ahead._reader._process is not None:
            begun.add(ahead._reader._process.pid)
    assert large == NUMBER // 50
    assert len(begun) <= 9


def test_that_git_dies_costs_one_object(ahead: Ahead, stored: dict[str, bytes]) -> None:
    lost = 0
    for number, (oid, data) in enumerate(stored.items()):
        if number % 100 == 7:
            process = ahead._reader._process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        found = ahead.take(oid, 1 << 20)
        assert found in (None, ("blob", data))
        lost += found is None
    assert lost <= NUMBER // 100


def test_a_fork_asks_anew(ahead: Ahead, stored: dict[str, bytes]) -> None:
    oids = list(stored)
    for oid in oids[:5]:
        ahead.take(oid, 1 << 20)
    child = os.fork()
    if child == 0:
        right = all(ahead.take(oid, 1 << 20) == ("blob", stored[oid]) for oid in oids[300:400])
        os._exit(0 if right else 1)
    assert [ahead.take(oid, 1 << 20) for oid in oids[5:200]] == [("blob", stored[oid]) for oid in oids[5:200]]
    assert os.waitpid(child, 0)[1] == 0


def test_objects_that_are_no_more_are_left_to_others(repo: GitRepo, stored: dict[str, bytes]) -> None:
    found = Repo.discover(repo.path)
    nothing = "1" * 40
    oids = [oid for known in stored for oid in (known, nothing)]
    with objects.looked_up_ahead(found, oids):
        for oid, data in stored.items():
            assert objects.blob(found, oid) == data
    assert not found.loaded  # libgit2 was never needed
    assert "ahead" not in found.memo
    with pytest.raises(Exception, match="is not in this repository"):
        objects.blob(found, nothing)


def test_few_are_not_worth_it_and_a_partial_clone_would_fetch(repo: GitRepo, stored: dict[str, bytes]) -> None:
    found = Repo.discover(repo.path)
    with objects.looked_up_ahead(found, list(stored)[:100]):
        assert "ahead" not in found.memo
    with objects.looked_up_ahead(found, list(stored)):
        assert "ahead" in found.memo
    repo.git("config", "remote.origin.promisor", "true")
    other = Repo.discover(repo.path)
    with objects.looked_up_ahead(other, list(stored)):
        assert "ahead" not in other.memo


def plan_of(repo: GitRepo) -> None:
    """A commit with a plan of that many beads, in a pack."""
    repo.write(".convoy/config.yaml", "format: 1\n")
    for number in range(NUMBER):
        repo.write(f".convoy/beads/gt-{number:03}.yaml", f"id: gt-{number:03}\ntitle: Bead {number}\n")
    repo.commit("plan")
    repo.git("repack", "-adq")


def test_a_plan_that_nobody_has_read_needs_no_libgit2(repo: GitRepo) -> None:
    plan_of(repo)
    found = Repo.discover(repo.path)
    plan = load.from_commit(found, repo.git("rev-parse", "HEAD").strip())
    assert [bead.title for bead in plan.beads.values()] == [f"Bead {number}" for number in range(NUMBER)]
    assert not found.loaded


def test_who_shares_a_memo_looks_ahead_in_its_own_repository(repo: GitRepo) -> None:
    plan_of(repo)
    town, other = Repo.discover(repo.path), Repo.discover(repo.path)
    load.share_memo(town, other)
    assert len(load.from_commit(other, repo.git("rev-parse", "HEAD").strip()).beads) == NUMBER
    assert not other.loaded
    assert "ahead" not in {*town.memo, *other.memo}


def test_a_git_that_dies_each_time_is_started_a_few_times(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(repo)
    shim, begun = tmp_path / "bin" / "git", tmp_path / "begun"
    shim.parent.mkdir()
    dies = f'case "$*" in *cat-file*) echo >>{begun}; read one; exit 128;; esac'
    shim.write_text(f'#!/bin/sh\n{dies}\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    head = repo.git("rev-parse", "HEAD").strip()
    monkeypatch.setenv("PATH", str(shim.parent), prepend=os.pathsep)
    assert len(load.from_commit(Repo.discover(repo.path), head).beads) == NUMBER
    assert len(begun.read_text().splitlines()) < 20
