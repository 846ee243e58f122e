"""The kinds of plan files as data: folder, schema, key order, which lists are sets (SPEC 3)."""

from __future__ import annotations

from collections.abc import Mapping

from gitconvoy.dataclass import dataclass

ROOT = ".convoy"
BRANCH_PREFIX = "convoy/"
"""What the branches of attempts begin with, where `gitconvoy.branchPrefix` says nothing else."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: where it lives, what checks it, how it is written."""

    name: str
    folder: str
    """Below the repository's root, without a trailing slash; empty for a kind outside of the plan plane."""
    keys: tuple[str, ...]
    """Canonical key order."""
    sets: frozenset[str] = frozenset()
    """Keys whose lists are written sorted and without duplicates."""
    text: frozenset[str] = frozenset()
    """Keys whose values may span lines, written as literal blocks."""


BEAD = Kind(
    "bead",
    f"{ROOT}/beads",
    (
        "id", "title", "type", "priority", "parent", "depends_on", "labels", "touches", "description", "design",
        "acceptance_criteria", "notes", "estimate_minutes", "due_at", "defer_until", "external_ref", "owner",
        "created_at", "created_by", "updated_at", "metadata", "comments", "status", "assignee", "outcome",
        "closed_at", "close_reason",
    ),
    frozenset({"depends_on", "labels", "touches"}),
    frozenset({"description", "design", "acceptance_criteria", "notes", "close_reason", "text"}),
)  # fmt: skip
CONVOY = Kind(
    "convoy",
    f"{ROOT}/convoys",
    (
        "id", "title", "tracks", "epic", "owner", "notify", "watchers", "merge", "base_branch", "owned", "molecule",
        "max_workers", "mountain", "priority", "due_at", "labels", "created_at", "created_by", "updated_at", "paused",
        "metadata", "status", "outcome", "closed_at", "close_reason",
    ),
    frozenset({"tracks", "labels", "watchers"}),
    frozenset({"close_reason"}),
)  # fmt: skip
PLAN = Kind("plan", f"{ROOT}/plans", ("convoy", "waves", "gates", "outside", "critical_path"))
CONFIG = Kind(
    "config",
    ROOT,
    (
        "format",
        "prefix",
        "convoy_prefix",
        "rigs",
        "dispatch",
        "epics",
        "inherit_blockers",
        "types",
        "statuses",
        "layout",
    ),
)
RECORD_BEAD = Kind(
    "record-bead",
    "",
    (
        "id", "convoy", "worker", "machine", "via", "attempt", "token", "since", "branch", "base", "submitted",
        "merged_as", "failures", "not_before", "status", "outcome", "file_status", "conflict",
    ),
)  # fmt: skip
RECORD_CONVOY = Kind(
    "record-convoy",
    "",
    (
        "id", "status", "launched_at", "paused", "completed_at", "close_reason", "outcome", "file_status", "watchers",
        "told",
    ),
    frozenset({"watchers"}),
)  # fmt: skip
RECORD_TOWN = Kind("record-town", "", ("paused",))

KINDS = {kind.name: kind for kind in (BEAD, CONVOY, PLAN, CONFIG, RECORD_BEAD, RECORD_CONVOY, RECORD_TOWN)}
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    BEAD.name: {"type": "task", "priority": 2, "status": "open", "outcome": "done"},
    CONVOY.name: {"status": "staged_ready", "priority": 2, "paused": False, "owned": False, "mountain": False},
}
"""By kind: what a key that is left out means; new documents leave these out."""
CONFIG_PATH = f"{ROOT}/config.yaml"
ARCHIVE = f"{ROOT}/archive"
ARCHIVED_CONVOYS = f"{ARCHIVE}/convoys"


def kind_of(path: str) -> Kind | None:
    """The kind of a plan file by its path from the repository's root; None for other paths.

    Archived convoys (`.convoy/archive/convoys/**`) are of kind convoy, all else in the archive is beads. Plans and
    convoys lie flat, beads in any sub-folder.
    """
    if path == CONFIG_PATH:
        return CONFIG
    if not path.endswith(".yaml"):
        return None
    for kind in (BEAD, CONVOY, PLAN):
        if path.startswith(kind.folder + "/"):
            return kind
    if path.startswith(ARCHIVED_CONVOYS + "/"):
        return CONVOY
    return BEAD if path.startswith(ARCHIVE + "/") else None


def stem(path: str) -> str:
    """The file name without folders and `.yaml`: the id that the file must hold."""
    return path.rsplit("/", 1)[-1].removesuffix(".yaml")
