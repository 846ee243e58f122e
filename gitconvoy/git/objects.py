"""Objects by their ids (40 hex digits), and what is said of one that is missing or damaged."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, cast

from gitconvoy.errors import GitError, UnsupportedRepository
from gitconvoy.git import config
from gitconvoy.git.catfile import ENOUGH
from gitconvoy.git.repo import Repo

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git knows it by heart: it is there, whether it was ever written or not."""
Kind = Literal["commit", "tree", "blob"]
_FULL_ID = re.compile(r"[0-9a-f]{40}")
_PART = 1 << 16
NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
"""The kinds as libgit2 numbers them."""


def get(repo: Repo, oid: str, kind: Kind) -> Any:
    """pygit2's object of a kind; GitError if it is not here, damaged, or of another kind."""
    from pygit2 import GitError as Refusal

    require_whole(repo, oid)
    try:
        found = repo.raw[oid]
    except (KeyError, ValueError) as error:
        raise _missing(repo, f"the {kind} {oid}") from error
    except Refusal as error:
        raise damaged(f"the {kind} {oid}", error) from error
    if found.type != NUMBERS[kind]:
        raise GitError(f"{oid} is no {kind}", hint="check the repository with `git fsck`", code="wrong-object")
    return found


def require_whole(repo: Repo, oid: str) -> None:
    """GitError for a loose object that is cut off, as after a loss of power: libgit2 would read on for ever.

    Looked for where git could not read it; once libgit2 reads all, that would cost too much.
    """
    if repo.loaded or not _FULL_ID.fullmatch(oid):
        return
    import zlib

    reading, some = zlib.decompressobj(), False
    try:
        with (repo.common_dir / "objects" / oid[:2] / oid[2:]).open("rb") as file:
            while part := file.read(_PART):
                some = True
                while part and not reading.eof:
                    reading.decompress(part, _PART)
                    part = reading.unconsumed_tail
    except (OSError, zlib.error):
        return  # not there, or such that libgit2 sees it
    if some and not reading.eof:
        raise damaged(f"the object {oid}", ValueError("it is cut off"))


def content(repo: Repo, oid: str, kind: Kind) -> bytes:
    """The bytes of an object of a kind; GitError as `get`. A tree or commit may be malformed all the same."""
    raw = repo.memo.get("raw")
    if raw is not None:  # where much is read, that takes a third of the way below
        with suppress(Exception):  # what is wrong is said there
            number, data = raw.read(oid)
            if number == NUMBERS[kind]:
                return cast(bytes, data)
    found = repo.plain(oid) if oid != EMPTY_TREE else ("tree", b"")
    if found is not None and found[0] == kind:
        return found[1]
    from pygit2 import GitError as Refusal

    require_whole(repo, oid)
    try:
        number, data = repo.raw.read(oid)
    except (KeyError, ValueError, Refusal):
        number = data = None
    if number != NUMBERS[kind]:  # missing, damaged or of another kind: said in the words for that
        data = get(repo, oid, kind).read_raw()
    return cast(bytes, data)


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


def exists(repo: Repo, oid: str) -> bool:
    """Whether there is an object with this full id."""
    return oid == EMPTY_TREE or repo.plain(oid) is not None or bool(repo.raw.odb.exists(oid))


def blob(repo: Repo, oid: str) -> bytes:
    """The content of a blob."""
    return content(repo, oid, "blob")


def blob_size(repo: Repo, oid: str) -> int:
    """The size of a blob in bytes, found without unpacking it where it may be large."""
    found = repo.plain(oid)
    if found is not None:
        return len(found[1])
    from pygit2 import GitError as Refusal

    try:
        _kind, size = repo.raw.odb.read_header(oid)
    except AttributeError:  # pygit2 before 1.19
        return cast(int, get(repo, oid, "blob").size)
    except (KeyError, ValueError) as error:
        raise _missing(repo, f"the blob {oid}") from error
    except Refusal as error:
        raise damaged(f"the blob {oid}", error) from error
    return cast(int, size)


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
