"""Work that was handed in with `merge: direct` gets into its base branch, one after the other (SPEC 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gitconvoy.checks.compare import new_problems
from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import handins
from gitconvoy.engine.attempts.places import base_of, merge_of
from gitconvoy.engine.handin.branch import common_base, paths_of
from gitconvoy.engine.local import Local, is_here
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.errors import GitError, LostRace, Problem, Refused
from gitconvoy.git import commits, merging, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.merge.files import merge_files
from gitconvoy.model.kinds import BEAD, ROOT, kind_of, stem
from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Config, Plan
from gitconvoy.model.state import State
from gitconvoy.model.text import some
from gitconvoy.planning.desk import headline
from gitconvoy.store import load

_RACES = 20
"""How often a merge is made anew because somebody's commit landed meanwhile."""
_NAMED = 10
_BEYOND = frozenset({"dangling", "parent-dangling", "missing-tracked"})
"""What nobody can tell by a rig's repository alone: its beads may belong to those of other repositories."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Work that cannot be merged, and why; a person has to look."""

    bead: str
    token: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of merging did: beads that are in their base branch now, and those that cannot get there."""

    merged: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is something to decide about."""
        return bool(self.merged or self.conflicts)


def merge_all(town: Town, state: State, local: Local) -> Round:
    """Merge whatever waits for that on this machine, in the order in which it was dispatched.

    What is in the way of the rest is noted; it is tried again the next time. Call it under the town's lock.
    """
    merged, conflicts = [], []
    repos = town.repos(state.plan)
    for record in waiting(state, local):
        place = _place(state.plan, local, record, repos)
        found = _merge_one(town, place[0], state, record, place[1]) if place is not None else None
        if isinstance(found, Conflict):
            conflicts.append(found)
        elif found:
            merged.append(record.id)
    return Round(tuple(merged), tuple(conflicts))


def waiting(state: State, local: Local) -> list[BeadRecord]:
    """Handed-in work that this machine is to merge, in the order in which it was dispatched."""
    found = [
        record
        for record in state.ledger.beads.values()
        if record.live
        and record.submitted is not None
        and is_here(record, local)
        and merge_of(state.plan, record.id, record.convoy) == "direct"
        and (record.id, record.branch or "") in local.branches
    ]
    return sorted(found, key=lambda record: (record.since or 0, record.id))


def _place(plan: Plan, local: Local, record: BeadRecord, repos: Callable[[str], Repo]) -> tuple[Repo, str] | None:
    """The repository of the work and its base branch there; None where one cannot tell, which `status` explains."""
    try:
        return repos(record.id), base_of(plan, local.places, record.id, record.convoy)
    except Refused:
        return None


def _merge_one(town: Town, repo: Repo, state: State, record: BeadRecord, base: str) -> Conflict | bool:
    """True once the base branch has it, False while something is in the way."""
    ref = HEADS + base
    for _ in range(_RACES):
        tip = refs.ref(repo, ref)
        if tip is None:
            return _put_off(town, state, record, f"the base branch {base} is not here")
        try:
            made = _merge_commit(town, repo, state, record, tip)
            if isinstance(made, tuple):
                reason = f"{record.branch} cannot be merged into {base}: conflicts in {some(made, _NAMED)}"
                return Conflict(record.id, record.token, reason)
            done = merging.advance(repo, ref, tip, made, f"convoy: merge {record.id}")
        except LostRace as error:
            if refs.ref(repo, ref) == tip:  # nobody moved it: somebody holds its lock
                return _put_off(town, state, record, error.message)
            continue
        except Refused as error:
            return Conflict(record.id, record.token, f"{record.branch} is not merged into {base}: {error.message}")
        except GitError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return _put_off(town, state, record, f"git does not merge it into {base}: {error.message}{hint}")
        except OSError as error:
            return _put_off(town, state, record, f"it cannot be merged into {base}: {error}")
        if isinstance(done, merging.Waiting):
            paths = f": {', '.join(done.paths[:_NAMED])}" if done.paths else ""
            return _put_off(town, state, record, f"{done.reason}{paths}", str(done.path))
        return True
    return _put_off(town, state, record, f"{base} moved each time before the merge could be added")


def _put_off(town: Town, state: State, record: BeadRecord, reason: str, place: str = "") -> bool:
    note = handins.read_one(town.common_dir, record.id)
    if note is None or note.token != record.token:
        note = _new_note(record)
    if (note.waits, note.place) == (reason, place) and note.retry_at is not None and note.retry_at > state.now:
        return False
    handins.write(town.common_dir, replace(note, **note.waiting(reason, state.now, place)))
    return False


