"""Dispatching beads at once: `sling`, with a convoy made for them where none tracks them yet (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.checks.selection import refuse_tracked
from gitconvoy.dataclass import dataclass
from gitconvoy.engine import requests
from gitconvoy.engine.convoys import convoy_requests
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.plans import editing
from gitconvoy.engine.plans.branches import branch_exists
from gitconvoy.engine.react import Outcome, transact
from gitconvoy.engine.requests import Slung
from gitconvoy.engine.rewound import require_writable
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, NotFound, Refused
from gitconvoy.model.plan import STAGED, Plan
from gitconvoy.model.state import State
from gitconvoy.planning.convoy_edits import create_convoy
from gitconvoy.rules.view import View

_NEVER = frozenset({"slingable", "status", "rig", "readable"})
"""Rules that no waiting mends."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for. `merge` and `base_branch` are those of the convoy that is made, if one is."""

    beads: tuple[str, ...]
    worker: str | None = None
    force: bool = False
    no_convoy: bool = False
    message: str = ""
    merge: str | None = None
    base_branch: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: the convoy that was made (or would be), and the transaction."""

    convoy: str | None
    title: str | None
    outcome: Outcome[Slung]


def split_worker(plan: Plan, words: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """(beads, worker) of `BEAD... [WORKER]`: the last word is a worker if it cannot be a bead.

    It cannot with a `/` in it, or where no bead has that id and no rig a prefix that fits it.
    """
    last = words[-1]
    known = plan.bead(last) is not None or last in plan.broken
    names_worker = "/" in last or (len(words) > 1 and not known and plan.config.rig_of(last) is None)
    if not names_worker:
        return tuple(dict.fromkeys(words)), None
    if len(words) == 1:
        raise NotFound(f"{last} is a worker, not a bead", hint=f"gitconvoy sling BEAD {last}")
    return tuple(dict.fromkeys(words[:-1])), requests.worker_name(last)


def sling(town: Town, wish: Wish, *, preview: bool = False) -> Answer:
    """Dispatch the beads, in a convoy made for those that none tracks. Refused where a rule that holds says no.

    The convoy's file is committed while it is staged, which hooks leave alone; then one transaction launches it and
    dispatches, so that nobody else can be given the beads in between.
    """
    require_writable(town)
    state = town.state()
    town.require_plan(state.plan)
    homeless = () if wish.no_convoy else _homeless(state, wish.beads)
    if not homeless:
        if (wish.merge or wish.base_branch) and not wish.no_convoy:
            owner = View(state).tracking(wish.beads[0])[0]
            hint = f"gitconvoy set {owner} merge=... base_branch=..."
            raise Refused(
                f"{owner} tracks {wish.beads[0]} already and has settings of its own", hint=hint, code="settings-clash"
            )
        return Answer(None, None, transact(town, lambda draft: _sling(draft, wish), preview=preview))
    title = _title(state.plan, homeless)
    would = transact(town, lambda draft: _sling(draft, wish, homeless=True), feed=False, preview=True)
    _refuse_for_good(would.value)
    if preview:
        return Answer(None, title, would)
    convoy = _make_convoy(town, wish, homeless, title)

    def request(draft: Draft) -> Slung:
        convoy_requests.launch(draft, convoy, force=wish.force, branches=branch_exists(town))
        return _sling(draft, wish)

    try:
        return Answer(convoy, title, transact(town, request))
    except ConvoyError as error:
        hint = f"{convoy} was made for it and stays staged: gitconvoy launch {convoy}, or gitconvoy close {convoy}"
        error.hint = f"{error.hint}; {hint}" if error.hint else hint
        raise


def _sling(draft: Draft, wish: Wish, *, homeless: bool = False) -> Slung:
    return requests.sling(
        draft,
        wish.beads,
        wish.worker,
        force=wish.force,
        no_convoy=wish.no_convoy or homeless,
        message=wish.message,
    )


def _refuse_for_good(slung: Slung) -> None:
    """No convoy is made for beads that do not merely wait: closed ones, epics, those without a rig."""
    for _, refusal in slung.waiting:
        if refusal.code in _NEVER:
            raise refusal


def _homeless(state: State, beads: Sequence[str]) -> tuple[str, ...]:
    """Those of the beads that no convoy tracks. Refused where a staged one does: launching that is what is wanted."""
    view = View(state)
    for bead in beads:
        staged = [convoy for convoy in view.tracking(bead) if view.convoy_status(convoy) in STAGED]
        if staged:
            raise Refused(
                f"{staged[0]} tracks {bead} and is not launched yet",
                hint=f"gitconvoy launch {staged[0]}, or dispatch it without its convoy: --no-convoy",
                code="tracked",
            )
    return tuple(bead for bead in beads if not view.tracking(bead))


def _title(plan: Plan, beads: Sequence[str]) -> str:
    first = plan.bead(beads[0])
    more = f" and {len(beads) - 1} more" if len(beads) > 1 else ""
    return f"Work: {first.title if first else beads[0]}"[:480] + more


def _make_convoy(town: Town, wish: Wish, beads: Sequence[str], title: str) -> str:
    """A staged convoy of the beads, committed on the trunk, which has to be checked out."""
    trunk = town.settings.trunk.removeprefix(HEADS)
    if not editing.moved_trunk(town):
        raise Refused(
            f"no convoy tracks {beads[0]}, and one can only be made with the trunk ({trunk}) checked out",
            hint=f"git switch {trunk}, or --no-convoy",
            code="not-on-trunk",
        )
    desk = editing.open_desk(town)
    refuse_tracked(desk.view(), beads)
    changes = create_convoy(desk, title, beads, {"merge": wish.merge, "base_branch": wish.base_branch})
    editing.publish(town, desk, changes)
    return changes.ids[0]
