"""Commits in the person's name on the branch that is checked out, as `git commit --only` makes them (SPEC 6)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError, GitError, LostRace, Refused, fault_of
from gitconvoy.git import config, space
from gitconvoy.git.admin import real
from gitconvoy.git.identity import identity
from gitconvoy.git.refs import head
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result, beside_others

__all__ = ["Worktree", "commit_paths", "has_changes", "identity", "main_worktree", "operation_in_progress", "worktrees"]

MANY = 500
"""More paths than that are handed to git as the folders that hold them."""
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
    listed = beside_others(lambda: repo.git("worktree", "list", "--porcelain"))
    for block in listed.text.split("\n\n"):
        about = dict(line.partition(" ")[::2] for line in block.splitlines())
        if "worktree" in about:
            path = Path(about["worktree"])
            path = path if found or "bare" in about else _main(repo, path)
            found.append(Worktree(path, about.get("branch")))
    return found


def _main(repo: Repo, listed: Path) -> Path:
    """The main worktree, for which git lists the git directory where that lies apart (also that of a submodule)."""
    if real(listed) != real(repo.common_dir):
        return listed
    if repo.worktree is not None and repo.git_dir == repo.common_dir:
        return repo.worktree
    named = config.get(repo, "core.worktree")
    return real(repo.common_dir / named) if named else listed


def main_worktree(repo: Repo) -> Path:
    """The root of the main worktree; the git directory of a bare repository. Asked once for each open repository."""
    if "main-worktree" not in repo.memo:
        repo.memo["main-worktree"] = worktrees(repo)[0].path
    return cast(Path, repo.memo["main-worktree"])


def has_changes(repo: Repo, paths: Sequence[str]) -> list[str]:
    """Those of `paths` (files, from the root) with staged, unstaged or untracked changes, in the order given."""
    if not paths:
        return []
    changed = _changed(repo, paths)
    return [path for path in paths if path in changed]


def _changed(repo: Repo, paths: Sequence[str]) -> set[str]:
    """The paths that are untracked (ignored ones too), or whose index or worktree state differs from HEAD.

    Of many paths, others beside them are among these.
    """
    return set[str]().union(*_differing(repo, paths))


def _specs(paths: Sequence[str]) -> list[str]:
    """The paths as literal pathspecs for a command line, or, where there are many, what holds them at the top."""
    wanted = paths if len(paths) <= MANY else sorted({path.split("/")[0] for path in paths})
    return [f":(top,literal){path}" for path in wanted]


def _names(listed: Result) -> list[str]:
    return [name for name in os.fsdecode(listed.stdout).split("\0") if name]


def commit_paths(repo: Repo, paths: Sequence[str], message: str) -> str | None:
    """Commit the worktree's state of exactly these files (new, changed or removed; paths from the root).

    Hooks, signing and identity are those of any `git commit`; no editor opens; all other staged and unstaged changes
    stay. Returns the new commit's id, or None when there is nothing to commit. Raises Refused during a merge and the
    like and where the disk is full, LostRace where another process has the index locked, GitError with git's (or the
    hook's) words when the commit is refused; the index is then as it was.
    """
    if repo.worktree is None:
        raise Refused(
            "a bare repository has no files to commit", hint="run this in a clone with a worktree", code="bare"
        )
    doing = operation_in_progress(repo)
    if doing:
        end = "`git bisect reset`" if doing == "bisect" else f"`git {doing} --continue` or `--abort`"
        raise Refused(
            f"a {doing} is in progress, so nothing can be committed beside it",
            hint=f"end it ({end}) and try again, or use --no-commit",
            code="in-progress",
        )
    wanted = has_changes(repo, list(dict.fromkeys(paths)))
    if not wanted:
        return None
    try:
        with _announced(repo, wanted):
            _commit(repo, wanted, message)
    except GitError as error:
        raise _named(repo, error) from error
    made = head(repo)
    if made is None:
        raise GitError(
            "git commit succeeded, yet HEAD stands on no commit",
            hint="`git reflog` shows where HEAD has been; then try again",
            code="head-moved",
        )
    return made


def _commit(repo: Repo, paths: Sequence[str], message: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="gitconvoy-paths-") as listing:
        listing.write(_pathspecs(_fewer(repo, paths, tracked=True)))
        listing.flush()
        command = (
            "commit", "--only", "--quiet", "--no-edit", "--cleanup=whitespace", "--file=-",
            f"--pathspec-from-file={listing.name}", "--pathspec-file-nul",
        )  # fmt: skip
        try:
            repo.git(*command, input=message.encode(), extra={"GIT_EDITOR": ":"}, localized=True)
        except GitError as error:
            raise _named(repo, error) from error


def _fewer(repo: Repo, paths: Sequence[str], *, tracked: bool) -> list[str]:
    """The paths, or, where there are many, folders that stand for all in them, as far as nothing else lies there.

    Something else are files that differ from HEAD or that git does not know; also the paths themselves where git knows
    them already, unless `tracked`. Git compares each file with each pathspec: a hundred thousand would take it hours.
    """
    if len(paths) <= MANY:
        return list(paths)
    known, unknown = _differing(repo, paths)
    others = (known | unknown) - set(paths) if tracked else known | (unknown - set(paths))
    marked = (name for name in _names(repo.git("ls-files", "-v", "-z", "--", *_specs(paths))) if name[0].islower())
    others |= {name[2:] for name in marked} - set(paths)  # only status assumes that these are unchanged
    kept = {folder for path in others for folder in _folders(path)}
    return sorted({next((folder for folder in _folders(path) if folder not in kept), path) for path in paths})


def _folders(path: str) -> list[str]:
    """The folders that hold a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _differing(repo: Repo, paths: Sequence[str]) -> tuple[set[str], set[str]]:
    """What of the paths differs from HEAD or the index, and what git does not know (nor track, where it is ignored).

    Of many paths, others beside them are among these.
    """
    specs = _specs(paths)
    status = ("--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no")
    every = "--ignore-submodules=none"  # a commit of the folder takes also those that the settings hide
    known = {line[3:] for line in _names(repo.git(*status, every, "--", *specs))}
    return known, set(_names(repo.git("ls-files", "-z", "--others", "--full-name", "--", *specs)))


