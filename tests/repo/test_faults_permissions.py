"""Repositories that this user may read and not write, in whole or in part: reading goes on, writing is refused clearly.

Needs root, who gives files away and drops its own powers, and may mount; skips visibly without.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo, copy_template
from powerless import STRANGER, only_as_root, run_all
from townfixtures import TownHelper, town

FLOW = "hq-cv-1"
WORKER = ("--actor", "gt/polecat-1")
READING = (
    ("status",), ("status", FLOW), ("ready",), ("blocked",), ("log",), ("why", "gt-a"), ("audit",), ("validate",),
    ("list",), ("mine",), ("plan", FLOW), ("bead", "show", "gt-a"), ("bead", "list"), ("stranded",), ("workers",),
    ("next",), ("hooks", "status"),
)  # fmt: skip
FAIL = (*WORKER, "fail", "gt-a")
EDIT = ("bead", "set", "gt-x", "priority=0")
WRITING = (
    (*WORKER, "done", "gt-a", "--no-code"), FAIL, (*WORKER, "heartbeat", "gt-a"), ("sling", "gt-x"), ("pause", FLOW),
    EDIT, ("create", "New", "gt-x"), ("stage", "gt-x"), ("hooks", "install"), ("close", FLOW, "--force"),
)  # fmt: skip
KNOWN = {"permission-denied", "read-only", "not-writable"}


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A town with an attempt that is being worked on; whoever owns it, git may be used in it."""
    repo.git("config", "--global", "safe.directory", "*")
    return _town(repo)


def _town(repo: GitRepo) -> TownHelper:
    here = town(repo)
    here.bead("gt-a")
    here.bead("gt-x")
    here.bead("gt-b", depends_on=["gt-a"])
    here.convoy(FLOW, "gt-a", "gt-b", merge="local")
    here.commit("plan")
    here.ok("launch", FLOW)
    return here


