"""The folder of one attempt of a started worker: its job, its input, its log, who supervises it (SPEC 7)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import processes
from gitconvoy.model.ids import is_id
from gitconvoy.store.localfiles import local_folder, make_folder, write_atomically


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a supervisor needs to run one attempt."""

    bead: str
    convoy: str
    attempt: int
    token: str
    worker: str
    dispatcher: str
    argv: tuple[str, ...]
    """The configured words, placeholders not yet replaced."""
    on_exit: str
    timeout: int | None
    """Seconds, or None for no limit."""
    lease: int
    """Seconds."""
    town: str
    """The repository, as an absolute path."""
    worktree: str = ""
    """Where the worker works, as an absolute path: its worktree, or its scratch directory where there is no branch."""
    branch: str = ""
    """The branch of its worktree; empty where it has none."""
    base: str = ""
    """The commit that the branch starts from."""
    repository: str = ""
    """The repository of the branch, as an absolute path; empty where that is the town's own."""
    kind: str = "command"
    """The dispatcher's kind: `command`, `tmux`, or a plug-in's name (see `registry`)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """All of `gitconvoy.dispatcher.NAME.*`, keys in lower case."""

    @property
    def place(self) -> Path:
        """The repository in which the worktree is made."""
        return Path(self.repository or self.town)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a supervisor notes once it has taken an attempt, so that others can find its processes."""

    supervisor: int
    supervisor_identity: str = ""
    session: int | None = None
    """The session (and process) id of the worker, once it was started."""
    identity: str = ""
    """Tells the worker's process from a later one with the same id."""
    boot: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """Paths of one attempt; the names come from an id and a number, never from a bead's text."""

    root: Path

    @property
    def job(self) -> Path:
        """What the supervisor reads first."""
        return self.root / "job.json"

    @property
    def bead(self) -> Path:
        """The bead as JSON: the worker's standard input."""
        return self.root / "bead.json"

    @property
    def prompt(self) -> Path:
        """The bead as text for an agent."""
        return self.root / "prompt.md"

    @property
    def work(self) -> Path:
        """The worker's scratch directory, where it gets no worktree."""
        return self.root / "work"

    @property
    def log(self) -> Path:
        """What the worker printed: the beginning (see `logs`)."""
        return self.root / "log"

    @property
    def begun(self) -> Path:
        """What the supervisor notes."""
        return self.root / "begun.json"

    @property
    def copied(self) -> Path:
        """Which untracked files were copied into the worktree, with what they held."""
        return self.root / "copied.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "lock"


def attempt_folder(common_dir: Path, bead: str, attempt: int) -> AttemptFolder:
    """The folder of an attempt, whether it exists or not."""
    if not is_id(bead):
        raise ValueError(f"no bead id: {bead!r}")
    return AttemptFolder(attempts_folder(common_dir) / f"{bead}-{attempt}")


def attempts_folder(common_dir: Path) -> Path:
    """Where the folders of attempts lie."""
    return local_folder(common_dir) / "attempts"


def known(common_dir: Path) -> list[tuple[AttemptFolder, Job]]:
    """Every attempt of a started worker that has a folder here, by name; damaged ones are left out."""
    return [(folder, job) for folder, job in _all(common_dir) if job is not None]


def damaged(common_dir: Path) -> list[AttemptFolder]:
    """The folders of which nobody can say what they were for: a crash came before they were written, or a full disk."""
    return [folder for folder, job in _all(common_dir) if job is None]


def _all(common_dir: Path) -> Iterator[tuple[AttemptFolder, Job | None]]:
    place = attempts_folder(common_dir)
    for root in sorted(place.iterdir()) if place.is_dir() else ():
        try:
            yield read_job(root)
        except (OSError, ValueError, TypeError, KeyError):
            if root.is_dir():
                yield AttemptFolder(root), None


@contextmanager
def supervising(folder: AttemptFolder) -> Iterator[bool]:
    """Hold the attempt's lock while the block runs; False where another supervisor holds it. OSError from the disk."""
    handle = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _try_lock(handle)
    finally:
        os.close(handle)


def supervised(folder: AttemptFolder) -> bool:
    """Whether a supervisor of this attempt lives."""
    if not folder.lock.exists():
        return False
    handle = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return not _try_lock(handle, fcntl.LOCK_SH)  # shared, so that nobody who asks takes another for a supervisor
    finally:
        os.close(handle)


