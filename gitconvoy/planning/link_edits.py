"""Edits of links: `dep add`, `dep rm` (SPEC 3.2, 5, 8)."""

from __future__ import annotations

from gitconvoy.errors import NotFound, Refused, UsageError
from gitconvoy.model.ids import is_external, is_id
from gitconvoy.model.plan import Link
from gitconvoy.planning.desk import Changes, Desk, headline, settle
from gitconvoy.planning.documents import link_entry


def add_link(desk: Desk, bead_id: str, link: Link) -> Changes:
    """`bead_id` depends on `link.target`. Nothing changes where the very link is there already.

    Refused for a link to itself, to a bead that does not exist (`external:` targets may), and one that would make a
    cycle, which it names.
    """
    bead = desk.bead(bead_id)
    if link.target == bead_id:
        raise Refused(f"{bead_id} cannot depend on itself", code="cycle", hint="name another bead")
    if not is_id(link.target) and not is_external(link.target):
        raise UsageError(f"{link.target!r} is no id", hint="name a bead, or external:...", code="bad-id")
    if link.gate is not None and link.type != "waits-for":
        raise UsageError(f"a link of type {link.type} has no gate", hint="only waits-for has one", code="bad-link")
    message = headline("Link", (bead_id,), f"{link.type} {link.target}")
    if link in bead.links:
        return settle(desk, {}, message, (bead_id,))
    entries = [*bead.data.get("depends_on", ()), link_entry(link)]
    return settle(desk, {bead.path: desk.edited(bead, {"depends_on": entries})}, message, (bead_id,))


def remove_link(desk: Desk, bead_id: str, target: str, link_type: str | None = None) -> Changes:
    """All links of `bead_id` to `target` go, or only those of a type. NotFound where there are none."""
    bead = desk.bead(bead_id)
    entries = list(bead.data.get("depends_on", ()))
    gone = [
        index
        for index, link in enumerate(bead.links)
        if link.target == target and (link_type is None or link.type == link_type)
    ]
    if not gone:
        what = f"{link_type} link" if link_type else "link"
        others = ", ".join(sorted({link.target for link in bead.links}))
        raise NotFound(f"{bead_id} has no {what} to {target}", hint=f"it depends on: {others}" if others else "")
    kept = [entry for index, entry in enumerate(entries) if index not in gone]
    docs = {bead.path: desk.edited(bead, {"depends_on": kept or None})}
    return settle(desk, docs, headline("Unlink", (bead_id,), target), (bead_id,))
