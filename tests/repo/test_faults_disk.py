"""A disk that becomes full at each point of each command: a clear error, nothing half done, and the next run goes on.

Needs the right to mount a small disk; skips visibly without it.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import Answer, TownHelper, town

from gitconvoy.engine import seen
from gitconvoy.errors import GitError
from gitconvoy.git import commits, halfway, merging, write
from gitconvoy.git.repo import Repo

SIZE = 6 << 20
MOST = 80
"""Blocks with which every command succeeds."""
FLOW = "hq-cv-1"
WORKER = ("--actor", "gt/polecat-1")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path_factory.mktemp("faults") / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, free: int) -> Path:
    """Fill the disk but for so many blocks; the file that does it."""
    filler = disk / "filler"
    gc.collect()  # repositories of earlier tests keep files open that were removed, and would give room back later
    space = os.statvfs(disk)
    assert space.f_blocks * space.f_frsize <= SIZE, "the small disk is not there any more"
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(space.f_bavail - free, 1) * space.f_frsize)
    return filler


def launched(here: TownHelper) -> None:
    here.ok("launch", FLOW)


def opened_by_hand(here: TownHelper) -> None:
    """The commit is not reacted to: there are no hooks."""
    here.convoy(FLOW, "gt-a", "gt-b", merge="local", status="open")
    here.commit("open")


def undispatched(here: TownHelper) -> None:
    """Launched, and nothing is dispatched but by claims."""
    here.repo.write(".convoy/config.yaml", here.repo.read(".convoy/config.yaml") + "\ndispatch:\n  auto: false\n")
    here.commit("by hand")
    launched(here)


def worked(here: TownHelper) -> None:
    """gt-a is claimed, and its work is on a branch of its own."""
    launched(here)
    tree = here.repo.worktree(here.path / "tree", "work")
    tree.write("code", "x\n")
    tree.commit("work")
    here.repo.git("worktree", "remove", "tree")


def worked_for_direct(here: TownHelper) -> None:
    """The same, to be merged into the branch that is checked out."""
    here.convoy(FLOW, "gt-a", "gt-b", merge="direct")
    here.commit("direct")
    worked(here)


def finished(here: TownHelper) -> None:
    launched(here)
    here.ok(*WORKER, "done", "gt-a", "--no-code")


def history(here: TownHelper) -> None:
    lines = (f'{{"id":"old-{n}","title":"Old {n}","status":"open","priority":2}}\n' for n in range(3))
    (here.path / ".git/issues.jsonl").write_text("".join(lines))


def event(*wanted: str) -> Callable[[TownHelper], bool]:
    """Whether the ledger has each of the events, once."""
    return lambda here: all(sum(each.startswith(one) for each in here.events()) == 1 for one in wanted)


def committed(path: str, text: str) -> Callable[[TownHelper], bool]:
    """Whether HEAD has a file with that text."""
    return lambda here: here.repo.exists(f"HEAD:{path}") and text in here.repo.show("HEAD", path)


def unsettled(here: TownHelper) -> None:
    """No town any more: as before `init`."""
    here.repo.git("rm", "-rq", ".convoy")
    here.commit("no town")
    for ref in here.repo.git("for-each-ref", "--format=%(refname)", "refs/heads/convoy-ledger").splitlines():
        here.repo.git("update-ref", "-d", ref)
    shutil.rmtree(here.path / ".git/gitconvoy", ignore_errors=True)
    here.repo.git("config", "--remove-section", "gitconvoy")


def settled(here: TownHelper) -> bool:
    config = here.repo.run("config", "gitconvoy.dispatch")
    return here.repo.exists("HEAD:.convoy/config.yaml") and config.stdout == "local\n" and hooked(here)


def hooked(here: TownHelper) -> bool:
    return here.run("hooks", "status").code == 0


@dataclass(frozen=True, slots=True)
class Case:
    """A command, what is prepared for it, and how one sees that it has done its work."""

    words: tuple[str, ...]
    done: Callable[[TownHelper], bool]
    prepare: Callable[[TownHelper], None] = lambda _: None
    again: int = 0
    """How it ends when it has been done already."""


CASES = {
    "launch": Case(("launch", FLOW), event("launch", "dispatch gt-a")),
    "scan": Case(("scan",), event("launch", "dispatch gt-a"), opened_by_hand),
    "sling": Case(("sling", "gt-x"), event("dispatch gt-x"), again=1),
    "claim": Case((*WORKER, "next", "--claim"), event("dispatch gt-a"), undispatched),
    "done-no-code": Case((*WORKER, "done", "gt-a", "--no-code"), event("done gt-a", "dispatch gt-b"), launched, 1),
    "done": Case((*WORKER, "done", "gt-a", "--branch", "work"), event("submit gt-a"), worked),
    "done-direct": Case(
        (*WORKER, "done", "gt-a", "--branch", "work"), event("submit gt-a", "merged gt-a"), worked_for_direct, 1
    ),
    "fail": Case((*WORKER, "fail", "gt-a", "--reason", "no"), event("fail gt-a"), launched, 1),
    "heartbeat": Case((*WORKER, "heartbeat", "gt-a"), event("dispatch gt-a"), launched),
    "import": Case(("import", ".git/issues.jsonl"), committed(".convoy/beads/old-2.yaml", "Old 2"), history),
    "stage": Case(("stage", "gt-x", "gt-y"), lambda here: len(here.json("list")["convoys"]) == 2, again=1),
    "tidy": Case(("tidy",), committed(".convoy/beads/gt-a.yaml", "status: closed"), finished),
    "bead": Case(("bead", "set", "gt-x", "priority=0"), committed(".convoy/beads/gt-x.yaml", "priority: 0")),
    "init": Case(("init", "--prefix", "gt"), settled, unsettled),
    "hooks": Case(("hooks", "install"), hooked),
}


def _town(repo: GitRepo, case: Case) -> TownHelper:
    here = town(repo)
    for bead in ("gt-a", "gt-x", "gt-y"):
        here.bead(bead)
    here.bead("gt-b", depends_on=["gt-a"])
    here.convoy(FLOW, "gt-a", "gt-b", merge="local")
    here.commit("plan")
    case.prepare(here)
    return here


@pytest.mark.parametrize("name", CASES)
def test_a_full_disk(name: str, make_repo: Callable[[str], GitRepo], disk: Path) -> None:
    """With each number of free blocks, from none to as many as the command needs."""
    case = CASES[name]
    template = _town(make_repo("template"), case).path
    refused = enough = 0
    for free in (*range(8), *range(8, MOST, 2)):
        here = TownHelper(GitRepo(disk / "repo"))
        shutil.rmtree(here.path, ignore_errors=True)
        shutil.copytree(template, here.path, symlinks=True)
        filler = fill(disk, free)
        try:
            answer = here.run(*case.words)
        finally:
            filler.unlink()
        _judge(here, case, answer, f"{free} blocks: exit {answer.code}\n{answer.out}{answer.err}")
        refused += answer.code != 0
        enough = enough + 1 if answer.code == 0 else 0
        if enough == 3:
            break
    else:
        pytest.fail("with so much space it has to succeed")
    assert refused, "the disk was never full"


def _judge(here: TownHelper, case: Case, answer: Answer, where: str) -> None:
    assert answer.code in (0, 1, 5), where
    if answer.code == 1:
        assert "error: " in answer.err, where
        assert "disk is full" in answer.err or "No space left" in answer.err, where
        assert "free some space" in answer.err, where
    assert here.repo.run("fsck", "--strict", "--no-dangling").returncode == 0, where
    _nothing_left(here, where)
    before = case.done(here)
    again = here.run(*case.words)
    if "is not launched yet" in again.err:  # sling has made the convoy, and could not launch it
        again = here.run("launch", again.err.partition("gitconvoy launch ")[2].partition(",")[0])
    assert again.code in ((0, case.again) if before else (0,)), f"{where}\nagain: {again}"
    assert case.done(here), f"{where}\nagain: {again}"
    assert here.repo.status() == [], where
    assert not here.events() or here.json("audit")["ok"] is True, where
    assert here.json("validate")["ok"] is True, where
    _nothing_left(here, where)


def _nothing_left(here: TownHelper, where: str) -> None:
    """No lock of git, no temporary file of ours."""
    names = [path.name for path in (here.path / ".git").rglob("*") if path.is_file()]
    locks = [name for name in names if name.endswith(".lock") and name not in (".lock", "gitconvoy-edit.lock")]
    temporary = [name for name in names if name.startswith((".", "gitconvoy-old-", "index.")) and name != ".lock"]
    assert (locks, temporary) == ([], []), where


# What lies beneath


def test_a_commit_that_was_not_written_is_no_commit(make_repo: Callable[[str], GitRepo], disk: Path) -> None:
    """libgit2 gives an id for it all the same."""
    repo = GitRepo(disk / "commits")
    shutil.rmtree(repo.path, ignore_errors=True)
    shutil.copytree(make_repo("template").path, repo.path)
    found = Repo.discover(repo.path)
    head = repo.head()
    tree = commits.commit(found, head).tree
    write.create_commit(found, tree, [head], "identity and settings are read\n", 1)
    filler = fill(disk, 0)
    try:
        with pytest.raises(GitError, match="the disk is full") as caught:
            write.create_commit(found, tree, [head], "more\n", 1)
    finally:
        filler.unlink()
    assert (caught.value.code, "free some space" in caught.value.hint) == ("disk-full", True)
    made = write.create_commit(found, tree, [head], "more\n", 1)
    assert repo.git("cat-file", "-t", made) == "commit"
    shutil.rmtree(repo.path)


def test_the_folder_for_temporary_files_is_full(
    make_repo: Callable[[str], GitRepo], disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git says goes through a file there: with no room for it, nothing may look like an empty answer."""
    here = _town(make_repo("repo"), CASES["launch"])
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    filler = fill(disk, 0)
    try:
        answers = [here.run(*words) for words in (["launch", FLOW], ["bead", "set", "gt-x", "priority=0"], ["status"])]
    finally:
        filler.unlink()
    assert [answer.code for answer in answers] == [1, 1, 1], answers
    assert all("full" in answer.err or "No space" in answer.err for answer in answers), answers
    assert (here.events(), here.repo.status()) == ([], [])
    assert "dispatched gt-a" in here.ok("launch", FLOW)