@contextmanager
def removing(folder: AttemptFolder) -> Iterator[None]:
    """Wait until nobody else removes the attempt's worktree, and keep others waiting. OSError from the disk."""
    handle = os.open(folder.root / "removing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def has_begun(folder: AttemptFolder, token: str) -> bool:
    """Whether a supervisor has ever taken the attempt with this token, or whether nobody can say that it has not."""
    try:
        _, job = read_job(folder.root)
    except (OSError, ValueError, TypeError, KeyError):
        return folder.begun.exists()
    return job.token == token and (folder.begun.exists() or supervised(folder))


def last_used(folder: AttemptFolder) -> float:
    """When anything in the folder was written last, epoch seconds; 0 where it is empty or gone."""
    try:
        return max((each.stat(follow_symlinks=False).st_mtime for each in os.scandir(folder.root)), default=0.0)
    except OSError:
        return 0.0


def _try_lock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def processes_of(job: Job, session: int | None = None, supervisor: int | None = None) -> set[int]:
    """Living processes of an attempt (see `processes.of_attempt`); not its supervisor, whose process id may be given.

    Only a worker that is the supervisor's child has its descendants with it: others may be shared, as a tmux server is.
    """
    return processes.of_attempt(
        job.token,
        session,
        folder=Path(job.worktree) if job.worktree else None,
        supervisor=supervisor if job.kind == "command" else None,
    )


def note_begun(folder: AttemptFolder, begun: Begun) -> None:
    """Write what the supervisor knows."""
    write_atomically(folder.begun, json.dumps(asdict(begun)).encode() + b"\n")


def read_begun(folder: AttemptFolder) -> Begun | None:
    """What a supervisor noted; None where none has taken the attempt yet."""
    try:
        return Begun(**json.loads(folder.begun.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def set_up(common_dir: Path, job: Job, document: Mapping[str, Any], message: str = "") -> AttemptFolder:
    """Create an attempt's folder with everything in it, a person's word to the worker too. OSError from the disk.

    What another ledger's attempt of the same number has left there goes.
    """
    folder = attempt_folder(common_dir, job.bead, job.attempt)
    if folder.root.exists():
        import shutil

        shutil.rmtree(folder.root)
    make_folder(folder.root)
    if not job.branch:
        folder.work.mkdir(exist_ok=True)
    payload = {**document, "convoy": job.convoy or None, "attempt": job.attempt, "worker": job.worker}
    if message:
        payload["message"] = message
    write_atomically(folder.bead, json.dumps(payload, ensure_ascii=False, indent=2).encode() + b"\n")
    write_atomically(folder.prompt, _prompt(document, message, bool(job.branch)).encode("utf-8", "replace"))
    write_atomically(folder.job, json.dumps(asdict(job)).encode() + b"\n")
    return folder


def read_job(root: Path) -> tuple[AttemptFolder, Job]:
    """The job of an attempt's folder. OSError or ValueError where it is gone or damaged."""
    folder = AttemptFolder(root)
    data = json.loads(folder.job.read_bytes())
    data["argv"] = tuple(data["argv"])
    return folder, Job(**data)


def _prompt(document: Mapping[str, Any], message: str, code: bool) -> str:
    parts = [f"# {document.get('title', '')}", f"Bead: {document.get('id', '')}"]
    for key, title in (
        ("description", "Description"),
        ("design", "Design"),
        ("acceptance_criteria", "Acceptance criteria"),
        ("notes", "Notes"),
    ):
        if document.get(key):
            parts.append(f"## {title}\n\n{document[key]}")
    if message:
        parts.append(f"## Message\n\n{message}")
    finish = (
        "Commit your work on the branch that is checked out, then run `gitconvoy done $GITCONVOY_BEAD` "
        "(with `--no-code` if there is nothing to commit)."
        if code
        else "Run `gitconvoy done $GITCONVOY_BEAD --no-code`."
    )
    parts.append(
        f"## When you are finished\n\n{finish} "
        "If you cannot do it, run `gitconvoy fail $GITCONVOY_BEAD --reason '...'`."
    )
    return "\n\n".join(parts) + "\n"
