"""What each git hook does, once its shim has found that `.convoy/` is concerned (SPEC 6)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gitconvoy.engine import news, seen, wake
from gitconvoy.engine.react import react
from gitconvoy.engine.settings import HEADS, LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import ConvoyError, Exit
from gitconvoy.git import commits, index, personal, refs, trees, write
from gitconvoy.git.repo import Repo
from gitconvoy.hooking import quick, rigs
from gitconvoy.hooking.result import REPAIR, HookResult
from gitconvoy.model.kinds import PLAN, ROOT, kind_of
from gitconvoy.model.ledger import Event

POST_HOOKS = ("post-commit", "post-merge", "post-rewrite", "post-applypatch", "post-checkout")


def run_hook(town: Town, name: str, arguments: Sequence[str] = ()) -> HookResult:
    """Run one hook by its git name, with what git gave it. Only pre-commit and pre-merge-commit can refuse."""
    if name in ("pre-commit", "pre-merge-commit"):
        from gitconvoy.hooking import before  # what judges a plan is nothing for the hooks that react

        return before.pre_commit(town) if name == "pre-commit" else before.pre_merge_commit(town)
    if name == "post-checkout" and [*arguments[2:3]] == ["0"]:
        return HookResult()  # files were checked out, no branch
    if name in POST_HOOKS:
        return post(town, name)
    return HookResult(Exit.USAGE, lines=(f"gitconvoy has no hook {name!r}",))


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
