"""The plan's documents as a file of JSON lines (SPEC 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.beads import DEFAULTS, Place, base_of, digest, encode, kept_record, raw_id_of
from gitconvoy.interop.dialects import BD, EPOCH, Dialect
from gitconvoy.interop.facts import Facts
from gitconvoy.interop.jsonl import Line
from gitconvoy.interop.links import BLOCKS, present
from gitconvoy.model.clock import iso, parse_iso
from gitconvoy.model.imported import is_tombstone, link_records, origin
from gitconvoy.model.kinds import BEAD, CONVOY, Kind
from gitconvoy.model.plan import Plan

Times = Callable[[Collection[str]], Mapping[str, int]]
"""Paths of files -> when each was changed last, epoch seconds, as far as that is known."""
_Place = tuple[bool, str, float, str]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file of JSON lines, each with its line feed, and the ids in it whose lines are not imported ones."""

    lines: tuple[bytes, ...]
    changed: tuple[str, ...]
    """Imported once, and changed since."""
    made: tuple[str, ...]
    """Made here."""


def export_plan(
    plan: Plan,
    dialect: Dialect = BD,
    facts: Facts | None = None,
    only: Collection[str] | None = None,
    times: Times | None = None,
) -> Exported:
    """One line for each bead, archived bead and convoy; `only` limits it to some ids.

    Imported ones come first, by the file that they came from and in its order, and are the same bytes as there where
    nothing changed since; then the others by id, as the tool of the `dialect` writes them. `facts` are what the
    ledger knows beyond the files. In lines that differ, `updated_at` is when the file was changed last (`times`), and
    a closed bead has a `closed_at`.
    """
    export = _Export(_documents(plan, facts or {}), dialect)
    found = [one for one in export.documents if only is None or one.id in only]
    lines = {one.id: export.line(one) for one in found}
    differing = [one for one in found if _differs(one, lines[one.id])]
    written = [one for one in differing if _differs(one, export.line(one, counts=False))]
    in_files = [one.path for one in written if _differs(one, export.line(one.in_file(), counts=False))]
    known = times(in_files) if times is not None and in_files else {}
    for one in written:
        lines[one.id] = export.line(_completed(one, known.get(one.path), plan))
    placed = [(_place(one.data, origin(one.data)), lines[one.id]) for one in found]
    for one in found:
        placed += [(_place(one.data, {**origin(one.data), **other}), raw) for other, raw in _others(one.data)]
    made = {one.id for one in differing if not origin(one.data)}
    return Exported(
        tuple(line + b"\n" for _, line in sorted(placed, key=lambda item: item[0])),
        tuple(sorted(one.id for one in differing if one.id not in made)),
        tuple(sorted(made)),
    )


@dataclass(frozen=True, slots=True)
class _Document:
    """A document with the ledger's facts in it, the same without them, where its file is, and its kind."""

    data: Mapping[str, Any]
    file: Mapping[str, Any]
    path: str
    kind: Kind
    stamp: str | None = None
    """When it was changed last, where its line differs from the imported one."""

    @property
    def id(self) -> str:
        return str(self.data["id"])

    def but(self, changes: Mapping[str, Any]) -> _Document:
        """With new values for some keys; None takes one away."""
        data = {key: value for key, value in {**self.data, **changes}.items() if value is not None}
        return replace(self, data=data)

    def in_file(self) -> _Document:
        """As the file has it."""
        return replace(self, data=self.file)


def _documents(plan: Plan, facts: Facts) -> list[_Document]:
    beads = [bead for place in (plan.beads, plan.archive) for bead in place.values()]
    found = [
        *(_Document(bead.data, bead.data, bead.path, BEAD) for bead in beads),
        *(_Document(convoy.data, convoy.data, convoy.path, CONVOY) for convoy in plan.convoys.values()),
    ]
    return [one.but(_known(one, facts[one.id])) if one.id in facts else one for one in found]