def test_out_of_inodes(make_repo: Callable[[str], GitRepo], tmp_path: Path) -> None:
    """A disk with space, on which no file can be made any more."""
    place = tmp_path / "few"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=400", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        template = _town(make_repo("template"), CASES["launch"]).path
        for left in (0, 1, 2, 4, 6, 9):
            here = TownHelper(GitRepo(place / "repo"))
            shutil.copytree(template, here.path)
            (place / "many").mkdir()
            for number in range(os.statvfs(place).f_favail - left):
                (place / "many" / str(number)).touch()
            answer = here.run("launch", FLOW)
            shutil.rmtree(place / "many")
            _judge(here, CASES["launch"], answer, f"{left} inodes: {answer}")
            shutil.rmtree(here.path)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_reading_goes_on(make_repo: Callable[[str], GitRepo], disk: Path) -> None:
    """Nobody needs space to look; caches are left unwritten."""
    template = _town(make_repo("template"), CASES["fail"]).path
    here = TownHelper(GitRepo(disk / "repo"))
    shutil.rmtree(here.path, ignore_errors=True)
    shutil.copytree(template, here.path)
    for file in (here.path / ".git/gitconvoy").glob("index-*"):
        file.unlink()
    filler = fill(disk, 0)
    try:
        for words in (["status"], ["ready"], ["log"], ["why", "gt-a"], ["audit"], ["validate"], ["list"], ["mine"]):
            answer = here.run(*words)
            assert answer.code == 0, (words, answer)
        seen.remember(here.path / ".git", seen.Seen("refs/heads/main", "-", "-", "-"))
    finally:
        filler.unlink()
    shutil.rmtree(here.path)


