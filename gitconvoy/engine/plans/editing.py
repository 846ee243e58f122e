"""From an edit of the plan to a commit: the desk, files written at once, exactly those committed (SPEC 6)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import seen
from gitconvoy.engine.plans import unfinished
from gitconvoy.engine.plans.known import known_ledger as known_ledger
from gitconvoy.engine.react import react
from gitconvoy.engine.settings import HEADS, LOCAL
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles, LostRace, Refused
from gitconvoy.git import lock, personal, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import BEAD, CONFIG_PATH, CONVOY, ROOT, kind_of
from gitconvoy.planning.desk import Changes, Desk, settle
from gitconvoy.store import load
from gitconvoy.store.localfiles import new_file_mode, write_atomically

LOCK_SECONDS = 60.0


def open_desk(town: Town) -> Desk:
    """The plan of the worktree, as edits see it. Refused in a bare repository, and where there is no `.convoy`.

    BadFiles where the config cannot be read: nobody knows then what the settings are.
    """
    repo = town.repo
    if repo.worktree is None:
        raise Refused("a bare repository has no files to edit", hint="run this in a clone with a worktree", code="bare")
    unfinished.take_back(repo)
    plan = town.joined(load.from_worktree(repo))
    if not plan.exists:
        raise _no_plan(town)
    if plan.config_broken:
        found = tuple(problem for problem in plan.problems if problem.path in (CONFIG_PATH, ROOT))
        raise BadFiles(
            f"{CONFIG_PATH} cannot be read", found, hint="mend it first: the settings are unknown", code="bad-config"
        )
    ledger = known_ledger(town)
    now = max(int(time.time()), ledger.tip_time if ledger else 0)
    return Desk(plan, Remembering(load.worktree_reader(repo)), ledger, now, town.actor)


def _no_plan(town: Town) -> Refused:
    head = refs.head(town.repo)
    if head is not None and trees.tree_at(town.repo, head, ROOT) is not None:
        hint = f"git restore {ROOT}; in a sparse checkout: git sparse-checkout add {ROOT}"
        return Refused(f"{ROOT} is committed, but not in this worktree", hint=hint, code="no-plan")
    name = town.settings.trunk.removeprefix(HEADS)
    if town.plan().exists:
        return Refused(f"this branch has no {ROOT} folder, {name} has one", hint=f"git merge {name}", code="no-plan")
    return Refused(f"there is no {ROOT} folder here", hint="gitconvoy init begins one", code="no-plan")


@dataclass(frozen=True, slots=True)
class Remembering:
    """A reader of files that remembers what each held when it was first read, so that a race is noticed."""

    read: Callable[[str], bytes | None]
    known: dict[str, bytes | None] = field(default_factory=dict)

    def __call__(self, path: str) -> bytes | None:
        """The bytes of a file, None where there is none; the same ones each time."""
        if path not in self.known:
            self.known[path] = self.read(path)
        return self.known[path]

    def changed(self, paths: Iterable[str]) -> str | None:
        """The first of the paths whose file is no longer what was read."""
        return next((path for path in paths if path in self.known and self.read(path) != self.known[path]), None)


def publish(town: Town, desk: Desk, changes: Changes, *, commit: bool = True) -> tuple[Changes, str | None]:
    """Write the files of an edit and commit exactly those; (what was written, the commit), None without a commit.

    Refused, and nothing is changed, where a file to be changed has uncommitted changes, or where the edit leans on
    files that are not committed yet; LostRace where a file was changed since it was read, or git's index is locked.
    Where the commit fails, the files are as they were before.
    """
    if not changes.files:
        return changes, None
    repo = town.repo
    with lock.exclusive(repo.git_dir / unfinished.LOCK, LOCK_SECONDS):
        raced = desk.read.changed(sorted(changes.files)) if isinstance(desk.read, Remembering) else None
        if raced is not None:
            raise LostRace(f"{raced} was changed by somebody else meanwhile", hint="try again", code="changed")
        if commit:
            refuse_uncommitted(repo, sorted(changes.files))
            changes = _by_itself(town, desk, changes)
        with written(repo, changes.files):
            return changes, personal.commit_paths(repo, sorted(changes.files), changes.message) if commit else None


def refuse_uncommitted(repo: Repo, paths: Sequence[str]) -> None:
    """Refused where a person has changes in one of these files that are not committed: they would go in unasked."""
    changed = personal.has_changes(repo, paths)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise Refused(
            f"{changed[0]}{more} has changes that are not committed",
            hint=f"commit them first (`git commit -- {changed[0]}`), or use --no-commit",
            code="uncommitted",
        )


def _by_itself(town: Town, desk: Desk, changes: Changes) -> Changes:
    """The edit as the commit will hold it: judged against HEAD where the worktree's plan says more than HEAD does."""
    repo = town.repo
    if CONFIG_PATH in changes.files or not _plan_differs(repo):
        return changes
    head = refs.head(repo)
    if desk.read(CONFIG_PATH) is not None and load.commit_reader(repo, head)(CONFIG_PATH) is None:
        hint = f"commit the beginnings first (`git add {ROOT} && git commit`), or use --no-commit"
        raise Refused(f"{CONFIG_PATH} is not committed yet", hint=hint, code="uncommitted")
    committed = town.joined(load.from_commit(repo, head))
    documents = {path: data for path, data in changes.files.items() if kind_of(path) in (BEAD, CONVOY)}
    base = replace(desk, plan=committed, read=load.commit_reader(repo, head))
    try:
        alone = settle(base, documents, changes.message, changes.ids)
    except Refused as error:
        hint = f"other changes under {ROOT}/ are not committed yet: commit them first, or use --no-commit"
        raise Refused(f"a commit of this alone would be wrong: {error.message}", hint=hint, code=error.code) from error
    refuse_uncommitted(repo, sorted(alone.files.keys() - changes.files.keys()))
    others = {path: data for path, data in changes.files.items() if kind_of(path) is None}
    return replace(changes, files={**alone.files, **others})


