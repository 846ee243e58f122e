"""The state at a revision or a date: `--at REV` of the commands that read (SPEC 8)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.local import Local
from gitconvoy.engine.town import Town
from gitconvoy.errors import NotFound
from gitconvoy.git import commits, lines, objects, refs, trees
from gitconvoy.ledger.read import Entry, history, read_ledger
from gitconvoy.model.clock import iso, parse_moment
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State
from gitconvoy.store import load

_DECIDED_ON = "plan"
"""The folder of a ledger commit that holds the plan that was decided on."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a revision or a date names.

    `commit` holds the plan, below `folder`. `ledger` is the ledger's commit, None before its first. `time` is in epoch
    seconds, None for now.
    """

    commit: str
    folder: str = ROOT
    ledger: str | None = None
    time: int | None = None


def point(town: Town, rev: str) -> Point:
    """What a revision names; a date where git knows no such revision. NotFound where it is neither.

    - A commit of the trunk's own line: with the last ledger commit that was decided on it or on one before it, and the
      later of both times.
    - A ledger commit: its own `plan/` and its date.
    - Any other commit: its plan with today's ledger, now.
    - A date: the ledger's last commit by then, whose dates never go back; and of the trunk's own line the newest commit
      that is dated no later, but none before the commit that the ledger was decided on by then, and none behind the
      one that it was decided on next: those were seen on the trunk, where committer dates only say when a commit was
      made. Where the trunk was rewritten since, the plan is the one that was decided on.
    """
    commit = refs.resolve(town.repo, rev)
    if commit is None:
        return _point_in_time(town, _date(town, rev))
    tip = town.ledger_tip()
    if tip is not None and commits.is_ancestor(town.repo, commit, tip):
        return Point(commit, _DECIDED_ON, commit, commits.commit(town.repo, commit).time)
    newer = _newer(town, commit)
    if newer is None:
        return Point(commit, ledger=tip)
    last = _decided_on(town, commit, newer)
    dates = [commits.commit(town.repo, each).time for each in (commit, last) if each is not None]
    return Point(commit, ledger=last, time=max(dates))


def plan_at(town: Town, where: Point) -> Plan:
    """The plan at a point, with what rigs keep in their own repositories, as those stood then."""
    if where.folder == ROOT:
        return town.joined(load.from_commit(town.repo, where.commit), where.time)
    plan = load.from_tree(town.repo, trees.tree_at(town.repo, where.commit, where.folder))
    return town.joined(plan, where.time)


def state_at(town: Town, rev: str | None) -> State:
    """The state at a revision or a date; the state now for None. NotFound as `point`."""
    return town.state() if rev is None else state_of(town, point(town, rev))


def state_of(town: Town, where: Point) -> State:
    """The state at a point."""
    ledger = read_ledger(town.repo, where.ledger)
    now = where.time if where.time is not None else max(int(time.time()), ledger.tip_time)
    trunk = where.commit if where.folder == ROOT else ledger.trunk
    return State(plan_at(town, where), ledger, now, trunk)


def local_at(town: Town, state: State, where: Point | None) -> Local:
    """What this machine knows; of other times than now it knows no leases, and branches only by the ledger."""
    local = town.local(state.plan, state.ledger)
    if where is None or where.time is None:
        return local
    records = state.ledger.beads.values()
    branches = {(each.id, each.branch): each.submitted for each in records if each.branch and each.submitted}
    return replace(local, leases={}, handins={}, branches=branches)


def _date(town: Town, rev: str) -> int:
    try:
        return parse_moment(rev, int(time.time()))
    except ValueError:
        hint = "name a commit, branch or tag, or a time: 2030-01-31, 2030-01-31T12:00:00Z, yesterday, '2 hours ago'"
        if objects.shallow(town.repo):
            hint += "; this clone is shallow, and git fetch --unshallow brings older commits"
        raise NotFound(f"{rev!r} names no commit here, and no time", hint=hint) from None


def _newer(town: Town, commit: str) -> frozenset[str] | None:
    """The commits that the trunk's own line has after this one; None where that line does not lead through it."""
    trunk = town.trunk()
    found = commits.first_parents(town.repo, trunk, commit) if trunk is not None else None
    return None if found is None else frozenset(found)


def _decided_on(town: Town, commit: str, newer: frozenset[str]) -> str | None:
    """The last ledger commit that was decided on this commit of the trunk, or on one before it in the trunk's line."""
    line, older = lines.first_parent_line(town.repo, commit), set()
    for entry in history(town.repo, town.ledger_tip()):
        if entry.trunk is None or entry.trunk in newer:
            continue
        if entry.trunk in older:
            return entry.commit
        for each in line:
            older.add(each)
            if each == entry.trunk:
                return entry.commit
    return None


def _point_in_time(town: Town, moment: int) -> Point:
    trunk = town.trunk()
    last, later = _around(town, moment)
    upper = _first_on_line(town, trunk, later) or trunk
    decided = last.trunk if last is not None else None
    if last is not None and decided is not None and _first_on_line(town, upper, [decided]) is None:
        return Point(last.commit, _DECIDED_ON, last.commit, moment)
    found = lines.newest_before(town.repo, upper, moment, decided) if upper is not None else None
    commit = found or decided
    if commit is None:
        raise _before_all(town, trunk, moment)
    return Point(commit, ledger=last.commit if last is not None else None, time=moment)


def _around(town: Town, moment: int) -> tuple[Entry | None, list[str]]:
    """The ledger's last entry by then; and the trunk commits that were decided on after it, the earliest first."""
    later: list[str] = []
    for entry in history(town.repo, town.ledger_tip()):
        if entry.at <= moment:
            return entry, later[::-1]
        if entry.trunk is not None and entry.trunk not in later[-1:]:
            later.append(entry.trunk)
    return None, later[::-1]


def _first_on_line(town: Town, tip: str | None, among: Iterable[str]) -> str | None:
    """The first of these commits that stands on the first-parent line of `tip`."""
    if tip is None:
        return None
    return next((each for each in among if commits.first_parents(town.repo, tip, each) is not None), None)


def _before_all(town: Town, trunk: str | None, moment: int) -> NotFound:
    name = town.trunk_branch()
    hint = "name a later time: git log --first-parent --reverse shows where it begins"
    if objects.shallow(town.repo):
        hint = "this clone is shallow: git fetch --unshallow brings older commits"
    what = f"has no commit as old as {iso(moment)}" if trunk is not None else "has no commits"
    return NotFound(f"the trunk ({name}) {what}", hint=hint)
