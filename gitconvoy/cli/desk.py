"""What planning commands share: an edit of the worktree's plan, its commit, what follows, how it is told (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli.app import App
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import ConvoyError

if TYPE_CHECKING:
    from gitconvoy.ledger.read import Entry
    from gitconvoy.model.plan import Plan
    from gitconvoy.model.state import State
    from gitconvoy.planning.desk import Changes, Desk

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Done:
    """An edit that was carried out; `commit` None: nothing was committed. `news` are the ledger's events after it."""

    changes: Changes
    commit: str | None
    news: tuple[Entry, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The keys that all planning commands answer with."""
        return {
            "ids": list(self.changes.ids),
            "changed": bool(self.changes.files),
            "files": sorted(self.changes.files),
            "commit": self.commit,
            "dispatched": _dispatched(self.news),
        }


def _dispatched(news: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {"bead": each.bead, "worker": each.worker, "attempt": each.attempt, "commit": each.commit}
        for each in news
        if each.event == "dispatch"
    ]


def no_commit_option(function: F) -> F:
    """`--no-commit`: the files change, and are left in the worktree."""
    return click.option("--no-commit", is_flag=True, help="Leave the change in the worktree, uncommitted.")(function)


def carry_out(app: App, edit: Callable[[Desk], Changes], no_commit: bool = False) -> Done:
    """Run an edit on the worktree's plan, write and commit its files, and react where no hook did."""
    from gitconvoy.engine import editing, news

    town = app.town()
    tip = town.ledger_tip()
    desk = editing.open_desk(town)
    changes, commit = editing.publish(town, desk, edit(desk), commit=not no_commit)
    if commit is None:
        return Done(changes, None)
    try:
        editing.follow_up(town)
    except ConvoyError as error:  # the commit stands; what it makes due can be done at any time
        note(f"the commit is made, but what follows from it is not: {error.message}")
        note(f"hint: {error.hint or 'run `gitconvoy scan`'}")
    return Done(changes, commit, tuple(news.since(town, tip)))


def answer(app: App, done: Done, told: str, **more: Any) -> None:
    """Answer with an edit: `told` is its line for people, `more` are further keys of the object."""

    def text() -> None:
        say(told, "green" if done.changes.files else None)
        tell(app, done)

    emit(app, {**done.as_dict(), **more}, text)


def tell(app: App, done: Done) -> None:
    """For people: where an edit went, and what followed from it."""
    from gitconvoy.engine import editing, news
    from gitconvoy.git import read

    if not done.changes.files:
        say("nothing to change")
        return
    town = app.town()
    branch = (read.head_ref(town.repo) or "HEAD").removeprefix("refs/heads/")
    if done.commit is None:
        say(f"not committed: {', '.join(sorted(done.changes.files))}")
        return
    say(f"committed {done.commit[:10]} on {branch}")
    if not editing.moved_trunk(town):
        trunk = town.settings.trunk.removeprefix("refs/heads/")
        note(f"it takes effect once {branch} is merged into the trunk ({trunk})")
    for line in news.lines(list(done.news)):
        say(line)


def reading(app: App, at: str | None = None, ids: Sequence[str] = ()) -> State:
    """The state to read: at a revision, else the trunk's; the worktree's where only that has a plan, or knows `ids`.

    That is said on stderr. Refused (`no-plan`) where neither has a plan, NotFound for an unknown revision.
    """
    from dataclasses import replace

    from gitconvoy.engine.time_travel import state_at
    from gitconvoy.store import load

    town = app.town()
    state = state_at(town, at)
    if at is not None or (state.plan.exists and _knows(state.plan, ids)):
        return state
    here = load.from_worktree(town.repo)
    if not here.exists or (state.plan.exists and not _knows(here, ids)):
        town.require_plan(state.plan)
        return state
    trunk = town.settings.trunk.removeprefix("refs/heads/")
    what = f"does not know {', '.join(ids)} yet" if state.plan.exists else "has no .convoy folder yet"
    note(f"the trunk ({trunk}) {what}: this is the plan of the worktree")
    return replace(state, plan=here)


def _knows(plan: Plan, ids: Sequence[str]) -> bool:
    """Whether the plan knows all ids, be they beginnings."""
    known = (*plan.beads, *plan.archive, *plan.convoys, *plan.broken)
    return all(any(one.startswith(given) for one in known) for given in ids)
