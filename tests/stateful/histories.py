"""A town in which random things happen: what a person, workers, time and death can do to it, each as one short method.

Hooks are the functions that the installed shims call, at the moments at which git calls them; `dies` kills the command
right before one of its writes, in a process of its own.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dying import Writes
from gitfixtures import GitRepo
from townfixtures import Answer, TownHelper, town

from gitconvoy.errors import Exit
from gitconvoy.ledger.read import REF

BEADS = ("gt-a", "gt-b", "gt-c", "gt-d", "gt-e")
ONE, TWO = "hq-cv-one", "hq-cv-two"
BRANCHES = ("main", "topic", "other")
CONFIG = """\
format: 1
prefix: gt
dispatch:
  max_workers: 3
  max_attempts: 2
"""


class Clock:
    """`time.time`, some time ahead of the machine's."""

    def __init__(self, real: Callable[[], float]) -> None:
        self._real = real
        self.ahead = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self._real() + self.ahead


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt as its worker knows it: somebody who may be right or wrong about being the one at work."""

    bead: str
    worker: str
    token: str
    attempt: int


@dataclass
class History:
    """The town, its person and its workers."""

    here: TownHelper
    clock: Clock
    claims: list[Claim] = field(default_factory=list)
    looked: bool = True
    """Whether gitconvoy has looked since the trunk moved last."""
    floor: int = 4
    """Commits that nobody throws away."""
    deaths: int = 0
    last: Answer = field(default=Answer(0, "", ""))

    @property
    def repo(self) -> GitRepo:
        """The person's worktree."""
        return self.here.repo

    # What gitconvoy is asked for

    def command(self, *words: str, dies: int = 0) -> Answer:
        """Run a command; with `dies`, killed before that write (if there are so many), and a scan after it."""
        if dies:
            self._die(dies, words)
            self.last = self.here.run("scan")
        else:
            self.last = self.here.run(*words)
        assert self.last.code in (0, 1, 4, 5), f"gitconvoy {' '.join(words)}: {self.last}"
        return self.last

    def _die(self, write: int, words: tuple[str, ...]) -> None:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = int(Exit.BUG)
            try:
                Writes(_death(write), objects=False).begin()
                code = int(self.here.run(*words).code)
            finally:
                os._exit(code)
        _, ended = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(ended)
        self.deaths += code == -signal.SIGKILL
        assert code in (0, 1, 4, 5, -signal.SIGKILL), f"gitconvoy {' '.join(words)}: exit {code}"

    def scan(self, dies: int = 0) -> None:
        """Do what is due."""
        self.command("scan", dies=dies)
        self.looked = True

    def claim(self, worker: str) -> None:
        """A worker asks for work."""
        self.looked |= self.command("--actor", worker, "next", "--claim").code == 0

    def learn(self) -> None:
        """Workers to whom beads were assigned hear of it."""
        for record in self.here.ledger().beads.values():
            if record.live and record.token and record.worker and record.token not in {it.token for it in self.claims}:
                self.claims.append(Claim(record.id, record.worker, record.token, record.attempt))

    def at_work(self) -> list[Claim]:
        """The workers that are right about being the one."""
        records = self.here.ledger().beads
        return [it for it in self.claims if records[it.bead].token == it.token and records[it.bead].in_flight]

    def work(self, claim: Claim, how: str, dies: int) -> None:
        """A worker says how it went; one that was fenced off is refused, whatever it says."""
        words = {
            "done": ["done", claim.bead, "--no-code"],
            "fail": ["fail", claim.bead, "--reason", "it did not work"],
            "heartbeat": ["heartbeat", claim.bead],
            "hand in": ["done", claim.bead, "--branch", self._branch_of(claim) if how == "hand in" else ""],
        }[how]
        tip, fenced = self.repo.head(REF), self.here.ledger().bead(claim.bead).token != claim.token
        self.command("--actor", claim.worker, *words, "--token", claim.token, dies=dies)
        tokens = self.repo.git("log", "--format=%(trailers:key=Convoy-Token,valueonly)", f"{tip}..{REF}").split()
        assert not fenced or claim.token not in tokens, f"attempt {claim.attempt} of {claim.bead} was over"

    def _branch_of(self, claim: Claim) -> str:
        """A branch with one commit on top of the trunk, made where nobody sees it."""
        name = f"work/{claim.bead}-{claim.attempt}"
        if not self.repo.exists(f"refs/heads/{name}"):
            with tempfile.TemporaryDirectory() as folder:
                aside = {"GIT_INDEX_FILE": f"{folder}/index"}
                self.repo.git("read-tree", "main", env=aside)
                blob = self.repo.git("hash-object", "-w", "--stdin", input=f"{claim.token}\n")
                path = f"code/{claim.bead}-{claim.attempt}.txt"
                self.repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=aside)
                tree = self.repo.git("write-tree", env=aside)
            commit = self.repo.git("commit-tree", tree, "-p", "main", "-m", f"work on {claim.bead}")
            self.repo.git("update-ref", f"refs/heads/{name}", commit)
        return name

    # What a person does with files

    def set_status(self, bead: str, status: str, outcome: str | None) -> None:
        """Edit a bead's file."""
        fields: dict[str, Any] = {"status": status} if status != "open" else {}
        if status == "closed" and outcome:
            fields["outcome"] = outcome
        self._edit(f".convoy/beads/{bead}.yaml", ("status", "outcome", "closed_at", "close_reason"), fields)

    def set_title(self, bead: str, title: str) -> None:
        """Edit another line of it."""
        self._edit(f".convoy/beads/{bead}.yaml", ("title",), {"title": title})

    def link(self, bead: str, other: str) -> None:
        """Make a bead wait for an earlier one (later ones only, so that there are no cycles)."""
        first, second = sorted((bead, other))
        file = self.repo.path / f".convoy/beads/{second}.yaml"
        if first != second and file.exists() and f"- {first}\n" not in file.read_text():
            text = file.read_text()
            head, found, tail = text.partition("depends_on:\n")
            file.write_text(f"{head}{found}  - {first}\n{tail}" if found else f"{text}depends_on:\n  - {first}\n")

    def new_bead(self, number: int) -> None:
        """Write a new bead's file."""
        bead = f"gt-n{number}"
        if not (self.repo.path / f".convoy/beads/{bead}.yaml").exists():
            self.here.bead(bead)

    def set_convoy(self, convoy: str, status: str) -> None:
        """Edit a convoy's file."""
        self._edit(f".convoy/convoys/{convoy}.yaml", ("status",), {"status": status})

    def notes(self, text: str, *, staged: bool) -> None:
        """Edit a file that is none of gitconvoy's business."""
        self.repo.write("notes.txt", f"{text}\n")
        if staged:
            self.repo.git("add", "notes.txt")

    def _edit(self, path: str, keys: tuple[str, ...], fields: dict[str, Any]) -> None:
        file = self.repo.path / path
        if not file.exists():
            return
        lines = [line for line in file.read_text().splitlines() if line.partition(":")[0] not in keys]
        file.write_text("".join(f"{line}\n" for line in [*lines, *(f"{k}: {v}" for k, v in fields.items())]))

    # What a person does with git

    def commit(self, *, hooks: bool, amend: bool = False, paths: tuple[str, ...] = ()) -> None:
        """`git commit -a` with new files, or only some paths; where the hook refuses, all is taken back as it was."""
        self.repo.git("add", "--", *(paths or (".",)))
        if not paths and not amend and not self.repo.run("diff", "--cached", "--quiet").returncode:
            return
        if hooks and self.here.hook("pre-commit").code:
            self.repo.git("reset", "--quiet", "--hard")
            return
        self.repo.git("commit", "--quiet", "--allow-empty", "-m", "a commit", *(["--amend"] if amend else []))
        self._after("post-commit", hooks)

    def _after(self, hook: str, hooks: bool) -> None:
        """The trunk may have moved."""
        if hooks:
            assert self.here.hook(hook).code == 0
        self.looked = hooks

    def branch(self) -> str:
        """Which branch is checked out."""
        return self.repo.git("branch", "--show-current")

    def switch(self, name: str) -> bool:
        """Check out a branch, a new one from here; False where local changes are in the way."""
        exists = self.repo.exists(f"refs/heads/{name}")
        return self.repo.run("switch", "--quiet", *([] if exists else ["-c"]), name).returncode == 0

    def merge(self, name: str, how: str, *, hooks: bool) -> None:
        """Merge a branch into the one that is checked out; a conflict is given up, as is what the hook refuses."""
        if not self.repo.exists(f"refs/heads/{name}") or self.branch() == name or self.dirty():
            return
        flags = {
            "ff": ["--ff"],
            "no-ff": ["--no-ff", "--no-commit"],
            "squash": ["--squash"],
            "theirs": ["-X", "theirs"],
        }
        done = self.repo.run("merge", "--quiet", *flags[how], name)
        if done.returncode:
            self.repo.git("reset", "--quiet", "--hard")
            return
        merging = (self.repo.path / ".git/MERGE_HEAD").exists()
        if merging or how == "squash":
            hook = "pre-merge-commit" if merging else "pre-commit"
            if hooks and self.here.hook(hook).code:
                self.repo.git("reset", "--quiet", "--hard")
                return
            self.repo.git("commit", "--quiet", "--allow-empty", "-m", f"merge {name}")
        self._after("post-merge", hooks)

    def rebase(self, onto: str, *, hooks: bool) -> None:
        """Rebase what is checked out."""
        if not self.repo.exists(f"refs/heads/{onto}") or self.branch() == onto or self.dirty():
            return
        if self.repo.run("rebase", "--quiet", onto).returncode:
            self.repo.git("rebase", "--abort")
            return
        self._after("post-rewrite", hooks)

    def pick(self, how: str, *, hooks: bool) -> None:
        """Revert the last commit, or cherry-pick a branch's; no other hook than post-commit runs then."""
        if self.dirty() or len(self.repo.git("rev-list", "--max-count=3", "HEAD").splitlines()) < 3:
            return
        mainline = ["-m", "1"] if len(self.repo.git("rev-list", "--parents", "-1", "HEAD").split()) > 2 else []
        words = ["revert", "--no-edit", *mainline, "HEAD"] if how == "revert" else ["cherry-pick", "--allow-empty", how]
        if how != "revert" and not self.repo.exists(f"refs/heads/{how}"):
            return
        if self.repo.run(*words).returncode:
            self.repo.run(words[0], "--abort")
            self.repo.git("reset", "--quiet", "--hard")
            return
        self._after("post-commit", hooks)

    def reset(self) -> None:
        """Throw the last commit away; no hook runs."""
        if len(self.repo.git("rev-list", "--first-parent", "HEAD").splitlines()) > self.floor:
            self.repo.git("reset", "--quiet", "--hard", "HEAD~1")
            self.looked = False

    def stash(self) -> None:
        """Put local changes away, or get them back."""
        if self.repo.git("stash", "list"):
            if self.repo.run("stash", "pop", "--quiet").returncode:
                self.repo.git("reset", "--quiet", "--hard")
                self.repo.git("stash", "drop", "--quiet")
        elif self.dirty():
            self.repo.git("stash", "push", "--quiet", "--include-untracked")

    def dirty(self) -> bool:
        """Whether there are local changes."""
        return bool(self.repo.status())


def _death(write: int) -> Callable[[str], None]:
    met = itertools.count(1)

    def meet(_: str) -> None:
        if next(met) == write:
            os.kill(os.getpid(), signal.SIGKILL)

    return meet


def begin(repo: GitRepo) -> None:
    """The town with which each history starts: five beads, a convoy at work, and a staged one."""
    here = town(repo)
    here.repo.write(".convoy/config.yaml", CONFIG)
    for number, bead in enumerate(BEADS):
        here.bead(bead, depends_on=[BEADS[number - 2]] if number > 1 else [])
    here.commit("beads")
    here.convoy(ONE, "gt-a", "gt-b", "gt-c", status="open", merge="direct")
    here.convoy(TWO, "gt-d", "gt-e", status="staged_ready", merge="direct")
    repo.git("add", "--all")
    assert here.hook("pre-commit").code == 0
    here.commit("convoys")
    here.ok("scan")


def restart(template: Path, place: Path, clock: Clock) -> History:
    """A history at its beginning."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)
    clock.ahead = 0.0
    return History(TownHelper(GitRepo(place)), clock)
