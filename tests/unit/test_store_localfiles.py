"""Folders of this machine: made where missing; what a repository leaves behind makes no repository (SPEC 6)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest

from gitconvoy.dispatch import leases
from gitconvoy.errors import GitError
from gitconvoy.git import lock
from gitconvoy.store.localfiles import local_folder, make_folder, write_atomically

WRITES: dict[str, Callable[[Path], object]] = {
    "a file": lambda common: write_atomically(local_folder(common) / "outbox" / "cursor", b"x\n"),
    "a folder": lambda common: make_folder(local_folder(common) / "attempts" / "gt-a-1"),
    "a lease": lambda common: leases.write(common, leases.Lease(bead="gt-a", token="t", expires=5)),
    "a lock": lambda common: lock.exclusive(local_folder(common) / "lock", 0).__enter__(),
}


@pytest.mark.parametrize("what", WRITES)
def test_what_is_left_behind_by_a_removed_repository_does_not_bring_it_back(tmp_path: Path, what: str) -> None:
    with pytest.raises((FileNotFoundError, GitError)):
        WRITES[what](tmp_path / "repo" / ".git")
    assert not list(tmp_path.iterdir())


def test_who_waits_for_the_lock_of_a_removed_repository_gives_up(tmp_path: Path) -> None:
    common = tmp_path / "repo"
    common.mkdir()
    make_folder(local_folder(common))
    path = local_folder(common) / "lock"
    with lock.exclusive(path, 0), ThreadPoolExecutor() as pool:

        def wait() -> None:
            with lock.exclusive(path, 60):
                pass

        waiting = pool.submit(wait)
        sleep(0.2)  # in which it begins to wait; it gives up before that, too
        shutil.rmtree(common)
        with pytest.raises(GitError, match="no lock file"):
            waiting.result(30)
    assert not list(tmp_path.iterdir())


def test_all_folders_below_a_repository_are_made(tmp_path: Path) -> None:
    make_folder(local_folder(tmp_path) / "a" / "b")
    make_folder(local_folder(tmp_path) / "a" / "b")
    assert (tmp_path / "gitconvoy" / "a" / "b").is_dir()


def test_folders_of_a_work_tree_are_made_whatever_it_is_called(tmp_path: Path) -> None:
    checkout = tmp_path / "gitconvoy"
    checkout.mkdir()
    write_atomically(checkout / ".convoy" / "plan" / "cv-a.yaml", b"x\n")
    assert (checkout / ".convoy" / "plan" / "cv-a.yaml").read_bytes() == b"x\n"


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "gitconvoy").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(local_folder(tmp_path))
