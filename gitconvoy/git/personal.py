"""Commits in the person's name on the branch that is checked out, as `git commit --only` makes them (SPEC 6)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitconvoy.errors import GitError, Refused
from gitconvoy.git import config
from gitconvoy.git.identity import identity
from gitconvoy.git.read import head
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result

__all__ = ["Worktree", "commit_paths", "has_changes", "identity", "operation_in_progress", "worktrees"]

_OPERATIONS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick"),
    ("BISECT_LOG", "bisect"),
)


@dataclass(frozen=True, slots=True)
class Worktree:
    """A worktree of the repository; `branch` is a full ref name, None when HEAD is detached or it is bare."""

    path: Path
    branch: str | None


def operation_in_progress(repo: Repo) -> str | None:
    """What git has begun in this worktree and not ended: merge, rebase, am, cherry-pick, revert or bisect."""
    return next((name for file, name in _OPERATIONS if (repo.git_dir / file).exists()), None)


def worktrees(repo: Repo) -> list[Worktree]:
    """All worktrees, the main one first. Those whose folder is gone are listed as long as git keeps them."""
    found: list[Worktree] = []
    for block in repo.git("worktree", "list", "--porcelain").text.split("\n\n"):
        about = dict(line.partition(" ")[::2] for line in block.splitlines())
        if "worktree" in about:
            found.append(Worktree(Path(about["worktree"]), about.get("branch")))
    return found


def has_changes(repo: Repo, paths: Sequence[str]) -> list[str]:
    """Those of `paths` (files, from the root) with staged, unstaged or untracked changes, in the order given."""
    if not paths:
        return []
    changed = _changed(repo, paths)
    return [path for path in paths if path in changed]


def _changed(repo: Repo, paths: Sequence[str]) -> set[str]:
    """The paths that are untracked (ignored ones too), or whose index or worktree state differs from HEAD."""
    status = ("--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no")
    found: set[str] = set()
    for part in _portions(paths):
        found.update(line[3:] for line in _names(repo.git(*status, "--", *part)))
        found.update(_names(repo.git("ls-files", "-z", "--others", "--", *part)))
    return found


def _portions(paths: Sequence[str]) -> Iterator[list[str]]:
    """The paths as literal pathspecs, in portions that fit on a command line."""
    for start in range(0, len(paths), 500):
        yield [f":(top,literal){path}" for path in paths[start : start + 500]]


def _names(listed: Result) -> list[str]:
    return [name for name in os.fsdecode(listed.stdout).split("\0") if name]


def commit_paths(repo: Repo, paths: Sequence[str], message: str) -> str | None:
    """Commit the worktree's state of exactly these files (new, changed or removed; paths from the root).

    Hooks, signing and identity are those of any `git commit`; no editor opens; all other staged and unstaged changes
    stay. Returns the new commit's id, or None when there is nothing to commit. Raises Refused during a merge and the
    like, GitError with git's (or the hook's) words when the commit is refused; the index is then as it was.
    """
    if repo.worktree is None:
        raise Refused("a bare repository has no files to commit", hint="run this in a clone with a worktree")
    doing = operation_in_progress(repo)
    if doing:
        end = "`git bisect reset`" if doing == "bisect" else f"`git {doing} --continue` or `--abort`"
        raise Refused(
            f"a {doing} is in progress, so nothing can be committed beside it",
            hint=f"end it ({end}) and try again, or use --no-commit",
        )
    wanted = has_changes(repo, list(dict.fromkeys(paths)))
    if not wanted:
        return None
    before = head(repo)
    announced = _announce(repo, wanted)
    try:
        _commit(repo, wanted, message)
    except BaseException:
        if head(repo) == before:
            _take_back(repo, announced)
        raise
    made = head(repo)
    if made is None:
        raise GitError("git commit succeeded, yet HEAD stands on no commit")
    return made


def _commit(repo: Repo, paths: Sequence[str], message: str) -> None:
    with tempfile.NamedTemporaryFile(prefix="gitconvoy-paths-") as listing:
        listing.write(_pathspecs(paths))
        listing.flush()
        command = (
            "commit", "--only", "--quiet", "--no-edit", "--cleanup=whitespace", "--file=-",
            f"--pathspec-from-file={listing.name}", "--pathspec-file-nul",
        )  # fmt: skip
        repo.git(*command, input=message.encode(), extra={"GIT_EDITOR": ":"}, localized=True)


def _pathspecs(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(f":(top,literal){path}\0") for path in paths)


def _announce(repo: Repo, paths: Sequence[str]) -> list[str]:
    """Make the files that the index does not know known to it (`git commit --only` wants that); returns those."""
    assert repo.worktree is not None
    tracked = {name for part in _portions(paths) for name in _names(repo.git("ls-files", "-z", "--", *part))}
    new = [path for path in paths if path not in tracked and os.path.lexists(repo.worktree / path)]
    if new:
        options = ["--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"]
        if config.get_bool(repo, "core.sparseCheckout"):
            options.append("--sparse")
        repo.git("add", *options, input=_pathspecs(new))
    return new


def _take_back(repo: Repo, announced: Sequence[str]) -> None:
    if announced:
        names = b"".join(os.fsencode(path) + b"\0" for path in announced)
        repo.git("update-index", "-z", "--force-remove", "--stdin", input=names)
