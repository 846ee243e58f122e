"""A tree that is being changed, in memory: only what changes is read, and only that is made anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.git import listings
from gitconvoy.git.batch import Batch

_FILE, _TREE = b"100644", b"40000"


@dataclass(frozen=True, slots=True)
class Tree:
    """An existing tree object, to be put at a path as a folder."""

    oid: str


Change = bytes | Tree | None
"""The content of a file, a whole folder, or None: gone."""


class Folder:
    """The tree `oid` (None: empty) with changes; what comes of them goes into the batch, tree by tree."""

    def __init__(self, batch: Batch, oid: str | None) -> None:
        """GitError where the tree is not there, or malformed."""
        self._batch = batch
        self._oid = oid
        self._stale = False
        """Whether `_oid` is no longer what the entries are."""
        self._open: dict[bytes, Folder] = {}
        self._dirty: set[bytes] = set()
        """Folders below that were changed since the last `store`."""
        self._entries = {
            _key(mode, name): b"%s %s\0%s" % (mode, name, item)
            for name, (mode, item) in listings.names(batch.repo, oid).items()
        }
        self._order = sorted(self._entries)
        """The keys as git sorts them; empty where they have to be sorted anew."""

    def change(self, changes: Mapping[str, Change]) -> None:
        """Changes by path. A folder whose last file goes, goes too; a file gives way to a folder, and a folder to it.

        ValueError, and nothing is changed, for paths that git would not have (empty parts, `..`, `.git`) or that
        contradict each other.
        """
        self._change(_nested(changes))

    def store(self) -> str | None:
        """Take the tree as it stands into the batch; its id, None where it holds nothing."""
        for name in sorted(self._dirty):
            oid = self._open[name].store()
            if oid is not None:
                self._put(_TREE, name, bytes.fromhex(oid))
            elif self._remove(name + b"/"):
                self._stale = True
        self._dirty.clear()
        if self._stale:
            self._stale = False
            before, self._oid = self._oid, None
            if self._entries:
                self._order = self._order or sorted(self._entries)
                data = b"".join([self._entries[key] for key in self._order])
                self._oid = self._batch.add("tree", data, before)
        return self._oid

    def _change(self, changes: Mapping[str, Any]) -> None:
        for text, change in changes.items():
            name = os.fsencode(text)
            if isinstance(change, dict):
                self._below(name)._change(change)
                self._dirty.add(name)
                continue
            self._open.pop(name, None)
            self._dirty.discard(name)
            if change is None:
                gone = [self._remove(name), self._remove(name + b"/")]
                self._stale = self._stale or any(gone)
            elif isinstance(change, Tree):
                self._put(_TREE, name, bytes.fromhex(change.oid))
            else:
                self._put(_FILE, name, bytes.fromhex(self._batch.add("blob", change)))

    def _below(self, name: bytes) -> Folder:
        if name not in self._open:
            entry = self._entries.get(name + b"/")
            self._open[name] = Folder(self._batch, entry[-20:].hex() if entry is not None else None)
        return self._open[name]

    def _put(self, mode: bytes, name: bytes, oid: bytes) -> None:
        key, entry = _key(mode, name), b"%s %s\0%s" % (mode, name, oid)
        known = self._entries.get(key)
        if known == entry:
            return
        if known is None:
            self._order = []
        self._remove(name if mode == _TREE else name + b"/")
        self._entries[key] = entry
        self._stale = True

    def _remove(self, key: bytes) -> bool:
        if self._entries.pop(key, None) is None:
            return False
        self._order = []
        return True


def _key(mode: bytes, name: bytes) -> bytes:
    """What git sorts the entries of a tree by."""
    return name + b"/" if mode == _TREE else name


def _nested(changes: Mapping[str, Change]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, change in changes.items():
        *folders, name = path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in (*folders, name)):
            raise ValueError(f"{path!r} cannot be a path in a tree")
        level = nested
        for folder in folders:
            level = level.setdefault(folder, {})
            if not isinstance(level, dict):
                raise ValueError(f"{path!r} lies below a path that is changed as well")
        if name in level:
            raise ValueError(f"{path!r} is above a path that is changed as well")
        level[name] = change
    return nested
