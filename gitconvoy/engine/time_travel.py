"""The state at a revision: `--at REV` of the commands that read (SPEC 8)."""

from __future__ import annotations

from dataclasses import replace

from gitconvoy.engine.local import Local
from gitconvoy.engine.town import Town
from gitconvoy.errors import NotFound
from gitconvoy.git import read
from gitconvoy.ledger.read import history, read_ledger
from gitconvoy.model.state import State
from gitconvoy.store import load


def state_at(town: Town, rev: str | None) -> State:
    """The state at a revision; the state now for None.

    A commit of the trunk's own line: with the last ledger commit that was decided on it or on one before it, and the
    later of both times. A ledger commit: its own `plan/` and its date. Any other commit: its plan with today's ledger,
    now. NotFound where the revision names no commit. The beads of rigs with repositories of their own are those of now.
    """
    if rev is None:
        return town.state()
    commit = read.resolve(town.repo, rev)
    if commit is None:
        raise NotFound(f"there is no commit {rev!r}", hint="name a commit, a branch or a tag; git log lists commits")
    if _in_ledger(town, commit):
        return _ledger_state(town, commit)
    line = _trunk_line(town, commit)
    if line is None:
        return replace(town.state(), plan=town.joined(load.from_commit(town.repo, commit)), trunk=commit)
    entries = history(town.repo, town.ledger_tip())
    ledger = read_ledger(town.repo, next((entry.commit for entry in entries if entry.trunk in line), None))
    now = max(read.commit(town.repo, commit).time, ledger.tip_time)
    return State(town.joined(load.from_commit(town.repo, commit)), ledger, now, commit)


def local_at(town: Town, state: State, rev: str | None) -> Local:
    """What this machine knows; of other times than now it knows no leases, and branches only by the ledger."""
    local = town.local(state.plan, state.ledger)
    if rev is None:
        return local
    records = state.ledger.beads.values()
    branches = {(each.id, each.branch): each.submitted for each in records if each.branch and each.submitted}
    return replace(local, leases={}, handins={}, branches=branches)


def _in_ledger(town: Town, commit: str) -> bool:
    tip = town.ledger_tip()
    return tip is not None and read.is_ancestor(town.repo, commit, tip)


def _ledger_state(town: Town, commit: str) -> State:
    ledger = read_ledger(town.repo, commit)
    plan = load.from_tree(town.repo, read.tree_at(town.repo, commit, "plan"))
    return State(town.joined(plan), ledger, ledger.tip_time, ledger.trunk)


def _trunk_line(town: Town, commit: str) -> frozenset[str] | None:
    """The commit and its first-parent ancestors, if the trunk's own line leads through it."""
    trunk = town.trunk()
    if trunk is None or (commit != trunk and read.first_parents(town.repo, trunk, commit) is None):
        return None
    return frozenset(read.first_parents(town.repo, commit, None) or ())