def _known(one: _Document, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts, without a time of change for lines that never had one."""
    stamped = "updated_at" in one.data or not origin(one.data)
    return {key: value for key, value in facts.items() if stamped or key != "updated_at"}


def _completed(one: _Document, at: int | None, plan: Plan) -> _Document:
    """A document whose line differs from the imported one, with the times that readers of such lines go by."""
    data, imported = one.data, bool(origin(one.data))
    moved = not imported or base_of(data).get("status") != digest(data.get("status", DEFAULTS[one.kind.name]["status"]))
    keys = ("updated_at", *(["closed_at"] if moved else []), *([] if imported else ["created_at"]))
    stamps = [*(data[key] for key in keys if data.get(key)), *([iso(at)] if at is not None else [])]
    newest = max(stamps, key=_seconds, default=EPOCH)
    changes: dict[str, Any] = {}
    if "updated_at" in data or not imported:
        changes["updated_at"] = newest
    if not imported:
        changes["created_at"] = data.get("created_at") or newest
    if moved and not is_tombstone(data):
        closed = data.get("status") == "closed" if one.kind is CONVOY else _is_done(plan, data)
        changes["closed_at"] = (data.get("closed_at") or newest) if closed else None
    return replace(one.but(changes), stamp=newest)


def _is_done(plan: Plan, data: Mapping[str, Any]) -> bool:
    return plan.config.category(data.get("status", "open")) == "done"


def _seconds(stamp: str) -> float:
    try:
        return parse_iso(stamp)
    except (ValueError, OverflowError):
        return 0.0


class _Export:
    """The lines of documents: which ids the other tool knows them by, and how many links there are now."""

    def __init__(self, documents: list[_Document], dialect: Dialect) -> None:
        self.documents, self.dialect = documents, dialect
        self.raw_ids = {one.id: raw_id_of(one.data) for one in documents}
        self.own: Counter[str] = Counter()
        """Blocking links of a bead, and below of others on it: those that stand now, less those imported."""
        self.others: Counter[str] = Counter()
        for one in documents:
            now = {key for key in present(one.data) if key[0] == BLOCKS}
            before = {key for key, _ in link_records(one.data) if key is not None and key[0] == BLOCKS}
            self.own[one.id] += len(now) - len(before)
            self.others.update(target for _, target in now)
            self.others.subtract(target for _, target in before)

    def line(self, one: _Document, *, counts: bool = True) -> bytes:
        """The line of a document, without its line feed; without `counts` those stay as they were imported."""
        more = self._more(one) if counts else {}
        style = self.dialect.style
        return encode(one.data, one.kind, self.raw_id, more=more, style=style, stamp=one.stamp)

    def raw_id(self, own: str) -> str:
        """The id by which the other tool knows a bead."""
        return self.raw_ids.get(own, own)

    def _more(self, one: _Document) -> dict[str, Any]:
        """The keys of a record that no document has: counts that changed, or all that a new record needs."""
        comments = one.data.get("comments") or []
        steps = {"dependency_count": self.own[one.id], "dependent_count": self.others[one.id]}
        said = self._comments(one, comments)
        if not origin(one.data):
            counts = {**steps, "comment_count": len(comments)} if self.dialect.counts else {}
            return {**self.dialect.first, **said, **counts}
        kept = kept_record(one.data)
        more: dict[str, Any] = {key: kept[key] + step for key, step in steps.items() if step and _is_count(kept, key)}
        if (digest(comments) if comments else None) == base_of(one.data).get("comments"):
            return more
        return {**more, **said, **({"comment_count": len(comments)} if _is_count(kept, "comment_count") else {})}

    def _comments(self, one: _Document, comments: list[Mapping[str, Any]]) -> dict[str, Any]:
        if not comments or not self.dialect.strict_comments:
            return {}
        own = self.raw_id(one.id)
        return {"comments": [_strict(comment, own, number, one.stamp) for number, comment in enumerate(comments)]}


def _strict(comment: Mapping[str, Any], own: str, number: int, stamp: str | None) -> dict[str, Any]:
    """A comment with all that a strict reader wants; its number is the same each time."""
    known = comment.get("id")
    whole = isinstance(known, int) and not isinstance(known, bool)
    return {
        "id": known if whole else int(digest([own, number, comment.get("text")]), 16),
        "issue_id": own,
        "author": comment.get("author") or "unknown",
        "text": comment.get("text", ""),
        "created_at": comment.get("created_at") or stamp or EPOCH,
    }


def _is_count(record: Mapping[str, Any], key: str) -> bool:
    return isinstance(record.get(key), int) and not isinstance(record.get(key), bool)


def _differs(one: _Document, line: bytes) -> bool:
    """Whether a document's line is not the very one that was imported."""
    block = origin(one.data)
    also = tuple(Line(0, raw, {}) for _, raw in _others(one.data))
    return not block or Place("", 0, line, also).sha != block.get("sha")


def _others(data: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], bytes]]:
    """The other lines that the bead's id stood in, each with where it was."""
    also = origin(data).get("also")
    for other in also if isinstance(also, list) else ():
        if isinstance(other, Mapping) and "line_raw" in other:
            yield other, str(other["line_raw"]).encode("utf-8")


def _place(data: Mapping[str, Any], block: Mapping[str, Any]) -> _Place:
    line = block.get("line")
    number = float(line) if isinstance(line, int | float) else 0.0
    return not block, str(block.get("file", "")), number, str(data["id"])
