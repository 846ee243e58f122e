"""`doctor` looks at what this machine keeps below the git directory: what is damaged goes (SPEC 7)."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from doctoring import of, only, rows
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain

from gitconvoy.doctor import local
from gitconvoy.store import failures
from gitconvoy.store.localfiles import write_atomically


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return chain(repo)


def own(here: TownHelper) -> Path:
    return here.path / ".git" / "gitconvoy"


DAMAGED = [
    ("seen", b"what\n"),
    ("breakers.json", b"[1]"),
    ("rig-parents", b"{"),
    ("rig-trunks", b""),
    ("leases/gt-a", b"{}"),
    ("leases/gt-c", b'{"bead": "gt-b", "token": "1", "expires": 1}'),
    ("handins/gt-a.json", b"\xff"),
    ("towns/0123", b"town nowhere\n"),
]


@pytest.mark.parametrize(("name", "data"), DAMAGED, ids=[name for name, _ in DAMAGED])
def test_a_damaged_note_goes(here: TownHelper, name: str, data: bytes) -> None:
    assert of(here, "damaged") == []
    file = own(here) / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    assert of(here, "damaged") == [("warning", str(file), False)]
    assert of(here, "damaged", "--fix") == [("warning", str(file), True)]
    assert not file.exists()
    here.ok("scan")
    assert [row for row in rows(here) if row["severity"] != "note"] == []


def test_a_damaged_cache_goes(here: TownHelper) -> None:
    (file,) = own(here).glob("index-*.sqlite3")
    file.write_bytes(b"x" * 8192)
    assert of(here, "damaged") == [("warning", str(file), False)]
    file.write_bytes(b"x" * 8192)  # whoever reads the plan begins a new one
    assert of(here, "damaged", "--fix") == [("warning", str(file), True)]
    here.ok("status")
    assert of(here, "damaged") == []


def begun(file: Path) -> Path:
    """What a process leaves behind that dies right before it puts a file in its place."""
    child = os.fork()
    if child == 0:
        Path.replace = lambda *_: os._exit(9)  # type: ignore[method-assign]
        write_atomically(file, b"half")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    (left,) = file.parent.glob(f".{file.name}.*")
    return left


def test_temporary_files_beside_git_s_own_go_too(here: TownHelper, tmp_path: Path) -> None:
    """Files of the worktree are written there, so that nobody sees half of one."""
    here.repo.worktree(tmp_path / "linked", "linked")
    places = [here.path / ".git", here.path / ".git" / "worktrees" / "linked"]
    left = [begun(place / "gt-a.yaml") for place in places]
    for file in left:
        os.utime(file, (time.time() - 7200,) * 2)
    assert of(here, "temporary", "--fix") == [("warning", str(file), True) for file in left]
    assert not any(file.exists() for file in left)


def test_temporary_files_go_once_they_are_nobodys(here: TownHelper) -> None:
    old, young = begun(own(here) / "seen"), begun(own(here) / "leases" / "gt-a.json")
    os.utime(old, (time.time() - 7200,) * 2)
    assert of(here, "temporary") == [("warning", str(old), False)]
    assert of(here, "temporary", "--fix") == [("warning", str(old), True)]
    assert (old.exists(), young.exists()) == (False, True)
    assert of(here, "temporary") == []


def test_the_lock_that_somebody_keeps(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PATIENCE", 0.0)
    file = own(here) / "lock"
    file.touch()
    assert of(here, "town-lock") == []
    with file.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        row = only(here, "town-lock", "--fix")
    assert (row["severity"], row["subject"], row["fixable"]) == ("warning", str(file), False)
    if Path("/proc/locks").exists():
        assert row["commands"] == [f"ps -fp {os.getpid()}"]
    assert of(here, "town-lock") == []


def foreign(file: Path) -> None:
    os.chown(file, 54321, -1)


def unreadable(file: Path) -> None:
    file.chmod(0)


@pytest.mark.parametrize("make", [foreign, unreadable], ids=lambda make: make.__name__)
def test_files_of_somebody_else(here: TownHelper, make: Callable[[Path], None]) -> None:
    root = os.geteuid() == 0
    if root is not (make is foreign):
        pytest.skip("only root gives files away, and root can read all")
    assert of(here, "own-files") == []
    make(own(here) / "seen")
    row = only(here, "own-files", "--fix")
    assert (row["severity"], row["subject"], row["fixable"]) == ("warning", str(own(here)), False)
    assert str(own(here) / "seen") in row["observed"]


def test_bugs_that_nobody_saw_are_named(here: TownHelper) -> None:
    common = here.path / ".git"
    failures.note(common, failures.Failure("2026-01-02T03:04:05Z", failures.ERROR, "scan", "the disk is full"))
    assert of(here, "bugs") == []
    failures.note(common, failures.Failure("2026-01-02T03:04:06Z", failures.BUG, "scan", "KeyError: 'x'"))
    file = failures.file_of(common)
    assert of(here, "bugs") == [("note", str(file), False)]
    assert "in scan at 2026-01-02T03:04:06Z: KeyError: 'x'" in only(here, "bugs")["observed"]
    assert of(here, "bugs", "--fix") == [("note", str(file), False)]
    while len(failures.files(common)) < 2:
        failures.note(common, failures.Failure("2026-01-02T03:04:07Z", failures.ERROR, "scan", "x" * 400), "y\n" * 999)
    assert of(here, "bugs") == [("note", str(file), False)], "it may stand in the older file"
    for each in failures.files(common):
        each.unlink()
    assert of(here, "bugs") == []
