"""What each git hook does, once its shim has found that `.convoy/` is concerned (SPEC 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitconvoy.checks.compare import new_problems
from gitconvoy.engine import joining, news, seen, wake
from gitconvoy.engine.plans.editing import known_ledger, plain_place
from gitconvoy.engine.plans.validating import findings, heads, placed, plans_of, transitions, unmerged
from gitconvoy.engine.react import react
from gitconvoy.engine.settings import HEADS, LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, Exit, Problem, Refused
from gitconvoy.git import commits, index, personal, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import quick, rigs
from gitconvoy.model.kinds import PLAN, ROOT, kind_of, stem
from gitconvoy.model.ledger import Event, Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.planning.planfile import stale
from gitconvoy.store import load
from gitconvoy.store.localfiles import write_atomically

POST_HOOKS = ("post-commit", "post-merge", "post-rewrite", "post-applypatch", "post-checkout")
REPAIR = "gitconvoy-repair"
"""In the git directory of a worktree: paths that pre-commit put into a commit whose index git then threw away."""


@dataclass(frozen=True, slots=True)
class HookResult:
    """The hook's exit code and what it tells on stderr, in order."""

    code: int = Exit.OK
    problems: tuple[Problem, ...] = ()
    lines: tuple[str, ...] = ()


def run_hook(town: Town, name: str, arguments: Sequence[str] = ()) -> HookResult:
    """Run one hook by its git name, with what git gave it. Only pre-commit and pre-merge-commit can refuse."""
    if name == "pre-commit":
        return pre_commit(town)
    if name == "pre-merge-commit":
        return pre_merge_commit(town)
    if name == "post-checkout" and arguments[2:3] == ("0",):
        return HookResult()  # files were checked out, no branch
    if name in POST_HOOKS:
        return post(town, name)
    return HookResult(Exit.USAGE, lines=(f"gitconvoy has no hook {name!r}",))


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
    if not after.problems and not after.config_broken and not after.homes and not after.away:
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


def _repair_index(repo: Repo) -> None:
    note = repo.git_dir / REPAIR
    try:
        paths = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return
    note.unlink(missing_ok=True)
    head = refs.head(repo)
    tree = trees.tree_at(repo, head, ROOT) if head else None
    committed = {entry.path: entry.oid for entry in trees.entries(repo, tree, ROOT)} if tree else {}
    staged = {entry.path: entry.oid for entry in index.index_entries(repo, ROOT)}
    stale_entries = {
        path: new
        for path, (old, new) in paths.items()
        if kind_of(path) is PLAN and committed.get(path) == new and staged.get(path) == old
    }
    write.stage_paths(repo, stale_entries)


def post(town: Town, name: str) -> HookResult:
    """The trunk may have moved: react. Nothing here can refuse; what goes wrong is told."""
    try:
        _repair_index(town.repo)
        rigs.wake_towns(town.repo)
        if name == "post-checkout" and personal.operation_in_progress(town.repo) == "rebase":
            wake.spawn(town, ["scan", "--when-idle"])
            return HookResult()
        return _react(town)
    except ConvoyError as error:
        hint = (f"hint: {error.hint}",) if error.hint else ()
        return HookResult(lines=(f"gitconvoy: {error.message}", *hint))


def _react(town: Town) -> HookResult:
    trunk = town.trunk()
    if town.settings.role != LOCAL:
        said = f"gitconvoy: this clone dispatches nothing (gitconvoy.dispatch is {town.settings.role})"
        return HookResult(lines=(said,) if _looked_only(town, trunk) else ())
    outcome = react(town, cause=trunk or "command")
    _follow_ledger(town, outcome.events)
    told = [_line(event) for event, _ in outcome.events]
    failed = [f"gitconvoy: {bead} {reason}" for bead, reason in outcome.failed]
    if town.ledger_tip() is None:
        _looked_only(town, trunk)  # nothing has ever happened here, and react notes its looks with the ledger's tip
    lost = _without_plan(town, trunk) if not outcome.state.plan.exists and town.ledger_tip() is not None else ()
    return HookResult(lines=(*(line for line in told if line), *failed, *lost))


_CLOSED_STAYS_CLOSED = frozenset(
    {"dispatch", "dispatch-failed", "submit", "merged", "done", "fail", "requeue", "expire", "complete", "notify"}
)
"""Events after which no convoy is open that was closed before."""


def _follow_ledger(town: Town, events: Sequence[tuple[Event, str]]) -> None:
    """What was judged with the ledger before these events is judged with the one after them."""
    if not events or not _CLOSED_STAYS_CLOSED.issuperset(event.kind for event, _ in events):
        return
    before, repo = events[-1][1], town.repo
    for _, commit in reversed(events):
        if commit != before:
            return  # somebody else has written something in between
        parents = commits.commit(repo, commit).parents
        before = parents[0] if parents else ""
    old = trees.tree_at(repo, before, "convoys") if before else None
    new = trees.tree_at(repo, events[-1][1], "convoys")
    if old is not None and new is not None:
        quick.follow(town.common_dir, old, new)


def _without_plan(town: Town, trunk: str | None) -> tuple[str, str]:
    name = town.settings.trunk.removeprefix(HEADS)
    lost = f"holds no {ROOT} folder" if trunk is not None else "is no branch here"
    hint = "hint: bring it back, or name the branch that has the plan: git config gitconvoy.trunk BRANCH"
    return f"gitconvoy: the trunk ({name}) {lost}: nothing is dispatched", hint


def _looked_only(town: Town, trunk: str | None) -> bool:
    """Note a look where no ledger is written, so that the shims leave early again; whether the plan is another now."""
    if trunk is None:
        return False
    tree, last = trees.tree_at(town.repo, trunk, ROOT) or "-", seen.recall(town.common_dir)
    known, tip = last.ledger if last is not None else "-", town.ledger_tip() or "-"
    if known != "-" and not (tip != "-" and commits.is_ancestor(town.repo, known, tip)):
        tip = known  # a ledger that is less than what was decided on here: see `rewound`
    seen.remember(town.common_dir, seen.Seen(town.settings.trunk, tree, trunk, tip))
    return last is None or last.tree != tree


def _line(event: Event) -> str | None:
    about = news.of(event)
    return f"gitconvoy: {about}" if about else None
