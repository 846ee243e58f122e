"""What single trees hold, and how two of them differ. The last ones are kept: histories are looked at in a row."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import field
from itertools import accumulate
from operator import lt

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git import objects
from gitconvoy.git.repo import Repo

TREE, SUBMODULE = b"40000", b"160000"
"""Modes of entries."""
_ID = 20
_TREE_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_NO_NAMES = frozenset({b".", b"..", b".git"})
_KEPT, _KEPT_ENTRIES = 64, 100_000
"""How many trees are remembered, and how much all of them may hold."""

Item = tuple[bytes, bytes]
"""Mode, without zeros before it, and id of an entry, both raw."""
Names = Mapping[bytes, Item]


@dataclass(frozen=True, slots=True)
class _Listing:
    """A sound tree: what it holds, its bytes, and where each entry ends in them."""

    names: Names
    raw: bytes
    ends: list[int]
    like: tuple[str, bytes] | None = None
    """A tree from which this one differs in a single id, and the name of that entry."""


@dataclass(slots=True)
class _Kept:
    trees: dict[str, _Listing] = field(default_factory=dict)
    entries: int = 0

    def add(self, tree: str, found: _Listing, like: str | None) -> None:
        if len(self.trees) >= _KEPT or self.entries >= _KEPT_ENTRIES:
            self.trees = {like: self.trees[like]} if like is not None and like in self.trees else {}
            self.entries = sum(len(each.names) for each in self.trees.values())
        self.trees[tree] = found
        self.entries += len(found.names)


def names(repo: Repo, tree: str | None) -> Names:
    """What a tree (None: empty) holds, by name, sorted as git sorts it. GitError where it is missing or malformed."""
    return _listing(repo, tree, None).names if tree is not None else {}


def names_at_hand(repo: Repo, tree: str) -> Names | None:
    """The same of a tree that was looked at not long ago, or can be read without libgit2; else None."""
    if tree not in _kept(repo).trees and repo.loaded:
        return None
    try:
        return names(repo, tree)
    except GitError:
        return None


def differing(repo: Repo, left: str | None, right: str | None) -> list[tuple[bytes, Item | None, Item | None]]:
    """The names under which two trees (None: empty) hold something else, with what each of them holds."""
    if left == right:
        return []
    if left is None or right is None:
        old, new = names(repo, left), names(repo, right)
    else:
        known = _kept(repo).trees
        first, second = (right, left) if right in known and left not in known else (left, right)
        found = (_listing(repo, first, None), _listing(repo, second, first))
        old, new = (each.names for each in (found if first == left else reversed(found)))
        if found[1].like is not None and found[1].like[0] == first:
            name = found[1].like[1]
            return [(name, old[name], new[name])]
    return [(name, old.get(name), new.get(name)) for name in {name for name, _ in old.items() ^ new.items()}]


def _kept(repo: Repo) -> _Kept:
    kept: _Kept | None = repo.memo.get("listings")
    if kept is None:
        kept = repo.memo["listings"] = _Kept()
    return kept


def _listing(repo: Repo, tree: str, like: str | None) -> _Listing:
    """Quick where the tree is as long as the tree `like`, and differs from it in one id."""
    kept = _kept(repo)
    found = kept.trees.get(tree)
    if found is None:
        raw = objects.content(repo, tree, "tree")
        near = kept.trees.get(like) if like is not None else None
        found = _with_one_other_id(like, near, raw) if like is not None and near is not None else None
        found = found or _parsed(tree, raw)
        kept.add(tree, found, like)
    return found


def _with_one_other_id(like: str, near: _Listing, raw: bytes) -> _Listing | None:
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
    return _Listing({**near.names, name: (_bare(mode), raw[end - _ID : end])}, raw, ends, (like, name))


def _bare(mode: bytes) -> bytes:
    return mode.lstrip(b"0") or b"0"


def _parsed(tree: str, raw: bytes) -> _Listing:
    """GitError for trees that git never writes: of two entries with one name, each reader would take another."""
    listed = _TREE_ENTRY.findall(raw)
    ends = list(accumulate(len(mode) + len(name) + _ID + 2 for mode, name, _ in listed))
    found = {name: (_bare(mode), oid) for mode, name, oid in listed}
    order = [name + b"/" if mode == TREE else name for name, (mode, _) in found.items()]
    whole = len(found) == len(listed) and all(map(lt, order, order[1:])) and b"/" not in b"".join(found)
    if not whole or not _NO_NAMES.isdisjoint(found) or (ends[-1] if ends else 0) != len(raw):
        raise GitError(
            f"the tree {tree} is malformed: names that are there twice, in disorder, or that no file can have",
            hint="`git fsck` names it; make that commit anew with git's own commands",
            code="damaged-object",
        )
    return _Listing(found, raw, ends)
