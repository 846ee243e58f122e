"""What must hold of a plan beyond each file's schema: links, parents, tracking, vocabulary (SPEC 3, 4, 5, 6).

Problems carry key paths; whoever has the bytes looks up the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from gitconvoy.checks.cycle_checks import check_cycles
from gitconvoy.errors import Problem
from gitconvoy.model.ids import is_external
from gitconvoy.model.ledger import CLOSED, Ledger
from gitconvoy.model.places import convoy_path, laid_out
from gitconvoy.model.plan import FANOUT, Bead, Plan
from gitconvoy.model.state import State
from gitconvoy.rules.view import View


def check_plan(plan: Plan, ledger: Ledger | None = None, view: View | None = None) -> list[Problem]:
    """All findings about a plan, sorted by path and key path. Without a ledger, `tracked-twice` is a warning.

    `view`: one of this plan and ledger, where there is one already.

    Codes: `dangling`, `parent-dangling`, `parent-cycle`, `cycle` (warnings where all their links stand unchanged from
    an import), `tracked-twice`, `missing-tracked`, `unknown-type`, `unknown-status`, `no-rig` (a warning), `elsewhere`
    (a warning: what is named may be in a repository that is away), `misplaced` (a warning: it counts all the same).
    The archive is not checked: nothing in it is ever dispatched.
    """
    view = view or View(State(plan, ledger or Ledger()))
    found = [
        *_links(plan),
        *check_cycles(plan, view.graph),
        *_tracking(view, known=ledger is not None),
        *_vocabulary(plan),
        *_places(view),
    ]
    return sorted(found, key=lambda p: (p.path, [str(part).zfill(6) for part in p.at], p.code, p.ids))


def _exists(plan: Plan, bead_id: str) -> bool:
    """Whether a link may point there. An unreadable file exists: its own problem is reported where it was read."""
    return is_external(bead_id) or plan.bead(bead_id) is not None or bead_id in plan.broken


def _links(plan: Plan) -> Iterator[Problem]:
    by_lower = _by_lower(plan)
    for bead in plan.beads.values():
        for index, link in enumerate(bead.links):
            if (unseen := plan.unseen(link.target)) is not None:
                message = f"{bead.id} depends on {link.target} ({link.type}), which cannot be seen: {unseen}"
                yield _elsewhere(plan, bead.path, message, ("depends_on", index), bead.id, link.target)
            elif not _exists(plan, link.target):
                yield Problem(
                    bead.path,
                    "dangling",
                    f"{bead.id} depends on {link.target} ({link.type}), which does not exist",
                    _near(link.target, plan, by_lower, "remove the link"),
                    _severity((link.type, link.target) in bead.imported_links),
                    at=("depends_on", index),
                    ids=(bead.id, link.target),
                )
        if bead.parent is not None and (unseen := plan.unseen(bead.parent)) is not None:
            message = f"the parent of {bead.id}, {bead.parent}, cannot be seen: {unseen}"
            yield _elsewhere(plan, bead.path, message, ("parent",), bead.id, bead.parent)
        elif bead.parent is not None and not _exists(plan, bead.parent):
            yield Problem(
                bead.path,
                "parent-dangling",
                f"the parent of {bead.id}, {bead.parent}, does not exist",
                _near(bead.parent, plan, by_lower, "remove `parent`"),
                _severity(("parent", bead.parent) in bead.imported_links),
                at=("parent",),
                ids=(bead.id, bead.parent),
            )


def _elsewhere(plan: Plan, path: str, message: str, at: tuple[str | int, ...], holder: str, target: str) -> Problem:
    rig = plan.config.rig_of(target)
    key = f"gitconvoy.rig.{rig.name if rig else 'NAME'}.path"
    hint = f"where its repository is on this machine says git config {key} DIR"
    return Problem(path, "elsewhere", message, hint, "warning", at=at, ids=(holder, target))


def _severity(imported: bool) -> str:
    return "warning" if imported else "error"


def _near(target: str, plan: Plan, by_lower: Mapping[str, str], otherwise: str) -> str:
    """The remedy for a missing bead; what was meant is only looked for where that is cheap."""
    if target in plan.convoys:
        return f"{target} is a convoy; {otherwise}"
    match = by_lower.get(target.lower())
    return f"did you mean {match}?" if match else f"{otherwise}, or add that bead"


def _by_lower(plan: Plan) -> dict[str, str]:
    return {bead_id.lower(): bead_id for bead_id in plan.beads}


def _tracking(view: View, *, known: bool) -> Iterator[Problem]:
    plan = view.plan
    by_lower = _by_lower(plan)
    trackers: dict[str, list[str]] = {}
    for convoy_id, convoy in sorted(plan.convoys.items()):
        if view.convoy_status(convoy_id) == CLOSED:
            continue
        for index, bead_id in enumerate(convoy.tracks):
            named = trackers.setdefault(bead_id, [])
            if convoy_id not in named:
                named.append(convoy_id)
            if (unseen := plan.unseen(bead_id)) is not None:
                message = f"convoy {convoy_id} tracks {bead_id}, which cannot be seen: {unseen}"
                yield _elsewhere(plan, convoy.path, message, ("tracks", index), convoy_id, bead_id)
            elif plan.bead(bead_id) is None and bead_id not in plan.broken:
                yield Problem(
                    convoy.path,
                    "missing-tracked",
                    f"convoy {convoy_id} tracks {bead_id}, which does not exist",
                    _near(bead_id, plan, by_lower, f"remove it (`gitconvoy remove {convoy_id} {bead_id}`)"),
                    at=("tracks", index),
                    ids=(convoy_id, bead_id),
                )
    for bead_id, convoys in trackers.items():
        if len(convoys) > 1:
            yield _twice(plan, bead_id, convoys, known=known)


def _twice(plan: Plan, bead_id: str, convoys: list[str], *, known: bool) -> Problem:
    last = plan.convoys[convoys[-1]]
    return Problem(
        last.path,
        "tracked-twice",
        f"{bead_id} is tracked by {' and '.join(convoys)}, of which none is closed",
        f"remove it from all but one (`gitconvoy remove {last.id} {bead_id}`); until then none of them dispatches it",
        "error" if known else "warning",
        at=("tracks", last.tracks.index(bead_id)),
        ids=(bead_id, *convoys),
    )


def _vocabulary(plan: Plan) -> Iterator[Problem]:
    if plan.config_broken:  # what the config adds is unknown
        return
    for bead in plan.beads.values():
        yield from _word(bead, "type", bead.type, plan.config.types)
        yield from _word(bead, "status", bead.status, plan.config.statuses)
        if plan.config.rig_of(bead.id) is None and plan.config.category(bead.status) != "done":
            yield Problem(
                bead.path,
                "no-rig",
                f"{bead.id} belongs to no rig: none has a prefix that fits",
                "add its prefix to a rig in .convoy/config.yaml; until then it is never dispatched",
                "warning",
                at=("id",),
                ids=(bead.id,),
            )


def _word(bead: Bead, key: str, value: str, known: Iterable[str]) -> Iterator[Problem]:
    if value in known:
        return
    near = get_close_matches(value, known, 1)
    add = f"add it under `{key if key != 'status' else 'statuse'}s:` in .convoy/config.yaml"
    yield Problem(
        bead.path,
        f"unknown-{key}",
        f"{bead.id} has the unknown {key} {value!r}",
        f"did you mean {near[0]}? Else {add}" if near else add,
        at=(key,),
        ids=(bead.id, value),
    )


_MOVES = {
    "flat": "`gitconvoy tidy --layout=flat` moves all that stand elsewhere",
    "fanout": "`gitconvoy tidy --layout=fanout` moves all that stand elsewhere",
}


def _places(view: View) -> Iterator[Problem]:
    """Files that the layout, or the archive, has elsewhere. Wherever they stand, they count (SPEC 3.1)."""
    plan, layout = view.plan, view.plan.config.layout
    for bead in plan.beads.values():
        wanted = laid_out(bead.path, bead.id, fanned=layout == FANOUT) if bead.id not in plan.abroad else bead.path
        if wanted != bead.path and bead.path:
            message = f"by the layout ({layout}) this bead stands at {wanted}"
            yield Problem(bead.path, "misplaced", message, _MOVES[layout], "warning", ids=(bead.id,))
    for convoy in plan.convoys.values():
        if convoy.archived and view.convoy_status(convoy.id) != CLOSED:
            message = f"{convoy.id} lies in the archive, and is {view.convoy_status(convoy.id)}"
            hint = f"git mv {convoy.path} {convoy_path(convoy.id)}"
            yield Problem(convoy.path, "misplaced", message, hint, "warning", ids=(convoy.id,))
