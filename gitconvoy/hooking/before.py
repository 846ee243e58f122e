"""What the hooks before a commit and a merge do: judge what is staged, and write stale plan files (SPEC 6)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from gitconvoy.checks.compare import new_problems
from gitconvoy.engine import joining
from gitconvoy.engine.plans.editing import known_ledger, plain_place
from gitconvoy.engine.plans.validating import findings, heads, placed, plans_of, transitions, unmerged
from gitconvoy.engine.town import Town
from gitconvoy.errors import Exit, Problem, Refused
from gitconvoy.git import index, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import quick
from gitconvoy.hooking.result import REPAIR, HookResult
from gitconvoy.model.kinds import ROOT, stem
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import State
from gitconvoy.planning.affected import affected
from gitconvoy.planning.planfile import frozen_are_right, stale
from gitconvoy.rules.view import View
from gitconvoy.store import load
from gitconvoy.store.localfiles import write_atomically


def pre_commit(town: Town) -> HookResult:
    """Judge the index against HEAD, and write stale plan files into the same commit."""
    conflicts = unmerged(town.repo)
    if conflicts:
        return _refusal(conflicts)
    ledger = known_ledger(town)
    before, after = _plans(town)
    view = View(State(after, ledger or Ledger()))
    found = _judge(town, before, view, ledger)
    if any(problem.severity == "error" for problem in found):
        return _refusal(found)
    lines = _rewrite_plans(town, view, ledger, _concerned(town, before, view))
    if _is_simple(after) and ledger is not None and frozen_are_right(view):
        _note_judged(town)
    return HookResult(problems=tuple(found), lines=tuple(lines))


def _is_simple(plan: Plan) -> bool:
    return not (plan.problems or plan.broken or plan.config_broken or plan.homes or plan.away)


def _concerned(town: Town, before: Sequence[Plan], view: View) -> Collection[str] | None:
    """The convoys whose plan files may be stale; None where any may be.

    Where HEAD was judged (`quick`), those that the change concerns, and those that are completed and go on: nobody has
    looked at their plan files.
    """
    old, after = before[0], view.plan
    tree = (old.tree or "", _convoys_tree(town) or "")
    if len(before) != 1 or old.config != after.config or tree not in quick.recall(town.common_dir):
        return None
    if not (_is_simple(old) and _is_simple(after)):
        return None
    edited = {each for each in {*old.convoys, *after.convoys} if old.convoys.get(each) != after.convoys.get(each)}
    edited |= {each for each, _ in old.plan_blobs.items() ^ after.plan_blobs.items()}
    return edited | affected(old, after, view.graph) | set(view.going_on())


def _convoys_tree(town: Town) -> str | None:
    tip = town.ledger_tip()
    return trees.tree_at(town.repo, tip, "convoys") if tip is not None else None


def _note_judged(town: Town) -> None:
    """What is staged now, plan files and all, is in order: see `quick`."""
    convoys = _convoys_tree(town)
    tree = town.repo.git("write-tree", f"--prefix={ROOT}/", check=False)
    if convoys is not None and tree.returncode == 0:
        quick.remember(town.common_dir, tree.text.strip(), convoys)


def pre_merge_commit(town: Town) -> HookResult:
    """Judge a clean merge against its parents; git would take no files from here, so plan files wait."""
    ledger = known_ledger(town)
    before, after = _plans(town)
    found = _judge(town, before, View(State(after, ledger or Ledger())), ledger)
    if any(problem.severity == "error" for problem in found):
        return _refusal(found)
    return HookResult(problems=tuple(found))


def _plans(town: Town) -> tuple[list[Plan], Plan]:
    """The plans that the next commit stands on, and the one that it would hold."""
    commits = heads(town.repo)
    if len(commits) != 1:
        return plans_of(town, commits), town.joined(load.from_index(town.repo))
    own = load.from_commit(town.repo, commits[0])
    return [town.joined(own)], town.joined(load.from_index_after(town.repo, commits[0], own))


def _judge(town: Town, before: Sequence[Plan], view: View, ledger: Ledger | None) -> list[Problem]:
    """The problems that the change makes, placed in the index's files: what stood in a parent is not its fault."""
    after = view.plan
    found = findings(after, ledger, view)
    if found:
        found = new_problems([problem for plan in before for problem in findings(plan, ledger)], found)
    if after.problems:
        changed = _changed_paths(town.repo)
        found += [problem for problem in after.problems if problem not in found and problem.path in changed]
    found += transitions(town, before, after, ledger)
    if not found:
        return []
    return placed(found, joining.reader(town.homes(after.config), after, load.index_reader(town.repo)))


def _changed_paths(repo: Repo) -> frozenset[str]:
    head = refs.head(repo)
    tree = trees.tree_at(repo, head, ROOT) if head else None
    old = {(entry.path, entry.oid) for entry in trees.entries(repo, tree, ROOT)} if tree else set()
    return frozenset(entry.path for entry in index.index_entries(repo, ROOT) if (entry.path, entry.oid) not in old)


def _refusal(problems: Sequence[Problem]) -> HookResult:
    errors = sum(problem.severity == "error" for problem in problems)
    lines = (
        f"gitconvoy: the commit is refused: {errors} error{'s' if errors != 1 else ''} under {ROOT}/; nothing was lost",
        "hint: mend the files, `git add` them and commit again",
    )
    return HookResult(Exit.REFUSED, tuple(problems), lines)


def _rewrite_plans(town: Town, view: View, ledger: Ledger | None, only: Collection[str] | None) -> list[str]:
    """Stale plan files, into the index that is being committed and into the worktree where nobody edited them.

    `only`: the convoys whose files may be stale; None: any.
    """
    repo, plan = town.repo, view.plan
    changes = stale(plan, ledger, only, view)
    if not changes:
        return []
    current = load.index_reader(repo)
    for path, data in changes.items():
        _into_worktree(repo, path, current(path), data)
    blobs = {path: write.write_blob(repo, data) if data is not None else None for path, data in changes.items()}
    write.stage_paths(repo, blobs)
    if repo.index_file.name.startswith("next-index"):
        _leave_repair_note(repo, {path: (plan.plan_blobs.get(stem(path)), oid) for path, oid in blobs.items()})
    return [f"gitconvoy: {'rewrote' if data is not None else 'removed'} {path}" for path, data in changes.items()]


def _into_worktree(repo: Repo, path: str, staged: bytes | None, data: bytes | None) -> None:
    if repo.worktree is None:
        return
    try:
        file = plain_place(repo.worktree, path)
    except Refused:
        return  # a symbolic link leads out of the repository
    there = file.read_bytes() if file.is_file() and not file.is_symlink() else None
    if there != staged or (staged is None and (file.exists() or file.is_symlink())):
        return  # a person's own edit of a derived file: left alone, the next commit looks again
    if data is None:
        file.unlink(missing_ok=True)
    else:
        write_atomically(file, data, mode=0o644, aside=repo.git_dir)


def _leave_repair_note(repo: Repo, paths: Mapping[str, tuple[str | None, str | None]]) -> None:
    """`git commit PATH` throws this index away afterwards: post-commit brings the real one up to date."""
    write_atomically(repo.git_dir / REPAIR, json.dumps(paths).encode())