def _plan_differs(repo: Repo) -> bool:
    options = ("--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    return bool(repo.git(*options, "--", f":(top,literal){ROOT}").stdout)


@contextmanager
def written(repo: Repo, files: Mapping[str, bytes | None]) -> Iterator[None]:
    """The files as they shall be (None: gone) while the block runs and, unless it raises, from then on."""
    assert repo.worktree is not None
    before: dict[Path, _Old | None] = {}
    unfinished.begin(repo, files)
    plain: dict[str, Path] = {}
    try:
        for path, data in files.items():
            file = plain_place(repo.worktree, path, plain)
            before[file] = _keep(repo, file, len(before)) if file.exists() else None
            _put(repo, file, data, before[file])
        yield
    except BaseException:
        for file, old in before.items():
            _put_back(repo, file, old)
        raise
    finally:
        for old in before.values():
            if old is not None and old.spare is not None:
                old.spare.unlink(missing_ok=True)
        unfinished.end(repo)


@dataclass(frozen=True, slots=True)
class _Old:
    """A file before it was changed. `spare` is another link to it: to rename that back needs no space on the disk."""

    data: bytes
    mode: int
    spare: Path | None


def _keep(repo: Repo, file: Path, number: int) -> _Old:
    spare: Path | None = repo.git_dir / f"gitconvoy-old-{os.getpid()}-{number}"
    try:
        assert spare is not None
        spare.unlink(missing_ok=True)
        spare.hardlink_to(file)
    except OSError:  # on another file system, or one without links: the bytes have to do
        spare = None
    return _Old(file.read_bytes(), file.stat().st_mode & 0o777, spare)


def _put_back(repo: Repo, file: Path, old: _Old | None) -> None:
    if old is None or old.spare is None:
        _put(repo, file, old.data if old else None, old)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    old.spare.replace(file)


def plain_place(root: Path, path: str, known: dict[str, Path] | None = None) -> Path:
    """Where a file of the worktree is; Refused where a symbolic link would lead elsewhere.

    `known`: folders that were looked at before, for those who write many files; it is added to.
    """
    known = {} if known is None else known
    above, _, name = path.rpartition("/")
    if above not in known:
        known[above] = plain_place(root, above, known) if above else root
    place = known[above] / name
    if place.is_symlink():
        raise Refused(f"{path} is a symbolic link", hint="replace it by a plain file or folder", code="not-a-file")
    return place


def _put(repo: Repo, file: Path, data: bytes | None, before: _Old | None) -> None:
    if data is not None:  # what a crash leaves of it lies in the git directory, not among a person's files
        write_atomically(file, data, mode=before.mode if before else new_file_mode(), aside=repo.git_dir)
        return
    file.unlink(missing_ok=True)
    for folder in file.parents:  # git keeps no empty folders either
        if folder == repo.worktree or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def moved_trunk(town: Town) -> bool:
    """Whether commits made here move the trunk: its branch is the one that is checked out."""
    return refs.head_ref(town.repo) == town.settings.trunk


def branches(town: Town) -> tuple[str, str | None]:
    """Name of the branch that is checked out (`HEAD` when detached), and of the trunk where that is another one."""
    here = (refs.head_ref(town.repo) or "HEAD").removeprefix(HEADS)
    return here, None if moved_trunk(town) else town.settings.trunk.removeprefix(HEADS)


def follow_up(town: Town) -> None:
    """React to a commit on the trunk where no hook did, if this clone dispatches (SPEC 7). Errors are react's."""
    if town.settings.role != LOCAL or not moved_trunk(town):
        return
    last = seen.recall(town.common_dir)
    if last is None or last.commit != town.trunk() or last.ledger != (town.ledger_tip() or "-"):
        react(town, cause=town.trunk() or "command")
