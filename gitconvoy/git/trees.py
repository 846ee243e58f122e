"""Trees and what they hold. Ids are 40 hex digits, paths relative to the root with `/`.

Names that are no UTF-8 come with surrogate escapes, as Python's own file names do.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Collection
from itertools import accumulate
from operator import lt

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git import commits, objects
from gitconvoy.git.repo import Repo

TREE_MODE = 0o040000
LINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000
_FORMAT = 0o170000
_TREE, _SUBMODULE = b"40000", b"160000"
_ID = 20
_TREE_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_NO_NAMES = frozenset({b".", b"..", b".git"})
MAX_DEPTH = 100
"""Folders within each other; each costs all names above it once more."""
_KEPT, _KEPT_ENTRIES = 64, 100_000
"""How many trees are remembered for the next comparison, and how much all of them may hold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a tree or in the index; `mode` tells links (0o120000) and submodules (0o160000) from files."""

    path: str
    oid: str
    mode: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode & _FORMAT == 0o100000


def entries(repo: Repo, tree: str, prefix: str = "") -> list[Entry]:
    """All files, links and submodules below a tree, sorted by path; `prefix` (a folder) is put before each path."""
    found: list[Entry] = []
    todo = [(tree, os.fsencode(prefix.rstrip("/") + "/") if prefix else b"")]
    modes: dict[bytes, int] = {}
    while todo:
        oid, above = todo.pop()
        for mode, name, item in listing(repo, oid):
            number = modes.get(mode) or modes.setdefault(mode, int(mode, 8))
            if number == TREE_MODE:
                todo.append((item.hex(), above + name + b"/"))
            else:
                found.append(Entry(os.fsdecode(above + name), item.hex(), number))
    return sorted(found, key=lambda entry: entry.path)


def entry(repo: Repo, tree: str, path: str) -> Entry | None:
    """What a tree holds at a path, a folder too (`TREE_MODE`); None where it holds nothing there."""
    found = _within(repo, tree, path) if path else None
    return Entry(path, found[1], found[0]) if found is not None else None


def child(repo: Repo, tree: str, name: str) -> str | None:
    """The tree that a tree holds under a name; None where it holds none."""
    wanted = (_TREE, os.fsencode(name))
    return next((oid.hex() for mode, each, oid in listing(repo, tree) if (mode, each) == wanted), None)


def tree_at(repo: Repo, commit: str, path: str) -> str | None:
    """The tree object of the folder `path` (empty: the root) in a commit; None if there is no such folder."""
    root = commits.tree_of(repo, commit)
    found = _within(repo, root, path) if path else (TREE_MODE, root)
    return found[1] if found is not None and found[0] == TREE_MODE else None


def blob_at(repo: Repo, commit: str, path: str) -> bytes | None:
    """The content of the file `path` in a commit; None if there is no such file (a folder, a link: None)."""
    return blob_in(repo, commits.tree_of(repo, commit), path)


def blob_in(repo: Repo, tree: str, path: str) -> bytes | None:
    """The same of a tree."""
    found = _within(repo, tree, path)
    if found is None or found[0] in (TREE_MODE, LINK_MODE, SUBMODULE_MODE):
        return None
    return objects.blob(repo, found[1])


def _within(repo: Repo, tree: str, path: str) -> tuple[int, str] | None:
    """Mode, one of the few that git knows, and id of what a tree holds at a path; None where it holds nothing there."""
    found: tuple[int, str] | None = (TREE_MODE, tree)
    for name in path.removesuffix("/").split("/"):
        found = _named(repo, found[1], name) if found is not None and found[0] == TREE_MODE else None
    return None if found is not None and path.endswith("/") and found[0] != TREE_MODE else found


def _named(repo: Repo, tree: str, name: str) -> tuple[int, str] | None:
    """The same of a name in the tree itself. GitError where the tree is missing or damaged."""
    try:
        found = _names(repo, tree).get(os.fsencode(name))
        return (_kind(int(found[0], 8)), found[1].hex()) if found is not None else None
    except UnicodeEncodeError:
        return None
    except _Unsure:
        return _of_libgit2(repo, tree, name)


class _Unsure(Exception):
    """A tree that cannot be read without libgit2, or that is malformed."""


def _names(repo: Repo, tree: str) -> dict[bytes, tuple[bytes, bytes]]:
    """What a sound tree holds by name: mode and id. Kept for those that were asked last."""
    kept: dict[str, dict[bytes, tuple[bytes, bytes]]] = repo.memo.setdefault("names", {})
    if tree not in kept:
        kind, raw = repo.plain(tree) or ("", b"")
        try:
            items = _parsed(tree, raw).items if kind == "tree" else None
        except GitError:
            items = None
        if items is None:
            raise _Unsure
        if len(kept) >= _KEPT or sum(map(len, kept.values())) > _KEPT_ENTRIES:
            kept.clear()
        kept[tree] = {name: (mode, oid) for mode, name, oid in items}
    return kept[tree]


def _of_libgit2(repo: Repo, tree: str, name: str) -> tuple[int, str] | None:
    try:
        found = objects.get(repo, tree, "tree")[name]
    except (KeyError, ValueError):
        return None
    return int(found.filemode), str(found.id)


def _kind(mode: int) -> int:
    """The mode that libgit2 takes an unusual one for."""
    if mode & _FORMAT != TREE_MODE and mode & 0o100:
        return 0o100755
    return mode & _FORMAT if mode & _FORMAT in (TREE_MODE, LINK_MODE, SUBMODULE_MODE) else 0o100644


def changed_paths(repo: Repo, old: str | None, new: str, prefix: str = "") -> list[str]:
    """Paths of files below the folder `prefix` that differ between two commits (None: nothing), sorted."""
    before = tree_at(repo, old, prefix) if old is not None else None
    return changed_in_trees(repo, before, tree_at(repo, new, prefix), prefix)


def changed_in_trees(
    repo: Repo,
    old: str | None,
    new: str | None,
    prefix: str = "",
    skip: Collection[str] = (),
    limit: int | None = None,
) -> list[str]:
    """Paths of files that differ between two trees (None: no files), sorted; `prefix` is put before each.

    Sub-trees that are the same object are not read, nor are those at the top whose name is in `skip`. A file that
    became a folder gives both its paths. With a `limit` on files and on folders, the search ends where one is passed:
    a few small trees that hold each other many times can stand for any number of files.
    """
    changed: list[str] = []
    todo = [(old, new, os.fsencode(prefix.rstrip("/") + "/") if prefix else b"")]
    left_out = {os.fsencode(name) for name in skip}
    folders = 0
    while todo:
        left_tree, right_tree, above = todo.pop()
        if left_tree == right_tree:
            continue
        folders += 1
        if limit is not None and max(folders, len(changed)) > limit:
            break
        left, right = listing(repo, left_tree), listing(repo, right_tree, left_tree)
        gone = {name: (mode, oid) for mode, name, oid in left - right}
        come = {name: (mode, oid) for mode, name, oid in right - left}
        for name in gone.keys() | come.keys():
            if above + name in left_out:
                continue
            both = (gone.get(name), come.get(name))
            trees = [e[1].hex() if e and e[0] == _TREE else None for e in both]
            if any(e and e[0] != _TREE for e in both):
                changed.append(os.fsdecode(above + name))
            if any(trees):
                todo.append((trees[0], trees[1], above + name + b"/"))
    return sorted(changed)


def added_objects(repo: Repo, old: str | None, new: str) -> set[str]:
    """The ids of `new` and of the trees and blobs below it, without those that stand at the same place in `old`."""
    found: set[str] = set()
    todo = [(old, new)]
    while todo:
        left_tree, right_tree = todo.pop()
        if left_tree == right_tree:
            continue
        found.add(right_tree)
        left, right = listing(repo, left_tree), listing(repo, right_tree, left_tree)
        before = {name: oid.hex() for mode, name, oid in left - right if mode == _TREE}
        for mode, name, oid in right - left:
            if mode == _TREE:
                todo.append((before.get(name), oid.hex()))
            elif mode != _SUBMODULE:
                found.add(oid.hex())
    return found


def is_large(repo: Repo, tree: str, limit: int) -> bool:
    """Whether a tree holds more than `limit` files and folders, all levels together; not more are looked at.

    One that is deeper than MAX_DEPTH is large, too.
    """
    count, todo = 0, [(tree, 1)]
    while todo:
        oid, depth = todo.pop()
        found = listing(repo, oid)
        count += len(found)
        if count > limit or depth > MAX_DEPTH:
            return True
        todo += [(each.hex(), depth + 1) for mode, _, each in found if mode == _TREE]
    return False


def require_sound(repo: Repo, commit_oid: str) -> None:
    """GitError where the root of a commit is malformed: what is looked up in it by name may not be found then."""
    listing(repo, commits.commit(repo, commit_oid).tree)


_Items = frozenset[tuple[bytes, bytes, bytes]]
"""What a tree holds as (mode, name, id), all raw."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """A sound tree: its entries, its bytes, and where each entry ends in them."""

    items: _Items
    raw: bytes
    ends: list[int]


def listing(repo: Repo, tree: str | None, like: str | None = None) -> _Items:
    """What a tree (None: empty) holds; quick where it is as long as the tree `like` and differs from it in one id.

    The last ones are kept: histories are looked at in a row.
    """
    if tree is None:
        return frozenset()
    kept: dict[str, _Listing] = repo.memo.setdefault("listings", {})
    if tree not in kept:
        if len(kept) >= _KEPT or sum(len(each.items) for each in kept.values()) >= _KEPT_ENTRIES:
            near = kept.get(like) if like is not None else None
            kept.clear()
            if like is not None and near is not None:
                kept[like] = near
        raw = objects.content(repo, tree, "tree")
        near = kept.get(like) if like is not None else None
        kept[tree] = (_with_one_other_id(near, raw) if near is not None else None) or _parsed(tree, raw)
    return kept[tree].items


def _with_one_other_id(near: _Listing, raw: bytes) -> _Listing | None:
    """The listing of a tree that has the same names as a sound one and one id that differs; None for any other."""
    old, ends = near.raw, near.ends
    if len(raw) != len(old):
        return None
    low, high = 0, len(raw)
    while high - low > 1:  # the first byte that differs lies in raw[low:high]
        middle = (low + high) // 2
        low, high = (middle, high) if raw[low:middle] == old[low:middle] else (low, middle)
    place = bisect_right(ends, low)
    if place == len(ends):
        return None
    begin, end = ends[place - 1] if place else 0, ends[place]
    head = old[begin : end - _ID]
    if not raw.startswith(head, begin) or raw[end:] != old[end:]:
        return None
    mode, _, name = head[:-1].partition(b" ")
    mode = mode.lstrip(b"0") or b"0"
    without = near.items - {(mode, name, old[end - _ID : end])}
    return _Listing(without | {(mode, name, raw[end - _ID : end])}, raw, ends)


def _parsed(tree: str, raw: bytes) -> _Listing:
    """GitError for trees that git never writes: of two entries with one name, each reader would take another."""
    listed = _TREE_ENTRY.findall(raw)
    ends = list(accumulate(len(mode) + len(name) + _ID + 2 for mode, name, _ in listed))
    found = [(mode.lstrip(b"0") or b"0", name, oid) for mode, name, oid in listed]
    order = [name + b"/" if mode == _TREE else name for mode, name, _ in found]
    names = {name for _, name, _ in found}
    whole = len(names) == len(found) and all(map(lt, order, order[1:])) and b"/" not in b"".join(names)
    if not whole or not _NO_NAMES.isdisjoint(names) or (ends[-1] if ends else 0) != len(raw):
        raise GitError(
            f"the tree {tree} is malformed: names that are there twice, in disorder, or that no file can have",
            hint="`git fsck` names it; make that commit anew with git's own commands",
            code="damaged-object",
        )
    return _Listing(frozenset(found), raw, ends)
