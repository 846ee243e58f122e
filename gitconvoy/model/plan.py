"""The plan plane as values: beads, links, convoys, settings (SPEC 3)."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import field
from typing import Any, Protocol

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Problem
from gitconvoy.model.ids import longest_prefix
from gitconvoy.model.kinds import ARCHIVED_CONVOYS

BLOCKING = frozenset({"blocks", "conditional-blocks", "waits-for", "merge-blocks"})
"""The link types that block; no other type ever does (SPEC 4)."""

TYPES: Mapping[str, bool] = {
    **dict.fromkeys(("task", "bug", "feature", "chore"), True),
    **dict.fromkeys(("epic", "decision", "spike", "story", "milestone", "message", "molecule", "gate", "event"), False),
}
"""Built-in bead types: whether they are slingable (SPEC 3.2)."""

STATUSES: Mapping[str, str] = {
    "open": "active",
    "in_progress": "wip",
    "hooked": "wip",
    "blocked": "frozen",
    "deferred": "frozen",
    "pinned": "frozen",
    "closed": "done",
}
"""Built-in bead statuses and their categories (SPEC 3.2)."""

_NOTHING: Mapping[str, str] = {}
OUTCOMES = ("done", "failed", "skipped", "cancelled", "duplicate")
FANOUT = "fanout"
"""The layout in which beads are spread over sub-folders (SPEC 3.5)."""
STAGED = frozenset({"staged_ready", "staged_warnings"})
CONVOY_STATUSES = ("staged_ready", "staged_warnings", "open", "closed")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of `depends_on`: the bead that holds it depends on `target`."""

    target: str
    type: str = "blocks"
    gate: str | None = None
    """Only for waits-for: `all-children` (default) or `any-children`."""

    @property
    def blocking(self) -> bool:
        """Whether this type of link can block at all."""
        return self.type in BLOCKING


@dataclass(frozen=True, slots=True)
class Bead:
    """A work item as its file says it (SPEC 3.2); `path` is relative to the repository's root."""

    id: str
    title: str
    path: str = ""
    type: str = "task"
    priority: int = 2
    parent: str | None = None
    links: tuple[Link, ...] = ()
    labels: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    status: str = "open"
    assignee: str | None = None
    outcome: str | None = None
    owner: str | None = None
    defer_until: int | None = None
    due_at: int | None = None
    archived: bool = False
    tombstone: bool = False
    """Deleted in the history it was imported from: counts as closed, cancelled (SPEC 4)."""
    imported_links: frozenset[tuple[str, str]] = frozenset()
    """(type, target) of links, ("parent", target) for the parent, that stand as an import brought them (SPEC 5)."""
    data: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The whole document, for `show`, for workers and for export."""


@dataclass(frozen=True, slots=True)
class Convoy:
    """A tracked batch as its file says it (SPEC 3.3)."""

    id: str
    title: str
    path: str = ""
    tracks: tuple[str, ...] = ()
    epic: str | None = None
    status: str = "staged_ready"
    paused: bool = False
    owned: bool = False
    mountain: bool = False
    priority: int = 2
    max_workers: int | None = None
    merge: str | None = None
    base_branch: str | None = None
    owner: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def archived(self) -> bool:
        """Whether its file lies in the archive: it is a convoy like any, and closed."""
        return self.path.startswith(ARCHIVED_CONVOYS + "/")


@dataclass(frozen=True, slots=True)
class Rig:
    """A project that beads belong to, by id prefix (SPEC 3.5)."""

    name: str
    prefixes: tuple[str, ...]
    parked: bool = False
    base_branch: str | None = None
    merge: str = "mr"
    workers: tuple[str, ...] = ()
    """Names of its workers; an address is `rig/name`. Empty: `polecat-1` .. `polecat-n`."""
    max_workers: int | None = None
    elsewhere: bool = False
    """Its beads live in a repository of its own, which not every clone has beside it."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The `dispatch` block of the config; times in seconds (SPEC 3.5)."""

    dispatcher: str = "record"
    auto: bool = True
    max_workers: int = 4
    max_attempts: int = 3
    backoff: int = 60
    backoff_max: int = 3600
    lease: int = 1800
    paused: bool = False

    def delay(self, failures: int) -> int:
        """Seconds to wait after the n-th failure: backoff, doubling up to its maximum."""
        return min(self.backoff << min(max(failures - 1, 0), 40), self.backoff_max)


