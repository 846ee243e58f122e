"""What an audit works on: the ledger so far, one step of it, and what is found (SPEC 7). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event, Ledger

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One commit that breaks one rule. `ids` are the beads and convoys that it is about."""

    commit: str
    at: int
    event: str
    rule: str
    message: str
    ids: tuple[str, ...] = ()
    severity: str = ERROR

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of SPEC 8 (`audit`)."""
        return {
            "commit": self.commit,
            "at": iso(self.at),
            "event": self.event,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "ids": list(self.ids),
        }


@dataclass(slots=True)
class Books:
    """The ledger's records as they stand between two commits; kept up to date, never copied."""

    beads: dict[str, BeadRecord] = field(default_factory=dict)
    convoys: dict[str, ConvoyRecord] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    """Beads with a live attempt."""
    paused: bool = False

    @classmethod
    def of(cls, ledger: Ledger) -> Books:
        """The books at a commit of the ledger."""
        live = {record.id for record in ledger.beads.values() if record.live}
        return cls(dict(ledger.beads), dict(ledger.convoys), live, ledger.paused)

    def bead(self, bead_id: str) -> BeadRecord:
        """The record of a bead, empty where there is none."""
        return self.beads.get(bead_id) or BeadRecord(bead_id)

    def convoy(self, convoy_id: str) -> ConvoyRecord:
        """The record of a convoy, empty where there is none."""
        return self.convoys.get(convoy_id) or ConvoyRecord(convoy_id)

    def put(self, record: BeadRecord | ConvoyRecord) -> None:
        """A record as it is from now on."""
        if isinstance(record, ConvoyRecord):
            self.convoys[record.id] = record
            return
        self.beads[record.id] = record
        if record.live:
            self.live.add(record.id)
        else:
            self.live.discard(record.id)

    def drop(self, record_id: str, *, convoy: bool) -> None:
        """A record that is gone."""
        (self.convoys if convoy else self.beads).pop(record_id, None)
        if not convoy:
            self.live.discard(record_id)

    def part(self, beads: Iterable[str], convoys: Iterable[str]) -> Ledger:
        """The ledger of these beads and convoys, and of every live attempt."""
        wanted = self.live.union(beads)
        return Ledger(
            beads={bead: self.beads[bead] for bead in wanted if bead in self.beads},
            convoys={convoy: self.convoys[convoy] for convoy in convoys if convoy in self.convoys},
            paused=self.paused,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One ledger commit: the event that it tells of, and the records that it leaves (None: not touched)."""

    commit: str
    at: int
    event: Event
    bead: BeadRecord | None = None
    convoy: ConvoyRecord | None = None

    def finding(self, rule: str, message: str, *ids: str, severity: str = ERROR) -> Finding:
        """A finding about this step; about its bead or convoy where no ids are given."""
        own = tuple(each for each in (self.event.bead, self.event.convoy) if each)
        return Finding(self.commit, self.at, self.event.kind, rule, message, ids or own, severity)
