"""A town in a repository on disk, driven by the commands in this process; for tests of the command line."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from gitfixtures import GitRepo

from gitconvoy.cli.main import run as run_command
from gitconvoy.engine.town import Town
from gitconvoy.hooking.hook_impl import run_hook
from gitconvoy.hooking.result import HookResult
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.state import State


class Answer(NamedTuple):
    """Exit code, stdout and stderr of a command."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class TownHelper:
    """A repository and short ways to run commands in it and to write its files by hand."""

    repo: GitRepo

    @property
    def path(self) -> Path:
        """The root of the worktree."""
        return self.repo.path

    def run(self, *args: str, stdin: str = "") -> Answer:
        """Run a command in this process, as if started in the worktree."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), mock.patch("sys.stdin", io.StringIO(stdin)):
            code = run_command(["-C", str(self.path), *args])
        return Answer(code, out.getvalue(), err.getvalue())

    def ok(self, *args: str, stdin: str = "") -> str:
        """Run a command that must succeed; its stdout."""
        answer = self.run(*args, stdin=stdin)
        assert answer.code == 0, f"gitconvoy {' '.join(args)}: exit {answer.code}\n{answer.out}{answer.err}"
        return answer.out

    def json(self, *args: str, code: int = 0) -> dict[str, Any]:
        """Run a command with `--json`, which must end with `code`; the object it answers with."""
        answer = self.run(*args, "--json")
        assert answer.code == code, f"gitconvoy {' '.join(args)}: exit {answer.code}\n{answer.out}{answer.err}"
        found = json.loads(answer.out)
        assert found["schema_version"] == 1
        return dict(found)

    def error(self, *args: str, code: int = 1) -> dict[str, Any]:
        """Run a command with `--json`, which must fail with `code` and say nothing on stdout; the error it tells."""
        answer = self.run(*args, "--json")
        assert (answer.code, answer.out) == (code, ""), f"exit {answer.code}\n{answer.out}{answer.err}"
        return dict(json.loads(answer.err.splitlines()[-1])["error"])

    def bead(self, bead_id: str, folder: str = "", **fields: Any) -> str:
        """Write a bead's file as a person would; its path. `depends_on`, `labels`, ... are lists."""
        fields = {"title": f"Title of {bead_id}", **fields}
        return self._write(f".convoy/beads/{folder}{bead_id}.yaml", {"id": bead_id, **fields})

    def convoy(self, convoy_id: str, *tracks: str, **fields: Any) -> str:
        """Write a convoy's file as a person would; its path."""
        fields = {"title": f"Title of {convoy_id}", **fields}
        return self._write(f".convoy/convoys/{convoy_id}.yaml", {"id": convoy_id, "tracks": list(tracks), **fields})

    def _write(self, path: str, document: dict[str, Any]) -> str:
        lines = []
        for key, value in document.items():
            if isinstance(value, list | tuple):
                lines += [f"{key}:", *(f"  - {_plain(item)}" for item in value)] if value else []
            else:
                lines.append(f"{key}: {_plain(value)}")
        self.repo.write(path, "".join(f"{line}\n" for line in lines))
        return path

    def commit(self, message: str = "a commit") -> str:
        """Commit everything with git; the commit's id."""
        return self.repo.commit(message)

    def hook(self, name: str, *arguments: str) -> HookResult:
        """Run a hook in this process, on the repository's own index."""
        return run_hook(self.open(), name, arguments)

    def open(self) -> Town:
        """The town as the engine sees it."""
        return Town.open(self.path)

    def state(self) -> State:
        """The state now."""
        return self.open().state()

    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        return self.open().ledger()

    def events(self) -> list[str]:
        """Subjects of the ledger's commits, oldest first, without `convoy: `."""
        if not self.repo.exists("refs/heads/convoy-ledger"):
            return []
        lines = self.repo.git("log", "--reverse", "--format=%s", "convoy-ledger").splitlines()
        return [line.removeprefix("convoy: ") for line in lines]

    def files(self, rev: str = "HEAD") -> list[str]:
        """Paths that a commit changed against its first parent."""
        listed = self.repo.git("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "--first-parent", rev)
        return listed.splitlines()

    def branch(self, name: str) -> None:
        """Check out a new branch."""
        self.repo.git("switch", "--quiet", "-c", name)


def _plain(value: Any) -> str:
    """A value in YAML; what is no text as JSON, which YAML reads too."""
    return value if isinstance(value, str) else json.dumps(value)


def town(repo: GitRepo, *, hooks: bool = False, prefix: str = "gt", wake: bool = False) -> TownHelper:
    """A town that begins in `repo`; without hooks unless asked for, and without processes that stay behind."""
    made = TownHelper(repo)
    repo.config("gitconvoy.wake", "true" if wake else "false")
    made.ok("init", "--prefix", prefix, *([] if hooks else ["--no-hooks"]))
    return made


def chain(repo: GitRepo) -> TownHelper:
    """A town of gt-a <- gt-b <- gt-c in the open convoy hq-cv-1, of which gt-a is at work, and gt-x in none."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.bead("gt-c", depends_on=["gt-b"], labels=["ui"], priority=0)
    made.bead("gt-x", type="bug")
    made.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", status="open")
    made.commit("plan")
    made.ok("scan")
    return made
