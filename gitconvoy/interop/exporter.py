"""The plan's documents as a file of JSON lines (SPEC 10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitconvoy.interop.beads import encode, raw_id_of
from gitconvoy.model.imported import origin
from gitconvoy.model.kinds import BEAD, CONVOY, Kind
from gitconvoy.model.plan import Plan

_Place = tuple[bool, str, float, str]


def export_lines(plan: Plan) -> Iterator[bytes]:
    """One line, with its line feed, for each bead, archived bead and convoy.

    Imported ones come first, by the file that they came from and in its order, and are the same bytes as there where
    nothing changed since; then the others by id.
    """
    documents: list[tuple[Mapping[str, Any], Kind]] = [
        *((bead.data, BEAD) for place in (plan.beads, plan.archive) for bead in place.values()),
        *((convoy.data, CONVOY) for convoy in plan.convoys.values()),
    ]
    raw_ids = {str(data["id"]): raw_id_of(data) for data, _ in documents}
    lines: list[tuple[_Place, bytes]] = []
    for data, kind in documents:
        lines.append((_place(data, origin(data)), encode(data, kind, lambda own: raw_ids.get(own, own))))
        also = origin(data).get("also")
        others = also if isinstance(also, list) else []
        lines += [(_place(data, {**origin(data), **other}), str(other["line_raw"]).encode("utf-8")) for other in others]
    for _, line in sorted(lines, key=lambda item: item[0]):
        yield line + b"\n"


def _place(data: Mapping[str, Any], block: Mapping[str, Any]) -> _Place:
    line = block.get("line")
    number = float(line) if isinstance(line, int | float) else 0.0
    return not block, str(block.get("file", "")), number, str(data["id"])
