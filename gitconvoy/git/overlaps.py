"""Which local changes of a worktree stand in the way of another commit's files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from gitconvoy.dataclass import dataclass
from gitconvoy.git import config
from gitconvoy.git.changes import revealed
from gitconvoy.git.repo import Repo

Side = tuple[str, str]
"""Mode (octal digits) and object id of a path on one side."""

LINK = "120000"
SUBMODULE = "160000"
_EXECUTABLE = 0o100


@dataclass(frozen=True, slots=True)
class Overlaps:
    """`blocking`: paths whose local state would be lost, sorted. `there`: files that are already as they should become.

    `there` gives what the index does not know yet of them: the state before and after.
    """

    blocking: tuple[str, ...]
    there: Mapping[str, tuple[Side | None, Side]]
    absent: frozenset[str]
    """Files that would change or go, and that somebody has taken away already."""


def overlaps(repo: Repo, old: str, new: str) -> Overlaps:
    """What is in the way when the worktree of `repo` goes from one commit (or tree) to another.

    Staged and unstaged changes of the files that differ between the two, and files that git does not know where new
    ones are to come: ignored ones too, which git itself would overwrite, as nobody is here to be asked.
    """
    assert repo.worktree is not None
    known = _index(repo)
    edited = _edited(repo)
    blocking: set[str] = set()
    suspects: dict[str, tuple[Side | None, Side]] = {}
    differ = differences(repo, old, new)
    for path, (before, after) in differ.items():
        entry = known.get(path)
        if entry == after:
            continue
        if entry != before:
            blocking.add(path)
        elif before is None and after is not None:
            found = list(_in_the_way(repo.worktree, path, known, after[0] == SUBMODULE))
            if found == [path]:
                suspects[path] = (before, after)
            blocking.update(found)
        elif path in edited and os.path.lexists(repo.worktree / path):
            blocking.add(path)
            if after is not None:
                suspects[path] = (before, after)
    there = {path: suspects[path] for path in _identical(repo, {p: after for p, (_, after) in suspects.items()})}
    absent = {path for path, (before, _) in differ.items() if before and not os.path.lexists(repo.worktree / path)}
    return Overlaps(tuple(sorted(blocking - there.keys())), there, frozenset(absent))


def differences(repo: Repo, old: str, new: str) -> dict[str, tuple[Side | None, Side | None]]:
    """The paths that differ between two commits (or trees), each with what it is in both; None where it is not."""
    listed = repo.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
    fields = os.fsdecode(listed.stdout).split("\0")
    found = {}
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        mode, new_mode, oid, new_oid, _letter = about.lstrip(":").split(" ")
        found[path] = (_side(mode, oid), _side(new_mode, new_oid))
    return found


def _side(mode: str, oid: str) -> Side | None:
    return None if mode == "000000" else (mode, oid)


def _index(repo: Repo) -> dict[str, Side]:
    found = {}
    for line in os.fsdecode(repo.git("ls-files", "--stage", "-z").stdout).split("\0"):
        if line:
            about, _, path = line.partition("\t")
            mode, oid, _stage = about.split(" ")
            found[path] = (mode, oid)
    return found


def _edited(repo: Repo) -> set[str]:
    """Files that differ from the index, hidden ones too."""
    with revealed(repo) as extra:
        listed = repo.git("diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", extra=extra)
    return {name for name in os.fsdecode(listed.stdout).split("\0") if name}


def _in_the_way(root: Path, path: str, known: Mapping[str, Side], submodule: bool) -> Iterator[str]:
    """What git does not know and stands where the new file (or submodule) `path` is to come."""
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        place = root / parent
        if not place.is_dir() or place.is_symlink():
            if os.path.lexists(place) and str(parent) not in known:
                yield str(parent)
            return
    place = root / path
    if place.is_symlink() or not place.is_dir():
        if os.path.lexists(place):
            yield path
    elif not submodule:
        for folder, links, files in os.walk(place):
            below = [Path(folder, name) for name in (*files, *(n for n in links if Path(folder, n).is_symlink()))]
            yield from (name for file in below if (name := file.relative_to(root).as_posix()) not in known)


def _identical(repo: Repo, wanted: Mapping[str, Side]) -> list[str]:
    """Those of the paths whose file, put through git's filters, is exactly the object wanted, mode included."""
    assert repo.worktree is not None
    files = [path for path, (mode, _) in wanted.items() if _fits(repo, repo.worktree / path, mode)]
    links = [path for path in files if wanted[path][0] == LINK]
    plain = [path for path in files if wanted[path][0] != LINK]
    found = [path for path in links if _link_id(repo, repo.worktree / path) == wanted[path][1]]
    if plain:
        names = b"".join(_quoted(path) + b"\n" for path in plain)
        hashed = repo.git("hash-object", "--stdin-paths", input=names).text.splitlines()
        found += [path for path, oid in zip(plain, hashed, strict=True) if oid == wanted[path][1]]
    return found


def _fits(repo: Repo, file: Path, mode: str) -> bool:
    if mode == LINK:
        return file.is_symlink()
    if mode == SUBMODULE or file.is_symlink() or not file.is_file():
        return False
    executable = bool(file.stat().st_mode & _EXECUTABLE)
    return executable == (mode == "100755") or not config.get_bool(repo, "core.fileMode", default=True)


def _link_id(repo: Repo, link: Path) -> str:
    return repo.git("hash-object", "--stdin", input=os.fsencode(link.readlink())).text


def _quoted(path: str) -> bytes:
    """A path as git reads it from a line."""
    raw = os.fsencode(path)
    if b"\n" not in raw and not raw.startswith(b'"'):
        return raw
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