def test_a_worktree_that_cannot_go_along_is_as_it_was(make_repo: Callable[[str], GitRepo], disk: Path) -> None:
    """git gives up between two files: those it wrote go back, those it cut off are whole again."""
    template = make_repo("template")
    for name in ("a", "b", "c"):
        template.write(name, f"old {name}\n" * 400)
    template.write("link", "old\n")
    template.write("gone", "old\n")
    template.write("mine", "mine\n")
    old = template.commit("old")
    for name in ("a", "b", "c", "folder/new"):
        template.write(name, f"new {name}\n" * 900)
    (template.path / "link").unlink()
    (template.path / "link").symlink_to("a")
    (template.path / "gone").unlink()
    new = template.commit("new")
    template.git("reset", "--quiet", "--hard", old)
    template.write("mine", "changed\n")
    template.write("new-of-mine", "x\n")
    waited = 0
    for free in range(24):
        repo = GitRepo(disk / "along")
        shutil.rmtree(repo.path, ignore_errors=True)
        shutil.copytree(template.path, repo.path, symlinks=True)
        before = (repo.head(), repo.status(), repo.read("a"))
        filler = fill(disk, free)
        said: object = None
        try:
            with suppress(GitError):
                said = merging.advance(Repo.discover(repo.path), "refs/heads/main", old, new, "test")
        finally:
            filler.unlink()
        if not isinstance(said, merging.Advanced):
            waited += 1
            assert (repo.head(), repo.status(), repo.read("a")) == before, (free, said, repo.status())
            assert isinstance(
                merging.advance(Repo.discover(repo.path), "refs/heads/main", old, new, "t"), merging.Advanced
            )
        assert (repo.head(), repo.status()) == (new, [" M mine", "?? new-of-mine"]), free
    assert 3 < waited < 24
    shutil.rmtree(repo.path)


def test_what_somebody_wrote_meanwhile_is_not_taken_for_gits(repo: GitRepo) -> None:
    repo.write("a", "old\n")
    old = repo.commit("old")
    repo.write("a", "new\n")
    repo.write("b", "new\n")
    repo.write("c", "new\n")
    new = repo.commit("new")
    repo.git("reset", "--quiet", "--hard", old)
    repo.write("a", "somebody's\n")
    repo.write("b", "ne")
    repo.write("c", "new\n")
    halfway.take_back(Repo.discover(repo.path), old, new, keep={"c"})
    assert (repo.read("a"), repo.status()) == ("somebody's\n", [" M a", "?? c"])
