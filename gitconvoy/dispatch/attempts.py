"""The folder of one attempt of a started worker: its job, its input, its scratch directory, its log (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gitconvoy.model.ids import is_id
from gitconvoy.store.localfiles import local_folder, write_atomically


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
        """The worker's scratch directory."""
        return self.root / "work"

    @property
    def log(self) -> Path:
        """What the worker printed."""
        return self.root / "log"


def attempt_folder(common_dir: Path, bead: str, attempt: int) -> AttemptFolder:
    """The folder of an attempt, whether it exists or not."""
    if not is_id(bead):
        raise ValueError(f"no bead id: {bead!r}")
    return AttemptFolder(local_folder(common_dir) / "attempts" / f"{bead}-{attempt}")


def set_up(common_dir: Path, job: Job, document: Mapping[str, Any], message: str = "") -> AttemptFolder:
    """Create an attempt's folder with everything in it, a person's word to the worker too. OSError from the disk."""
    folder = attempt_folder(common_dir, job.bead, job.attempt)
    folder.work.mkdir(parents=True, exist_ok=True)
    payload = {**document, "convoy": job.convoy or None, "attempt": job.attempt, "worker": job.worker}
    if message:
        payload["message"] = message
    write_atomically(folder.bead, json.dumps(payload, ensure_ascii=False, indent=2).encode() + b"\n")
    write_atomically(folder.prompt, _prompt(document, message).encode("utf-8", "replace"))
    write_atomically(folder.job, json.dumps(asdict(job)).encode() + b"\n")
    return folder


def read_job(root: Path) -> tuple[AttemptFolder, Job]:
    """The job of an attempt's folder. OSError or ValueError where it is gone or damaged."""
    folder = AttemptFolder(root)
    data = json.loads(folder.job.read_bytes())
    data["argv"] = tuple(data["argv"])
    return folder, Job(**data)


def _prompt(document: Mapping[str, Any], message: str) -> str:
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
    parts.append(
        "## When you are finished\n\nRun `gitconvoy done $GITCONVOY_BEAD --no-code`. "
        "If you cannot do it, run `gitconvoy fail $GITCONVOY_BEAD --reason '...'`."
    )
    return "\n\n".join(parts) + "\n"
