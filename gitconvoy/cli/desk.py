"""What planning commands share: an edit of the worktree's plan, its commit, what follows, how it is told (SPEC 6)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitconvoy.cli.app import App
from gitconvoy.cli.output import emit, note, say
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError, LostRace, Refused

if TYPE_CHECKING:
    from gitconvoy.engine.town import Town
    from gitconvoy.ledger.read import Entry
    from gitconvoy.planning.desk import Changes, Desk

F = TypeVar("F", bound=Callable[..., Any])
TRIES = 5


@dataclass(frozen=True, slots=True)
class Done:
    """An edit that was carried out.

    `commit` None: nothing was committed. `branch` is the one that is checked out, `trunk` the trunk's where that is
    another one. `news` are the ledger's events after it.
    """

    changes: Changes
    commit: str | None
    branch: str
    trunk: str | None = None
    news: tuple[Entry, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The keys that all planning commands answer with."""
        return {
            "ids": list(self.changes.ids),
            "changed": bool(self.changes.files),
            "files": sorted(self.changes.files),
            "commit": self.commit,
            "branch": self.branch,
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


def standing() -> Path:
    """Where the command was started: `-C`, else the current folder, whatever GITCONVOY_TOWN says."""
    return Path(click.get_current_context().find_root().params.get("directory") or ".").absolute()


def editing_town(app: App) -> Town:
    """The town whose worktree is edited: of a repository's worktrees the one in which the person or worker stands.

    Workers are told of their town by GITCONVOY_TOWN; what they plan goes into their own branch all the same, also in
    the repository of a rig, where that has a plan of its own.
    """
    from gitconvoy.engine.town import Town
    from gitconvoy.errors import GitError

    town = app.town()
    here = standing()
    if app.directory == here:
        return town
    try:
        found = Town.open(here, app.actor)
    except GitError:
        return town
    if found.common_dir == town.common_dir or _of_a_rig(town, found):
        return found
    return town


def _of_a_rig(town: Town, found: Town) -> bool:
    """Whether the other repository is that of a rig. Refused (`no-plan`) where nothing can be planned there."""
    from gitconvoy.model.kinds import ROOT

    homes = town.homes(town.plan().config).values()
    if not any(not home.trouble and home.repo().common_dir == found.common_dir for home in homes):
        return False
    root = found.repo.worktree
    if root is None or not (root / ROOT).is_dir():
        raise Refused(
            f"there is no {ROOT} folder here: the beads of this rig are planned in {town.home()}",
            hint=f"gitconvoy -C {shlex.quote(str(town.home()))} ... changes them there",
            code="no-plan",
        )
    return True


def carry_out(app: App, edit: Callable[[Desk], Changes], no_commit: bool = False, *, tries: int = TRIES) -> Done:
    """Run an edit on the worktree's plan, write and commit its files, and react where no hook did.

    Where somebody else changed one of its files meanwhile, the edit is made anew, `tries` times in all.
    """
    from gitconvoy.engine import news
    from gitconvoy.engine.plans import editing

    town = editing_town(app)
    tip = town.ledger_tip()
    changes, commit = _publish(town, edit, not no_commit, tries)
    branch, trunk = editing.branches(town)
    if commit is None:
        return Done(changes, None, branch, trunk)
    changes = replace(changes, files=dict.fromkeys(changes.files))  # what is told is their names
    try:
        editing.follow_up(town)
    except ConvoyError as error:  # the commit stands; what it makes due can be done at any time
        note(f"the commit is made, but what follows from it is not: {error.message}")
        note(f"hint: {error.hint or 'run `gitconvoy scan`'}")
    return Done(changes, commit, branch, trunk, tuple(news.since(town, tip)))


def _publish(town: Town, edit: Callable[[Desk], Changes], commit: bool, tries: int) -> tuple[Changes, str | None]:
    from gitconvoy.engine.plans import editing

    while True:
        tries -= 1
        desk = editing.open_desk(town)
        try:
            return editing.publish(town, desk, edit(desk), commit=commit)
        except LostRace as error:
            if error.code != "changed" or tries <= 0:
                raise


def answer(app: App, done: Done, told: str, **more: Any) -> None:
    """Answer with an edit: `told` is its line for people, `more` are further keys of the object."""

    def text() -> None:
        say(told, "green" if done.changes.files else None)
        tell(done)

    emit(app, {**done.as_dict(), **more}, text)


def tell(done: Done) -> None:
    """For people: where an edit went, and what followed from it."""
    from gitconvoy.engine import news

    if not done.changes.files:
        say("nothing to change")
        return
    if done.commit is None:
        say(f"not committed: {', '.join(sorted(done.changes.files))}")
        return
    say(f"committed {done.commit[:10]} on {done.branch}")
    if done.trunk is not None:
        note(f"it takes effect once {done.branch} is merged into the trunk ({done.trunk})")
    for line in news.lines(list(done.news)):
        say(line)
