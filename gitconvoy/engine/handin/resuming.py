"""A `done` that died while its closing commit got onto the branch: the next one finds it half-way (SPEC 7)."""

from __future__ import annotations

from gitconvoy.dispatch import handins
from gitconvoy.engine.handin.branch import checkouts
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.git import commits, merging, refs, trees
from gitconvoy.git.changes import local_changes
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord


def go_on(town: Town, repo: Repo, record: BeadRecord, name: str) -> None:
    """Finish what a dead `done` of this attempt has begun in a worktree of the branch.

    Its guards had passed for the very commit on which the branch still stands. Nothing is done where the worktree holds
    anything else that is not committed, or nothing of it: the guards judge that.
    """
    note, ref = handins.read_one(town.common_dir, record.id), HEADS + name
    tip = refs.ref(repo, ref)
    if note is None or tip is None or note.token != record.token or note.branch != name or note.commit == tip:
        return
    commit = refs.resolve(repo, note.commit)
    if commit is None or commits.commit(repo, commit).parents != (tip,):
        return
    expected = set(trees.changed_paths(repo, tip, commit))
    for place in checkouts(repo, ref):
        found = local_changes(Repo.at(place))
        left = {*found.staged, *found.unstaged}
        if left and left <= expected and not found.unmerged:
            merging.advance(repo, ref, tip, commit, f"gitconvoy: close {record.id}")
            return
