"""How the tools of the beads family write a record that they never saw before (SPEC 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.jsonl import USUAL

EPOCH = "1970-01-01T00:00:00Z"
"""What stands for a time that nobody knows, where a tool insists on one."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a tool wants of records that it never saw."""

    name: str
    style: str
    """The spelling of JSON, by its name in `jsonl.STYLES`."""
    first: Mapping[str, Any]
    """Keys that stand in each new record with these values."""
    counts: bool
    """Whether records carry `dependency_count`, `dependent_count` and `comment_count`."""
    strict_comments: bool
    """Whether a comment without a whole number as its id, an author and a time is refused."""


BD = Dialect("bd", USUAL, {"_type": "issue"}, counts=True, strict_comments=False)
BR = Dialect("br", "dense", {"compaction_level": 0}, counts=False, strict_comments=True)
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (BD, BR)}
"""By the name of the program; the first one is usual."""
