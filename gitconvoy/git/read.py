"""Reading refs, objects, the index and the worktree. Object ids are 40 hex digits, paths relative to the root with `/`.

Names that are no UTF-8 come with surrogate escapes, as Python's own file names do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from operator import lt
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pygit2
from pygit2.enums import ObjectType, SortMode

from gitconvoy.errors import GitError, UnsupportedRepository
from gitconvoy.git import config
from gitconvoy.git.repo import Repo

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
TREE_MODE = 0o040000
LINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000
HEADS = "refs/heads/"
"""What the full names of branches begin with."""
_FULL_ID = re.compile(r"[0-9a-f]{40}")
_TREE, _SUBMODULE = b"40000", b"160000"
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
        return self.mode & 0o170000 == 0o100000


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; `time` is the committer date in seconds of the epoch, `author` and `email` are the author's."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    time: int
    message: str


@dataclass(frozen=True, slots=True)
class WorktreeEntry:
    """A file of the worktree: path from the root, where it is, whether it is a symbolic link."""

    path: str
    file: Path
    is_link: bool


def ref(repo: Repo, name: str) -> str | None:
    """The object id that the ref with the full name `name` stands on; None if there is no such ref."""
    try:
        return str(repo.raw.lookup_reference(name).resolve().target)
    except (KeyError, ValueError):
        return None
    except pygit2.GitError as error:
        raise GitError(
            f"the ref {name} cannot be read: {error}",
            hint="`git fsck` says what is wrong with it",
            code="unreadable-ref",
        ) from error


def refs(repo: Repo, prefix: str) -> dict[str, str]:
    """All refs below `prefix` (`refs/heads/convoy/`) by full name, with the ids of their commits (tags peeled)."""
    listed = repo.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", prefix)
    found = {}
    for line in listed.text.splitlines():
        name, oid, *peeled = line.split(" ")
        found[name] = peeled[0] if peeled and peeled[0] else oid
    return found


def resolve(repo: Repo, rev: str) -> str | None:
    """The commit that a revision names, as `git rev-parse` understands it; None if there is none. Never an option."""
    if not rev or rev.startswith("-") or any(c in rev for c in "\0\n"):
        return None
    if _FULL_ID.fullmatch(rev):
        found = repo.raw.get(rev)
        if found is not None and found.type == ObjectType.COMMIT:
            return rev
    if rev.startswith(":/"):  # all that follows is what is searched for
        rev = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", rev, check=False).text
    said = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}", check=False)
    return said.text if said.returncode == 0 and _FULL_ID.fullmatch(said.text) else None


def end_of(repo: Repo, name: str) -> str:
    """The full name of the ref that a symbolic ref leads to in the end; `name` itself where it is none, or unborn."""
    said = repo.git("symbolic-ref", "--quiet", name, check=False)
    return said.text if said.returncode == 0 and said.text else name


def head(repo: Repo) -> str | None:
    """The commit that HEAD stands on; None on an unborn branch."""
    return ref(repo, "HEAD")


def head_ref(repo: Repo) -> str | None:
    """The full name of the branch that is checked out (also unborn); None when HEAD is detached."""
    target = repo.raw.lookup_reference("HEAD").target
    return target if isinstance(target, str) else None


def _get(repo: Repo, oid: str, kind: ObjectType) -> Any:
    try:
        found = repo.raw[oid]
    except (KeyError, ValueError) as error:
        raise _missing(repo, f"the {kind.name.lower()} {oid}") from error
    except pygit2.GitError as error:
        raise _damaged(f"the {kind.name.lower()} {oid}", error) from error
    if found.type != kind:
        raise GitError(
            f"{oid} is no {kind.name.lower()}", hint="check the repository with `git fsck`", code="wrong-object"
        )
    return found


def shallow(repo: Repo) -> frozenset[str]:
    """The commits at which the history of a shallow clone ends; none in a whole one."""
    file = Path(repo.env.get("GIT_SHALLOW_FILE") or repo.common_dir / "shallow")
    try:
        return frozenset(file.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


def _missing(repo: Repo, what: str) -> GitError:
    if shallow(repo):
        return GitError(
            f"{what} is not in this shallow clone",
            hint="`git fetch --unshallow` brings the rest of history",
            code="missing-object",
        )
    if config.get_all(repo, r"^remote\..*\.promisor$"):
        return UnsupportedRepository(
            f"{what} is not in this partial clone, and libgit2 fetches nothing by itself",
            hint="run `git fetch --refetch --no-filter`",
        )
    return GitError(
        f"{what} is not in this repository", hint="fetch it first, or check with `git fsck`", code="missing-object"
    )


def _damaged(what: str, error: pygit2.GitError) -> GitError:
    return GitError(
        f"{what} cannot be read: {error}",
        hint="`git fsck --full` names what is damaged; a clone that is whole gives it back (git fetch --refetch)",
        code="damaged-object",
    )


def commit(repo: Repo, oid: str) -> CommitInfo:
    """A commit by id; GitError if it is not here."""
    return _info(_get(repo, oid, ObjectType.COMMIT))


def _info(found: Any) -> CommitInfo:
    return CommitInfo(
        id=str(found.id),
        tree=str(found.tree_id),
        parents=tuple(str(parent) for parent in found.parent_ids),
        author=found.author.raw_name.decode("utf-8", "replace"),
        email=found.author.raw_email.decode("utf-8", "replace"),
        time=found.commit_time,
        message=found.raw_message.decode("utf-8", "replace"),
    )


def _lookup(repo: Repo, commit_oid: str, path: str) -> Any | None:
    """The tree entry (or the root tree for an empty path) at `path` of a commit."""
    return _within(repo, str(_get(repo, commit_oid, ObjectType.COMMIT).tree_id), path)


def _within(repo: Repo, tree_oid: str, path: str) -> Any | None:
    tree = _get(repo, tree_oid, ObjectType.TREE)
    if not path:
        return tree
    try:
        return tree[path]
    except (KeyError, ValueError):
        return None


def tree_at(repo: Repo, commit: str, path: str) -> str | None:
    """The tree object of the folder `path` (empty: the root) in a commit; None if there is no such folder."""
    found = _lookup(repo, commit, path)
    return str(found.id) if found is not None and found.type == ObjectType.TREE else None


def blob_at(repo: Repo, commit: str, path: str) -> bytes | None:
    """The content of the file `path` in a commit; None if there is no such file (a folder, a link: None)."""
    return blob_in(repo, str(_get(repo, commit, ObjectType.COMMIT).tree_id), path)


def blob_in(repo: Repo, tree: str, path: str) -> bytes | None:
    """The same of a tree."""
    found = _within(repo, tree, path)
    if found is None or found.type != ObjectType.BLOB or found.filemode == LINK_MODE:
        return None
    return blob(repo, str(found.id))


def blob(repo: Repo, oid: str) -> bytes:
    """The content of a blob."""
    return cast(bytes, _get(repo, oid, ObjectType.BLOB).data)


def blob_size(repo: Repo, oid: str) -> int:
    """The size of a blob in bytes, found without unpacking it where git can."""
    try:
        _kind, size = repo.raw.odb.read_header(oid)
    except AttributeError:  # pygit2 before 1.19
        return cast(int, _get(repo, oid, ObjectType.BLOB).size)
    except (KeyError, ValueError) as error:
        raise _missing(repo, f"the blob {oid}") from error
    except pygit2.GitError as error:
        raise _damaged(f"the blob {oid}", error) from error
    return cast(int, size)


def entries(repo: Repo, tree: str, prefix: str = "") -> list[Entry]:
    """All files, links and submodules below a tree, sorted by path; `prefix` (a folder) is put before each path."""
    found: list[Entry] = []
    todo = [(tree, os.fsencode(prefix.rstrip("/") + "/") if prefix else b"")]
    modes: dict[bytes, int] = {}
    while todo:
        oid, above = todo.pop()
        for mode, name, item in _listing(repo, oid):
            number = modes.get(mode) or modes.setdefault(mode, int(mode, 8))
            if number == TREE_MODE:
                todo.append((item.hex(), above + name + b"/"))
            else:
                found.append(Entry(os.fsdecode(above + name), item.hex(), number))
    return sorted(found, key=lambda entry: entry.path)


def changed_paths(repo: Repo, old: str | None, new: str, prefix: str = "") -> list[str]:
    """Paths of files below the folder `prefix` that differ between two commits (None: nothing), sorted."""
    before = tree_at(repo, old, prefix) if old is not None else None
    return changed_in_trees(repo, before, tree_at(repo, new, prefix), prefix)


def entry(repo: Repo, tree: str, path: str) -> Entry | None:
    """What a tree holds at a path, a folder too (`TREE_MODE`); None where it holds nothing there."""
    try:
        found = _get(repo, tree, ObjectType.TREE)[path]
    except (KeyError, ValueError):
        return None
    return Entry(path, str(found.id), int(found.filemode))


def child(repo: Repo, tree: str, name: str) -> str | None:
    """The tree that a tree holds under a name; None where it holds none."""
    wanted = (_TREE, os.fsencode(name))
    return next((oid.hex() for mode, each, oid in _listing(repo, tree) if (mode, each) == wanted), None)


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
        left, right = _listing(repo, left_tree), _listing(repo, right_tree)
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
        left, right = _listing(repo, left_tree), _listing(repo, right_tree)
        before = {name: oid.hex() for mode, name, oid in left - right if mode == _TREE}
        for mode, name, oid in right - left:
            if mode == _TREE:
                todo.append((before.get(name), oid.hex()))
            elif mode != _SUBMODULE:
                found.add(oid.hex())
    return found


def _listing(repo: Repo, tree: str | None) -> frozenset[tuple[bytes, bytes, bytes]]:
    """What a tree holds as (mode, name, id), all raw. The last ones are kept: histories are looked at in a row."""
    if tree is None:
        return frozenset()
    kept: dict[str, frozenset[tuple[bytes, bytes, bytes]]] = repo.memo.setdefault("listings", {})
    if tree not in kept:
        if len(kept) >= _KEPT or sum(map(len, kept.values())) >= _KEPT_ENTRIES:
            kept.clear()
        kept[tree] = _parsed(tree, _get(repo, tree, ObjectType.TREE).read_raw())
    return kept[tree]


def _parsed(tree: str, raw: bytes) -> frozenset[tuple[bytes, bytes, bytes]]:
    """GitError for trees that git never writes: of two entries with one name, each reader would take another."""
    found = [(mode.lstrip(b"0") or b"0", name, oid) for mode, name, oid in _TREE_ENTRY.findall(raw)]
    order = [name + b"/" if mode == _TREE else name for mode, name, _ in found]
    names = {name for _, name, _ in found}
    whole = len(names) == len(found) and all(map(lt, order, order[1:])) and b"/" not in b"".join(names)
    if not whole or not _NO_NAMES.isdisjoint(names):
        raise GitError(
            f"the tree {tree} is malformed: names that are there twice, in disorder, or that no file can have",
            hint="`git fsck` names it; make that commit anew with git's own commands",
            code="damaged-object",
        )
    return frozenset(found)


def require_sound(repo: Repo, commit_oid: str) -> None:
    """GitError where the root of a commit is malformed: what is looked up in it by name may not be found then."""
    _listing(repo, commit(repo, commit_oid).tree)


def index_entries(repo: Repo, prefix: str = "") -> list[Entry]:
    """What a commit of the index as it stands would hold below `prefix`, sorted; honours `repo.index_file`.

    Conflicted paths are left out (see `index_conflicts`), and so are files that were only announced (`git add -N`).
    git itself reads the index, so split and sparse ones are no matter.
    """
    # Against the empty tree, every entry is an addition; `ls-files` would show announced files as empty ones.
    options = ("--cached", "--ita-invisible-in-index", "--raw", "-z", "--no-renames", "--no-abbrev")
    listed = repo.git("diff-index", *options, EMPTY_TREE, "--", *_literal(prefix))
    fields = os.fsdecode(listed.stdout).split("\0")
    found = []
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        _old_mode, mode, _old_oid, oid, letter = about.lstrip(":").split(" ")
        if letter == "A":
            found.append(Entry(path, oid, int(mode, 8)))
    return sorted(found, key=lambda entry: entry.path)


def index_conflicts(repo: Repo, prefix: str = "") -> list[str]:
    """Paths below `prefix` that are unmerged in the index, sorted."""
    listed = repo.git("ls-files", "--unmerged", "-z", "--", *_literal(prefix))
    lines = [line for line in os.fsdecode(listed.stdout).split("\0") if line]
    return sorted({line.partition("\t")[2] for line in lines})


def _literal(prefix: str) -> list[str]:
    return [f":(top,literal){prefix.rstrip('/')}"] if prefix else []


def worktree_entries(repo: Repo, prefix: str = "") -> list[WorktreeEntry]:
    """All files below `prefix` in the worktree, sorted by path, untracked ones too. Links are listed, not followed."""
    if repo.worktree is None:
        return []
    parts = PurePosixPath(prefix).parts
    for depth in range(1, len(parts) + 1):
        place = repo.worktree.joinpath(*parts[:depth])
        if place.is_symlink():
            return [WorktreeEntry("/".join(parts[:depth]), place, True)]
    found: list[WorktreeEntry] = []
    todo = [(repo.worktree.joinpath(*parts), "/".join(parts))]
    while todo:
        folder, above = todo.pop()
        if not folder.is_dir():
            continue
        with os.scandir(folder) as listing:
            for item in listing:
                path = f"{above}/{item.name}" if above else item.name
                if path == ".git":
                    continue
                if item.is_dir(follow_symlinks=False):
                    todo.append((Path(item.path), path))
                elif item.is_symlink() or item.is_file():  # as git, which does not see pipes and the like
                    found.append(WorktreeEntry(path, Path(item.path), item.is_symlink()))
    return sorted(found, key=lambda entry: entry.path)


def first_parents(repo: Repo, tip: str, stop: str | None) -> list[str] | None:
    """The first-parent commits from `tip` down to, without, `stop` (None: to the root), newest first.

    None if `stop` is no first-parent ancestor of `tip`. In a shallow clone the chain ends where history does.
    """
    if tip == stop:
        return []
    known = stop is not None and resolve(repo, stop) == stop
    if stop is not None and not known:
        return None
    listed = repo.git("rev-list", "--first-parent", "--parents", tip, *([f"^{stop}"] if stop else []), "--")
    lines = [line.split(" ") for line in listed.text.splitlines()]
    if stop is not None and (not lines or lines[-1][1:2] != [stop]):
        return None
    return [line[0] for line in lines]


def is_large(repo: Repo, tree: str, limit: int) -> bool:
    """Whether a tree holds more than `limit` files and folders, all levels together; not more are looked at.

    One that is deeper than MAX_DEPTH is large, too.
    """
    count, todo = 0, [(tree, 1)]
    while todo:
        oid, depth = todo.pop()
        listing = _listing(repo, oid)
        count += len(listing)
        if count > limit or depth > MAX_DEPTH:
            return True
        todo += [(each.hex(), depth + 1) for mode, _, each in listing if mode == _TREE]
    return False


def is_ancestor(repo: Repo, old: str, new: str) -> bool:
    """Whether `old` is reachable from `new` (a commit is its own ancestor); False where one of them is not here."""
    if old == new:
        return True
    return repo.git("merge-base", "--is-ancestor", old, new, ok=(0, 1, 128)).returncode == 0


def merge_base(repo: Repo, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, as `git merge-base` chooses it; None where there is none here."""
    found = repo.git("merge-base", one, other, ok=(0, 1))
    return found.text if found.returncode == 0 else None


def is_shallow(repo: Repo) -> bool:
    """Whether history ends early here."""
    return bool(repo.raw.is_shallow)


def log(repo: Repo, tip: str) -> Iterator[CommitInfo]:
    """All commits reachable from `tip`, newest first, read as they are asked for."""
    try:
        for found in repo.raw.walk(tip, SortMode.TIME):
            yield _info(found)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise GitError(
            f"the history of {tip} cannot be read: {error}",
            hint="check the repository with `git fsck`; a shallow clone gets the rest by `git fetch --unshallow`",
            code="unreadable-history",
        ) from error
