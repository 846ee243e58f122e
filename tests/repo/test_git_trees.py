"""What differs between trees, as git sees it, also where only ids differ; trees that git never writes (SPEC 7)."""

from __future__ import annotations

import random
import subprocess

import pytest
from gitfixtures import GitRepo
from pygit2.enums import ObjectType

from gitconvoy.errors import GitError
from gitconvoy.git import trees
from gitconvoy.git.repo import Repo


def blob(number: int) -> bytes:
    """Some id; nothing looks at what stands behind it."""
    return number.to_bytes(20, "big") if number % 3 else bytes(19) + bytes([number % 256])


def tree(repo: Repo, names: dict[str, int], folders: dict[str, str]) -> str:
    """A tree of files (name to number) and folders (name to tree)."""
    rows = [(name.encode(), b"100644 " + name.encode() + b"\0" + blob(number)) for name, number in names.items()]
    rows += [
        (name.encode() + b"/", b"40000 " + name.encode() + b"\0" + bytes.fromhex(oid)) for name, oid in folders.items()
    ]
    return str(repo.raw.write(ObjectType.TREE, b"".join(row for _, row in sorted(rows))))


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_trees_differ_as_git_says(repo: GitRepo, seed: int) -> None:
    found, pick = Repo.discover(repo.path), random.Random(seed)
    names, inner = {f"f{number}": number for number in range(40)}, {"a": 1, "b": 2}
    before = tree(found, names, {"d": tree(found, inner, {})})
    for number in range(60):
        what = pick.randrange(6)
        if what == 0:
            names[f"n{pick.randrange(99)}"] = number
        elif what == 1 and names:
            del names[pick.choice(sorted(names))]
        elif what == 2:
            inner[pick.choice("abc")] = 100 + number
        else:
            names[pick.choice(sorted(names))] = 1000 + number
        after = tree(found, names, {"d": tree(found, inner, {})})
        told = repo.git("diff-tree", "-r", "--raw", "--no-abbrev", "--no-renames", before, after).splitlines()
        assert [shown(path, *both) for path, both in trees.changes(found, before, after).items()] == told
        assert [each.path for each in trees.entries(found, after)] == sorted([*names, *(f"d/{name}" for name in inner)])
        before = after


@pytest.mark.parametrize(
    "rows",
    [
        (b"100644 a\0", b"100644 a\0"),
        (b"100644 b\0", b"100644 a\0"),
        (b"100644 a\0", b"40000 a\0"),
        (b"100644 a\0", b"100644 /\0"),
        (b"100644 .\0", b"100644 b\0"),
    ],
)
def test_a_malformed_tree_is_refused_beside_a_sound_one_of_its_length(repo: GitRepo, rows: tuple[bytes, bytes]) -> None:
    found = Repo.discover(repo.path)
    sound = tree(found, {"a": 1, "b": 2}, {})
    raw = b"".join(row + blob(number) for number, row in enumerate(rows, 1))
    command = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    bad = subprocess.run(command, cwd=repo.path, input=raw, capture_output=True, check=True).stdout.decode().strip()
    for old, new in ((sound, bad), (bad, sound), (None, bad)):
        with pytest.raises(GitError):
            trees.changes(found, old, new)


def test_a_file_that_becomes_a_folder_is_there_with_that_folder(repo: GitRepo) -> None:
    found = Repo.discover(repo.path)
    file, folder = tree(found, {"d": 1}, {}), tree(found, {}, {"d": tree(found, {"a": 2}, {})})
    for before, after in ((file, folder), (folder, file)):
        changes = trees.changes(found, before, after)
        assert list(changes) == ["d", "d/a"]
        assert changes["d"] == (trees.entry(found, before, "d"), trees.entry(found, after, "d"))
        assert changes["d/a"] == (trees.entry(found, before, "d/a"), trees.entry(found, after, "d/a"))


def shown(path: str, before: trees.Entry | None, after: trees.Entry | None) -> str:
    """A line of `git diff-tree --raw`."""
    modes = [f"{each.mode:06o}" if each else "000000" for each in (before, after)]
    oids = [each.oid if each else "0" * 40 for each in (before, after)]
    letter = "M" if before and after else "A" if after else "D"
    return f":{modes[0]} {modes[1]} {oids[0]} {oids[1]} {letter}\t{path}"
