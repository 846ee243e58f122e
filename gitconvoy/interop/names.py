"""Which id a record has in the plan: its own where that is possible, else one derived from it (SPEC 3.1, 10)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from gitconvoy.interop.beads import raw_id_of
from gitconvoy.model.ids import EXTERNAL, MAX_ID, is_external, is_id
from gitconvoy.model.imported import origin
from gitconvoy.model.kinds import BEAD, CONVOY, Kind
from gitconvoy.model.plan import Plan

_NOT_ID = re.compile(r"[^A-Za-z0-9._-]+|\.{2,}")
_EXTERNAL = re.compile(r"external:[!-~]{1,500}")
_MARK = 6
"""Hex digits that tell a derived id from others."""


class Names:
    """The ids in use and the raw ids that they stand for; `assign` adds to both. The same input gives the same ids."""

    def __init__(self, plan: Plan) -> None:
        self.kinds: dict[str, Kind] = {}
        """Kind by id, of everything in the plan and everything assigned."""
        self.renamed: dict[str, str] = {}
        """Raw id -> id, of what another id than its own was assigned to."""
        self._broken = plan.broken
        self._taken = {own.lower() for own in plan.broken}
        self._imported: set[str] = set()
        for value in (*plan.beads.values(), *plan.archive.values()):
            self._take(value.id, BEAD)
        for convoy in plan.convoys.values():
            self._take(convoy.id, CONVOY)
        self._by_raw = {own: own for own in self.kinds}
        documents = {
            own: value.data for place in (plan.beads, plan.archive, plan.convoys) for own, value in place.items()
        }
        for own, data in sorted(documents.items()):
            if origin(data):
                self._imported.add(own)
                self._by_raw[raw_id_of(data)] = own  # a raw id means what was imported before all else

    def assign(self, raw: str, kind: Kind, likeness: str | None = None) -> str:
        """The id for a record: the one it got before, its own, or a derived one.

        `likeness` is what the derived id of a record without an own one begins with.
        """
        known = self._by_raw.get(raw)
        if known is not None and (known in self._imported or kind is self.kinds[known]):
            return known
        own = raw if likeness is None and self._is_free(raw) else self._derived(raw, likeness or raw)
        if likeness is None and own != raw:
            self.renamed[raw] = own
        self._by_raw[raw] = own
        self._take(own, kind)
        return own

    def resolve(self, raw: str) -> str:
        """The id of a link's target; a target that exists nowhere keeps its raw id where that can be an id."""
        known = self._by_raw.get(raw)
        if known is not None:
            return known
        if is_external(raw):
            return raw if _EXTERNAL.fullmatch(raw) else f"{EXTERNAL}{derived(raw.removeprefix(EXTERNAL))}"
        return raw if is_id(raw) else derived(raw)

    def tracked(self, raw: str) -> str:
        """As `resolve`, for what a convoy tracks: `external:<project>:<id>` is the bead <id> where there is one."""
        tail = raw.rsplit(":", 1)[-1]
        return self._by_raw[tail] if is_external(raw) and tail in self._by_raw else self.resolve(raw)

    def is_broken(self, raw: str) -> bool:
        """Whether the plan has a file of this id that cannot be read."""
        return raw in self._broken or derived(raw) in self._broken

    def exists(self, own: str) -> bool:
        """Whether there is a bead or convoy of this id, in the plan or in what is imported."""
        return own in self.kinds

    def _is_free(self, raw: str) -> bool:
        return is_id(raw) and raw.lower() not in self._taken

    def _derived(self, raw: str, likeness: str) -> str:
        return next(own for own in _candidates(raw, likeness) if own.lower() not in self._taken)

    def _take(self, own: str, kind: Kind) -> None:
        self.kinds[own] = kind
        self._taken.add(own.lower())


def derived(raw: str) -> str:
    """An id that resembles `raw`, ends in a hash of it, and depends on nothing else."""
    return next(_candidates(raw, raw))


def _candidates(raw: str, likeness: str) -> Iterator[str]:
    digits = hashlib.sha1(raw.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    clean = _NOT_ID.sub("-", likeness).strip("-._") or "bead"
    for length in range(_MARK, len(digits) + 1):
        yield f"{clean[: MAX_ID - length - 1].rstrip('-.')}-{digits[:length]}"
