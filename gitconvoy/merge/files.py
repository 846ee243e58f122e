"""Three versions of a plan file become one (SPEC 3): pure, for git's merge driver and for merges in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Refused
from gitconvoy.merge.fields import clashes, merge_documents, resolved
from gitconvoy.merge.layout import Conflict, Row, Version, laid_out, plain, text_of
from gitconvoy.merge.remarks import above_entries, on_top, without_place
from gitconvoy.model.kinds import CONFIG, PLAN, Kind
from gitconvoy.schema import validate
from gitconvoy.store import values
from gitconvoy.yamlio.canonical import canonical, same
from gitconvoy.yamlio.extent import NotInPlace
from gitconvoy.yamlio.reader import load

WHOLE = "the whole file"
MAX_MERGED = 1 << 18
"""Bytes of a side; larger files, which nobody writes by hand, are left to lines, so that no merge takes long."""


@dataclass(frozen=True, slots=True)
class Markers:
    """How conflicts are marked: what the sides are called, and how many characters a marker has."""

    ours: str = "ours"
    theirs: str = "theirs"
    size: int = 7
    with_base: bool = False
    """Whether the lines of the base stand between those of the sides (`merge.conflictStyle` diff3)."""

    def around(self, row: Conflict) -> list[str]:
        """The lines of both sides between markers."""
        sign = ["<" * self.size + f" {self.ours}", "=" * self.size, ">" * self.size + f" {self.theirs}"]
        old = ["|" * self.size + " base", *row.base] if self.with_base and row.base is not None else []
        return [sign[0], *row.ours, *old, sign[1], *row.theirs, sign[2]]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged file, and the key paths of fields that a person has to decide: they stand between markers in it."""

    data: bytes
    conflicts: tuple[str, ...] = ()


def merge_files(
    base: bytes | None,
    ours: bytes,
    theirs: bytes,
    kind: Kind,
    finished: Callable[[str], bool],
    markers: Markers | None = None,
) -> Merged | None:
    """The file with the changes of both sides since `base`, which is None or empty where both added it.

    Without conflicts the result is valid, and the same whichever side is which. None where that cannot be promised: a
    side, or the base, that cannot be read or is large, or a side that breaks the schema or is of a newer format; then
    lines have to do. Of plan files, which are derived, ours is taken.
    """
    if kind is PLAN:
        return Merged(ours)
    if max(map(len, (base or b"", ours, theirs))) > MAX_MERGED:
        return None
    try:
        versions = [_version(data) for data in (base or b"", ours, theirs)]
        documents = [canonical(each.data, kind) for each in versions]
    except (BadFiles, Refused):
        return None
    if not all(_valid(document, kind) for document in documents[1:]):
        return None
    merged = merge_documents(documents[0], documents[1], documents[2], kind, finished)
    marks = markers or Markers()
    found = tuple(sorted(clashes(merged)))
    sides = [resolved(merged, ours=True), resolved(merged, ours=False)]
    # What each side may say is not always what both may: a prefix of two rigs, a list that loses its last item.
    rows = _rows(versions, merged, sides, kind) if found or _valid(merged, kind) else None
    if rows is None:
        whole = [tuple(each.text.removesuffix("\n").split("\n")) for each in versions]
        return Merged(_written_lines(marks.around(Conflict(whole[1], whole[2], whole[0]))), (WHOLE,))
    return Merged(_written(rows, marks), found)


def _version(data: bytes) -> Version:
    document = load(data, "the file")
    text = data.decode()
    if text and not text.endswith("\n"):
        text += "\n"
        document = load(text.encode(), "the file")
    return Version(text, document)


def _valid(document: dict[str, Any], kind: Kind) -> bool:
    if validate(kind, document, "the file"):
        return False
    try:
        if kind is CONFIG:
            values.config(document)
    except values.ValueProblem:
        return False
    return True


def _rows(
    versions: Sequence[Version], merged: Mapping[str, Any], sides: Sequence[dict[str, Any]], kind: Kind
) -> list[Row]:
    """The file's lines, proven to say what they should whichever side is chosen in conflicts."""
    base, ours, theirs = versions
    try:
        rows = laid_out(base, ours, theirs, merged, kind)
    except NotInPlace:
        rows = []
    if not _both(rows, sides, kind):
        rows = plain(ours, theirs, merged, kind)
    spare = without_place(rows, base, ours, theirs)
    placed = above_entries(rows, spare)
    return placed if not spare or _both(placed, sides, kind) else on_top(rows, spare)


def _both(rows: Sequence[Row], sides: Sequence[Mapping[str, Any]], kind: Kind) -> bool:
    return _says(rows, sides[0], kind, ours=True) and _says(rows, sides[1], kind, ours=False)


def _says(rows: Sequence[Row], document: Mapping[str, Any], kind: Kind, *, ours: bool) -> bool:
    try:
        return same(canonical(load(text_of(rows, ours=ours).encode(), "the file"), kind), document)
    except (BadFiles, Refused):
        return False


def _written(rows: Sequence[Row], markers: Markers) -> bytes:
    lines: list[str] = []
    for row in rows:
        lines += [row] if isinstance(row, str) else markers.around(row)
    return _written_lines(lines)


def _written_lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
