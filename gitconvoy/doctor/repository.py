"""The repository: of a kind that can be read, whole, writable, and not locked by something that has died (SPEC 6)."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from functools import partial

from gitconvoy.doctor.findings import ERROR, NOTE, WARNING, Finding
from gitconvoy.doctor.scene import OutOfReach, Scene
from gitconvoy.engine.settings import LOCAL
from gitconvoy.errors import UnsupportedRepository
from gitconvoy.git import health
from gitconvoy.git.health import LockFile
from gitconvoy.ledger.read import REF
from gitconvoy.model.kinds import ROOT

AT_WORK, STALE = 60, 3600
"""Seconds: a younger lock file belongs to somebody who works; an older one of a single ref to nobody any more."""
_REMEDIES: dict[str, tuple[str, ...]] = {
    "SHA-256": ("git init ../NEW", "git fast-export --all | git -C ../NEW fast-import"),
    "reftable": ("git refs migrate --ref-format=files",),
    "partial clone": ("git fetch --refetch --no-filter", "git config --unset extensions.partialClone"),
}


def opened(scene: Scene) -> Iterator[Finding]:
    """Is there a repository, and of a kind that can be read?"""
    error = scene.repo_trouble()
    if error is None:
        return
    said = str(error)
    why = getattr(error, "hint", "") or "nothing else can be looked at"
    commands: tuple[str, ...] = ("git status",)
    expected = "a git repository that git and libgit2 can open"
    if isinstance(error, UnsupportedRepository):
        why = f"libgit2, with which gitconvoy reads objects, does not know this kind: {why}"
        commands = next((found for name, found in _REMEDIES.items() if name in said), ("git clone URL",))
    elif getattr(error, "code", "") == "other-owner":
        remedy = why.rpartition(": ")[2]  # git's own words
        why = "git does nothing in the repository of another user, for its settings may name programs to run"
        commands = (remedy,)
    elif getattr(error, "code", "") == "not-a-repository":
        commands = ("git init", "gitconvoy -C DIR doctor")
    elif getattr(error, "code", "") == "damaged-repository":
        commands = ("mv .git/HEAD .git/HEAD.damaged", "git init --initial-branch=BRANCH")
    elif getattr(error, "code", "") == "lost-repository":
        commands = ("git rev-parse --git-dir", f"git -C REPOSITORY worktree repair {shlex.quote(str(scene.start))}")
    yield Finding("repository", str(scene.start), ERROR, said, expected, why, commands)


def whole(scene: Scene) -> Iterator[Finding]:
    """Are all objects here that history names?"""
    place = scene.place()
    for folder in health.missing_alternates(place):
        yield Finding(
            "alternates",
            str(folder),
            ERROR,
            "it holds objects of this repository, and it is gone",
            "what objects/info/alternates names is there",
            "history has holes: whatever needs such an object fails",
            (f"ls {shlex.quote(str(folder))}", "git fsck --connectivity-only", "git fetch --refetch"),
        )
    if scene.repo_trouble() is None:
        for remote, keys in health.promisors(place).items():
            yield Finding(
                "partial",
                f"remote {remote}",
                WARNING,
                "objects may be missing here that git would fetch from it one by one",
                "a clone that has all its objects",
                "libgit2 fetches nothing by itself: reading a missing object fails",
                ("git fetch --refetch --no-filter", *(f"git config --unset {shlex.quote(key)}" for key in keys)),
            )
    if health.is_shallow(place):
        yield Finding(
            "shallow",
            "history",
            NOTE,
            "it is a shallow clone",
            "the whole history",
            "what was merged or changed before its first commit cannot be seen; all else works",
            ("git fetch --unshallow",),
        )


def index(scene: Scene) -> Iterator[Finding]:
    """Can libgit2 read the index, and are the files of the plan checked out?"""
    place = scene.place()
    reads = "libgit2 cannot read such an index; gitconvoy asks git itself and works, other tools may not"
    if place.worktree is None:
        return
    subject, plain = str(place.index_file), "one file that holds every path"
    damage = health.index_damage(place)
    if damage:
        yield Finding(
            "index",
            subject,
            ERROR,
            f"it is damaged: {damage}",
            "an index that git can read",
            "a commit of it would not be what was added; it holds no work but what was staged and not committed",
            (f"mv {shlex.quote(subject)} {shlex.quote(subject + '.damaged')}", "git reset"),
        )
        return
    if health.has_split_index(place):
        undo: tuple[str, ...] = ("git config core.splitIndex false", "git update-index --no-split-index")
        yield Finding("split-index", subject, NOTE, "it is a split index", plain, reads, undo)
    if health.has_sparse_index(place):
        undo = ("git sparse-checkout reapply --no-sparse-index",)
        yield Finding("sparse-index", subject, NOTE, "it is a sparse index", plain, reads, undo)
    if health.left_out(place, ROOT):
        yield Finding(
            "sparse-checkout",
            str(place.worktree),
            WARNING,
            f"its sparse checkout leaves out files below {ROOT}/",
            f"{ROOT}/ is checked out where people plan",
            "planning commands and `validate` look at the files of the worktree; dispatching does not",
            (f"git sparse-checkout add {ROOT}",),
        )


def writable(scene: Scene) -> Iterator[Finding]:
    """Can this user write there?"""
    found = health.unwritable(scene.place())
    if not found:
        return
    first, *more = found
    local = _role(scene) == LOCAL
    yield Finding(
        "writable",
        str(first),
        ERROR if local else NOTE,
        "this user can make no files in it" + (f", nor in {', '.join(map(str, more))}" if more else ""),
        "the clone that dispatches can be written" if local else "whoever commits can write here",
        "each dispatch is a commit" if local else "reading works; nothing can be committed or noted",
        (f"ls -ld {shlex.quote(str(first))}",),
    )


def _role(scene: Scene) -> str | None:
    try:
        return scene.town().settings.role
    except OutOfReach:
        return health.setting(scene.place(), "gitconvoy.dispatch")


def locks(scene: Scene) -> Iterator[Finding]:
    """Is something locked for longer than git takes?"""
    place = scene.place()
    for each in health.lock_files(place, time.time()):
        if each.age < AT_WORK:
            continue
        ours = each.path == place.common_dir / f"{REF}.lock"
        yield Finding(
            "lock",
            str(each.path),
            ERROR if ours else WARNING,
            f"it is {_age(each.age)} old, and {_owners(each)}",
            "git removes its lock files when it ends",
            "nothing can be recorded as long as it is there"
            if ours
            else "git changes nothing there as long as it exists: make sure that no git, editor or IDE is at work",
            (*(f"ps -fp {pid}" for pid in each.owners), f"rm {shlex.quote(str(each.path))}"),
            partial(_unlock, each) if ours and each.age > STALE and not each.owners else None,
        )


def _unlock(lock: LockFile) -> None:
    # Only of the ledger's branch: git moves it in milliseconds, no person and no editor is ever asked meanwhile.
    lock.path.unlink(missing_ok=True)


def _owners(lock: LockFile) -> str:
    if not lock.owners:
        return "no process has it open"
    return f"open in process {', '.join(map(str, lock.owners))}"


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
