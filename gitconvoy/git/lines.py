"""Along history: a branch's own line, and what it held at a time."""

from __future__ import annotations

from collections.abc import Iterator

from gitconvoy.git import commits, objects
from gitconvoy.git.repo import Repo


def first_parent_line(repo: Repo, tip: str) -> Iterator[str]:
    """`tip` and its first-parent ancestors, newest first, read as asked for; ends where a shallow clone does."""
    ends, oid = objects.shallow(repo), tip
    while True:
        yield oid
        parents = commits.commit(repo, oid).parents
        if not parents or oid in ends:
            return
        oid = parents[0]


def newest_before(repo: Repo, tip: str, time: int, stop: str | None = None) -> str | None:
    """The newest first-parent commit at or behind `tip` whose committer date is not after `time`; None: there is none.

    Commits that `stop` reaches are left out.
    """
    options = ("--first-parent", "--max-count=1", f"--before=@{time} +0000")  # --min-age takes no time after 2038
    return repo.git("rev-list", *options, tip, *([f"^{stop}"] if stop else []), "--").text or None