def give(place: Path, user: int) -> None:
    """Give a file, or a folder with all that is in it, to a user."""
    for path in (place, *place.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


_PASSING = ("COMMIT_EDITMSG", ".lock", "lock", "gitconvoy-edit.lock")
_CACHES = re.compile("(index|outline)-[0-9a-f]+")
"""What was read, for the next command: nobody misses it."""


def state(here: TownHelper) -> tuple[object, ...]:
    """All that a refused command must leave alone: not objects that nothing names, nor what is overwritten anyway."""
    files = {
        str(path.relative_to(here.path)): path.read_bytes()
        for path in here.path.rglob("*")
        if path.is_file() and "objects" not in path.parts and path.name not in _PASSING and not _CACHES.match(path.name)
    }
    return here.repo.git("for-each-ref"), files


def refused(here: TownHelper, *commands: tuple[str, ...]) -> list[dict[str, str]]:
    """The errors of commands that may not write; nothing has changed."""
    before, errors = state(here), []
    for words, answer in zip(commands, run_all(here, [(*each, "--json") for each in commands]), strict=True):
        assert (answer.code, answer.out) == (1, ""), (words, answer)
        error: dict[str, str] = json.loads(answer.err.splitlines()[-1])["error"]
        assert error["code"] in KNOWN, (words, error)
        assert error["message"], words
        assert error["hint"], words
        errors.append(error)
    after = state(here)
    assert after[0] == before[0]
    assert after[1] == before[1]
    return errors


@pytest.fixture
def foreign(here: TownHelper) -> TownHelper:
    """A town of somebody else's, which may be read by all."""
    only_as_root()
    give(here.path, STRANGER)
    return here


def test_reading_needs_no_right_to_write(foreign: TownHelper) -> None:
    before = state(foreign)
    for words, answer in zip(READING, run_all(foreign, READING), strict=True):
        assert answer.code == (1 if words[0] == "hooks" else 0), (words, answer)  # there are no hooks
        assert "denied" not in answer.err
    assert state(foreign) == before


def test_writing_is_refused(foreign: TownHelper) -> None:
    errors = refused(foreign, *WRITING)
    assert all(".git" in error["message"] or ".convoy" in error["message"] for error in errors)


def test_a_reader_without_a_cache(foreign: TownHelper) -> None:
    for file in (foreign.path / ".git/gitconvoy").glob("index-*"):
        file.unlink()
    [answer] = run_all(foreign, [("status",)])
    assert answer.code == 0, answer
    assert list((foreign.path / ".git/gitconvoy").glob("index-*")) == []


def test_a_repository_that_may_not_even_be_read(foreign: TownHelper) -> None:
    (foreign.path / ".git").chmod(0o700)
    for answer in run_all(foreign, [("status",), ("scan",), EDIT]):
        assert answer.code == 1, answer
        assert "hint: " in answer.err
    (foreign.path / ".git").chmod(0o755)


def test_an_owner_who_keeps_leases_private(foreign: TownHelper) -> None:
    """Who may not see this machine's own files is told so."""
    (foreign.path / ".git/gitconvoy").chmod(0o700)
    for words, answer in zip(READING, run_all(foreign, READING), strict=True):
        assert answer.code in (0, 1), (words, answer)
        assert answer.code == 0 or words[0] == "hooks" or "ermission denied" in answer.err, (words, answer)
    (foreign.path / ".git/gitconvoy").chmod(0o755)


PIECES = {
    "refs": (".git/refs/heads", FAIL),
    "objects": (".git/objects", FAIL),
    "own-folder": (".git/gitconvoy", FAIL),
    "leases": (".git/gitconvoy/leases", (*WORKER, "heartbeat", "gt-a")),
    "reflogs": (".git/logs", FAIL),
    "hooks": (".git/hooks", ("hooks", "install")),
    "worktree-files": (".convoy/beads", EDIT),
    "objects-for-edit": (".git/objects", EDIT),
    "refs-for-edit": (".git/refs/heads", EDIT),
}


@pytest.mark.parametrize("name", PIECES)
def test_one_piece_that_may_not_be_written(here: TownHelper, name: str) -> None:
    """Refused with nothing half done; once it may be written, the same command does it."""
    only_as_root()
    piece, words = PIECES[name]
    (here.path / piece).mkdir(exist_ok=True)
    give(here.path / piece, STRANGER)
    refused(here, words)
    give(here.path / piece, 0)
    [answer] = run_all(here, [words])
    assert answer.code == 0, answer
    assert here.repo.run("fsck", "--strict", "--no-dangling").returncode == 0
    assert here.repo.status() == []
    assert here.json("audit")["ok"] is True


def test_an_index_that_may_not_be_written(here: TownHelper) -> None:
    """git replaces the index, so what counts is the folder it is in."""
    only_as_root()
    os.chown(here.path / ".git", STRANGER, STRANGER)
    [error] = refused(here, EDIT)
    assert ".git" in error["message"]
    assert here.repo.status() == []


def test_a_ledger_ref_that_nobody_may_change(here: TownHelper) -> None:
    """`chattr +i`: not even root."""
    ref = here.path / ".git/refs/heads/convoy-ledger"
    if subprocess.run(["chattr", "+i", ref], capture_output=True, check=False).returncode != 0:
        pytest.skip("this file system knows no immutable files")
    try:
        before = here.events()
        error = here.error(*FAIL)
        assert error["code"] in (*KNOWN, "ref-refused"), error
        assert (here.events(), "convoy-ledger" in error["message"]) == (before, True)
    finally:
        subprocess.run(["chattr", "-i", ref], check=True)
    here.ok(*FAIL)
    assert here.json("audit")["ok"] is True


@pytest.fixture
def read_only(git_template: Path, tmp_path: Path) -> Iterator[TownHelper]:
    """A town on a file system that is read-only."""
    place = tmp_path / "mount"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        here = _town(copy_template(git_template, place / "repo"))
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield here
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_read_only_file_system(read_only: TownHelper) -> None:
    for words in READING:
        answer = read_only.run(*words)
        assert answer.code == (1 if words[0] == "hooks" else 0), (words, answer)
    for writing in WRITING:
        error = read_only.error(*writing)
        assert error["code"] in KNOWN, (writing, error)
        assert "ead-only" in error["message"], (writing, error)
        assert error["hint"], writing
    answer = read_only.run("init")
    assert (answer.code, "Read-only file system" in answer.err) == (5, True), "the town is there, the hooks are not"
    subprocess.run(["mount", "-o", "remount,rw", read_only.path.parent], check=True)
    assert read_only.repo.status() == []
    read_only.ok(*WORKER, "done", "gt-a", "--no-code")
    assert read_only.json("audit")["ok"] is True


def test_few_open_files(here: TownHelper) -> None:
    """Each limit either suffices or is named; nothing is half done."""
    taken = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 8  # noqa: PTH208 - counted alone
    failures = 0
    for more in range(16):
        before = state(here)
        limits = {resource.RLIMIT_NOFILE: taken + more}
        [answer] = run_all(here, [FAIL], powerless=False, limits=limits)
        assert answer.code in (0, 1), answer
        if answer.code == 0:
            break
        failures += 1
        assert "Too many open files" in answer.err, (more, answer)
        assert "hint: " in answer.err
        assert state(here) == before
    else:
        pytest.fail("so many open files have to suffice")
    assert failures
    assert here.repo.run("fsck", "--strict", "--no-dangling").returncode == 0
    assert [each for each in here.events() if each.startswith("fail")] == ["fail gt-a: failed"] or len(
        here.events()
    ) > 3
    assert here.json("audit")["ok"] is True


def test_small_files_only(here: TownHelper) -> None:
    """`ulimit -f`: no file may become larger than that."""
    failures = 0
    for limit in (1, 40, 100, 200, 300, 600, 4096, 1 << 20):
        before = here.repo.git("for-each-ref")
        [answer] = run_all(here, [FAIL], powerless=False, limits={resource.RLIMIT_FSIZE: limit})
        assert answer.code in (0, 1), answer
        if answer.code == 0:
            break
        failures += 1
        assert "hint: " in answer.err
        assert here.repo.git("for-each-ref") == before
    assert failures
    assert here.repo.run("fsck", "--strict", "--no-dangling").returncode == 0
    assert here.json("audit")["ok"] is True


def test_a_path_that_is_too_long(here: TownHelper) -> None:
    error = here.error("import", "x" * 300)
    assert error["code"] in ("not-found", "path-too-long")
    assert error["hint"]
