"""What an import is asked for, and what it would change (SPEC 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Problem
from gitconvoy.interop.routes import Route
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an import is asked for beside the file."""

    since: int | None = None
    """Only records that changed at this moment (epoch seconds) or later."""
    skip_bad: bool = False
    """Leave lines that cannot be imported, instead of importing nothing."""
    delete_missing: bool = False
    """Delete beads that an earlier import of the same file brought, and that it has no longer."""
    routes: tuple[Route, ...] = ()
    """Prefixes that become rigs."""
    made: Mapping[str, str] | None = None
    """The records are no history but a wish for new beads, which get these fields (`created_at`, `created_by`)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that changed both here and in the file since the last import; what stands here stays."""

    id: str
    key: str
    here: Any
    there: Any


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would change. Every record is counted once: created, updated, unchanged, tombstones, or older."""

    files: Mapping[str, bytes | None]
    """New bytes by path, of files that change only; None removes a file. The config is among them."""
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    tombstones: int = 0
    deleted: int = 0
    """Beads that the file no longer has."""
    older: int = 0
    """Records from before `Wishes.since`, which are left."""
    kept_links: Mapping[str, int] = field(default_factory=dict)
    """How many links of the file are dangling, external, duplicate, self or second-parent."""
    warnings: tuple[str, ...] = ()
    kept_whole: int = 0
    """Lines that had to be kept as they are, because nothing less gives them back."""
    changes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(created, updated or deleted; id; keys of an update) of all that changes, in the order of the lines."""
    conflicts: tuple[Conflict, ...] = ()
    left: tuple[Problem, ...] = ()
    """The lines that were left because they are bad."""
    plan: Plan = field(default_factory=Plan, repr=False)
    """The plan once the files are written, plan files aside; of beads that changed what rules read, without `data`."""
