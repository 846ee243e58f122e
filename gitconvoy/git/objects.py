"""Objects by their ids (40 hex digits), and what is said of one that is missing or damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from gitconvoy.errors import GitError, UnsupportedRepository
from gitconvoy.git import config, loose
from gitconvoy.git.ahead import Ahead
from gitconvoy.git.catfile import ENOUGH, FULL_ID, LARGEST, CatFile
from gitconvoy.git.repo import Repo

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git knows it by heart: it is there, whether it was ever written or not."""
Kind = Literal["commit", "tree", "blob"]
_ANY = 1 << 62
NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
"""The kinds as libgit2 numbers them."""
_KINDS = {number: kind for kind, number in NUMBERS.items()} | {4: "tag"}


def get(repo: Repo, oid: str, kind: Kind) -> Any:
    """pygit2's object of a kind; GitError if it is not here, damaged, or of another kind."""
    require_whole(repo, oid)
    try:
        found = repo.raw[oid]
    except (KeyError, ValueError) as error:
        raise _missing(repo, f"the {kind} {oid}") from error
    except _refusal() as error:
        raise damaged(f"the {kind} {oid}", error) from error
    if found.type != NUMBERS[kind]:
        raise GitError(f"{oid} is no {kind}", hint="check the repository with `git fsck`", code="wrong-object")
    return found


def require_whole(repo: Repo, oid: str) -> None:
    """GitError for a loose object that is cut off, as after a loss of power: libgit2 would read on for ever."""
    if FULL_ID.fullmatch(oid) and any(loose.is_cut_off(folder, oid) for folder in _folders(repo)):
        raise _cut_off(oid)


def content(repo: Repo, oid: str, kind: Kind) -> bytes:
    """The bytes of an object of a kind; GitError as `get`. A tree or commit may be malformed all the same."""
    if oid == EMPTY_TREE and kind == "tree":
        return b""
    found = _read(repo, oid, _ANY)
    if found is not None and found[0] == kind:
        return found[2]
    require_whole(repo, oid)
    try:
        number, data = _odb(repo).read(oid)
    except (KeyError, ValueError, _refusal()):
        number = data = None
    if number != NUMBERS[kind]:  # missing, damaged or of another kind: said in the words for that
        data = get(repo, oid, kind).read_raw()
    return cast(bytes, data)


def _read(repo: Repo, oid: str, most: int) -> tuple[str, int, bytes] | None:
    """Kind, size and content, empty where that is larger than `most`; None: only libgit2 can tell, once it is loaded.

    In the quickest way there is: where much is read libgit2 for what is packed, and our own reader for loose objects.
    """
    coming: Ahead | None = repo.memo.get("ahead")
    if coming is not None and (early := coming.take(oid, min(most, LARGEST))) is not None:
        return early[0], len(early[1]), early[1]
    if not repo.loaded:
        found = repo.plain(oid, most)
        return (found[0], len(found[1]), found[1]) if found is not None else None
    try:
        if (there := _loose(repo, oid, most)) is not None:
            return there
    except loose.CutOff:
        elsewhere = CatFile(repo.git_dir, repo.env).read(oid)  # in a pack, too: libgit2 would not look there
        if elsewhere is None:
            raise _cut_off(oid) from None
        kind, data = elsewhere
        return kind, len(data), data if len(data) <= most else b""
    try:
        odb = _odb(repo)
        if most < _ANY:
            number, size = odb.read_header(oid)
            if size > most:
                return _KINDS[number], size, b""
        number, data = odb.read(oid)
        return _KINDS[number], len(data), data
    except (KeyError, ValueError, _refusal()):
        return None  # what is wrong is said by whoever asks once more


def at_hand(repo: Repo, oid: str, kind: Kind) -> bytes | None:
    """The bytes of an object with this full id, no larger than LARGEST; None where `get` is to say what is wrong."""
    found = _read(repo, oid, LARGEST) if FULL_ID.fullmatch(oid) else None
    return found[2] if found is not None and found[0] == kind and found[1] == len(found[2]) else None


