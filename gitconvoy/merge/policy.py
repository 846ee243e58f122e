"""How fields are merged that both sides changed in different ways; the table of `docs/merging-files.md` (SPEC 3).

Where only one side changed a field, or both in the same way, that change is taken, whatever the table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, Kind


class How(Enum):
    """What becomes of a field that both sides changed; the value is how the documentation says it."""

    CONFLICT = "a conflict"
    LINES = "merged line by line, as git does with text; a conflict where both changed the same lines"
    JOIN = "merged line by line; where both changed the same lines, both are kept"
    SET = "as a set: what either side added is in, what either side removed is out"
    LINKS = "as a set of links, one target at a time: removed by either side is out, what both added is kept"
    LIST = (
        "what either side added is in, what either side removed is out; a conflict where both put it in another order"
    )
    COMMENTS = "united, by `id` or else by author, time and text; the oldest first"
    MAPPING = "key by key; a conflict where both changed one key in different ways"
    ENDING = "one group: the side that closed it wins, then an open convoy over a staged one; see below"
    URGENT = "the more urgent one, that is the lower number"
    EARLIER = "the earlier one"
    LATER = "the later one"
    TRUE = "`true` wins: nothing is dispatched that one side wanted to stop"


ENDING = ("status", "outcome", "closed_at", "close_reason")
"""These keys of beads and convoys belong together."""
_SHARED = {
    **dict.fromkeys(("title", "owner", "due_at", "created_by"), How.CONFLICT),
    "priority": How.URGENT,
    "labels": How.SET,
    "created_at": How.EARLIER,
    "updated_at": How.LATER,
    "metadata": How.MAPPING,
    **dict.fromkeys(ENDING, How.ENDING),
}
POLICIES: Mapping[str, Mapping[str, How]] = {
    BEAD.name: {
        **dict.fromkeys(
            ("id", "type", "parent", "estimate_minutes", "defer_until", "external_ref", "assignee"), How.CONFLICT
        ),
        **_SHARED,
        "depends_on": How.LINKS,
        "touches": How.SET,
        "description": How.LINES,
        "design": How.LINES,
        "acceptance_criteria": How.LINES,
        "notes": How.JOIN,
        "comments": How.COMMENTS,
    },
    CONVOY.name: {
        **dict.fromkeys(
            ("id", "epic", "merge", "base_branch", "owned", "molecule", "max_workers", "mountain"), How.CONFLICT
        ),
        **_SHARED,
        "tracks": How.SET,
        "watchers": How.SET,
        "notify": How.LIST,
        "paused": How.TRUE,
    },
    CONFIG.name: {
        **dict.fromkeys(("format", "prefix", "convoy_prefix", "inherit_blockers", "layout"), How.CONFLICT),
        **dict.fromkeys(("rigs", "dispatch", "epics", "types", "statuses", "metadata"), How.MAPPING),
        "dispatch.paused": How.TRUE,
        "rigs.*.prefixes": How.LIST,
        "rigs.*.workers": How.LIST,
        "rigs.*.parked": How.TRUE,
    },
}
"""By kind of file and key, of nested keys the path, with `*` for any name."""


def how(kind: Kind, path: tuple[str, ...], *, mappings: bool) -> How:
    """The policy of a field by its path; with `mappings` both values are mappings, which are merged key by key.

    `x-` keys and what `metadata` holds are merged so; other values of theirs conflict.
    """
    table = POLICIES[kind.name]
    otherwise = How.MAPPING if mappings else How.CONFLICT
    if len(path) == 1:
        return table.get(path[0], otherwise)
    if any("." in step for step in path) or path[0] == "metadata":
        return otherwise
    starred = ".".join(("rigs", "*", *path[2:]) if path[0] == "rigs" and len(path) > 2 else path)
    return table.get(starred, otherwise)
