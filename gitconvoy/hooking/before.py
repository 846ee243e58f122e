"""What the hooks before a commit and a merge do: judge what is staged, and write stale plan files (SPEC 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

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
from gitconvoy.planning.planfile import frozen_are_right, stale
from gitconvoy.store import load
from gitconvoy.store.localfiles import write_atomically


def pre_commit(town: Town) -> HookResult:
    """Judge the index against HEAD, and write stale plan files into the same commit."""
    conflicts = unmerged(town.repo)
    if conflicts:
        return _refusal(conflicts)
    ledger = known_ledger(town)
    after = town.joined(load.from_index(town.repo))
    found = _judge(town, after, ledger)
    if any(problem.severity == "error" for problem in found):
        return _refusal(found)
    lines = _rewrite_plans(town, after, ledger)
    simple = not after.problems and not after.config_broken and not after.homes and not after.away
    if simple and ledger is not None and frozen_are_right(after, ledger):
        _note_judged(town)
    return HookResult(problems=tuple(found), lines=tuple(lines))


def _note_judged(town: Town) -> None:
    """What is staged now, plan files and all, is in order: see `quick`."""
    tip = town.ledger_tip()
    convoys = trees.tree_at(town.repo, tip, "convoys") if tip is not None else None
    tree = town.repo.git("write-tree", f"--prefix={ROOT}/", check=False)
    if convoys is not None and tree.returncode == 0:
        quick.remember(town.common_dir, tree.text.strip(), convoys)


def pre_merge_commit(town: Town) -> HookResult:
    """Judge a clean merge against its parents; git would take no files from here, so plan files wait."""
    found = _judge(town, town.joined(load.from_index(town.repo)), known_ledger(town))
    if any(problem.severity == "error" for problem in found):
        return _refusal(found)
    return HookResult(problems=tuple(found))


def _judge(town: Town, after: Plan, ledger: Ledger | None) -> list[Problem]:
    """The problems that the change makes, placed in the index's files: what stood in a parent is not its fault."""
    before = plans_of(town, heads(town.repo))
    stood = [problem for plan in before for problem in findings(plan, ledger)]
    found = new_problems(stood, findings(after, ledger))
    changed = _changed_paths(town.repo)
    found += [problem for problem in after.problems if problem not in found and problem.path in changed]
    found += transitions(town, before, after, ledger)
    reader = joining.reader(town.homes(after.config), after, load.index_reader(town.repo))
    return placed(found, reader)


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


def _rewrite_plans(town: Town, plan: Plan, ledger: Ledger | None) -> list[str]:
    """Stale plan files, into the index that is being committed and into the worktree where nobody edited them."""
    repo = town.repo
    changes = stale(plan, ledger)
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