def _pathspecs(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(f":(top,literal){path}\0") for path in paths)


@contextmanager
def _announced(repo: Repo, paths: Sequence[str]) -> Iterator[None]:
    """The index knows of all of the files while the block runs (`git commit --only` wants that).

    Where the block raises and no commit was made, the index is as it was.
    """
    new = _unknown(repo, paths)
    if not new:
        yield
        return
    before = head(repo)
    with _spare_index(repo) as spare:
        _intend_to_add(repo, new)
        mark = _mark(repo.index_file)
        try:
            yield
        except BaseException as error:
            if head(repo) == before and not (_put_back(repo, spare, mark) or _forget(repo, new)):
                _remind(error, new)
            raise


def _unknown(repo: Repo, paths: Sequence[str]) -> list[str]:
    """Those of the files that the index does not know."""
    assert repo.worktree is not None
    tracked = set(_names(repo.git("ls-files", "-z", "--", *_specs(paths))))
    return [path for path in paths if path not in tracked and os.path.lexists(repo.worktree / path)]


def _intend_to_add(repo: Repo, paths: Sequence[str]) -> None:
    options = ["--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"]
    if config.get_bool(repo, "core.sparseCheckout"):
        options.append("--sparse")
    repo.git("add", *options, input=_pathspecs(_fewer(repo, paths, tracked=False)))


@contextmanager
def _spare_index(repo: Repo) -> Iterator[Path | None]:
    """A copy of the index as it is, None where there is none yet.

    To rename it into place needs no space: on a disk that has become full git could not write another index.
    """
    index = repo.index_file
    if not index.exists():
        yield None
        return
    spare = index.with_name(f"{index.name}.gitconvoy-{os.getpid()}")
    try:
        import shutil

        shutil.copy(index, spare)
        yield spare
    finally:
        spare.unlink(missing_ok=True)


def _mark(index: Path) -> tuple[int, int, int]:
    """What tells one state of the index from all others: git never writes into the file that is there."""
    about = index.stat()
    return about.st_ino, about.st_size, about.st_mtime_ns


def _put_back(repo: Repo, spare: Path | None, mark: tuple[int, int, int]) -> bool:
    """Put the old index back under git's own lock; False where another process changed the index or has the lock."""
    index, lock = repo.index_file, _lock_of(repo.index_file)
    try:
        if spare is None:
            lock.touch(exist_ok=False)
        else:
            lock.hardlink_to(spare)
    except OSError:
        return False
    try:
        if _mark(index) != mark:
            return False
        if spare is None:
            index.unlink()
        else:
            lock.replace(index)
    finally:
        lock.unlink(missing_ok=True)
    return True


def _lock_of(index: Path) -> Path:
    return index.with_name(f"{index.name}.lock")


def _forget(repo: Repo, paths: Sequence[str]) -> bool:
    """Take the files out of the index as it is now; False where git cannot."""
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    return repo.git("update-index", "-z", "--force-remove", "--stdin", input=names, check=False).returncode == 0


def _remind(error: BaseException, paths: Sequence[str]) -> None:
    if isinstance(error, ConvoyError):
        hint = f"git still intends to add {paths[0]}: `git reset -q -- {paths[0]}` takes that back"
        error.hint = f"{error.hint}; {hint}" if error.hint else hint


def _named(repo: Repo, error: GitError) -> ConvoyError:
    """The error of a commit that failed for want of space, or because another process is at the index, as such."""
    said = error.message
    fault = fault_of(space.named(repo.git_dir, error).message)
    if fault is not None and fault.code == "disk-full":
        hint = "free some space and try again; nothing was changed"
        return Refused(f"the disk is full: {said}", hint=hint, code="disk-full")
    if fault is not None:
        return error
    if "index.lock" not in said:
        hint = "mend what git, or the hook, names and try again; nothing was changed"
        return GitError(said, hint=hint, code="commit-refused") if error.code == "git" else error
    if "File exists" in said or _lock_of(repo.index_file).exists():
        hint = "another git process is at work here: try again when it is done"
        return LostRace(said, hint=hint, code="index-locked")
    return Refused(said, hint="check that the git directory is writable", code="not-writable")
