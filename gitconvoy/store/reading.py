"""One file of the plan plane -> its document and complaints; what was read before is not read again (SPEC 3.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Problem
from gitconvoy.model.kinds import BEAD, PLAN, Kind, kind_of
from gitconvoy.model.standing import only_stands
from gitconvoy.schema import validate
from gitconvoy.store import apart
from gitconvoy.store.cache import Cache, Stored, exact_text
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


def _row(item: tuple[Source, Kind]) -> apart.Row | None:
    """Of a document in order its blob, kind and exact text."""
    source, kind = item
    data, problems = read(source, kind)
    text = exact_text(data) if data is not None and not problems else None
    return (source.oid, kind.name, text) if text is not None else None


class Memo:
    """What one open repository has read: values in memory, documents over the life of a process in the cache.

    HEAD and index, the trunk and the trunk before, share most of their files; a blob id never changes its bytes.
    """

    def __init__(self, cache: Cache | None, about_to_read: Callable[[int], None]) -> None:
        """`cache`: None where nothing may be left behind. `about_to_read`: is told of how many files that are next."""
        self._cache = cache
        self._about_to_read = about_to_read
        self._known: dict[tuple[str, str], tuple[Any, tuple[Problem, ...]]] = {}
        self._apart: dict[tuple[str, str], str] = {}
        """By blob id and kind the texts of documents that other processes have read."""

    def expect(self, sources: Sequence[Source]) -> None:
        """Say what is about to be read, so that the cache is asked once for all of it."""
        unknown = [each for each in sources if (each.oid, each.path) not in self._known]
        cached = self._cache.expect([each.oid for each in unknown]) if self._cache is not None else 0
        self._about_to_read(len(unknown) - cached)
        if len(unknown) - cached >= apart.MUCH:
            self._apart.update(((oid, kind), text) for oid, kind, text in apart.rows(self._unread(unknown), _row))

    def _unread(self, sources: Sequence[Source]) -> list[tuple[Source, Kind]]:
        """Those of them whose documents are going to be read."""
        known = ((each, kind_of(each.path)) for each in sources if each.oid and each.regular)
        found = [(each, kind) for each, kind in known if kind is not None and kind is not PLAN]
        return [each for each in found if self._cache is None or not self._cache.has(each[0].oid, each[1].name)]

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
        text = self._apart.pop((source.oid, kind.name), None)
        if text is not None:
            stored = Stored(text) if self._cache is None else self._cache.keep(source.oid, kind.name, text)
            return json.loads(text), [], stored
        data, problems = read(source, kind)
        if data is None or problems or self._cache is None:
            return data, problems, None
        return data, problems, self._cache.put(source.oid, kind.name, data)

    def save(self) -> None:
        """Let other processes have what was read."""
        if self._cache is not None:
            self._cache.save()
