"""How the trunk here stands to the remote's, and following it there: never more than `git pull --ff-only` (SPEC 1)."""

from __future__ import annotations

from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.handin.branch import checkouts
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.sync.syncing import AHEAD, BEHIND, DIVERGED, EQUAL, NONE, count
from gitconvoy.engine.town import Town
from gitconvoy.git import merging, refs
from gitconvoy.git.merging import Waiting


@dataclass(frozen=True, slots=True)
class TrunkStanding:
    """The trunk's branch, here and at the remote. `state` NONE: one of them is not there."""

    branch: str
    own: str | None
    theirs: str | None
    state: str
    ahead: int = 0
    behind: int = 0
    moved: bool = False
    """Whether it followed the remote's."""
    waits: str = ""
    """Why it could not follow, in words."""
    places: tuple[str, ...] = ()
    """Worktrees that have it checked out."""


def compare(town: Town, theirs: str | None) -> TrunkStanding:
    """How the local branch of the trunk stands to a commit of the remote's."""
    branch = town.trunk_branch()
    own = refs.ref(town.repo, HEADS + branch)
    if own is None or theirs is None:
        return TrunkStanding(branch, own, theirs, NONE)
    ahead, behind = count(town, theirs, own), count(town, own, theirs)
    state = EQUAL if own == theirs else DIVERGED if ahead and behind else AHEAD if ahead else BEHIND
    places = tuple(str(place) for place in checkouts(town.repo, HEADS + branch))
    return TrunkStanding(branch, own, theirs, state, ahead, behind, places=places)


def follow(town: Town, standing: TrunkStanding, remote: str) -> TrunkStanding:
    """Fast-forward the local trunk, and the worktrees that have it checked out with it; nothing where it cannot be.

    GitError where git refuses, LostRace where somebody else moves it at the same time.
    """
    if standing.state != BEHIND or standing.own is None or standing.theirs is None:
        return standing
    reason = f"gitconvoy sync: fast-forward to {remote}/{standing.branch}"
    done = merging.advance(town.repo, HEADS + standing.branch, standing.own, standing.theirs, reason)
    if isinstance(done, Waiting):
        paths = f" ({', '.join(done.paths[:5])})" if done.paths else ""
        return replace(standing, waits=f"{done.path}: {done.reason}{paths}")
    return replace(standing, moved=True)