def _new_note(record: BeadRecord) -> handins.Handin:
    return handins.Handin(record.id, record.token or "", record.branch or "", record.submitted or "", record.base or "")


def _merge_commit(town: Town, repo: Repo, state: State, record: BeadRecord, tip: str) -> str | tuple[str, ...]:
    """The merge commit, or the conflicting paths. Refused where the merge would make the plan wrong."""
    work = record.submitted or ""
    merged = merge_trees(repo, tip, work, state.plan.config)
    if merged.tree is None:
        return merged.conflicts
    bead = state.plan.bead(record.id)
    message = headline("Merge", (record.id,), bead.title if bead else "")
    commit = write.create_commit(repo, merged.tree, [tip, work], message + "\n", state.now)
    _refuse_broken_plan(town, repo, state, commit, record.id)
    return commit


def merge_trees(repo: Repo, ours: str, theirs: str, config: Config) -> merging.Merge:
    """Merge in memory, plan files by what they mean where git would see a conflict in their lines (SPEC 3, 7)."""
    merged = merging.merge_trees(repo, ours, theirs)
    if merged.tree is not None:
        return merged
    agreed = _agree(repo, ours, theirs, merged.conflicts, config)
    return merging.merge_trees(repo, *agreed) if agreed is not None else merged


def _agree(repo: Repo, ours: str, theirs: str, paths: Sequence[str], config: Config) -> tuple[str, str] | None:
    """Both commits with one and the same version of these plan files on top, which therefore do not conflict."""
    fork = common_base(repo, ours, theirs)
    mine: dict[str, bytes] = {}
    other: dict[str, bytes] = {}
    for path in paths:
        kind = kind_of(path)
        if kind is None or fork is None:
            continue
        places = [_places(repo, commit, path) for commit in (fork, ours, theirs)]
        if len(places[0]) > 1 or any(len(found) != 1 for found in places[1:]):
            continue
        old = trees.blob_at(repo, fork, places[0][0]) if places[0] else None
        one, two = (trees.blob_at(repo, commit, found[0]) for commit, found in ((ours, places[1]), (theirs, places[2])))
        if one is None or two is None:
            continue
        merged = merge_files(old, one, two, kind, lambda status: config.category(status) == "done")
        if merged is not None and not merged.conflicts:
            mine[places[1][0]] = other[places[2][0]] = merged.data
    return (_with(repo, ours, mine), _with(repo, theirs, other)) if mine else None


def _places(repo: Repo, commit: str, path: str) -> Sequence[str]:
    """Where a commit has the plan file that another one has at `path`: beads may have moved to another folder."""
    if kind_of(path) is BEAD:
        return paths_of(repo, commit, stem(path))
    return (path,) if trees.blob_at(repo, commit, path) is not None else ()


def _with(repo: Repo, commit: str, files: Mapping[str, bytes]) -> str:
    about = commits.commit(repo, commit)
    tree = write.edit_tree(repo, about.tree, dict(files))
    return write.create_commit(repo, tree, [commit], "Agree on plan files\n", about.time, sign=False)


def _refuse_broken_plan(town: Town, repo: Repo, state: State, commit: str, bead: str) -> None:
    """As the hook does before a merge that a person makes: what stood in a parent is not the merge's fault."""
    base, work = commits.commit(repo, commit).parents
    fork = common_base(repo, base, work)
    changed = trees.changed_paths(repo, fork, work, ROOT) if fork is not None else []
    if set(changed) <= set(paths_of(repo, work, bead)):
        return  # the bead's own file at most, whose closing makes nothing wrong
    stood = [problem for parent in (base, work) for problem in _problems(town, repo, state, parent)]
    found = new_problems(stood, _problems(town, repo, state, commit))
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        raise Refused(f"it would break the plan: {errors[0].text()}", hint=errors[0].hint, code="plan")


def _problems(town: Town, repo: Repo, state: State, commit: str) -> list[Problem]:
    plan = plan_in(town, repo, state, commit)
    found = [*plan.problems, *check_plan(plan, None)]
    return found if repo is town.repo else [problem for problem in found if problem.code not in _BEYOND]


def plan_in(town: Town, repo: Repo, state: State, commit: str) -> Plan:
    """The plan of a commit of the town's repository or of a rig's, as the town reads it."""
    plan = load.from_commit(repo, commit)
    return town.joined(plan) if repo.common_dir == town.common_dir else replace(plan, config=state.plan.config)
