"""Commits on a disk that is full: named as such, and nothing is half done. Needs the right to mount a small disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo, copy_template

from gitconvoy.engine.plans import editing
from gitconvoy.errors import Refused
from gitconvoy.git import personal
from gitconvoy.git.repo import Repo

SIZE = 3 << 20


@pytest.fixture
def small(tmp_path: Path, git_template: Path) -> Iterator[GitRepo]:
    """A repository on a disk of 3 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be mounted here")
    try:
        repo = copy_template(git_template, disk / "repo")
        for number in range(20):
            repo.write(f"file-{number}", "x\n")
        repo.commit("files")
        yield repo
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def leave(repo: GitRepo, free: int) -> Path:
    """Fill the disk but for so many bytes; the file that does it."""
    space = os.statvfs(repo.path.parent)
    assert space.f_blocks * space.f_frsize <= SIZE, "the small disk is not there any more"
    filler = repo.path.parent / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
        stream.truncate(filler.stat().st_size - free)
    return filler


@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 4, 5, 6, 7, 8])
def test_a_new_file_is_not_left_behind_in_the_index(small: GitRepo, blocks: int) -> None:
    small.write("new", "new\n")
    before = (small.head(), small.git("ls-files", "--stage"))
    filler = leave(small, blocks * 4096)
    refused: Refused | OSError | None = None
    try:
        personal.commit_paths(Repo.discover(small.path), ["new"], "more")
    except (Refused, OSError) as error:
        refused = error
    if refused is not None:
        assert "disk is full" in str(refused) or "No space left" in str(refused)
        assert (small.head(), small.git("ls-files", "--stage")) == before
    if isinstance(refused, Refused):
        assert (refused.code, "free some space" in refused.hint) == ("disk-full", True)
    filler.unlink()
    assert sorted(path.name for path in (small.path / ".git").glob("index*")) == ["index"]
    assert small.status() == ([] if refused is None else ["?? new"])
    small.git("fsck", "--strict")


def test_a_disk_that_is_full_all_along_is_no_race(small: GitRepo) -> None:
    small.write("file-1", "more\n")
    filler = leave(small, 0)
    with pytest.raises(Refused, match="disk is full"):
        personal.commit_paths(Repo.discover(small.path), ["file-1"], "more")
    filler.unlink()
    assert small.status() == [" M file-1"]


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5, 6])
def test_a_changed_file_is_as_it_was(small: GitRepo, blocks: int) -> None:
    """To write the old bytes again would need space that is not there."""
    old = small.read("file-1")
    found = Repo.discover(small.path)
    filler = leave(small, blocks * 4096)
    try:
        with editing.written(found, {"file-1": b"changed\n"}):
            personal.commit_paths(found, ["file-1"], "more")
    except (Refused, OSError):
        assert small.read("file-1") == old
    else:
        assert small.show("HEAD", "file-1") == "changed\n"
    filler.unlink()
    assert small.status() == []
    assert list((small.path / ".git").glob("gitconvoy-old-*")) == []
