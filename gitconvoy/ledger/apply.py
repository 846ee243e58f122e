"""What an event does to the ledger's values: pure, and held to the event table (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace

from gitconvoy.model.events import EVENTS
from gitconvoy.model.ledger import Event, Ledger, Records


def violations(event: Event) -> list[str]:
    """What the event table does not allow of this event, in words; empty where it is in order."""
    row = EVENTS.get(event.kind)
    if row is None:
        return [f"there is no event {event.kind!r}"]
    found = [f"{event.kind} needs {name}" for name in sorted(row.needs) if getattr(event, name) is None]
    for scope, changes, allowed in (
        ("bead", event.bead_changes, row.bead),
        ("convoy", event.convoy_changes, row.convoy),
        ("town", event.town_changes, row.town),
    ):
        found += [f"{event.kind} may not change {scope}.{name}" for name in sorted(set(changes) - allowed)]
    if event.bead_changes and event.bead is None:
        found.append(f"{event.kind} changes a bead but names none")
    if event.convoy_changes and event.convoy is None:
        found.append(f"{event.kind} changes a convoy but names none")
    return found


def apply(ledger: Ledger, event: Event) -> Ledger:
    """The ledger after the event. ValueError where the event table does not allow it (a bug of the writer)."""
    found = violations(event)
    if found:
        raise ValueError("; ".join(found))
    after = replace(
        ledger,
        tip_time=max(event.at, ledger.tip_time),
        trunk=event.trunk or ledger.trunk,
        paused=event.town_changes.get("paused", ledger.paused),
    )
    if event.bead is not None and event.bead_changes:
        changed_bead = replace(after.bead(event.bead), **event.bead_changes)
        after = replace(after, beads=Records.replaced(after.beads, changed_bead))
    if event.convoy is not None and event.convoy_changes:
        changed = replace(after.convoy(event.convoy), **event.convoy_changes)
        after = replace(after, convoys=Records.replaced(after.convoys, changed))
    return after
