"""What this machine keeps of a ledger is never the truth: each ledger is the one that its commit holds (SPEC 1)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.ledger import kept, read
from gitconvoy.ledger.read import read_ledger
from gitconvoy.model.ledger import Ledger

BEADS = [f"gt-{number}" for number in range(60)]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A town whose ledger knows many beads."""
    made = town(repo)
    (made.path / ".git" / "gitconvoy").mkdir(exist_ok=True)
    for bead in BEADS:
        made.bead(bead)
    made.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  max_workers: 100\n")
    made.convoy("hq-cv-1", *BEADS, status="open")
    made.commit()
    made.ok("scan")
    made.ok("watch", "hq-cv-1", "somebody@example.invalid")
    return made


def file_of(here: TownHelper) -> Path | None:
    return next(iter((here.path / ".git" / "gitconvoy").glob("ledger-*.json")), None)


def same(here: TownHelper) -> bool:
    """Whether what is read by what was kept is what is read without."""
    town_ = here.open()
    tip = town_.ledger_tip()
    return kept.ledger_at(town_.repo, tip) == read_ledger(town_.repo, tip)


def test_a_long_ledger_is_kept_and_followed(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert same(here)
    assert file_of(here) is not None
    here.ok("unsling", BEADS[0])
    wanted = read_ledger(here.open().repo, here.open().ledger_tip())
    monkeypatch.setattr(kept, "read_ledger", lambda *_: pytest.fail("all of it is read anew"))
    monkeypatch.setattr(read, "read_ledger", lambda *_: pytest.fail("all of it is read anew"))
    assert here.open().ledger() == wanted
    assert wanted.bead(BEADS[0]).status is None
    assert wanted.convoy("hq-cv-1").watchers


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{}", b"[[1, 2], [], []]", b'[["", false, 1, ""], [["gt-1", 1]], [[]]]']
)
def test_what_is_damaged_is_read_anew(here: TownHelper, damage: bytes) -> None:
    assert same(here)
    file = file_of(here)
    assert file is not None
    file.write_bytes(damage)
    assert same(here)
    assert same(here)
    assert file.read_bytes() != damage


def test_a_byte_that_changed_is_noticed(here: TownHelper) -> None:
    assert same(here)
    file = file_of(here)
    assert file is not None
    data = file.read_bytes()
    assert b"in_progress" in data
    file.write_bytes(data.replace(b"in_progress", b"in_progresz"))
    assert same(here)
    assert b"in_progresz" not in file.read_bytes()


def test_the_ledger_of_a_commit_that_is_gone_is_no_ground(here: TownHelper) -> None:
    assert same(here)
    file = file_of(here)
    assert file is not None
    tip = kept._recall(file).tip
    assert tip is not None
    kept._remember(file, replace(kept._recall(file), tip="f" * 40))
    assert same(here)
    assert kept.ledger_at(here.open().repo, None) == Ledger()


def test_nothing_is_kept_where_this_machine_keeps_nothing(here: TownHelper) -> None:
    folder = here.path / ".git" / "gitconvoy"
    shutil.rmtree(folder)
    assert same(here)
    assert len(here.open().ledger().beads) == len(BEADS)
    assert not folder.exists()
