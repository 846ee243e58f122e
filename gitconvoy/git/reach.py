"""Which commits are in whose history: what a push brings, and where the commits that it names belong."""

from __future__ import annotations

from collections.abc import Collection

from gitconvoy.git.repo import Repo


def new_commits(
    repo: Repo, tip: str, known: Collection[str], *, first_parent: bool = False
) -> list[tuple[str, tuple[str, ...]]]:
    """The commits in the history of `tip` that are in that of none of `known`, with their parents, oldest first."""
    options = ("--reverse", "--topo-order", "--parents", *(("--first-parent",) if first_parent else ()))
    listed = repo.git("rev-list", *options, tip, *(f"^{each}" for each in known), "--")
    lines = [line.split(" ") for line in listed.text.splitlines()]
    return [(commit, tuple(parents)) for commit, *parents in lines]


def outside_of(repo: Repo, commits: Collection[str], tips: Collection[str]) -> frozenset[str]:
    """Those of the commits, all of which are here, that are in the history of none of `tips`."""
    if not commits:
        return frozenset()
    asked = "".join(f"{each}\n" for each in (*commits, *(f"^{tip}" for tip in tips)))
    listed = repo.git("rev-list", "--stdin", input=asked.encode())
    return frozenset(commits).intersection(listed.text.splitlines())


def is_behind(repo: Repo, one: str, other: str) -> bool:
    """Whether `one` is an ancestor of `other`, and another commit; both are here. Quick where they are near."""
    return one != other and bool(repo.raw.descendant_of(other, one))
