"""Trees and what they hold. Ids are 40 hex digits, paths relative to the root with `/`.

Names that are no UTF-8 come with surrogate escapes, as Python's own file names do.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from gitconvoy.dataclass import dataclass
from gitconvoy.git import commits, listings, objects
from gitconvoy.git.listings import SUBMODULE, TREE
from gitconvoy.git.repo import Repo

TREE_MODE = 0o040000
LINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000
_FORMAT = 0o170000
MAX_DEPTH = 100
"""Folders within each other; each costs all names above it once more."""


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
        for name, (mode, item) in listings.names(repo, oid).items():
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
    return _folder(listings.names(repo, tree).get(os.fsencode(name)))


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
    known = listings.names_at_hand(repo, tree)
    if known is None:
        return _of_libgit2(repo, tree, name)
    try:
        found = known.get(os.fsencode(name))
    except UnicodeEncodeError:
        return None
    return (_kind(int(found[0], 8)), found[1].hex()) if found is not None else None


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
    return list(changes(repo, before, tree_at(repo, new, prefix), prefix))


Changes = dict[str, tuple[Entry | None, Entry | None]]
"""By path what was there, and what is."""


def changes(
    repo: Repo,
    old: str | None,
    new: str | None,
    prefix: str = "",
    skip: Collection[str] = (),
    limit: int | None = None,
) -> Changes:
    """The files that differ between two trees (None: no files), sorted by path; `prefix` is put before each.

    Sub-trees that are the same object are not read, nor are those at the top whose name is in `skip`. A file that
    became a folder is there with that folder, and so are the folder's files. With a `limit` on files and on folders,
    the search ends where one is passed: a few small trees that hold each other many times can stand for any number
    of files.
    """
    found: Changes = {}
    todo = [(old, new, os.fsencode(prefix.rstrip("/") + "/") if prefix else b"")]
    left_out = {os.fsencode(name) for name in skip}
    folders = 0
    while todo:
        left, right, above = todo.pop()
        if left == right:
            continue
        folders += 1
        if limit is not None and max(folders, len(found)) > limit:
            break
        for name, before, after in listings.differing(repo, left, right):
            if above + name in left_out:
                continue
            inner = (_folder(before), _folder(after))
            if any(inner):
                todo.append((*inner, above + name + b"/"))
            if (before and not inner[0]) or (after and not inner[1]):
                path = os.fsdecode(above + name)
                found[path] = (_entry(path, before), _entry(path, after))
    return dict(sorted(found.items()))


def _folder(item: listings.Item | None) -> str | None:
    """The tree that an entry is."""
    return item[1].hex() if item is not None and item[0] == TREE else None


def _entry(path: str, item: listings.Item | None) -> Entry | None:
    return Entry(path, item[1].hex(), _kind(int(item[0], 8))) if item is not None else None


def added_objects(repo: Repo, old: str | None, new: str) -> set[str]:
    """The ids of `new` and of the trees and blobs below it, without those that stand at the same place in `old`."""
    found: set[str] = set()
    todo = [(old, new)]
    while todo:
        left_tree, right_tree = todo.pop()
        if left_tree == right_tree:
            continue
        found.add(right_tree)
        for _, before, after in listings.differing(repo, left_tree, right_tree):
            if after is None or after[0] == SUBMODULE:
                continue
            if after[0] == TREE:
                todo.append((_folder(before), after[1].hex()))
            else:
                found.add(after[1].hex())
    return found


def is_large(repo: Repo, tree: str, limit: int) -> bool:
    """Whether a tree holds more than `limit` files and folders, all levels together; not more are looked at.

    One that is deeper than MAX_DEPTH is large, too.
    """
    count, todo = 0, [(tree, 1)]
    while todo:
        oid, depth = todo.pop()
        found = listings.names(repo, oid)
        count += len(found)
        if count > limit or depth > MAX_DEPTH:
            return True
        todo += [(each.hex(), depth + 1) for mode, each in found.values() if mode == TREE]
    return False


def require_sound(repo: Repo, commit_oid: str) -> None:
    """GitError where the root of a commit is malformed: what is looked up in it by name may not be found then."""
    listings.names(repo, commits.tree_of(repo, commit_oid))
