"""What commands that read share: the state they read, `--at REV`, and what is to be known about it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli.app import App
from gitconvoy.cli.desk import standing
from gitconvoy.cli.output import note
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError, Refused, UsageError

if TYPE_CHECKING:
    from gitconvoy.dispatch.breaker import Breaker
    from gitconvoy.engine.local import Local
    from gitconvoy.engine.town import Town
    from gitconvoy.model.plan import Plan
    from gitconvoy.model.state import Asked, State
    from gitconvoy.rules.view import View

F = TypeVar("F", bound=Callable[..., Any])


def at_option(function: F) -> F:
    """`--at REV`: the state of a trunk commit, a ledger commit, any other commit, or a date."""
    return click.option("--at", metavar="REV", help="Read the state at a commit or a date instead of now.")(function)


@dataclass(frozen=True)
class Moment:
    """The rules over a state, and what this machine knows beside it. `past`: the time is another one than now."""

    view: View
    look: Callable[[], Local]
    """What this machine knows; many answers need nothing of it."""
    past: bool = False

    @cached_property
    def local(self) -> Local:
        """What this machine knows, as it was when first asked for."""
        return self.look()

    @property
    def plan(self) -> Plan:
        """The plan that was read."""
        return self.view.plan


def moment(
    app: App,
    at: str | None = None,
    *,
    planless: bool = False,
    aside: bool = True,
    asked: Asked | None = None,
    meant: Callable[[Plan], Asked] | None = None,
) -> Moment:
    """The state now, at a revision or a date. NotFound for an unknown one, Refused where the trunk has no plan.

    `asked`: what the command asks of the state now, so much of its plan is enough; None: all. `meant`: the same once it
    is known which ids there are, for ids that a person may have written in part.

    With `planless` it may have none as long as there is a ledger. With `aside`, a branch that plans otherwise is noted.
    """
    from gitconvoy.rules.view import View

    town = app.town()
    if at is not None:
        from gitconvoy.engine import time_travel

        where = time_travel.point(town, at)
        then = time_travel.state_of(town, where)
        return Moment(View(then), lambda: time_travel.local_at(town, then, where), past=where.time is not None)
    state = _now_of(town, asked, meant)
    if aside:
        note_branch(app)
    if not (planless and state.ledger.tip is not None):
        require_plan(town, state.plan)
    return Moment(View(state), lambda: town.local(state.plan, state.ledger))


def _now_of(town: Town, asked: Asked | None, meant: Callable[[Plan], Asked] | None) -> State:
    state = town.state(asked)
    if meant is None or state.plan.rest is None:
        return state
    try:
        more = meant(state.plan)
    except ConvoyError:
        return state  # the command finds out, and tells, in its turn
    return state if more == asked else town.state(more)


def reading(app: App, at: str | None = None, ids: Sequence[str] = ()) -> State:
    """The state to read: at a revision, else the trunk's; the worktree's where only that has a plan, or knows `ids`.

    That is said on stderr. Refused (`no-plan`) where neither has a plan, NotFound for an unknown revision.
    """
    from dataclasses import replace

    from gitconvoy.engine.time_travel import state_at
    from gitconvoy.store import load

    town = app.town()
    state = state_at(town, at)
    if at is not None:
        return state
    if state.plan.exists and _knows(state.plan, ids):
        note_branch(app)
        return state
    here = town.joined(load.from_worktree(town.repo))
    if not here.exists or (state.plan.exists and not _knows(here, ids)):
        note_branch(app)
        require_plan(town, state.plan)
        return state
    trunk = town.settings.trunk.removeprefix("refs/heads/")
    what = f"does not know {', '.join(ids)} yet" if state.plan.exists else "has no .convoy folder yet"
    note(f"the trunk ({trunk}) {what}: this is the plan of the worktree")
    return replace(state, plan=here)


def _knows(plan: Plan, ids: Sequence[str]) -> bool:
    """Whether the plan knows all ids, be they beginnings."""
    known = (*plan.beads, *plan.archive, *plan.convoys, *plan.broken)
    return all(any(one.startswith(given) for one in known) for given in ids)


def note_branch(app: App) -> None:
    """Say on stderr, in one line, that the plan of what is checked out is another one than the trunk's, which is read.

    Not to workers who stand elsewhere than in the town that they are told of: it is not their branch.
    """
    from gitconvoy.engine.plans import branches

    town = app.town()
    found = branches.apart(town) if app.directory == standing() else None
    if found is None:
        return
    trunk = town.settings.trunk.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    here = f"this branch ({found.branch})" if found.branch is not None else "the commit that is checked out"
    if not found.changed:
        note(f"note: this is the plan of the trunk ({trunk}), which has moved on since {here} left it")
        return
    note(
        f"note: {here} changes the plan, but the trunk's ({trunk}) is what counts: --at HEAD reads the plan here, "
        "`gitconvoy diff` says what merging it would change"
    )


def parse_time(text: str, now: int) -> int:
    """A moment as `parse_moment` reads it, in epoch seconds. UsageError (`bad-time`) where it is none."""
    from gitconvoy.model.clock import parse_moment

    try:
        return parse_moment(text, now)
    except ValueError:
        hint = "write 2030-01-31, 2030-01-31T12:00:00Z, yesterday, '2 hours ago', 90m or 3d"
        raise UsageError(f"{text!r} is no time", hint=hint, code="bad-time") from None


def require_plan(town: Town, plan: Plan) -> None:
    """Refused where the trunk holds no `.convoy` folder, or where the branch that is pinned as the trunk is gone."""
    missing = missing_trunk(town)
    if missing is not None and not plan.exists:
        raise Refused(missing, hint=PIN, code="no-trunk")
    town.require_plan(plan)


PIN = "git config gitconvoy.trunk BRANCH names another one; `git branch --all` lists what there is"


def missing_trunk(town: Town) -> str | None:
    """That the pinned trunk does not exist, in words; None where it does, or is about to: HEAD names it."""
    from gitconvoy.git import refs

    if not town.settings.pinned or town.trunk() is not None or refs.head_ref(town.repo) == town.settings.trunk:
        return None
    return f"the trunk is gone: gitconvoy.trunk names {town.settings.trunk.removeprefix('refs/heads/')}, no such branch"


def circumstances(app: App, found: Moment) -> dict[str, Any]:
    """Where the state comes from and what this clone may do: trunk, ledger, role, dispatcher, and notes in words.

    Of another time than now only the notes that are the plan's: what this machine is in is no matter of then.
    """
    about = _now(app, found)
    return {**about, "notes": _plan_notes(found.plan)} if found.past else about


def _now(app: App, found: Moment) -> dict[str, Any]:
    from gitconvoy.engine.settings import HEADS
    from gitconvoy.engine.telling.notices import troubles
    from gitconvoy.git import refs
    from gitconvoy.ledger.read import REF

    town = app.town()
    tip = found.view.ledger.tip
    source = "none" if tip is None else "local" if refs.ref(town.repo, REF) is not None else "remote"
    return {
        "trunk": {"branch": town.settings.trunk.removeprefix(HEADS), "commit": found.view.state.trunk},
        "ledger": {"source": source, "tip": tip},
        "role": town.settings.role,
        "dispatcher": {"name": found.local.dispatcher, "defined": found.local.via is not None},
        "notes": [
            *_rewound(town),
            *_apart(town),
            *_notes(source, town.settings.role, found),
            *troubles(town),
            *_bugs(town),
        ],
    }


def _rewound(town: Town) -> list[str]:
    from gitconvoy.engine import rewound

    found = rewound.look(town)
    return [f"nothing is dispatched: {found.said} ({found.commands[0]})"] if found is not None else []


def _apart(town: Town) -> list[str]:
    """The remotes whose ledgers went another way, as last fetched."""
    from gitconvoy.engine.settings import remotes
    from gitconvoy.git import commits, refs
    from gitconvoy.ledger.read import REF

    own, found = refs.ref(town.repo, REF), []
    for remote in remotes(town.repo) if own is not None else ():
        theirs = refs.ref(town.repo, f"refs/remotes/{remote}/{REF.removeprefix('refs/heads/')}")
        if own is None or theirs is None or theirs == own:
            continue
        if not commits.is_ancestor(town.repo, own, theirs) and not commits.is_ancestor(town.repo, theirs, own):
            found.append(f"the ledger here and that of {remote} have diverged: gitconvoy sync {remote}")
    return found


def _bugs(town: Town) -> list[str]:
    """The bugs that were met where nobody saw them, the last one by name."""
    from gitconvoy.store import failures

    met = failures.bugs(town.common_dir)
    if not met:
        return []
    last, found = met[-1], " and ".join(map(str, failures.files(town.common_dir)))
    what = "a bug was met" if len(met) == 1 else f"{len(met)} bugs were met, the last"
    return [f"{what} in {last.command} at {last.at}: {last.said}; report {found} and remove it"]


def _breaker_note(rig: str, breaker: Breaker) -> str:
    from gitconvoy.model.clock import iso

    return (
        f"rig {rig} gets no work on this machine: {breaker.failures} starts in a row failed, the last with: "
        f"{breaker.reason}; one is tried from {iso(breaker.again)} on, or by gitconvoy sling BEAD"
    )


def _notes(source: str, role: str, found: Moment) -> list[str]:
    notes = []
    if source == "none":
        notes.append("there is no ledger here: nothing was ever dispatched, as far as this clone knows")
    elif source == "remote":
        notes.append("the ledger is the remote-tracking one, as of the last fetch")
    if role == "off":
        notes.append("this clone dispatches nothing (gitconvoy.dispatch is off)")
    elif found.local.via is None:
        notes.append(f"nothing is dispatched by this machine: {found.local.trouble}")
    if found.local.via == "start":
        notes += [
            f"nothing of the rig {rig} is dispatched by this machine: {place.trouble}"
            for rig, place in sorted(found.local.places.rigs.items())
            if place.trouble
        ]
    notes += [_breaker_note(rig, breaker) for rig, breaker in sorted(found.local.breakers.items()) if breaker.open]
    return [*notes, *_plan_notes(found.plan)]


def _plan_notes(plan: Plan) -> list[str]:
    notes = []
    if plan.config_broken:
        notes.append("the settings cannot be read, so nothing is dispatched: gitconvoy validate")
    notes += [
        f"the repository of the rig {rig} cannot be used, so nothing of it is dispatched: {reason}"
        for rig, reason in sorted(plan.away.items())
    ]
    broken = sorted(plan.broken)
    if broken:
        notes.append(f"files that cannot be read are frozen: {', '.join(broken[:5])} (gitconvoy validate)")
    return notes
