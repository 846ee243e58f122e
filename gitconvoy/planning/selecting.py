"""What a convoy made from an epic tracks (SPEC 6, 8 `create --from-epic`)."""

from __future__ import annotations

from gitconvoy.checks.selection import epic_tracks
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Refused
from gitconvoy.planning.desk import Desk


@dataclass(frozen=True, slots=True)
class FromEpic:
    """The slingable descendants of an epic, sorted, and the epic's title."""

    tracks: tuple[str, ...]
    title: str


def from_epic(desk: Desk, epic: str) -> FromEpic:
    """NotFound for an unknown id; Refused where it is no epic, or has nothing that could be dispatched."""
    bead = desk.bead(epic)
    view = desk.view()
    if not view.graph.is_epic(epic):
        raise Refused(f"{epic} is no epic, it is a {bead.type}", hint="name its beads instead", code="not-an-epic")
    tracks, _ = epic_tracks(view, epic)
    if not tracks:
        hint = f"add beads with `gitconvoy bead add TITLE --parent {epic}`"
        raise Refused(f"epic {epic} has no bead that could be dispatched", hint=hint, code="nothing-slingable")
    return FromEpic(tracks, bead.title)
