"""Beads as a table of comma-separated values (RFC 4180), safe to open in a spreadsheet (SPEC 10)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from io import StringIO
from typing import Any

from gitconvoy.model.plan import Bead
from gitconvoy.rules.view import View

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def _links(bead: Bead, *, blocking: bool) -> str:
    named = (link.target if link.type == "blocks" else f"{link.type}:{link.target}" for link in bead.links
             if link.blocking is blocking)  # fmt: skip
    return " ".join(named)


def _field(_: View, bead: Bead, key: str) -> Any:
    return bead.data.get(key)


_COLUMNS: Mapping[str, Callable[[View, Bead], Any]] = {
    "id": lambda _, bead: bead.id,
    "title": lambda _, bead: bead.title,
    "type": lambda _, bead: bead.type,
    "priority": lambda _, bead: bead.priority,
    "status": lambda view, bead: view.effective(bead.id).status,
    "outcome": lambda view, bead: view.effective(bead.id).outcome,
    "assignee": lambda view, bead: view.ledger.bead(bead.id).worker if view.ledger.bead(bead.id).live else
    bead.assignee,
    "rig": lambda view, bead: rig.name if (rig := view.plan.config.rig_of(bead.id)) else None,
    "convoys": lambda view, bead: " ".join(view.tracking(bead.id)),
    "parent": lambda _, bead: bead.parent,
    "blocked_by": lambda _, bead: _links(bead, blocking=True),
    "related": lambda _, bead: _links(bead, blocking=False),
    "labels": lambda _, bead: " ".join(bead.labels),
    **{
        key: partial(_field, key=key)
        for key in (
            "estimate_minutes", "due_at", "defer_until", "external_ref", "owner", "created_at", "created_by",
            "updated_at", "closed_at", "close_reason", "description",
        )
    },
}  # fmt: skip
COLUMNS = tuple(_COLUMNS)
"""The fixed columns; later versions may add some at the end."""


def sheet(view: View, beads: Iterable[Bead]) -> str:
    """A header and a row for each bead, with effective statuses; lines end in CR LF.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, which is what people type there to
    say that it is text.
    """
    stream = StringIO(newline="")
    rows = csv.writer(stream, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for bead in beads:
        rows.writerow([_cell(read(view, bead)) for read in _COLUMNS.values()])
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    return f"'{value}" if value.startswith(_FORMULA) else value
