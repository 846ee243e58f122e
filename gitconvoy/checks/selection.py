"""What a person means by `stage ARGS`: one epic, beads, or one staged convoy (SPEC 6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Refused
from gitconvoy.model.plan import STAGED
from gitconvoy.rules.view import View

EPIC, BEADS, CONVOY = "epic", "beads", "convoy"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be staged, before it is judged.

    `kind`: epic, beads or convoy. `tracks`: the beads that the convoy tracks, sorted; ids that do not exist among them
    are a finding of the analysis. `members`: what the tree shows, in its order: the epic and all its descendants, or
    the tracked beads.
    """

    kind: str
    tracks: tuple[str, ...]
    members: tuple[str, ...]
    epic: str | None = None
    convoy_id: str | None = None
    base_branch: str | None = None
    max_workers: int | None = None


def choose(
    view: View, args: Sequence[str], *, base_branch: str | None = None, max_workers: int | None = None
) -> Selection:
    """The selection that the ids name; `base_branch` and `max_workers` are those of the convoy to be.

    Refused for nothing, several epics or convoys, mixed kinds, open or closed convoys, and beads that another convoy,
    which it names, tracks. Unknown ids count as beads.
    """
    ids = tuple(dict.fromkeys(args))
    kinds: dict[str, list[str]] = {EPIC: [], BEADS: [], CONVOY: []}
    for one in ids:
        kinds[_kind(view, one)].append(one)
    used = [kind for kind, named in kinds.items() if named]
    if not used:
        raise Refused("nothing to stage", hint="name one epic, or beads, or one staged convoy", code="nothing-named")
    if len(used) > 1:
        each = "; ".join(f"{kind}: {', '.join(kinds[kind])}" for kind in used)
        raise Refused(
            f"mixed kinds cannot be staged together ({each})",
            hint="stage one epic, or beads, or one convoy",
            code="mixed-kinds",
        )
    kind = used[0]
    if kind != BEADS and len(ids) > 1:
        raise Refused(
            f"several {kind}s cannot be staged together: {', '.join(ids)}",
            hint=f"stage each {kind} by itself",
            code="several",
        )
    if kind == CONVOY:
        return _convoy(view, ids[0], base_branch, max_workers)
    tracks, members = epic_tracks(view, ids[0]) if kind == EPIC else (tuple(sorted(ids)), ids)
    refuse_tracked(view, tracks)
    epic = ids[0] if kind == EPIC else None
    return Selection(kind, tracks, members, epic, base_branch=base_branch, max_workers=max_workers)


def _kind(view: View, one: str) -> str:
    if one in view.state.plan.convoys:
        return CONVOY
    return EPIC if view.graph.is_epic(one) else BEADS


def _convoy(view: View, convoy_id: str, base_branch: str | None, max_workers: int | None) -> Selection:
    status = view.convoy_status(convoy_id)
    if status not in STAGED:
        hint = "only staged convoys are re-staged" + ("; reopen it first" if status == "closed" else "")
        raise Refused(f"convoy {convoy_id} is {status}", hint=hint, code="not-staged")
    convoy = view.state.plan.convoys[convoy_id]
    refuse_tracked(view, convoy.tracks, besides=convoy_id)
    tracks = tuple(sorted(set(convoy.tracks)))
    return Selection(
        CONVOY,
        tracks,
        tracks,
        convoy.epic,
        convoy_id,
        base_branch or convoy.base_branch,
        max_workers or convoy.max_workers,
    )


def epic_tracks(view: View, epic: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of an epic: its slingable descendants, sorted, and itself with all descendants in the order of the tree."""
    plan = view.state.plan
    members = tuple(dict.fromkeys((epic, *view.graph.hierarchy.descendants(epic))))
    slingable = (one for one in members[1:] if one in plan.beads and plan.config.slingable(plan.beads[one].type))
    return tuple(sorted(slingable)), members


def refuse_tracked(view: View, beads: Iterable[str], besides: str | None = None) -> None:
    """Refused where a convoy that is not closed, other than `besides`, tracks one of the beads: it is named."""
    taken = [(bead, convoy) for bead in beads for convoy in view.tracking(bead) if convoy != besides]
    if not taken:
        return
    convoys = list(dict.fromkeys(convoy for _, convoy in taken))
    first = [f"{bead} is tracked by convoy {convoy}" for bead, convoy in islice(taken, 5)]
    more = f" (and {len(taken) - 5} more)" if len(taken) > 5 else ""
    raise Refused("; ".join(first) + more, hint=_untrack(convoys, taken), code="tracked")


def _untrack(convoys: Collection[str], taken: Sequence[tuple[str, str]]) -> str:
    bead, convoy = taken[0]
    if len(taken) == 1:
        return f"remove it there (`gitconvoy remove {convoy} {bead}`), or close that convoy"
    return f"a bead is in one convoy at a time: remove them from {', '.join(convoys)}, or close it"
