"""Short constructors for the values of both planes; what a test does not name has a harmless default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Ledger
from gitconvoy.model.plan import Bead, Config, Convoy, Dispatch, Link, Plan, Rig
from gitconvoy.model.state import State

NOW = 1_764_195_233
"""2025-11-26T22:13:53Z: the time of every state that names no other."""

LinkSpec = str | Link | tuple[str, ...]


def link(spec: LinkSpec) -> Link:
    """`"gt-a"` is a blocks link; `("waits-for", "gt-e")` and `("waits-for", "gt-e", "any-children")` name the type."""
    if isinstance(spec, Link):
        return spec
    if isinstance(spec, str):
        return Link(spec)
    kind, target, *gate = spec
    return Link(target, kind, gate[0] if gate else None)


def bead(bead_id: str, *links: LinkSpec, **fields: Any) -> Bead:
    """A bead with the given links; `fields` are those of `Bead`."""
    fields.setdefault("title", f"Title of {bead_id}")
    fields.setdefault("path", f".convoy/beads/{bead_id}.yaml")
    return Bead(bead_id, links=tuple(map(link, links)), **fields)


def epic(bead_id: str, *links: LinkSpec, **fields: Any) -> Bead:
    """A bead of type epic."""
    return bead(bead_id, *links, type="epic", **fields)


def convoy(convoy_id: str, *tracks: str, **fields: Any) -> Convoy:
    """A convoy, open unless `status` says otherwise."""
    fields.setdefault("title", f"Title of {convoy_id}")
    fields.setdefault("path", f".convoy/convoys/{convoy_id}.yaml")
    fields.setdefault("status", "open")
    return Convoy(convoy_id, tracks=tuple(tracks), **fields)


def config(*rigs: Rig, dispatch: Dispatch | None = None, **fields: Any) -> Config:
    """A config with the given rigs, else the one rig `gt`."""
    chosen = rigs or (Rig("gt", ("gt",)),)
    return Config(rigs={rig.name: rig for rig in chosen}, dispatch=dispatch or Dispatch(), **fields)


def plan(*items: Bead | Convoy, config: Config | None = None, broken: Iterable[str] = (), **fields: Any) -> Plan:
    """A plan of beads and convoys in any order; archived beads and tombstones go to the archive."""
    beads = [item for item in items if isinstance(item, Bead)]
    return Plan(
        config=config or _config(),
        beads={item.id: item for item in beads if not (item.archived or item.tombstone)},
        archive={item.id: item for item in beads if item.archived or item.tombstone},
        convoys={item.id: item for item in items if isinstance(item, Convoy)},
        broken=frozenset(broken),
        **fields,
    )


_config = config


def record(bead_id: str, **fields: Any) -> BeadRecord:
    """What the ledger knows of a bead."""
    return BeadRecord(bead_id, **fields)


def live(bead_id: str, worker: str = "gt/polecat-1", **fields: Any) -> BeadRecord:
    """The record of a pushed attempt in flight."""
    fields.setdefault("attempt", 1)
    fields.setdefault("token", f"token-{bead_id}")
    fields.setdefault("since", NOW - 10)
    fields.setdefault("via", "push")
    return BeadRecord(bead_id, worker=worker, status="in_progress", **fields)


def fact(bead_id: str, outcome: str = "done", file_status: str = "open", **fields: Any) -> BeadRecord:
    """The record of a bead that the ledger closed while its file said `file_status`."""
    return BeadRecord(bead_id, status="closed", outcome=outcome, file_status=file_status, **fields)


def ledger(*records: BeadRecord | ConvoyRecord, **fields: Any) -> Ledger:
    """A ledger of bead and convoy records; `fields` are those of `Ledger`."""
    return Ledger(
        beads={row.id: row for row in records if isinstance(row, BeadRecord)},
        convoys={row.id: row for row in records if isinstance(row, ConvoyRecord)},
        **fields,
    )


def state(
    *items: Bead | Convoy | BeadRecord | ConvoyRecord,
    now: int = NOW,
    paused: bool = False,
    config: Config | None = None,
    **fields: Any,
) -> State:
    """A state of beads, convoys and records in any order; `fields` are those of `Plan`."""
    wanted = [item for item in items if isinstance(item, Bead | Convoy)]
    known = [item for item in items if isinstance(item, BeadRecord | ConvoyRecord)]
    return State(plan(*wanted, config=config, **fields), ledger(*known, paused=paused), now)
