"""Where a plan is read from: a commit's tree, the index, or the worktree (SPEC 1, 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from gitconvoy.errors import BadFiles
from gitconvoy.git import read as gitread
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.plan import Plan
from gitconvoy.store.build import build
from gitconvoy.store.cache import Cache
from gitconvoy.store.localfiles import local_folder
from gitconvoy.store.reading import Memo, Source, too_large
from gitconvoy.yamlio.complaints import MAX_SIZE


def _blob(repo: Repo, path: str, oid: str) -> bytes:
    size = gitread.blob_size(repo, oid)
    if size > MAX_SIZE:
        raise too_large(path, size)
    return gitread.blob(repo, oid)


def _file(path: str, file: Path) -> bytes:
    size = file.stat().st_size
    if size > MAX_SIZE:
        raise too_large(path, size)
    return as_stored(file.read_bytes())


def as_stored(data: bytes) -> bytes:
    """What git stores of a worktree's file: with `eol=lf` of `.convoy/.gitattributes` no CRLF gets into a commit."""
    return data.replace(b"\r\n", b"\n")


def _from_entries(repo: Repo, entries: Iterable[gitread.Entry]) -> list[Source]:
    return [Source(e.path, e.oid, partial(_blob, repo, e.path, e.oid), e.is_file) for e in entries]


def _memo(repo: Repo) -> Memo:
    """As long-lived as the open repository."""
    if "plan" not in repo.memo:
        repo.memo["plan"] = Memo(Cache(local_folder(repo.common_dir)))
    memo: Memo = repo.memo["plan"]
    return memo


def share_memo(repo: Repo, other: Repo) -> None:
    """Let what was read in `repo` serve for `other`, and be kept in the cache of `repo`: blob ids mean the same."""
    other.memo["plan"] = _memo(repo)


def from_tree(repo: Repo, tree: str | None) -> Plan:
    """The plan of a `.convoy` tree object; an empty one that does not exist for None."""
    if tree is None:
        return build(())
    return build(_from_entries(repo, gitread.entries(repo, tree, ROOT)), tree, _memo(repo))


def from_commit(repo: Repo, commit: str | None) -> Plan:
    """The plan of a commit; an empty one where it holds no `.convoy` folder."""
    return from_tree(repo, gitread.tree_at(repo, commit, ROOT) if commit else None)


def from_index(repo: Repo) -> Plan:
    """The plan that the next commit would hold: what the index says that git hands to hooks."""
    return build(_from_entries(repo, gitread.index_entries(repo, ROOT)), memo=_memo(repo))


def from_worktree(repo: Repo) -> Plan:
    """The plan as the files lie on disk, untracked ones too."""
    sources = []
    for entry in gitread.worktree_entries(repo, ROOT):
        oid = "" if entry.is_link else _blob_id(entry.path, entry.file)
        sources.append(Source(entry.path, oid, partial(_file, entry.path, entry.file), not entry.is_link))
    return build(sources, memo=_memo(repo))


def _blob_id(path: str, file: Path) -> str:
    try:
        data = _file(path, file)
    except BadFiles:
        return ""
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()


def commit_reader(repo: Repo, commit: str | None) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that a commit holds there."""
    return lambda path: gitread.blob_at(repo, commit, path) if commit else None


def tree_reader(repo: Repo, tree: str | None) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that a tree (of a whole commit) holds there."""
    return lambda path: gitread.blob_in(repo, tree, path) if tree else None


def index_reader(repo: Repo) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes that the index holds there."""
    listed = gitread.index_entries(repo, ROOT)
    blobs = {entry.path: entry.oid for entry in listed if entry.mode != gitread.SUBMODULE_MODE}
    return lambda path: gitread.blob(repo, blobs[path]) if path in blobs else None


def worktree_reader(repo: Repo) -> Callable[[str], bytes | None]:
    """A function from a path to the bytes of the file in the worktree; links are never followed."""
    root = repo.worktree

    def read(path: str) -> bytes | None:
        file = root / path if root else None
        return as_stored(file.read_bytes()) if file is not None and file.is_file() and not file.is_symlink() else None

    return read
