"""What is odd about a repository, seen with git and the disk alone: also where libgit2 cannot open it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git.repo import Place
from gitconvoy.git.run import Result, git

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_SUM = 20
_LOCKED = ("index", "HEAD", "config", "packed-refs", "shallow", "ORIG_HEAD", "FETCH_HEAD")


def git_version() -> str:
    """What `git version` says, without its first words. GitError where there is no git."""
    return git("version", cwd=Path("/")).text.removeprefix("git version ").strip()


def version_numbers(text: str) -> tuple[int, ...]:
    """(2, 39, 5) for `2.39.5.windows.1`; empty where it holds no version."""
    found = _VERSION.match(text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def versions() -> dict[str, str]:
    """The versions of what we stand on; `git` is empty where there is none."""
    import pygit2

    try:
        found = git_version()
    except GitError:
        found = ""
    return {
        "git": found,
        "python": platform.python_version(),
        "pygit2": metadata.version("pygit2"),
        "libgit2": str(pygit2.LIBGIT2_VERSION),
    }


def _git(place: Place, *args: str) -> Result:
    return git(*args, cwd=place.cwd, env=place.env, check=False)


def setting(place: Place, key: str) -> str | None:
    """One value of git config; None where it is not set."""
    said = _git(place, "config", "--get", key)
    return said.text if said.returncode == 0 else None


def promisors(place: Place) -> dict[str, list[str]]:
    """The remotes from which a partial clone fetches what it lacks, each with the settings that say so."""
    said = _git(place, "config", "--name-only", "--get-regexp", r"^remote\..*\.(promisor|partialclonefilter)$")
    found: dict[str, list[str]] = {}
    for key in dict.fromkeys(said.text.splitlines()):
        found.setdefault(key.split(".", 1)[1].rpartition(".")[0], []).append(key)
    return found


def is_shallow(place: Place) -> bool:
    """Whether history ends early here."""
    return _git(place, "rev-parse", "--is-shallow-repository").text == "true"


def index_damage(place: Place) -> str:
    """What is wrong with the index file of this worktree; empty where there is none, or nothing is wrong with it."""
    try:
        data = place.index_file.read_bytes()
    except FileNotFoundError:
        return ""
    sums = (bytes(_SUM), hashlib.sha1(data[:-_SUM], usedforsecurity=False).digest())  # index.skipHash writes zeros
    if data[-_SUM:] not in sums:
        return "its checksum is wrong"  # git itself does not look
    said = _git(place, "ls-files", "--error-unmatch", "--", ":(top,literal).git")  # reads it all and lists nothing
    return "" if said.returncode in (0, 1) else said.stderr.splitlines()[-1].removeprefix("fatal: ")


def has_split_index(place: Place) -> bool:
    """Whether the index of this worktree lies in two files."""
    said = _git(place, "rev-parse", "--shared-index-path")
    return said.returncode == 0 and bool(said.text)


def has_sparse_index(place: Place) -> bool:
    """Whether the index of this worktree holds whole folders instead of their files."""
    if setting(place, "index.sparse") in (None, "false"):
        return False
    listed = _git(place, "ls-files", "--sparse", "--stage", "-z")  # before git 2.36 there are none to be listed
    return any(entry.startswith(b"040000 ") for entry in listed.stdout.split(b"\0"))


def left_out(place: Place, folder: str) -> bool:
    """Whether the checkout of this worktree leaves files of a folder out on purpose (a sparse checkout)."""
    if place.worktree is None or setting(place, "core.sparseCheckout") != "true":
        return False
    listed = _git(place, "ls-files", "-t", "-z", "--", f":(top,literal){folder}")
    return any(entry.startswith(b"S ") for entry in listed.stdout.split(b"\0"))


def missing_alternates(place: Place) -> list[Path]:
    """The folders with objects of other repositories that this one needs, and that are gone."""
    objects = place.common_dir / "objects"
    try:
        lines = os.fsdecode((objects / "info" / "alternates").read_bytes()).splitlines()
    except OSError:
        return []
    named = [objects / line for line in lines if line.strip() and not line.startswith("#")]
    return [Path(os.path.normpath(each)) for each in named if not each.is_dir()]


def unwritable(place: Place) -> list[Path]:
    """The folders of the repository in which this process can make no files."""
    common = place.common_dir
    places = [place.git_dir, common, common / "objects", common / "refs", common / "refs" / "heads"]
    there = [each for each in dict.fromkeys(places) if each.is_dir()]
    return [each for each in there if not os.access(each, os.W_OK | os.X_OK)]


@dataclass(frozen=True, slots=True)
class LockFile:
    """A file that git makes while it changes another one: `age` in seconds, `owners` the processes that have it open.

    git may close the file and still be at work, as `git commit` is while an editor is open: no owner proves nothing.
    """

    path: Path
    age: float
    owners: tuple[int, ...] = ()


def lock_files(place: Place, now: float) -> list[LockFile]:
    """What git locks in this repository at the moment, in this worktree and in what all of them share; by path."""
    found = []
    for path in sorted(set(_lock_paths(place))):
        try:
            age = now - path.lstat().st_mtime
        except OSError:
            continue  # git has just ended
        found.append(LockFile(path, age, _having_open(path)))
    return found


def _lock_paths(place: Place) -> Iterator[Path]:
    folders = [place.git_dir, place.common_dir]
    worktrees = place.common_dir / "worktrees"
    folders += sorted(worktrees.iterdir()) if worktrees.is_dir() else []
    for folder in folders:
        yield from (file for name in _LOCKED if (file := folder / f"{name}.lock").exists())
    yield from (place.common_dir / "refs").rglob("*.lock")


def _having_open(path: Path) -> tuple[int, ...]:
    """The processes of ours that have a file open, on Linux; elsewhere nobody knows."""
    try:
        wanted = path.stat()
    except OSError:
        return ()
    found = set()
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            seen = handle.stat()
        except OSError:
            continue
        if (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.add(int(handle.parts[2]))
    return tuple(sorted(found))
