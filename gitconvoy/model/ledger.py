"""The ledger plane as values: records and events (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import field
from functools import lru_cache
from typing import Any, TypeVar

from gitconvoy.dataclass import dataclass

LIVE = "in_progress"
CLOSED = "closed"
OPEN = "open"
PUSH, CLAIM, START = "push", "claim", "start"
"""How an attempt begins: assigned to a worker, claimed by one, or a worker process started for it."""


_SOME = 64
"""Records that are replaced one by one before all are put together again."""


@dataclass(frozen=True, slots=True)
class BeadRecord:
    """What the ledger knows of a bead. Times are epoch seconds.

    `status` is `in_progress` while an attempt lives, `closed` with an `outcome` as a ledger fact, else None.
    """

    id: str
    convoy: str | None = None
    worker: str | None = None
    machine: str | None = None
    via: str | None = None
    """How the attempt began: PUSH, CLAIM or START."""
    attempt: int = 0
    token: str | None = None
    since: int | None = None
    branch: str | None = None
    base: str | None = None
    submitted: str | None = None
    merged_as: str | None = None
    failures: int = 0
    not_before: int | None = None
    status: str | None = None
    outcome: str | None = None
    file_status: str | None = None
    """The file's status when a fact was written: the fact holds while the file still says so (SPEC 1)."""
    conflict: str | None = None
    """Why handed-in work could not be merged: the attempt has ended, `submitted` is kept, and a person decides."""

    @property
    def live(self) -> bool:
        """An attempt that has not ended."""
        return self.status == LIVE

    @property
    def in_flight(self) -> bool:
        """Live and not submitted: what counts for capacity, leases and scan."""
        return self.status == LIVE and self.submitted is None

    @property
    def handed_in(self) -> bool:
        """Work that was submitted and is not known to be merged: of a live attempt, or given back with a conflict."""
        return self.submitted is not None and (self.status == LIVE or self.conflict is not None)


@dataclass(frozen=True, slots=True)
class ConvoyRecord:
    """What the ledger knows of a convoy; `status` is `open`, `closed` or None (no fact)."""

    id: str
    status: str | None = None
    launched_at: int | None = None
    paused: bool = False
    completed_at: int | None = None
    """Set by `complete`, not by `close`."""
    close_reason: str | None = None
    outcome: str | None = None
    file_status: str | None = None
    watchers: tuple[str, ...] | None = None
    """Who is told of it, beside those whom its file names; sorted, None for nobody."""
    told: str | None = None
    """What tells the standstill that was told last from others."""


_Record = TypeVar("_Record", BeadRecord, ConvoyRecord)


class Records(Mapping[str, _Record]):
    """Records by id, and some of them replaced: to replace one more costs what was replaced, not all there is."""

    __slots__ = ("_base", "_new", "_whole")
    _base: Mapping[str, _Record]
    _new: dict[str, _Record]
    _whole: dict[str, _Record] | None

    def __init__(self, base: Mapping[str, _Record], new: dict[str, _Record]) -> None:
        self._base = base
        self._new = new
        self._whole = None

    @classmethod
    def replaced(cls, records: Mapping[str, _Record], record: _Record) -> Records[_Record]:
        """The records with one that is new, or in the place of another one."""
        if not isinstance(records, Records):
            return cls(records, {record.id: record})
        if len(records._new) >= _SOME:
            return cls(records.whole(), {record.id: record})
        return cls(records._base, {**records._new, record.id: record})

    @staticmethod
    def differing(old: Mapping[str, _Record], new: Mapping[str, _Record]) -> list[_Record] | None:
        """The records of `new` that are not the very ones of `old`; None where one is gone."""
        base = old._base if isinstance(old, Records) else old
        if isinstance(new, Records) and (new._base is base or new._base is old):
            return [record for one, record in new._new.items() if old.get(one) is not record]
        changed = [record for one, record in new.items() if old.get(one) is not record]
        known = sum(record.id in old for record in changed)
        return changed if len(new) - len(changed) + known == len(old) else None

    def whole(self) -> dict[str, _Record]:
        """All of them."""
        if self._whole is None:
            self._whole = {**self._base, **self._new}
        return self._whole

    def __getitem__(self, one: str) -> _Record:
        return self._new[one] if one in self._new else self._base[one]

    def get(self, one: str, default: Any = None) -> Any:
        """As that of a dict."""
        return self._new.get(one) or self._base.get(one, default)

    def __contains__(self, one: object) -> bool:
        return one in self._new or one in self._base

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole())

    def __len__(self) -> int:
        return len(self.whole())

    def keys(self) -> KeysView[str]:
        """As those of a dict."""
        return self.whole().keys()

    def values(self) -> ValuesView[_Record]:
        """As those of a dict."""
        return self.whole().values()

    def items(self) -> ItemsView[str, _Record]:
        """As those of a dict."""
        return self.whole().items()


_no_bead = lru_cache(maxsize=1 << 14)(BeadRecord)
_no_convoy = lru_cache(maxsize=1 << 10)(ConvoyRecord)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger's tree as values. `tip` is None where there is no ledger yet."""

    tip: str | None = None
    beads: Mapping[str, BeadRecord] = field(default_factory=dict)
    convoys: Mapping[str, ConvoyRecord] = field(default_factory=dict)
    paused: bool = False
    tip_time: int = 0
    trunk: str | None = None
    """`Convoy-Trunk` of the tip: the trunk commit last decided on."""

    def facts(self) -> dict[str, str | None]:
        """The beads that a fact closes, and what their files said then."""
        return {each.id: each.file_status for each in self.beads.values() if each.status == CLOSED}

    def at_work(self) -> set[str]:
        """The beads with an attempt that has not ended, or with work that was handed in."""
        return {each.id for each in self.beads.values() if each.live or each.submitted is not None}

    def bead(self, bead_id: str) -> BeadRecord:
        """The record of a bead, empty where the ledger has none."""
        return self.beads.get(bead_id) or _no_bead(bead_id)

    def convoy(self, convoy_id: str) -> ConvoyRecord:
        """The record of a convoy, empty where the ledger has none."""
        return self.convoys.get(convoy_id) or _no_convoy(convoy_id)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: one ledger commit.

    The changes name record fields and their new values; `EVENTS[kind]` says which fields an event may change.
    """

    kind: str
    at: int = 0
    actor: str = ""
    cause: str = ""
    """A trunk commit id, `command`, or `scan`."""
    trunk: str | None = None
    bead: str | None = None
    convoy: str | None = None
    worker: str | None = None
    attempt: int | None = None
    token: str | None = None
    force: tuple[str, ...] = ()
    reason: str = ""
    own_fault: bool = False
    """Not recorded: no worker was started, and that is due to the bead alone (its branch), not to the dispatcher."""
    bead_changes: Mapping[str, Any] = field(default_factory=dict)
    convoy_changes: Mapping[str, Any] = field(default_factory=dict)
    town_changes: Mapping[str, Any] = field(default_factory=dict)
