"""Where a started worker works: a fresh worktree on a branch of its own, and what that needs to be of use (SPEC 7).

All of it is set in git config, never in a committed file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import logs, program, registry
from gitconvoy.dispatch.attempts import AttemptFolder, Job
from gitconvoy.dispatch.workplace_settings import Settings, inside, settings
from gitconvoy.errors import ConvoyError, Refused
from gitconvoy.git import refs, worktrees, write
from gitconvoy.git.admin import admin_dir, admin_dirs, lock_reason, real, stands_on
from gitconvoy.git.repo import Repo
from gitconvoy.store.localfiles import write_atomically

IN_USE = "gitconvoy"
"""Begins the reason for which our worktrees are locked against pruning."""
_FOR = " for "
"""Stands before the town in that reason, where the worktree is one of another repository."""


def free_place(repo: Repo, folder: Path, name: str) -> Path:
    """The first of `name`, `name.2`, `name.3`, ... in a folder where nothing is, on the disk or in git's list."""
    taken = admin_dirs(repo)
    paths = (folder / (name if number == 1 else f"{name}.{number}") for number in count(1))
    return next(path for path in paths if not os.path.lexists(path) and real(path) not in taken)


@dataclass(frozen=True, slots=True)
class Site:
    """One attempt's workplace in the making."""

    job: Job
    folder: AttemptFolder
    env: Mapping[str, str]
    log: logs.Log

    def prepare(self) -> None:
        """Make the worktree, with everything that it needs. ConvoyError or OSError, with the reason, where it fails.

        What a failure leaves is taken away again, unless something would be lost with it.
        """
        repo = Repo.at(self.job.place)
        taken = worktrees.clashes(repo, self.job.branch)
        if taken:
            raise Refused(
                f"the branch {self.job.branch} cannot be made, because {' and '.join(taken[:3])} exists",
                hint="rename or delete that branch",
                code="branch-exists",
            )
        path = Path(self.job.worktree)
        if os.path.lexists(path):
            raise Refused(
                f"{path}, where its worktree belongs, exists already",
                code="worktree-exists",
                hint=f"move it away, or look at it: cd {path}",
            )
        known = settings(repo, self.job.place)
        path.parent.mkdir(parents=True, exist_ok=True)
        worktrees.add(repo, path, self.job.branch, self.job.base, reason=reason(self.job))
        try:
            self._furnish(path, known)
        except (ConvoyError, OSError):
            withdraw(repo, self.folder, self.job)
            raise

    def _furnish(self, path: Path, known: Settings) -> None:
        if known.submodules and worktrees.has_submodules(path):
            self._run("checking out submodules", worktrees.SUBMODULES, path, known, worktrees.SUBMODULES_ENV)
        copied: dict[str, str] = {}
        for each in known.copies:
            copied |= _copy(self.job.place, path, each, self.log)
        write_atomically(self.folder.copied, json.dumps(copied).encode())
        if known.setup:
            argv = registry.fill(known.setup, values(self.job, self.folder))
            self._run(f"the set-up command ({shlex.join(argv)[:100]})", argv, path, known)

    def _run(
        self, name: str, argv: Sequence[str], path: Path, known: Settings, extra: Mapping[str, str] | None = None
    ) -> None:
        """Run a program in the worktree, as one of the attempt's own processes: whoever ends those ends it too."""
        env = {**self.env, **(extra or {})}
        ran = program.run(argv, cwd=path, env=env, timeout=known.setup_timeout, sink=self.log.write)
        if not ran.ok:
            raise Refused(ran.how(name), code="setup", hint=f"gitconvoy logs {self.job.bead} shows what it printed")


def reason(job: Job) -> str:
    """What git says of why the worktree of an attempt is locked."""
    return f"{IN_USE}: {job.bead} is worked on" + (f"{_FOR}{job.town}" if job.repository else "")


def is_of(said: str, town: Path, *, own: bool) -> bool:
    """Whether a lock with this reason is of an attempt of this town; `own`: in the town's own repository."""
    return said.startswith(IN_USE) and (_FOR not in said if own else said.endswith(f"{_FOR}{town}"))


def values(job: Job, folder: AttemptFolder) -> dict[str, str]:
    """What placeholders stand for."""
    return {
        "bead": job.bead,
        "branch": job.branch,
        "worktree": job.worktree,
        "prompt_file": str(folder.prompt),
    }


