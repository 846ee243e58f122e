"""A worker's branch as the guards see it: where it left its base, what it did since, where it is checked out."""

from __future__ import annotations

from pathlib import Path

from gitconvoy.git import commits, personal, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ARCHIVE, BEAD, stem


def common_base(repo: Repo, one: str, other: str) -> str | None:
    """The best common ancestor of two commits; None where they have none."""
    found = repo.git("merge-base", one, other, ok=(0, 1))
    return found.text if found.returncode == 0 else None


def paths_of(repo: Repo, commit: str, bead: str) -> tuple[str, ...]:
    """The files of a bead in a commit: one, none, or (where somebody made a mistake) several; sorted."""
    usual = f"{BEAD.folder}/{bead}.yaml"
    found = []
    for folder in (BEAD.folder, ARCHIVE):
        tree = trees.tree_at(repo, commit, folder)
        entries = trees.entries(repo, tree, folder) if tree is not None else []
        found += [entry.path for entry in entries if entry.path == usual or stem(entry.path) == bead]
    return tuple(sorted(found))


def work_of(repo: Repo, base: str, tip: str, bead: str) -> list[str]:
    """The commits of a branch that are not in its base, newest first, without merges and without our closing commit."""
    commits = repo.git("rev-list", "--topo-order", "--no-merges", tip, f"^{base}", "--").text.split()
    return [commit for commit in commits if commit != tip or not closes_only(repo, commit, bead)]


def closes_only(repo: Repo, commit: str, bead: str) -> bool:
    """Whether all that a commit does is to change the bead's own file."""
    parents = commits.commit(repo, commit).parents
    if len(parents) != 1:
        return False
    changed = trees.changed_paths(repo, parents[0], commit)
    return bool(changed) and set(changed) <= set(paths_of(repo, commit, bead))


def checkouts(repo: Repo, branch: str) -> list[Path]:
    """The worktrees in which a branch (full ref name) is checked out and whose folder is there."""
    return [tree.path for tree in personal.worktrees(repo) if tree.branch == branch and tree.path.is_dir()]
