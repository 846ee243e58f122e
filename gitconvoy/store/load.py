"""Where a plan is read from: a commit's tree, the index, or the worktree (SPEC 1, 6)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial

from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, index, objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model import kinds
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.plan import Plan
from gitconvoy.store.build import build, updated
from gitconvoy.store.cache import Cache
from gitconvoy.store.localfiles import local_folder
from gitconvoy.store.reading import Memo, Source, too_large
from gitconvoy.yamlio.complaints import MAX_SIZE

_FEW = 100
"""Changed files for which a plan is not read anew."""


def _blob(repo: Repo, path: str, oid: str) -> bytes:
    size, data = objects.blob_within(repo, oid, MAX_SIZE)
    if size > MAX_SIZE:
        raise too_large(path, size)
    return data


def _file(path: str, place: str) -> bytes:
    return as_stored(_raw(path, place))


def _raw(path: str, place: str) -> bytes:
    handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(handle).st_size
        if size > MAX_SIZE:
            raise too_large(path, size)
        data = os.read(handle, MAX_SIZE)
        while more := os.read(handle, MAX_SIZE):  # it is being written, or a read was cut short
            data += more
        return data
    finally:
        os.close(handle)


def as_stored(data: bytes) -> bytes:
    """What git stores of a worktree's file: with `eol=lf` of `.convoy/.gitattributes` no CRLF gets into a commit."""
    return data.replace(b"\r\n", b"\n")


def sources_of(repo: Repo, entries: Iterable[trees.Entry]) -> list[Source]:
    return [Source(e.path, e.oid, partial(_blob, repo, e.path, e.oid), e.is_file) for e in entries]


def memo_of(repo: Repo) -> Memo:
    """As long-lived as the open repository."""
    if "plan" not in repo.memo:
        repo.memo["plan"] = Memo(Cache(local_folder(repo.common_dir)))
    memo: Memo = repo.memo["plan"]
    return memo


def share_memo(repo: Repo, other: Repo) -> None:
    """Let what was read in `repo` serve for `other`, and be kept in the cache of `repo`: blob ids mean the same."""
    other.memo["plan"] = memo_of(repo)


def keep_nothing(repo: Repo) -> None:
    """Let what is read in `repo` be kept in memory alone: a server leaves nothing behind of what it may refuse."""
    repo.memo["plan"] = Memo(None)


def from_paths(repo: Repo, commit: str | None, paths: Iterable[str]) -> Plan:
    """What a commit holds at some paths of files, as a plan of these alone; what is not there is left out."""
    root = commits.commit(repo, commit).tree if commit is not None else None
    found = [trees.entry(repo, root, path) for path in paths] if root is not None else []
    return build(sources_of(repo, [each for each in found if each is not None]), memo=memo_of(repo))


def from_tree(repo: Repo, tree: str | None) -> Plan:
    """The plan of a `.convoy` tree object; an empty one that does not exist for None."""
    if tree is None:
        return build(())
    ahead = partial(objects.looked_up_ahead, repo)
    return build(sources_of(repo, trees.entries(repo, tree, ROOT)), tree, memo_of(repo), ahead)


def following(repo: Repo, before: Plan, tree: str | None) -> Plan:
    """As `from_tree`, and quick where little differs from `before`, the plan of another tree: for rows of commits."""
    if tree is None or before.tree is None:
        return from_tree(repo, tree)
    changes = trees.changes(repo, before.tree, tree, ROOT, limit=_FEW)
    if len(changes) > _FEW:
        return from_tree(repo, tree)
    found = sources_of(repo, [after for _, after in changes.values() if after is not None])
    changed = {**dict.fromkeys(changes), **{source.path: source for source in found}}
    return updated(before, changed, tree, memo_of(repo)) or from_tree(repo, tree)


def from_commit(repo: Repo, commit: str | None) -> Plan:
    """The plan of a commit; an empty one where it holds no `.convoy`, a broken one where that is no folder."""
    tree = trees.tree_at(repo, commit, ROOT) if commit else None
    if tree is not None or commit is None:
        return from_tree(repo, tree)
    return from_root(repo, commits.commit(repo, commit).tree)


def from_root(repo: Repo, tree: str | None) -> Plan:
    """The same of a commit's whole tree."""
    found = trees.entry(repo, tree, ROOT) if tree is not None else None
    if found is None or found.mode == trees.TREE_MODE:
        return from_tree(repo, found.oid if found is not None else None)
    return build(sources_of(repo, [found]))


def from_index(repo: Repo) -> Plan:
    """The plan that the next commit would hold: what the index says that git hands to hooks."""
    ahead = partial(objects.looked_up_ahead, repo)
    return build(sources_of(repo, index.index_entries(repo, ROOT)), memo=memo_of(repo), ahead=ahead)


def from_index_after(repo: Repo, head: str, before: Plan) -> Plan:
    """As `from_index`, and quick where that differs little from `before`, the plan of the commit `head`."""
    changes = index.changes(repo, head, ROOT)
    if changes is None or len(changes) > _FEW:
        return from_index(repo)
    found = sources_of(repo, [each for each in changes.values() if each is not None])
    changed = {**dict.fromkeys(changes), **{source.path: source for source in found}}
    return updated(before, changed, None, memo_of(repo)) or from_index(repo)


def unmerged(plan: Plan, paths: Collection[str]) -> Plan:
    """The plan of an index in which a merge left these files in conflict: they are there, and cannot be read yet."""
    kept = {kinds.stem(path) for path in paths if kinds.kind_of(path) in (kinds.BEAD, kinds.CONVOY)}
    broken = plan.config_broken or kinds.CONFIG_PATH in paths
    return replace(plan, broken=plan.broken | kept, config_broken=broken)


def from_worktree(repo: Repo, crlf: list[str] | None = None) -> Plan:
    """The plan as the files lie on disk, untracked ones too.

    The paths of files whose lines end in CR LF there, and in LF once git has stored them, are added to `crlf`.
    """
    sources = []
    for entry in index.worktree_entries(repo, ROOT):
        oid = "" if entry.is_link else _blob_id(entry, [] if crlf is None else crlf)
        sources.append(Source(entry.path, oid, partial(_file, entry.path, entry.place), not entry.is_link))
    return build(sources, memo=memo_of(repo))


def _blob_id(entry: index.WorktreeEntry, crlf: list[str]) -> str:
    try:
        raw = _raw(entry.path, entry.place)
    except BadFiles:
        return ""
    data = as_stored(raw)
    if len(data) != len(raw):
        crlf.append(entry.path)
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()


def commit_reader(repo: Repo, commit: str | None) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that a commit holds there."""
    return lambda path: trees.blob_at(repo, commit, path) if commit else None


def tree_reader(repo: Repo, tree: str | None) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that a tree (of a whole commit) holds there."""
    return lambda path: trees.blob_in(repo, tree, path) if tree else None


def index_reader(repo: Repo) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that the index holds there."""
    listed = index.index_entries(repo, ROOT)
    blobs = {entry.path: entry.oid for entry in listed if entry.mode != trees.SUBMODULE_MODE}
    return lambda path: objects.blob(repo, blobs[path]) if path in blobs else None


def worktree_reader(repo: Repo) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes of the file in the worktree; links are never followed."""
    root = repo.worktree

    def read(path: str) -> bytes | None:
        file = root / path if root else None
        return as_stored(file.read_bytes()) if file is not None and file.is_file() and not file.is_symlink() else None

    return read
