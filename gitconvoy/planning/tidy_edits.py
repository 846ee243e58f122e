"""The ledger's facts written back into the files: closed, outcome, archive (SPEC 1 `tidy`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import CLOSED, Ledger
from gitconvoy.model.places import bead_path, convoy_path, followed, laid_out
from gitconvoy.model.plan import FANOUT, Bead, Convoy
from gitconvoy.planning.desk import Changes, Desk, settle
from gitconvoy.planning.documents import plan_path
from gitconvoy.planning.planfile import stale
from gitconvoy.planning.start import ATTRIBUTES_PATH, attributes
from gitconvoy.rules.status import holds
from gitconvoy.rules.view import View
from gitconvoy.yamlio.writer import edit


@dataclass(frozen=True, slots=True)
class Tidied:
    """The edit, and what it is about: beads and convoys that it closes, and those that it archives."""

    changes: Changes
    beads: tuple[str, ...]
    convoys: tuple[str, ...]
    archived: tuple[str, ...]
    archived_convoys: tuple[str, ...] = ()


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

    `closed_at`: when each was closed, epoch seconds, as far as that is known. `archive` moves what has ended to
    `.convoy/archive/`: closed convoys all of whose beads are done, without their plan files, which are derived; and
    closed beads that no unfinished convoy tracks, and that belong to nothing unfinished.
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
    archived, resting = _to_archive(desk) if archive else ((), ())
    for one in archived:
        bead = desk.plan.beads[one]
        data = docs.get(bead.path) or desk.bytes_of(bead)
        path = bead_path(one, fanned=desk.plan.config.layout == FANOUT, archived=True)
        docs |= {bead.path: None, path: followed(data, kinds.BEAD, path)}
    for one in resting:
        convoy = desk.plan.convoys[one]
        data = docs.get(convoy.path) or desk.bytes_of(convoy)
        path = convoy_path(one, archived=True)
        docs |= {convoy.path: None, path: followed(data, kinds.CONVOY, path)}
    told = [f"{len(ids)} {what}" for ids, what in ((beads, "beads"), (convoys, "convoys")) if ids]
    told += [f"{len(archived) + len(resting)} to the archive"] if archived or resting else []
    ids = (*beads, *convoys, *archived, *resting)
    changes = settle(desk, docs, f"Tidy: {', '.join(told) or 'plan files'}", ids)
    lines = attributes(desk.read) if desk.read(ATTRIBUTES_PATH) is not None else {}
    plans: dict[str, bytes | None] = {plan_path(one): None for one in resting if one in desk.plan.plan_blobs}
    files = {**lines, **stale(changes.plan, desk.ledger), **plans, **changes.files}
    return Tidied(replace(changes, files=dict(sorted(files.items()))), beads, convoys, archived, resting)


def _closing(outcome: str | None, at: int | None) -> dict[str, Any]:
    return {
        "status": CLOSED,
        "outcome": None if outcome == "done" else outcome,
        "closed_at": iso(at) if at is not None else None,
    }


def _to_archive(desk: Desk) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(beads, convoys), sorted."""
    view = desk.view()
    own = (bead for bead in desk.plan.beads.values() if bead.id not in desk.plan.abroad)
    convoys = (convoy.id for convoy in desk.plan.convoys.values() if not convoy.archived and _has_ended(view, convoy))
    return tuple(sorted(bead.id for bead in own if _may_rest(view, bead))), tuple(sorted(convoys))


def _has_ended(view: View, convoy: Convoy) -> bool:
    """Closed, and nothing of it can take it up again by itself."""
    if view.convoy_status(convoy.id) != CLOSED:
        return False
    return all(view.effective(one).category == "done" for one in convoy.tracks if view.plan.bead(one) is not None)


def _may_rest(view: View, bead: Bead) -> bool:
    """Closed for itself, tracked by nothing unfinished, and neither part of something open nor made of open parts."""
    effective = view.effective(bead.id)
    if effective.category != "done" or effective.source not in ("file", "ledger") or view.tracking(bead.id):
        return False
    around = (*view.graph.ancestors(bead.id), *view.graph.descendants(bead.id))
    return all(view.effective(one).category == "done" for one in around)


def lay_out(desk: Desk, layout: str) -> Changes:
    """Every bead where the layout has it, and the setting, in one edit in which git recognises each file.

    Beads in sub-folders of a person's own stay there. The archive goes along to `fanout`, and does not come back.
    """
    fanned = layout == FANOUT
    docs: dict[str, bytes | None] = {}
    for bead in (*desk.plan.beads.values(), *(desk.plan.archive.values() if fanned else ())):
        path = laid_out(bead.path, bead.id, fanned=fanned) if bead.id not in desk.plan.abroad else bead.path
        if path != bead.path:
            docs |= {bead.path: None, path: followed(desk.bytes_of(bead), kinds.BEAD, path)}
    moves = len(docs) // 2
    changes = settle(desk, docs, f"Layout {layout}: {moves} beads move", ())
    files = dict(changes.files)
    if desk.plan.config.layout != layout:
        wanted = {"layout": layout if fanned else None}
        files[kinds.CONFIG_PATH] = edit(desk.read(kinds.CONFIG_PATH) or b"", wanted, kinds.CONFIG)
    return replace(changes, files=dict(sorted(files.items())))
