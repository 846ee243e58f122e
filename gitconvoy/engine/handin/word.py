"""`done --no-code`: a word alone, which must not leave out what was made on the attempt's branch (SPEC 7)."""

from __future__ import annotations

from gitconvoy.engine.attempts.places import base_of, base_tip
from gitconvoy.engine.handin import guards
from gitconvoy.engine.handin.branch import checkouts, work_of
from gitconvoy.engine.handin.own import own_worktree
from gitconvoy.engine.local import Local
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import Refused
from gitconvoy.git import admin, refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.state import State
from gitconvoy.model.text import some


def refuse_code(town: Town, state: State, local: Local, record: BeadRecord) -> None:
    """Refused where an attempt that was given a branch has work there, or where nobody can tell (`rig-away`).

    Work is: commits that the base branch does not have, on the branch or wherever the attempt's worktree stands, and
    changes that no commit has.
    """
    if record.branch is None:
        return
    try:
        found = _found(town, town.repo_of(state.plan, record.id), state, local, record)
    except Refused as error:
        raise Refused(
            f"nobody can tell whether {record.branch} has commits of its own: {error.message}",
            hint=f"{error.hint or 'mend that'}; --force closes {record.id} all the same",
            code=error.code,
        ) from error
    if found:
        raise Refused(
            f"--no-code would leave out what was made: {'; '.join(found)}",
            hint="gitconvoy done without --no-code hands it in; if it is merged: --merged COMMIT;"
            " if nobody wants it: take it away, or --force",
            code="has-commits",
        )


def _found(town: Town, repo: Repo, state: State, local: Local, record: BeadRecord) -> list[str]:
    base = base_of(state.plan, local.places, record.id, record.convoy)
    stands_on = base_tip(state.plan, local.places, record.id, base) or record.base
    ref, own = f"{HEADS}{record.branch}", own_worktree(town, repo, record)
    tips = {record.branch: refs.ref(repo, ref)}
    if own is not None:
        tips.setdefault(own.branch or f"{own.path} (detached)", own.tip)
    found = []
    for name, tip in tips.items():
        work = work_of(repo, stands_on, tip, record.id) if tip is not None and stands_on is not None else []
        if work:
            found.append(f"{name} has {'a commit' if len(work) == 1 else f'{len(work)} commits'} that {base} has not")
    places = [*checkouts(repo, ref), *([own.path] if own is not None and own.place is not None else [])]
    for place in {admin.real(each): each for each in places}.values():
        left = guards.unfinished(town.common_dir, place, record.id, record.attempt)
        if left:
            found.append(f"{place} has changes that are not committed: {some(left)}")
    return found
