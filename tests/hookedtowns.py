"""A town with real hooks, for tests of what git does to it: a copy of one that was made once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, town

OPEN, STAGED = "hq-cv-open", "hq-cv-next"
A_FILE, B_FILE, X_FILE = (f".convoy/beads/{bead}.yaml" for bead in ("gt-a", "gt-b", "gt-x"))
PLAN = f".convoy/plans/{OPEN}.yaml"
CLOSING = ["done gt-a", "dispatch gt-b to gt/polecat-1 (attempt 1)"]
"""What the ledger says once the trunk says that gt-a is closed."""
DISPATCHED = "gitconvoy: dispatched gt-b to gt/polecat-1 (attempt 1)"
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
_made: dict[str, Path] = {}


@dataclass(slots=True)
class HookedTown(TownHelper):
    """gt-a is at work and gt-b waits for it in an open convoy; gt-x is in a staged one. Hooks are installed."""

    begun: int = 0
    """How many events the ledger has to begin with."""

    def does(
        self, *words: str, code: int = 0, env: Mapping[str, str] | None = None, cwd: Path | None = None, typed: str = ""
    ) -> str:
        """Run git as a person would; what the terminal shows. It must end with `code`."""
        done = self.repo.run(*words, env=env, cwd=cwd, input=typed or None)
        assert done.returncode == code, f"git {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def quietly(self, *words: str) -> str:
        """Run git without hooks, to prepare something."""
        return self.repo.git(*NO_HOOKS, *words)

    def saved(self, message: str = "prepared") -> str:
        """Commit everything without hooks; the commit's id."""
        self.quietly("add", "--all")
        self.quietly("commit", "--quiet", "--allow-empty", "-m", message)
        return self.repo.head()

    def close(self, bead: str = "gt-a") -> str:
        """Close a bead in its file, which is not committed yet; the path."""
        path = f".convoy/beads/{bead}.yaml"
        self.repo.write(path, self.repo.read(path).replace("status: open", "status: closed"))
        return path

    def closing_branch(self, name: str = "topic") -> None:
        """A branch on which gt-a is closed, without hooks; the trunk is checked out again."""
        self.quietly("switch", "--quiet", "-c", name)
        self.close()
        self.saved("Close gt-a")
        self.quietly("switch", "--quiet", "main")

    def widen(self) -> str:
        """Let the open convoy track gt-c too, which makes its plan file stale; nothing is committed yet."""
        self.bead("gt-c", status="open")
        return self.convoy(OPEN, "gt-a", "gt-b", "gt-c", status="open")

    def news(self) -> list[str]:
        """What the ledger says that it did not say to begin with."""
        return self.events()[self.begun :]

    def sound(self, *mine: str, valid: bool = True) -> None:
        """What holds behind each git command: only the person's changes show, the ledger stands, files are good."""
        assert self.repo.status() == list(mine)
        self.repo.git("fsck", "--strict", "--no-dangling", "--no-progress")
        answer = self.run("audit")
        assert answer.code == 0, answer.out + answer.err
        assert (self.run("validate").code == 0) is valid, self.run("validate").out


def hooked_town(factory: pytest.TempPathFactory, target: Path) -> HookedTown:
    """A fresh copy of the town at `target`."""
    if "town" not in _made:
        _made["town"] = factory.mktemp("hooked") / "town"
        _build(_made["town"])
    shutil.copytree(_made["town"], target, symlinks=True)
    repo = GitRepo(target)
    repo.git("update-index", "-q", "--refresh")
    made = HookedTown(repo)
    made.begun = len(made.events())
    return made


def _build(path: Path) -> None:
    repo = new_repo(path)
    shutil.rmtree(path / ".git" / "hooks")
    repo.write("README.md", "A repository for tests.\n")
    repo.commit("Begin")
    made = town(repo, hooks=True)
    made.bead("gt-a", status="open")
    made.bead("gt-b", depends_on=["gt-a"], status="open")
    made.bead("gt-x", status="open")
    made.convoy(OPEN, "gt-a", "gt-b", status="open")
    made.convoy(STAGED, "gt-x", status="staged_ready")
    made.commit("Plan")
    assert made.events()[-1] == "dispatch gt-a to gt/polecat-1 (attempt 1)"
