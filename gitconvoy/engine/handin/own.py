"""The worktree that a started attempt was given: what is in it and not on the branch must not be left out (SPEC 7)."""

from __future__ import annotations

import os
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import attempts
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import GitError, Refused
from gitconvoy.git import admin, commits, refs, worktrees
from gitconvoy.git.personal import main_worktree, operation_in_progress
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord


@dataclass(frozen=True, slots=True)
class Own:
    """A worktree as git knows it, also where its folder is gone."""

    path: Path
    place: Repo | None
    """None where its folder is gone."""
    ref: str | None
    """The branch that is checked out, by its full name; None where HEAD is detached."""
    tip: str | None
    """The commit that is checked out."""

    @property
    def branch(self) -> str | None:
        """The short name of that branch."""
        return self.ref.removeprefix(HEADS) if self.ref is not None else None


def own_worktree(town: Town, repo: Repo, record: BeadRecord) -> Own | None:
    """The worktree that was made for a live attempt; None where there was none, or git knows of it no longer.

    Refused where its folder is there and does not belong to the repository any more.
    """
    try:
        _, job = attempts.read_job(attempts.attempt_folder(town.common_dir, record.id, record.attempt).root)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    path = Path(job.worktree)
    folder = admin.admin_dir(repo, path) if job.branch and job.token == record.token else None
    head = admin.stands_on(folder) if folder is not None else None
    if head is None:
        return None
    ref = head if head.startswith("refs/") else None
    return Own(path, _place(repo, path), ref, refs.ref(repo, ref) if ref is not None else refs.resolve(repo, head))


def _place(repo: Repo, path: Path) -> Repo | None:
    if not os.path.lexists(path):
        return None
    try:
        place = Repo.at(path)
    except GitError:
        place = None
    if place is None or place.worktree is None or admin.real(place.worktree) != admin.real(path):
        hint = f"git -C {main_worktree(repo)} worktree repair, and say done again"
        raise Refused(f"{path} is no worktree any more: its link to the repository is broken", hint=hint, code="broken")
    return place


def refuse_left_out(repo: Repo, own: Own | None, branch: str, tip: str, base: str, base_tip: str, named: bool) -> None:
    """Refused where the worktree stands on commits that neither the branch nor its base has.

    A branch that was `named` may be another one, unless the worktree is plainly ahead of it. Of a rebase and the like,
    other guards speak.
    """
    if own is None or own.tip is None or own.ref == HEADS + branch:
        return
    if own.place is not None and operation_in_progress(own.place) not in (None, "bisect"):
        return
    more = int(repo.git("rev-list", "--count", own.tip, f"^{tip}", f"^{base_tip}", "--").text)
    ahead = commits.is_ancestor(repo, tip, own.tip)
    if not more or (named and not ahead):
        return
    where = own.branch or f"{own.tip[:10]} (detached)"
    count = "a commit" if more == 1 else f"{more} commits"
    raise Refused(
        f"{own.path} stands on {where}, which has {count} that {branch} does not have",
        hint=f"{_along(own, branch, base, ahead)}; without: git checkout {branch}",
        code="elsewhere",
    )


def _along(own: Own, branch: str, base: str, ahead: bool) -> str:
    """How to hand in what the worktree stands on."""
    if own.branch == base:
        return f"to hand that in: git checkout {branch} && git merge {base}"
    if own.branch is not None:
        return f"to hand that in: gitconvoy done --branch {own.branch}"
    if own.place is not None and ahead:
        return f"to hand that in: git checkout -B {branch}, and say done again"
    return f"to hand that in: git branch NAME {(own.tip or '')[:12]}, then gitconvoy done --branch NAME"


def forget_vanished(repo: Repo, own: Own | None, ref: str) -> None:
    """Where somebody removed the worktree's folder, let git forget it: it would hold the branch for ever.

    Not where the folder around it is gone too, as on a disk that is not mounted.
    """
    if own is not None and own.place is None and own.ref == ref and own.path.parent.is_dir():
        worktrees.remove(repo, own.path)