@dataclass(frozen=True, slots=True)
class Config:
    """`.convoy/config.yaml` with every default filled in (SPEC 3.5)."""

    prefix: str = "gt"
    convoy_prefix: str = "hq-cv"
    rigs: Mapping[str, Rig] = field(default_factory=dict)
    """By name; never empty once read: without `rigs` there is one, named like `prefix`."""
    dispatch: Dispatch = Dispatch()
    auto_close_epics: bool = True
    inherit_blockers: bool = True
    types: Mapping[str, bool] = field(default_factory=lambda: dict(TYPES))
    """All types, built-in and own: whether they are slingable."""
    statuses: Mapping[str, str] = field(default_factory=lambda: dict(STATUSES))
    """All statuses, built-in and own: their category."""
    layout: str = "flat"

    def slingable(self, bead_type: str) -> bool:
        """Whether beads of this type are ever dispatched; unknown types are not."""
        return self.types.get(bead_type, False)

    def category(self, status: str) -> str:
        """active, wip, frozen or done; an unknown status is frozen (never dispatched, never done)."""
        return self.statuses.get(status, "frozen")

    def rig_of(self, bead_id: str) -> Rig | None:
        """The rig whose prefix is the longest that fits the id, or None (SPEC 3.1)."""
        owners = self.prefixes()
        best = longest_prefix(bead_id, owners)
        return owners[best] if best is not None else None

    def prefixes(self) -> dict[str, Rig]:
        """The rig that each prefix belongs to."""
        return {prefix: rig for rig in self.rigs.values() for prefix in rig.prefixes}

    def workers_of(self, rig: Rig) -> tuple[str, ...]:
        """Addresses of a rig's workers, `rig/name`, in the order in which they are used."""
        if rig.workers:
            return tuple(f"{rig.name}/{name}" for name in rig.workers)
        count = rig.max_workers or self.dispatch.max_workers
        return tuple(f"{rig.name}/polecat-{n}" for n in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class Abroad:
    """A rig's own repository as it was read; where a bead comes from that lives there."""

    rig: str
    root: str
    """The repository's main worktree, or its git directory where it is bare."""
    commit: str
    """The tip of the trunk there that was read."""


class Rest(Protocol):
    """The beads of a plan that were left where they are, because the rules need no more of them than is said here.

    No bead of such a plan is in a cycle, of links or of parents: else none of it is left out.
    """

    @property
    def outcomes(self) -> Mapping[str, str]:
        """Those that their files close: id -> outcome; cancelled for tombstones."""

    @property
    def unclosed(self) -> Collection[str]:
        """The ids of all others. No rule closes any of them, and no fact of the ledger is about one."""

    @property
    def families(self) -> Collection[str]:
        """The parents of those."""

    def bead(self, bead_id: str) -> Bead | None:
        """One of them, read now."""

    def remaining(self, closed: Container[str]) -> Mapping[str, int]:
        """As `graph.Shape.remaining`, over all beads of the plan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan plane of one tree (SPEC 1): everything under `.convoy/` as values.

    `beads` are the active ones, `archive` the archived ones and tombstones (targets of links, never dispatched).
    `broken` holds the ids of files that cannot be read or break the schema, or stand in two files: they block, they
    freeze the convoys that track them (SPEC 3.1). `config_broken`: nothing may be dispatched.

    Beads of rigs with repositories of their own are among them once those were joined (`engine.joining`): `abroad` says
    which, and `away` which rigs' repositories cannot be read here, so that nobody knows what beads those have.
    """

    config: Config = Config()
    beads: Mapping[str, Bead] = field(default_factory=dict)
    convoys: Mapping[str, Convoy] = field(default_factory=dict)
    archive: Mapping[str, Bead] = field(default_factory=dict)
    plan_blobs: Mapping[str, str] = field(default_factory=dict)
    """Blob id (of git) of each plan file by convoy id."""
    broken: frozenset[str] = frozenset()
    config_broken: bool = False
    exists: bool = True
    """Whether there is a `.convoy/` at all."""
    problems: tuple[Problem, ...] = ()
    """What reading found: syntax, schema, ids; graph and transitions are `checks`' business."""
    tree: str | None = None
    """The id of the `.convoy` tree object, where the plan was read from a commit."""
    homes: Mapping[str, Abroad] = field(default_factory=dict)
    """The repositories of rigs that were read beside this one, by rig, whether or not beads live there."""
    abroad: Mapping[str, Abroad] = field(default_factory=dict)
    """The beads (unreadable ones too) that live in the repositories of their rigs; `path` is absolute there."""
    away: Mapping[str, str] = field(default_factory=dict)
    """Rig -> why its repository cannot be used."""
    away_parents: frozenset[str] | None = frozenset()
    """The beads that may have children in repositories that are away; None: any may."""
    rest: Rest | None = field(default=None, compare=False, repr=False)
    """What else there is, where `beads` and `archive` hold only the beads that the rules need for what was asked."""

    def bead(self, bead_id: str) -> Bead | None:
        """An active or archived bead by id."""
        found = self.beads.get(bead_id) or self.archive.get(bead_id)
        if found is None and self.rest is not None and self._is_left(bead_id):
            return self.rest.bead(bead_id)
        return found

    def _is_left(self, bead_id: str) -> bool:
        return self.rest is not None and (bead_id in self.rest.outcomes or bead_id in self.rest.unclosed)

    def left(self) -> Iterator[str]:
        """The ids of the `rest`."""
        return iter(() if self.rest is None else (*self.rest.outcomes, *self.rest.unclosed))

    @property
    def settled(self) -> Mapping[str, str]:
        """The closed beads among the `rest`, with their outcomes."""
        return self.rest.outcomes if self.rest is not None else _NOTHING

    def has(self, bead_id: str) -> bool:
        """Whether there is such a bead, active or archived, without a look at it."""
        return bead_id in self.beads or bead_id in self.archive or self._is_left(bead_id)

    def away_reason(self, bead_id: str) -> str | None:
        """Why the repository of the bead's rig cannot be used, in words; None where nothing is known against it."""
        rig = self.config.rig_of(bead_id) if self.away else None
        if rig is None or rig.name not in self.away:
            return None
        return f"the repository of the rig {rig.name} cannot be used: {self.away[rig.name]}"

    def unseen(self, bead_id: str) -> str | None:
        """The same for an id that is no bead here: it may be one in the repository that is away. Else None."""
        if not self.away or self.bead(bead_id) is not None or bead_id in self.broken:
            return None
        return self.away_reason(bead_id)

    def unseen_ids(self) -> frozenset[str]:
        """The ids that convoys track and beads name, and that are unseen in this sense."""
        if not self.away:
            return frozenset()
        named = {one for convoy in self.convoys.values() for one in convoy.tracks}
        for bead in self.beads.values():
            named |= {link.target for link in bead.links} | ({bead.parent} if bead.parent is not None else set())
        return frozenset(one for one in named if self.unseen(one) is not None)

    def may_have_unseen_children(self, bead_id: str) -> bool:
        """Whether a bead has children that were not read, or may have some in a repository that is away."""
        if self.rest is not None and bead_id in self.rest.families:
            return True
        return bool(self.away) and (self.away_parents is None or bead_id in self.away_parents)
