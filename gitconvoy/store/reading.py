"""One file of the plan plane -> its document and complaints; what was read before is not read again (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitconvoy.errors import BadFiles, Problem
from gitconvoy.model.kinds import Kind
from gitconvoy.model.plan import Bead, Convoy
from gitconvoy.schema import validate
from gitconvoy.store.cache import Cache
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.reader import load

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the plan plane: its path from the root, its blob id ("" where unknown), and how to read it."""

    path: str
    oid: str
    read: Callable[[], bytes]
    regular: bool = True
    """False for symbolic links, submodules and whatever else is no plain file."""


def not_regular(path: str) -> Problem:
    """The complaint about a link, a submodule and the like."""
    return Problem(path, "not-a-file", "is a symbolic link or no plain file", "replace it by a plain file")


def too_large(path: str, size: int) -> BadFiles:
    """The complaint about a file whose size alone is known: it is never brought into memory."""
    message = f"the file has {size:,} bytes, allowed are {MAX_SIZE:,}"
    hint = "Keep long material in a file of its own and name that."
    return BadFiles(f"{path}: {message}", (Problem(path, "yaml-size", message, hint),), hint=hint, code="yaml-size")


def read(source: Source, kind: Kind) -> tuple[Document | None, list[Problem]]:
    """The document (None where it is no YAML mapping) and what is wrong with it."""
    if not source.regular:
        return None, [not_regular(source.path)]
    try:
        data = load(source.read(), source.path)
    except BadFiles as error:
        return None, list(error.problems)
    return data, validate(kind, data, source.path)


class Memo:
    """What one open repository has read: in memory, and over the life of a process in the cache.

    HEAD and index, the trunk and the trunk before, share most of their files; a blob id never changes its bytes.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.values: dict[tuple[str, str], Bead | Convoy] = {}
        """What was made of blobs, by id and path."""
        self._known: dict[tuple[str, str], tuple[Document | None, tuple[Problem, ...]]] = {}

    def read(self, source: Source, kind: Kind) -> tuple[Document | None, list[Problem]]:
        """As `read`, once for each blob and path."""
        if not source.oid or not source.regular:
            return read(source, kind)
        key = (source.oid, source.path)
        if key not in self._known:
            self._known[key] = self._first_read(source, kind)
        data, problems = self._known[key]
        return data, list(problems)

    def _first_read(self, source: Source, kind: Kind) -> tuple[Document | None, tuple[Problem, ...]]:
        cached = self._cache.get(source.oid, kind.name)
        if cached is not None:
            return cached, ()
        data, problems = read(source, kind)
        if data is not None and not problems:
            self._cache.put(source.oid, kind.name, data)
        return data, tuple(problems)

    def save(self) -> None:
        """Let other processes have what was read."""
        self._cache.save()
