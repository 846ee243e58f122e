"""What is proposed: the two plans that `diff` compares, from commits, a merge in memory, or files (SPEC 6, 8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import joining
from gitconvoy.engine.plans import validating
from gitconvoy.engine.plans.branches import branch_exists
from gitconvoy.engine.plans.known import known_ledger
from gitconvoy.engine.town import Town
from gitconvoy.errors import NotFound, Problem, Refused, UsageError
from gitconvoy.git import commits, objects, refs, trees
from gitconvoy.git.merging import trial_merge
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF
from gitconvoy.model.kinds import PLAN, ROOT
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.store import load

STAGED, WORKTREE = "the index", "the worktree"
"""What stands in for a revision where files are compared that are not committed."""

Exists = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Point:
    """A revision as it was asked for, and its commit; None for files that are not committed."""

    rev: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two plans and what is known beside them.

    `merge`: what is merged beside base and head, the base itself where nothing else is; None where the head is compared
    as it stands. `parts`: the plans of the head and of that, where commits are compared. `conflicts`: files of the
    plan that cannot be merged, as problems; `other_conflicts`: how many other files. `ledger` is None where none is at
    hand or it cannot be read; `ledger_source` is local, remote, unreadable or none.
    """

    base: Point
    head: Point
    merge: Point | None
    before: Plan
    after: Plan
    parts: tuple[Plan, ...]
    conflicts: tuple[Problem, ...]
    other_conflicts: int
    ledger: Ledger | None
    ledger_source: str
    now: int
    branch_exists: Exists | None
    place: Callable[[Sequence[Problem]], Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class _Result:
    """The side that is proposed, and how its files are read."""

    plan: Plan
    reader: Callable[[str], bytes | None]
    parts: tuple[Plan, ...] = ()
    conflicts: tuple[str, ...] = ()


@contextmanager
def proposal(town: Town, revs: str | None, merge: str | None = None, files: str | None = None) -> Iterator[Proposal]:
    """What is proposed by `BASE`, `BASE..HEAD` or `BASE...HEAD`, as git means them; nothing is checked out or written.

    Without `revs` it is the merge of HEAD into the trunk. `merge`: a revision, with which the result is what a merge
    queue would make: the base, with the head and this one merged into it. `files`: STAGED or WORKTREE in place of a
    head, with HEAD as base unless one is given. Raises NotFound for what is no commit here, Refused (`no-merge-base`,
    `no-plan`, `not-a-file`), UsageError, GitError where git cannot merge.
    """
    repo = town.repo
    base, head = _points(town, revs, files)
    other = None
    if merge is not None:
        other = _point(repo, merge)
    elif revs is None and files is None and not _has(repo, head, base):
        other = base
    before = town.joined(load.from_commit(repo, base.commit))
    with _from_files(town, files) if files is not None else _result(town, base, head, other, before) as result:
        if not before.exists and not result.plan.exists:
            raise Refused(
                f"neither {base.rev} nor {head.rev} has a {ROOT} folder",
                hint="gitconvoy init begins one; name other commits: gitconvoy diff BASE..HEAD",
                code="no-plan",
            )
        if any(problem.path == ROOT for problem in result.plan.problems):
            raise Refused(
                f"{ROOT} is no folder in {head.rev}, but a file, a link or a submodule",
                hint="make it a folder of plain files; what a change means can be told of such a one alone",
                code="not-a-file",
            )
        ledger = known_ledger(town)
        everywhere = joining.reader(town.homes(result.plan.config), result.plan, result.reader)
        yield Proposal(
            base=base,
            head=head,
            merge=other,
            before=before,
            after=result.plan,
            parts=result.parts,
            conflicts=tuple(_conflicts(result.conflicts, files)),
            other_conflicts=sum(not path.startswith(ROOT + "/") for path in result.conflicts),
            ledger=ledger,
            ledger_source=_ledger_source(town, ledger),
            now=max(int(time.time()), ledger.tip_time if ledger else 0),
            # A shallow clone has the branches that it was asked for: of others nobody knows here.
            branch_exists=None if objects.is_shallow(repo) else branch_exists(town, result.plan.config),
            place=lambda problems: validating.placed(problems, everywhere),
        )


@contextmanager
def _from_files(town: Town, files: str) -> Iterator[_Result]:
    """What is not committed yet."""
    repo = town.repo
    source, reader = {
        STAGED: (load.from_index, load.index_reader),
        WORKTREE: (load.from_worktree, load.worktree_reader),
    }[files]
    unmerged = tuple(problem.path for problem in validating.unmerged(repo)) if files == STAGED else ()
    plan = load.unmerged(source(repo), unmerged)
    yield _Result(town.joined(plan), reader(repo), conflicts=unmerged)


@contextmanager
def _result(town: Town, base: Point, head: Point, other: Point | None, before: Plan) -> Iterator[_Result]:
    """The head as it stands; with `other`, what becomes of the base when both are merged into it."""
    repo = town.repo
    assert head.commit is not None
    parts = tuple(_plan(town, point.commit, before) for point in (head, other) if point and point.commit)
    tips = _apart(repo, [base, head, other]) if other is not None else [head]
    first = tips[0].commit
    assert first is not None
    if len(tips) == 1:
        yield _Result(_plan(town, first, before), load.commit_reader(repo, first), parts)
        return
    for tip in tips[1:]:
        _need_common(repo, tips[0], tip)
    with trial_merge(repo, [tip.commit for tip in tips if tip.commit is not None]) as (there, merged):
        load.share_memo(there, repo)
        after = town.joined(load.from_root(there, merged.tree))
        yield _Result(after, load.tree_reader(there, merged.tree), parts, merged.conflicts)


def _apart(repo: Repo, points: Sequence[Point]) -> list[Point]:
    """Those of the points that are in the history of no other; of the same commit the first."""
    left: list[Point] = []
    for point in points:
        if not any(_has(repo, kept, point) for kept in left):
            left = [kept for kept in left if not _has(repo, point, kept)] + [point]
    return left


def _has(repo: Repo, point: Point, other: Point) -> bool:
    """Whether the second is in the history of the first."""
    if point.commit is None or other.commit is None:
        return False
    return commits.is_ancestor(repo, other.commit, point.commit)


def _plan(town: Town, commit: str, before: Plan) -> Plan:
    """The plan of a commit; `before` itself where the plan is the same, as in a change of code alone."""
    tree = trees.tree_at(town.repo, commit, ROOT)
    return before if tree is not None and tree == before.tree else town.joined(load.from_commit(town.repo, commit))


def _points(town: Town, revs: str | None, files: str | None) -> tuple[Point, Point]:
    repo = town.repo
    if files is not None:
        if revs is not None and ".." in revs:
            raise UsageError(
                f"{files} takes the place of HEAD in {revs}", hint="give the base alone", code="options-clash"
            )
        if repo.worktree is None:
            raise Refused("a bare repository has no files that wait to be committed", hint="name commits", code="bare")
        return _base(repo, revs or "HEAD"), Point(files, None)
    if revs is None:
        trunk = town.trunk()
        name = town.settings.trunk.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        if trunk is None:
            raise NotFound(
                f"the trunk ({name}) has no commit here",
                hint="say what to compare with: gitconvoy diff BASE..HEAD; "
                "or which branch has the plan: git config gitconvoy.trunk BRANCH",
            )
        return Point(name, trunk), _point(repo, "HEAD")
    for dots in ("...", ".."):
        if dots in revs:
            left, right = (part or "HEAD" for part in revs.split(dots, 1))
            base, head = _point(repo, left), _point(repo, right)
            return (Point(f"{left}...", _need_common(repo, base, head)) if dots == "..." else base), head
    return _point(repo, revs), _point(repo, "HEAD")


def _base(repo: Repo, rev: str) -> Point:
    """As `_point`; before the first commit HEAD is a base that holds nothing."""
    return Point(rev, None) if rev == "HEAD" and refs.head(repo) is None else _point(repo, rev)


def _point(repo: Repo, rev: str) -> Point:
    commit = refs.resolve(repo, rev)
    if commit is None:
        raise _unknown(repo, rev)
    return Point(rev, commit)


def _unknown(repo: Repo, rev: str) -> NotFound:
    hint = "name a commit, a branch or a tag; git log lists commits"
    if objects.is_shallow(repo):
        hint = "this clone is shallow: git fetch --unshallow brings the rest (in CI: fetch-depth: 0, GIT_DEPTH: 0)"
    return NotFound(f"there is no commit {rev!r} here", hint=hint)


def _need_common(repo: Repo, one: Point, other: Point) -> str:
    """The merge base of two commits. Refused (`no-merge-base`) where there is none here."""
    assert one.commit is not None
    assert other.commit is not None
    found = commits.merge_base(repo, one.commit, other.commit)
    if found is not None:
        return found
    hint = f"compare them as they are: gitconvoy diff {one.commit[:10]}..{other.commit[:10]}"
    if objects.is_shallow(repo):
        hint = "this clone is shallow: git fetch --unshallow brings the rest (in CI: fetch-depth: 0, GIT_DEPTH: 0)"
    raise Refused(f"{one.rev} and {other.rev} have no common ancestor here", hint=hint, code="no-merge-base")


def _conflicts(paths: Sequence[str], files: str | None) -> Iterator[Problem]:
    """Files of the plan that cannot be merged. Plan files are none: the next commit writes them anew (SPEC 3.4)."""
    hint = (
        "merge it on the branch, where the conflict can be resolved"
        if files is None
        else "resolve it, then `git add` it"
    )
    for path in paths:
        if path.startswith(ROOT + "/") and not path.startswith(PLAN.folder + "/"):
            yield Problem(path, "conflict", "both sides change it, and git cannot merge that", hint)


def _ledger_source(town: Town, ledger: Ledger | None) -> str:
    if town.ledger_tip() is None:
        return "none"
    if ledger is None:
        return "unreadable"
    return "local" if refs.ref(town.repo, REF) is not None else "remote"