def _copy(home: Path, target: Path, name: str, log: logs.Log) -> dict[str, str]:
    """Copy a file or the files of a folder; the digest of each by its path. Links are neither followed nor copied."""
    parts = PurePosixPath(name).parts
    link = _link_on_the_way(home, parts)
    if link is not None:
        raise Refused(
            f"gitconvoy.copy names {name}, but {link} is a symbolic link",
            code="copy",
            hint="name what it leads to, or replace it by a plain file",
        )
    source = home.joinpath(*parts)
    if not source.exists():
        log.note(f"there is no {name} to copy (gitconvoy.copy)")
        return {}
    copied = {}
    for file in _files(source):
        inner = file.relative_to(home)
        link = _link_on_the_way(target, inner.parts)
        if link is not None:
            raise Refused(
                f"{inner} is not copied into the worktree: {link} is a symbolic link there",
                code="copy",
                hint="take it out of the branch, or out of gitconvoy.copy",
            )
        place = target / inner
        if place.exists():
            log.note(f"{inner} is not copied: it is there already")
            continue
        import shutil

        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place, follow_symlinks=False)
        copied[inner.as_posix()] = _digest(place)
    return copied


def _link_on_the_way(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The first of these nested names that is a symbolic link, relative to `root`."""
    here = root
    for part in parts:
        here = here / part
        if here.is_symlink():
            return here.relative_to(root)
    return None


def _files(source: Path) -> Iterator[Path]:
    """The regular files of a folder, or the file itself; nested repositories are left out."""
    if stat.S_ISREG(source.lstat().st_mode):
        yield source
        return
    for folder, folders, files in os.walk(source):
        if ".git" in folders or ".git" in files:
            folders.clear()
            continue
        folders.sort()
        for name in sorted(files):
            file = Path(folder) / name
            if stat.S_ISREG(file.lstat().st_mode):
                yield file


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def withdraw(repo: Repo, folder: AttemptFolder, job: Job) -> tuple[str, ...]:
    """Remove an attempt's worktree, and its branch where no commit was added; nothing where something would be lost.

    What would be lost, for people to read; the commits of its branch are no loss here, as that stays.
    """
    lost = dismantle(repo, folder, job, into=())
    if not lost:
        drop_empty_branch(repo, job)
    return lost


def dismantle(repo: Repo, folder: AttemptFolder, job: Job, *, into: tuple[str, ...]) -> tuple[str, ...]:
    """Remove an attempt's worktree unless something would be lost with it; returns what that is.

    With `into` (commits), that its own commits are merged into none of these is a loss. Files that were copied into it
    and are as they were then are none. Refused (`not-ours`) where another's worktree stands there.
    """
    path = Path(job.worktree)
    if other := stranger(repo, job):
        raise Refused(other, hint=f"look at it: cd {path}", code="not-ours")
    with _copies_aside(folder, path) as put_aside:
        lost = worktrees.losses(path, into=into)
        if not lost:
            worktrees.remove(repo, path)
            put_aside.clear()
    return lost


def stranger(repo: Repo, job: Job) -> str:
    """Why the worktree at an attempt's place is not the attempt's, in words; empty where it is, or where there is none.

    Its lock tells: it names bead and town. One without a lock has to stand on the attempt's branch.
    """
    admin = admin_dir(repo, Path(job.worktree))
    if admin is None:
        return ""
    said = lock_reason(admin)
    if said == reason(job) or (said is None and stands_on(admin) == refs.HEADS + job.branch):
        return ""
    why = f"locked: {said}" if said is not None else "it is on another branch"
    return f"it is not the worktree of attempt {job.attempt} of {job.bead} ({why})"


def losses(folder: AttemptFolder, job: Job, *, into: tuple[str, ...]) -> tuple[str, ...]:
    """What `dismantle` would find in the way."""
    path = Path(job.worktree)
    with _copies_aside(folder, path):
        return worktrees.losses(path, into=into)


@contextmanager
def _copies_aside(folder: AttemptFolder, root: Path) -> Iterator[list[tuple[Path, Path]]]:
    """Take the unchanged copies out of the way while the block runs; those that are left in the list come back."""
    import shutil
    import tempfile

    try:
        copied = json.loads(folder.copied.read_bytes())
    except (OSError, ValueError):
        copied = {}
    moved: list[tuple[Path, Path]] = []
    with tempfile.TemporaryDirectory(prefix=".aside-", dir=folder.root) as aside:
        for name, digest in copied.items():
            place = root / inside(name)
            regular = _link_on_the_way(root, PurePosixPath(name).parts) is None and place.is_file()
            if regular and _digest(place) == digest:
                kept = Path(aside) / str(len(moved))
                shutil.move(place, kept)
                moved.append((kept, place))
        try:
            yield moved
        finally:
            for kept, place in moved:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(kept, place)


def there(job: Job) -> bool:
    """Whether the attempt's worktree is on the disk."""
    return bool(job.branch) and os.path.lexists(job.worktree)


def drop_empty_branch(repo: Repo, job: Job) -> None:
    """Delete an attempt's branch that still stands where it began."""
    if job.branch and job.base and refs.ref(repo, refs.HEADS + job.branch) == job.base:
        write.delete_ref(repo, refs.HEADS + job.branch, job.base)
