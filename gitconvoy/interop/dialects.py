"""How the tools of the beads family write a record that they never saw before (SPEC 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitconvoy.interop.jsonl import USUAL

EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a tool wants of new records: the spelling of JSON, keys that each has, and what stands for a missing time."""

    name: str
    style: str
    first: Mapping[str, Any]
    """Keys that stand in each new record with these values."""
    counts: bool
    """Whether records carry `dependency_count`, `dependent_count` and `comment_count`."""


BD = Dialect("bd", USUAL, {"_type": "issue"}, counts=True)
BR = Dialect("br", "dense", {"compaction_level": 0}, counts=False)
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (BD, BR)}
"""By the name of the program; the first one is usual."""
