"""A chain of ledger commits: prepared whole, published by one compare-and-swap of the ref (SPEC 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.git import commits, disk, transaction, trees, write
from gitconvoy.git.batch import Batch
from gitconvoy.git.folders import Folder
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.ledger.apply import apply
from gitconvoy.ledger.read import BOARD, PLAN, REF
from gitconvoy.model.ledger import Event, Ledger


@dataclass(frozen=True, slots=True)
class Chain:
    """Commits that stand ready but unpublished: one for each event, in order, the last one is the new tip."""

    old: str | None
    commits: tuple[str, ...]
    events: tuple[Event, ...]
    ledger: Ledger

    @property
    def tip(self) -> str:
        """The commit that the branch will point to."""
        return self.commits[-1]


def _changes(event: Event, ledger: Ledger) -> dict[str, bytes | write.Tree | None]:
    changes: dict[str, bytes | write.Tree | None] = {}
    if event.kind == "init":
        changes["format"] = f"{codec.FORMAT}\n".encode()
    if event.bead is not None and event.bead_changes:
        changes[codec.bead_path(event.bead)] = codec.bead_bytes(ledger.bead(event.bead))
    if event.convoy is not None and event.convoy_changes:
        changes[codec.convoy_path(event.convoy)] = codec.convoy_bytes(ledger.convoy(event.convoy))
    if event.town_changes:
        changes["town.yaml"] = codec.town_bytes(ledger.paused)
    return changes


def prepare(
    repo: Repo,
    ledger: Ledger,
    base_tree: str | None,
    plan_tree: str | None,
    events: Sequence[Event],
    board: bytes | None = None,
) -> Chain:
    """Write the commits of `events` on top of the ledger's tip without moving the branch.

    `base_tree` is the tree of that tip, `plan_tree` the trunk's `.convoy` tree that was decided on (SPEC 1); None where
    it has none. `board` is the derived `README.md` of what stands after the last event; None leaves the one that is
    there.
    """
    if not events or (ledger.tip is None) != (events[0].kind == "init"):
        raise ValueError("a chain has events, and a ledger begins with the event init")
    left = _left(repo, ledger.tip, base_tree)
    if plan_tree is not None and plan_tree != left.plan:
        # the ledger needs it from now on, and git has not synced what people committed
        disk.sync_objects(repo, trees.added_objects(repo, left.plan, plan_tree))
    old, batch, root, made = ledger.tip, left.batch, left.root, list[str]()
    for number, event in enumerate(events):
        ledger = apply(ledger, event)
        changes = _changes(event, ledger)
        if number == 0:
            changes[PLAN] = write.Tree(plan_tree) if plan_tree is not None else None
        if number == len(events) - 1 and board is not None:
            changes[BOARD] = board
        root.change(changes)
        tree = root.store()
        if tree is None:
            raise ValueError("a ledger commit needs a tree")
        made.append(tree)
    chained = _commits(repo, batch, old, made, events)
    repo.memo[_LEFT] = _Left(chained[-1], made[-1], plan_tree, batch, root)
    return Chain(old, chained, tuple(events), replace(ledger, tip=chained[-1]))


@dataclass(frozen=True, slots=True)
class _Left:
    """What a chain leaves in memory for the next one: its last commit, that one's tree, and the plan in it."""

    commit: str | None
    tree: str | None
    plan: str | None
    batch: Batch
    root: Folder


_LEFT = "ledger-tree"


def _left(repo: Repo, tip: str | None, base: str | None) -> _Left:
    """Of the chain before, where this is its tip; else read. What fails on it leaves nothing behind."""
    known: _Left | None = repo.memo.pop(_LEFT, None)
    if known is not None and known.commit == tip and known.tree == base:
        return known
    plan = trees.child(repo, base, PLAN) if base is not None else None
    batch = Batch(repo)
    return _Left(tip, base, plan, batch, Folder(batch, base))


def tree_of(repo: Repo, tip: str | None) -> str | None:
    """The tree of a commit of the ledger; None for None."""
    known: _Left | None = repo.memo.get(_LEFT)
    if known is not None and known.commit == tip:
        return known.tree
    return commits.commit(repo, tip).tree if tip is not None else None


def _commits(
    repo: Repo, batch: Batch, parent: str | None, made: Sequence[str], events: Sequence[Event]
) -> tuple[str, ...]:
    """Write the trees and a commit for each, all in one go; git, which alone can sign, makes signed ones one by one."""
    signed = write.signs(repo)
    if signed:
        batch.write()
    chained: list[str] = []
    for tree, event in zip(made, events, strict=True):
        parents = [parent] if parent else []
        about = (repo, tree, parents, codec.message(event), event.at)
        parent = write.create_commit(*about) if signed else batch.add("commit", write.commit_bytes(*about))
        chained.append(parent)
    batch.write()
    return tuple(chained)


Move = Callable[[str, str], bool]
"""Moves the ledger's branch from one commit to another; False where that was not done."""


def publish(repo: Repo, chain: Chain, reason: str, move: Move | None = None) -> bool:
    """Move the ledger branch to the chain's tip; False where somebody else moved it first (decide anew then).

    `move`: of a series of moves (`moving`).
    """
    moved = move is not None and chain.old is not None and move(chain.old, chain.tip)
    return moved or write.swap_ref(repo, REF, chain.old, chain.tip, reason)


def moving(repo: Repo, reason: str) -> AbstractContextManager[Move]:
    """For those who publish chain after chain: one git process for all of them."""
    return transaction.series(repo, REF, reason)


def follow(repo: Repo, own: str | None, tip: str, reason: str) -> bool:
    """Go on to a commit that holds all that the ledger branch (at `own`) does; False where it does not, or moved."""
    ahead = tip != own and (own is None or commits.is_ancestor(repo, own, tip))
    return ahead and write.swap_ref(repo, REF, own, tip, reason)
