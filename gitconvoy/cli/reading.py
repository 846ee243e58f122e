"""What commands that read share: the state they read, `--at REV`, and what is to be known about it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli.app import App
from gitconvoy.errors import Refused

if TYPE_CHECKING:
    from gitconvoy.dispatch.breaker import Breaker
    from gitconvoy.engine.local import Local
    from gitconvoy.engine.town import Town
    from gitconvoy.model.plan import Plan
    from gitconvoy.rules.view import View

F = TypeVar("F", bound=Callable[..., Any])


def at_option(function: F) -> F:
    """`--at REV`: the state of a trunk commit, a ledger commit, or any other commit."""
    return click.option("--at", metavar="REV", help="Read the state at a commit instead of now.")(function)


@dataclass(frozen=True, slots=True)
class Moment:
    """The rules over a state, and what this machine knows beside it."""

    view: View
    local: Local

    @property
    def plan(self) -> Plan:
        """The plan that was read."""
        return self.view.plan


def moment(app: App, at: str | None = None, *, planless: bool = False) -> Moment:
    """The state now or at a revision. NotFound for an unknown one, Refused where the trunk has no plan.

    With `planless` it may have none as long as there is a ledger.
    """
    from gitconvoy.engine.time_travel import local_at, state_at
    from gitconvoy.rules.view import View

    town = app.town()
    state = state_at(town, at)
    if at is None and not (planless and state.ledger.tip is not None):
        require_plan(town, state.plan)
    return Moment(View(state), local_at(town, state, at))


def require_plan(town: Town, plan: Plan) -> None:
    """Refused where the trunk holds no `.convoy` folder, or where the branch that is pinned as the trunk is gone."""
    missing = missing_trunk(town)
    if missing is not None and not plan.exists:
        raise Refused(missing, hint=PIN, code="no-trunk")
    town.require_plan(plan)


PIN = "git config gitconvoy.trunk BRANCH names another one; `git branch --all` lists what there is"


def missing_trunk(town: Town) -> str | None:
    """That the pinned trunk does not exist, in words; None where it does, or is about to: HEAD names it."""
    from gitconvoy.git import read

    if not town.settings.pinned or town.trunk() is not None or read.head_ref(town.repo) == town.settings.trunk:
        return None
    return f"the trunk is gone: gitconvoy.trunk names {town.settings.trunk.removeprefix('refs/heads/')}, no such branch"


def circumstances(app: App, found: Moment) -> dict[str, Any]:
    """Where the state comes from and what this clone may do: trunk, ledger, role, dispatcher, and notes in words."""
    from gitconvoy.engine.settings import HEADS
    from gitconvoy.engine.telling.notices import troubles
    from gitconvoy.git import read
    from gitconvoy.ledger.read import REF

    town = app.town()
    here = read.ref(town.repo, REF) is not None
    source = "local" if here else "remote" if town.ledger_tip() is not None else "none"
    return {
        "trunk": {"branch": town.settings.trunk.removeprefix(HEADS), "commit": found.view.state.trunk},
        "ledger": {"source": source, "tip": found.view.ledger.tip},
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
    from gitconvoy.git import read
    from gitconvoy.ledger.read import REF

    own, found = read.ref(town.repo, REF), []
    for remote in remotes(town.repo) if own is not None else ():
        theirs = read.ref(town.repo, f"refs/remotes/{remote}/{REF.removeprefix('refs/heads/')}")
        if own is None or theirs is None or theirs == own:
            continue
        if not read.is_ancestor(town.repo, own, theirs) and not read.is_ancestor(town.repo, theirs, own):
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
    if found.plan.config_broken:
        notes.append("the settings cannot be read, so nothing is dispatched: gitconvoy validate")
    notes += [
        f"the repository of the rig {rig} cannot be used, so nothing of it is dispatched: {reason}"
        for rig, reason in sorted(found.plan.away.items())
    ]
    broken = sorted(found.plan.broken)
    if broken:
        notes.append(f"files that cannot be read are frozen: {', '.join(broken[:5])} (gitconvoy validate)")
    return notes