def _odb(repo: Repo) -> Any:
    if "odb" not in repo.memo:
        repo.memo["odb"] = repo.raw.odb
    return repo.memo["odb"]


@cache
def _refusal() -> type[Exception]:
    from pygit2 import GitError as Refusal

    return Refusal


def _loose(repo: Repo, oid: str, most: int) -> tuple[str, int, bytes] | None:
    if not FULL_ID.fullmatch(oid):
        return None
    for folder in _fans(repo).get(oid[:2], ()):
        there = os.path.exists(f"{folder}/{oid[:2]}/{oid[2:]}")  # noqa: PTH110 - a third of what an open costs that fails
        if there and (found := loose.read(folder, oid, most)) is not None:
            return found
    return None


def _fans(repo: Repo) -> Mapping[str, list[str]]:
    """By the first two digits of ids, the folders in which there were loose objects at the first look."""
    if "fans" not in repo.memo:
        fans: dict[str, list[str]] = {}
        for folder in _folders(repo):
            for fan in _names(folder):
                fans.setdefault(fan, []).append(folder)
        repo.memo["fans"] = fans
    known: Mapping[str, list[str]] = repo.memo["fans"]
    return known


def _folders(repo: Repo) -> list[str]:
    """Where loose objects lie."""
    if "loose" not in repo.memo:
        own = repo.env.get("GIT_OBJECT_DIRECTORY") or str(repo.common_dir / "objects")
        repo.memo["loose"] = loose.folders(own, repo.env.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))
    known: list[str] = repo.memo["loose"]
    return known


def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - their names alone
    except OSError:
        return frozenset()


def _cut_off(oid: str) -> GitError:
    return damaged(f"the object {oid}", ValueError("it is cut off"))


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


def damaged(what: str, error: Exception) -> GitError:
    """The error for an object that is there and cannot be read; `what` says which."""
    return GitError(
        f"{what} cannot be read: {error}",
        hint="`git fsck --full` names what is damaged; a clone that is whole gives it back (git fetch --refetch)",
        code="damaged-object",
    )


def expect(repo: Repo, count: int) -> None:
    """So many objects are going to be read: where that is worth it, libgit2 is loaded at once (see `Repo.plain`)."""
    if count > ENOUGH:
        repo.raw  # noqa: B018


@contextmanager
def looked_up_ahead(repo: Repo, oids: Sequence[str]) -> Iterator[None]:
    """While the block runs, these objects are going to be read, in this order."""
    if len(oids) <= ENOUGH or repo.promised:
        yield
        return
    coming = repo.memo["ahead"] = Ahead(repo.git_dir, repo.env, oids)
    try:
        yield
    finally:
        repo.memo.pop("ahead", None)
        coming.close()


def exists(repo: Repo, oid: str) -> bool:
    """Whether there is an object with this full id."""
    return oid == EMPTY_TREE or repo.plain(oid) is not None or bool(_odb(repo).exists(oid))


def blob(repo: Repo, oid: str) -> bytes:
    """The content of a blob."""
    return content(repo, oid, "blob")


def blob_within(repo: Repo, oid: str, most: int) -> tuple[int, bytes]:
    """The size of a blob in bytes, and its content, which is empty where there are more than `most`; GitError as `get`.

    What is larger is not brought into this process, whatever it is said to be.
    """
    found = _read(repo, oid, most)
    if found is None and not repo.loaded:
        repo.raw  # noqa: B018 - which tells a size without unpacking
        found = _read(repo, oid, most)
    if found is None or found[0] != "blob":
        data = content(repo, oid, "blob")
        return len(data), data
    return found[1], found[2]


def shallow(repo: Repo) -> frozenset[str]:
    """The commits at which the history of a shallow clone ends; none in a whole one."""
    file = Path(repo.env.get("GIT_SHALLOW_FILE") or repo.common_dir / "shallow")
    try:
        return frozenset(file.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


def is_shallow(repo: Repo) -> bool:
    """Whether history ends early here."""
    return bool(shallow(repo))
