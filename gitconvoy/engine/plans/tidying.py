"""For `tidy`: when the ledger closed what, and a commit on a branch of its own (SPEC 1)."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection

from gitconvoy.engine.plans.editing import known_ledger
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles, LostRace, Refused
from gitconvoy.git import commits, worktrees, write
from gitconvoy.ledger.read import REF, history
from gitconvoy.model.kinds import CONFIG_PATH
from gitconvoy.planning.desk import Changes, Desk
from gitconvoy.store import load

_CLOSES_BEADS = frozenset({"done", "merged", "fail", "dispatch-failed", "expire"})
_CLOSES_CONVOYS = frozenset({"complete", "close", "land"})


def closing_times(
    town: Town, beads: Collection[str], convoys: Collection[str], tip: str | None = None
) -> dict[str, int]:
    """When each of these closed beads and convoys was closed, epoch seconds: its newest event that could do that.

    `tip` is the ledger commit to look back from; by default the ledger's tip.
    """
    wanted = {*beads, *convoys}
    found: dict[str, int] = {}
    for entry in history(town.repo, tip or town.ledger_tip()):
        if len(found) == len(wanted):
            break
        if entry.event in _CLOSES_BEADS and entry.bead in wanted:
            found.setdefault(entry.bead or "", entry.at)
        elif entry.event in _CLOSES_CONVOYS and entry.convoy in wanted:
            found.setdefault(entry.convoy or "", entry.at)
    return found


def _taken(town: Town, name: str, by: str) -> Refused:
    """The error for a name that a ref is in the way of; nobody is told to delete trunk or ledger."""
    known, hint = by.removeprefix(HEADS), "name another one"
    if by.startswith(HEADS) and known not in (town.trunk_branch(), REF.removeprefix(HEADS)):
        hint += f"; or, once it is merged, git branch -d {shlex.quote(known)} takes it away"
    elif not by.startswith(HEADS):
        hint += "; or, once it is merged and deleted there, git fetch --prune takes it away"
    what = f"there is a branch {name} already" if known == name else f"{name} cannot be made beside {by}"
    return Refused(what, hint=hint, code="branch-exists")


def on_branch(town: Town, name: str, edit: Callable[[Desk], Changes]) -> tuple[Changes, str | None]:
    """Carry out an edit of the trunk's plan as the one commit of a new branch; (what it changes, the commit).

    The branch begins at the trunk's tip. Index, HEAD and files stay as they are, whatever is checked out; no branch is
    made where there is nothing to change. Refused (`branch-exists`), GitError (`bad-branch`), LostRace.
    """
    repo, tip = town.repo, town.trunk()
    taken = worktrees.clashes(repo, name)
    if taken:
        raise _taken(town, name, taken[0])
    changes = edit(_desk(town, tip))
    if not changes.files or tip is None:
        return changes, None
    tree = write.edit_tree(repo, commits.commit(repo, tip).tree, changes.files)
    commit = write.create_commit(repo, tree, [tip], changes.message, int(time.time()))
    if not write.swap_ref(repo, HEADS + name, None, commit, "branch: Created by gitconvoy tidy"):
        raise LostRace(f"somebody else has just made the branch {name}", hint="name another one")
    return changes, commit


def _desk(town: Town, tip: str | None) -> Desk:
    """The trunk's plan, as edits see it."""
    plan = town.plan()
    town.require_plan(plan)
    if plan.config_broken:
        found = tuple(problem for problem in plan.problems if problem.path == CONFIG_PATH)
        raise BadFiles(
            f"{CONFIG_PATH} cannot be read", found, hint="mend it first: the settings are unknown", code="bad-config"
        )
    ledger = known_ledger(town)
    now = max(int(time.time()), ledger.tip_time if ledger else 0)
    return Desk(plan, load.commit_reader(town.repo, tip), ledger, now, town.actor)
