"""The cache of documents: never the truth, right after damage, and for nobody who did not ask for it (SPEC 1)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from gitfixtures import GitRepo

from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Plan
from gitconvoy.store import load

ODD = """\
id: gt-odd00
title: "Odd \\U0001F600 values"
description: "tab \\t, escape \\e"
metadata: {"2": two, big: 123456789012345678901234567890, half: 0.5, none: null, deep: [[1], {a: true}]}
"""


@pytest.fixture
def town(repo: GitRepo) -> GitRepo:
    (repo.path / ".git" / "gitconvoy").mkdir()
    for number in range(30):
        repo.write(f".convoy/beads/gt-{number:05d}.yaml", f"id: gt-{number:05d}\ntitle: Bead {number}\n")
    repo.write(".convoy/beads/gt-odd00.yaml", ODD)
    repo.write(".convoy/beads/gt-bad00.yaml", "id: gt-bad00\ntitle: [\n")
    repo.write(".convoy/config.yaml", "format: 1\n")
    repo.commit("plan")
    return repo


def read(town: GitRepo) -> Plan:
    return load.from_commit(Repo.discover(town.path), town.head())


def files(town: GitRepo) -> list[Path]:
    return sorted((town.path / ".git" / "gitconvoy").glob("index-*.sqlite3"))


def rows(town: GitRepo) -> int:
    (file,) = files(town)
    with sqlite3.connect(file) as db:
        return int(db.execute("SELECT count(*) FROM documents").fetchone()[0])


def whole(plan: Plan) -> tuple[object, ...]:
    data = {bead.id: dict(bead.data) for bead in plan.beads.values()}
    return plan.beads, data, plan.config, plan.broken, plan.problems


def test_the_second_reading_says_the_same(town: GitRepo) -> None:
    first = read(town)
    assert rows(town) == 32  # the bad file is read each time
    assert whole(read(town)) == whole(first)
    assert first.beads["gt-odd00"].data["metadata"]["big"] == 123456789012345678901234567890


@pytest.mark.parametrize("damage", [b"", b"no database at all, but some text\n" * 200])
def test_a_damaged_file_is_forgotten(town: GitRepo, damage: bytes) -> None:
    first = read(town)
    (file,) = files(town)
    file.write_bytes(damage)
    assert whole(read(town)) == whole(first)
    assert whole(read(town)) == whole(first)
    assert rows(town) == 32


def test_rows_that_make_no_sense_are_read_from_the_blob(town: GitRepo) -> None:
    first = read(town)
    (file,) = files(town)
    with sqlite3.connect(file) as db:
        db.execute("UPDATE documents SET data = '[1'")
    assert whole(read(town)) == whole(first)


def test_another_process_that_holds_the_file_is_not_waited_for(town: GitRepo) -> None:
    first = read(town)
    town.write(".convoy/beads/gt-new00.yaml", "id: gt-new00\ntitle: New\n")
    town.commit("more")
    (file,) = files(town)
    with sqlite3.connect(file, isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert read(town).beads.keys() == {*first.beads, "gt-new00"}
        db.execute("ROLLBACK")


def test_a_repository_that_is_only_read_gets_no_cache(repo: GitRepo) -> None:
    repo.write(".convoy/beads/gt-00001.yaml", "id: gt-00001\ntitle: Bead\n")
    repo.commit("plan")
    assert read(repo).beads.keys() == {"gt-00001"}
    assert not (repo.path / ".git" / "gitconvoy").exists()
