"""One file of the plan plane -> its document and complaints; what was read before is not read again (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Problem
from gitconvoy.model.kinds import BEAD, PLAN, Kind, kind_of
from gitconvoy.model.standing import only_stands
from gitconvoy.schema import validate
from gitconvoy.store.cache import Cache, Stored
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


T = TypeVar("T", covariant=True)


class Understand(Protocol[T]):
    """From a file's document (None where it is none) and what is wrong with it to a value, and all that is wrong.

    The value keeps the document as `kept` where that is given: of the many that are read, few are ever asked for it.
    """

    def __call__(
        self,
        source: Source,
        kind: Kind,
        data: Document | None,
        found: list[Problem],
        kept: Stored | None = None,
    ) -> tuple[T | None, Sequence[Problem]]: ...


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
    """What one open repository has read: values in memory, documents over the life of a process in the cache.

    HEAD and index, the trunk and the trunk before, share most of their files; a blob id never changes its bytes.
    """

    def __init__(self, cache: Cache | None) -> None:
        """`cache`: None where nothing may be left behind."""
        self._cache = cache
        self._known: dict[tuple[str, str], tuple[Any, tuple[Problem, ...]]] = {}

    def expect(self, sources: Sequence[Source]) -> list[str]:
        """Say what is about to be read, so that the cache is asked at once for all of it; the blobs that it leaves."""
        unknown = [each for each in sources if (each.oid, each.path) not in self._known]
        if self._cache is not None:
            self._cache.expect([each.oid for each in unknown])
        return [each.oid for each in unknown if self._is_unread(each)]

    def _is_unread(self, source: Source) -> bool:
        """Whether its bytes are going to be looked at; those of plan files are not."""
        kind = kind_of(source.path) if source.oid and source.regular else None
        if kind is None or kind is PLAN:
            return False
        return self._cache is None or not self._cache.has(source.oid, kind.name)

    def once(self, source: Source, kind: Kind, understand: Understand[T]) -> tuple[T | None, Sequence[Problem]]:
        """What `understand` makes of a file's document and complaints, once for each blob and path."""
        if not source.oid or not source.regular:
            return understand(source, kind, *read(source, kind))
        key = (source.oid, source.path)
        if key not in self._known:
            data, found, stored = self._document(source, kind)
            value, problems = understand(source, kind, data, found, stored)
            self._known[key] = value, tuple(problems)
        return self._known[key]

    def follow(self, source: Source, kind: Kind, before: Document, understand: Understand[T]) -> None:
        """Read a bead's file that was as `before`, in order: where only how it stands has changed, so it still is."""
        if not source.oid or not source.regular or (source.oid, source.path) in self._known:
            return
        try:
            data = load(source.read(), source.path)
        except BadFiles:
            return
        if kind is BEAD and only_stands(before, data):
            stored = self._cache.put(source.oid, kind.name, data) if self._cache is not None else None
            value, problems = understand(source, kind, data, [], stored)
            self._known[source.oid, source.path] = value, tuple(problems)

    def _document(self, source: Source, kind: Kind) -> tuple[Document | None, list[Problem], Stored | None]:
        cached = self._cache.get(source.oid, kind.name) if self._cache is not None else None
        if cached is not None:
            return cached[0], [], cached[1]
        data, problems = read(source, kind)
        if data is None or problems or self._cache is None:
            return data, problems, None
        return data, problems, self._cache.put(source.oid, kind.name, data)

    def save(self) -> None:
        """Let other processes have what was read."""
        if self._cache is not None:
            self._cache.save()
