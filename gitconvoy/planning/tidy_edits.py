"""The ledger's facts written back into the files: closed, outcome, archive (SPEC 1 `tidy`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import CLOSED, Ledger
from gitconvoy.model.places import bead_path, moved
from gitconvoy.model.plan import Bead
from gitconvoy.planning.desk import Changes, Desk, settle
from gitconvoy.planning.planfile import stale
from gitconvoy.planning.start import ATTRIBUTES_PATH, attributes
from gitconvoy.rules.status import holds
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class Tidied:
    """The edit, and what it is about: beads and convoys that it closes, beads that it archives."""

    changes: Changes
    beads: tuple[str, ...]
    convoys: tuple[str, ...]
    archived: tuple[str, ...]


def facts_to_write(desk: Desk) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(beads, convoys) that the ledger closed and whose files do not say so yet, sorted."""
    ledger, view = desk.ledger or Ledger(), desk.view()
    category = desk.plan.config.category
    beads = [
        bead.id
        for bead in desk.plan.beads.values()
        if holds(ledger.bead(bead.id), bead) and category(bead.status) != "done" and bead.id not in desk.plan.abroad
    ]
    convoys = [
        convoy.id
        for convoy in desk.plan.convoys.values()
        if convoy.status != CLOSED and view.convoy_status(convoy.id) == CLOSED
    ]
    return tuple(sorted(beads)), tuple(sorted(convoys))


def tidy(desk: Desk, closed_at: Mapping[str, int], *, archive: bool = False) -> Tidied:
    """One edit that writes the facts into the files, and renews stale plan files and attributes that lack lines.

    `closed_at`: when each was closed, epoch seconds, as far as that is known. `archive` moves closed beads that no
    unfinished convoy tracks, and that belong to nothing unfinished, to `.convoy/archive/`.
    """
    ledger = desk.ledger or Ledger()
    beads, convoys = facts_to_write(desk)
    docs: dict[str, bytes | None] = {}
    for one in beads:
        bead = desk.plan.beads[one]
        docs[bead.path] = desk.edited(bead, _closing(ledger.bead(one).outcome, closed_at.get(one)))
    for one in convoys:
        convoy, record = desk.plan.convoys[one], ledger.convoy(one)
        reason = {"close_reason": record.close_reason} if record.close_reason else {}
        docs[convoy.path] = desk.edited(convoy, {**_closing(record.outcome, closed_at.get(one)), **reason})
    archived = _to_archive(desk) if archive else ()
    for one in archived:
        bead = desk.plan.beads[one]
        data = docs.get(bead.path) or desk.bytes_of(bead)
        path = bead_path(one, fanned=desk.plan.config.layout == "fanout", archived=True)
        docs |= {bead.path: None, path: moved(data, kinds.BEAD, path)}
    told = [f"{len(ids)} {what}" for ids, what in ((beads, "beads"), (convoys, "convoys")) if ids]
    told += [f"{len(archived)} to the archive"] if archived else []
    changes = settle(desk, docs, f"Tidy: {', '.join(told) or 'plan files'}", (*beads, *convoys, *archived))
    lines = attributes(desk.read) if desk.read(ATTRIBUTES_PATH) is not None else {}
    files = {**lines, **stale(changes.plan, desk.ledger), **changes.files}
    return Tidied(replace(changes, files=dict(sorted(files.items()))), beads, convoys, archived)


def _closing(outcome: str | None, at: int | None) -> dict[str, Any]:
    return {
        "status": CLOSED,
        "outcome": None if outcome == "done" else outcome,
        "closed_at": iso(at) if at is not None else None,
    }


def _to_archive(desk: Desk) -> tuple[str, ...]:
    view = desk.view()
    own = (bead for bead in desk.plan.beads.values() if bead.id not in desk.plan.abroad)
    return tuple(sorted(bead.id for bead in own if _may_rest(view, bead)))


def _may_rest(view: View, bead: Bead) -> bool:
    """Closed for itself, tracked by nothing unfinished, and neither part of something open nor made of open parts."""
    effective = view.effective(bead.id)
    if effective.category != "done" or effective.source not in ("file", "ledger") or view.tracking(bead.id):
        return False
    around = (*view.graph.ancestors(bead.id), *view.graph.descendants(bead.id))
    return all(view.effective(one).category == "done" for one in around)
