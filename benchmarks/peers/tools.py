"""The tools, one row each: how a place is filled, and the command of each piece of work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import material
from benchmarks.material import ENV, git
from benchmarks.measuring import CONVOY

QUIET = {"RUST_LOG": "error"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tracker. Commands run in the place; `{n}` in a command is a number that is new each time."""

    name: str
    program: str
    version: Callable[[], str]
    fill: Callable[[Path, int], None]
    """Make a place with so many items, of which the first one is ready."""
    create: Sequence[str]
    list: Sequence[str]
    ready: Sequence[str]
    claim: Sequence[str]
    """Take the first item; `{n}` is the worker. It should succeed for one of several at a time."""
    how: str
    env: Mapping[str, str] = field(default_factory=dict)


def said(*command: str) -> str:
    """What a command prints, on one line."""
    return " ".join(subprocess.run(command, env=ENV, capture_output=True, text=True, check=True).stdout.split())


def _call(root: Path, *command: str, given: bytes | None = None) -> None:
    env = {**ENV, **QUIET, "TASKRC": str(root / "taskrc")}
    subprocess.run(command, cwd=root, env=env, input=given, check=True, capture_output=True)


def _repository(root: Path) -> None:
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Bench")
    git(root, "config", "user.email", "bench@example.invalid")
    git(root, "commit", "-q", "--allow-empty", "-m", "begin")


def _convoy(root: Path, items: int) -> None:
    made = material.plan(items - 1)
    material.crowd(made, "first", 1, "open")
    material.town(root, made)
    config = root / ".convoy" / "config.yaml"
    config.write_text(config.read_text().replace("dispatch:\n", "dispatch:\n  auto: false\n"))
    git(root, "commit", "-qam", "nothing is dispatched by itself")
    _call(root, *CONVOY, "hooks", "install")


def _backlog(root: Path, items: int) -> None:
    _repository(root)
    _call(root, "backlog", "init", "bench", "--defaults", "--integration-mode", "none")
    for number in range(1, items + 1):
        after = [f"TASK-{number - 1}"] if number % 2 == 0 else []
        text = (
            f"---\nid: TASK-{number}\ntitle: Task number {number}\nstatus: To Do\nassignee: []\nlabels: []\n"
            f"created_date: '2026-01-01 10:00'\ndependencies: {json.dumps(after)}\nordinal: {number}000\n---\n"
        )
        (root / "backlog" / "tasks" / f"task-{number} - Task-number-{number}.md").write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-qm", "tasks")


def _task(root: Path, items: int) -> None:
    (root / "data").mkdir()
    (root / "taskrc").write_text(f"data.location={root / 'data'}\nconfirmation=no\nnews.version=2.6.0\n")
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(items)]
    tasks = [
        {"uuid": own, "description": f"Task number {number}", "status": "pending", "entry": "20260101T100000Z",
         **({"depends": [ids[number - 1]]} if number % 2 else {})}
        for number, own in enumerate(ids)
    ]  # fmt: skip
    _call(root, "task", "import", "-", given=json.dumps(tasks).encode())


def _beads(root: Path, items: int) -> None:
    _repository(root)
    _call(root, "br", "init", "--prefix", "gt")
    lines = []
    for number in range(items):
        own = f"gt-{number:05d}"
        link = {"issue_id": own, "depends_on_id": f"gt-{number - 1:05d}", "type": "blocks",
                "created_at": material.WHEN, "created_by": "bench"}  # fmt: skip
        lines.append(json.dumps({
            "id": own, "title": f"Task number {number}", "status": "open", "priority": 2, "issue_type": "task",
            "created_at": material.WHEN, "updated_at": material.WHEN,
            **({"dependencies": [link]} if number % 2 else {}),
        }))  # fmt: skip
    (root / ".beads" / "issues.jsonl").write_text("\n".join(lines) + "\n")
    _call(root, "br", "sync", "--import-only")


TOOLS = (
    Tool(
        "gitconvoy", CONVOY[0], lambda: said(*CONVOY, "--version"), _convoy,
        (*CONVOY, "bead", "add", "One more task {n}"), (*CONVOY, "bead", "list"), (*CONVOY, "ready"),
        (*CONVOY, "--actor", "worker-{n}", "sling", "gt-first-00000", "worker-{n}"),
        "create is a commit, with hooks; a claim is a commit of the ledger",
    ),
    Tool(
        "Backlog.md", "backlog", lambda: said("backlog", "--version"), _backlog,
        ("backlog", "task", "create", "One more task {n}", "--plain"), ("backlog", "task", "list", "--plain"),
        ("backlog", "task", "list", "--ready", "--plain"),
        ("backlog", "task", "edit", "1", "-a", "@worker-{n}", "-s", "In Progress", "--plain"),
        "Markdown files in a repository, defaults of `backlog init`",
    ),
    Tool(
        "Taskwarrior", "task", lambda: said("task", "--version"), _task,
        ("task", "add", "One more task {n}"), ("task", "list"), ("task", "ready"), ("task", "1", "start"),
        "one person's tasks in text files, no repository; `start` is the nearest to a claim",
    ),
    Tool(
        "br", "br", lambda: said("br", "--version"), _beads,
        ("br", "create", "One more task {n}"), ("br", "list", "--limit", "0"), ("br", "ready", "--limit", "0"),
        ("br", "--actor", "worker-{n}", "update", "gt-00000", "--claim"),
        "SQLite, and a JSONL file beside it for git (beads in Rust)",
    ),
)  # fmt: skip


def installed() -> list[Tool]:
    """The tools that can be run here."""
    return [tool for tool in TOOLS if shutil.which(tool.program) or os.access(tool.program, os.X_OK)]
