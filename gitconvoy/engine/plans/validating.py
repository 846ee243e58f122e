"""All that is wrong with a plan: in the worktree, in the index, or at a commit (SPEC 3, 5, 6, 8 `validate`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.checks.transitions import check_merge_transitions, check_transitions
from gitconvoy.dataclass import dataclass
from gitconvoy.engine import joining, time_travel
from gitconvoy.engine.plans.known import known_ledger
from gitconvoy.engine.town import Town
from gitconvoy.errors import Problem
from gitconvoy.git import index, refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.planning.planfile import stale
from gitconvoy.rules.view import View
from gitconvoy.store import load
from gitconvoy.store.build import place

_GITHEAD = re.compile(r"GITHEAD_[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found, by place. `unreadable`: a file cannot be read or breaks its schema.

    `exists`: whether there is a `.convoy` folder at all.
    """

    problems: tuple[Problem, ...]
    unreadable: bool = False
    exists: bool = True

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are none."""
        return not any(problem.severity == "error" for problem in self.problems)


def validate_worktree(town: Town) -> Validation:
    """The files as they lie in the worktree, and where they would take convoys from HEAD (or the heads of a merge)."""
    repo = town.repo
    crlf: list[str] = []
    plan = town.joined(load.from_worktree(repo, crlf))
    found = _validate(town, plan, load.worktree_reader(repo), plans_of(town, heads(repo)))
    known = {problem.path for problem in found.problems if problem.code == "yaml-crlf"}
    odd = [problem for problem in _line_ends(crlf) if problem.path not in known]
    return replace(found, problems=tuple(sorted((*found.problems, *odd), key=lambda problem: problem.path)))


def _line_ends(paths: Sequence[str]) -> Iterator[Problem]:
    """Files that some editor saved with CR LF: warnings, as git stores them with LF and so they are read."""
    hint = "save it with LF line ends; `* text eol=lf` in .convoy/.gitattributes keeps them so in every checkout"
    for path in paths:
        if path.endswith(".yaml"):
            message = "lines end in CR LF here, and in LF once git has stored them"
            yield Problem(path, "yaml-crlf", message, hint, "warning", line=1, column=1)


def validate_staged(town: Town) -> Validation:
    """What the next commit would hold, likewise; files that are not merged yet are errors."""
    repo = town.repo
    conflicts = unmerged(repo)
    plan = town.joined(load.unmerged(load.from_index(repo), [problem.path for problem in conflicts]))
    found = _validate(town, plan, load.index_reader(repo), plans_of(town, heads(repo)))
    if not conflicts:
        return found
    problems = tuple(sorted((*conflicts, *found.problems), key=lambda problem: (problem.path, problem.line)))
    return Validation(problems, unreadable=True)


def validate_commit(town: Town, rev: str) -> Validation:
    """The plan of a commit or of a date by itself, of a ledger commit the one that was decided on. NotFound as `point`.

    It is judged with the ledger of now. Whence it came, and with that transitions of convoys, is the business of who
    made it.
    """
    where = time_travel.point(town, rev)
    reader = load.commit_reader(town.repo, where.commit)
    plan = time_travel.plan_at(town, where)
    return _validate(town, plan, lambda path: reader(where.folder + path.removeprefix(ROOT)), ())


def _validate(town: Town, plan: Plan, reader: Callable[[str], bytes | None], before: Sequence[Plan]) -> Validation:
    ledger = known_ledger(town)
    found = [*findings(plan, ledger), *stale_plans(plan, ledger), *transitions(town, before, plan, ledger)]
    unreadable = any(problem.severity == "error" for problem in plan.problems)
    everywhere = joining.reader(town.homes(plan.config), plan, reader)
    return Validation(tuple(placed(found, everywhere)), unreadable, plan.exists)


def placed(problems: Sequence[Problem], reader: Callable[[str], bytes | None]) -> list[Problem]:
    """The problems with their places, sorted; what concerns a whole file stands at its first character."""
    return [
        each if each.line or not each.path or reader(each.path) is None else each.moved(1, 1)
        for each in place(problems, reader)
    ]


def findings(plan: Plan, ledger: Ledger | None, view: View | None = None) -> list[Problem]:
    """What is wrong with a plan whatever came before it. `view`: one of both, where there is one already."""
    return [*plan.problems, *check_plan(plan, ledger, view)]


def stale_plans(plan: Plan, ledger: Ledger | None) -> list[Problem]:
    """Plan files that do not say what beads and convoys say: warnings, as no rule reads them (SPEC 3.4)."""
    found = []
    for path, data in stale(plan, ledger).items():
        what = "the convoy of this plan file is gone" if data is None else "does not say what the beads say"
        if data is not None and path.rsplit("/", 1)[-1].removesuffix(".yaml") not in plan.plan_blobs:
            what = "the plan file of this convoy is missing"
        hint = "`gitconvoy tidy` rewrites plan files, as the pre-commit hook does where it is installed"
        found.append(Problem(path, "stale-plan", what, hint, "warning"))
    return found


def transitions(town: Town, before: Sequence[Plan], after: Plan, ledger: Ledger | None) -> list[Problem]:
    """Convoys that go where SPEC 3.3 does not let them: from the one plan before, or from each head of a merge."""
    if not before:
        return []
    known = ledger or Ledger()
    if len(before) == 1:
        return check_transitions(before[0], after, known)
    return check_merge_transitions(before, after, known, trunk=town.plan())


def unmerged(repo: Repo) -> list[Problem]:
    """Files under `.convoy/` that a merge left in conflict."""
    hint = "resolve it, then `git add` it"
    return [Problem(path, "conflict", "is not merged yet", hint) for path in index.index_conflicts(repo, ROOT)]


def heads(repo: Repo) -> list[str]:
    """The commits that the next one would stand on: HEAD, and what is being merged; none on an unborn branch.

    What is merged: MERGE_HEAD once git wrote it, before that (pre-merge-commit) the names it exports.
    """
    exported = [name.removeprefix("GITHEAD_") for name in sorted(os.environ) if _GITHEAD.fullmatch(name)]
    file = repo.git_dir / "MERGE_HEAD"
    written = file.read_text(encoding="ascii").split() if file.is_file() else []
    head = refs.head(repo)
    return list(dict.fromkeys([*([head] if head else []), *(written or exported)]))


def plans_of(town: Town, commits: Sequence[str]) -> list[Plan]:
    """The plans of these commits, with what rigs have elsewhere now; of none, before the first commit, an empty one."""
    return [town.joined(load.from_commit(town.repo, commit)) for commit in commits or (None,)]
