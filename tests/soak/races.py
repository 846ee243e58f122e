"""Many processes that do everything at once in one repository with linked worktrees.

    python tests/soak/races.py --processes 16 --seconds 120

Each process claims, dispatches, hands in (with code and without), fails, takes back, edits and merges as a person with
git and hooks, plans, scans, looks, and packs and collects garbage, in an order of its own. In the end nothing that was
acknowledged may be missing. Prints figures as JSON; the exit code is 1 where something did not hold.

`--prune-now` adds `git gc --prune=now`, which git does not make safe beside anybody who writes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import gitfixtures  # noqa: E402 - found only by the line above
import pytest  # noqa: E402
from gitfixtures import GitRepo  # noqa: E402
from townfixtures import TownHelper, town  # noqa: E402

from gitconvoy.cli.main import run as run_command  # noqa: E402

TREES, BEADS, CONVOYS = 4, 60, 3
_CONFIG = (
    "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  max_workers: 24\n"
    "  max_attempts: 1000\n  backoff: 0s\n  lease: 10m\n"
)
_DAMAGE = ("bad object", "corrupt", "missing", "unable to read", "could not read", "could not parse", "broken", "BUG")
"""In what git says to a person, anything else is a lock, a conflict or nothing to do: somebody was faster."""


def tracked(number: int) -> str:
    """The convoy of a bead."""
    return f"hq-cv-{number % CONVOYS}"


def build(repo: GitRepo, folder: Path) -> list[Path]:
    """The town, its beads, its worktrees on topic branches; the roots of all worktrees."""
    made = town(repo, hooks=True)
    repo.write(".convoy/config.yaml", _CONFIG)
    beads = [f"gt-{number:03}" for number in range(BEADS)]
    for number, bead in enumerate(beads):
        made.bead(bead, depends_on=[beads[number - 20]] if number >= 40 else [], owner="nobody")
    for convoy in range(CONVOYS):
        made.convoy(f"hq-cv-{convoy}", *beads[convoy::CONVOYS], merge="direct", status="open")
    made.commit("plan")
    made.ok("scan")
    return [repo.path, *(repo.worktree(folder / f"tree{number}", f"topic/{number}").path for number in range(TREES))]


@dataclass
class Racer:
    """One of the processes; it says what it did in one JSON object at the end."""

    number: int
    trees: list[Path]
    chance: random.Random
    prune: bool
    held: dict[str, str] = field(default_factory=dict)
    """Claimed beads and the tokens of their attempts."""
    did: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    commits: list[str] = field(default_factory=list)
    """Commits of the ledger that were told to us."""
    dispatches: list[list[Any]] = field(default_factory=list)
    """Bead and attempt of each dispatch that was told to us."""
    made: list[str] = field(default_factory=list)
    """Commits that git made for us on a branch."""
    wrong: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The actor."""
        return f"racer-{self.number}"

    def race(self, until: float) -> None:
        """Do one thing after the other, at random."""
        acts: list[tuple[int, Callable[[], object]]] = [
            (14, self.claim), (9, self.done), (4, self.code), (3, self.fail), (2, self.unsling), (2, self.beat),
            (3, self.sling), (1, self.launch), (2, self.feed), (6, self.edit), (2, self.merge), (2, self.close),
            (2, self.reopen), (1, self.add), (1, self.retry), (4, self.scan), (1, self.audit), (3, self.status),
            (1, self.gc), (1, self.pack),
        ]  # fmt: skip
        while time.time() < until:
            self.chance.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    # gitconvoy

    def say(self, *words: str, tree: Path | None = None) -> dict[str, Any] | None:
        """A command of gitconvoy; its answer, None where it was refused or lost a race."""
        out, err = io.StringIO(), io.StringIO()
        where = tree or self.chance.choice(self.trees)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_command(["-C", str(where), "--actor", self.name, *words, "--json"])
        self.did[words[0]] += 1
        self.codes[f"{words[0]} {code}" if code else "0"] += 1
        if code not in (0, 1, 4, 5):
            self.wrong.append(f"{' '.join(words)}: exit {code} {err.getvalue()[-2000:]}")
        if words[0] in ("audit", "scan", "status") and code not in (0, 4, 5):
            self.wrong.append(f"{' '.join(words)}: exit {code} {out.getvalue()[-2000:]}{err.getvalue()[-2000:]}")
        if code not in (0, 5) or not out.getvalue():
            return None
        found: dict[str, Any] = json.loads(out.getvalue())
        for row in found.get("dispatched", []):
            self.dispatches.append([row["bead"], row["attempt"]])
        told = [
            found.get("commit"),
            *(row["commit"] for row in (*found.get("events", []), *found.get("dispatched", []))),
        ]
        if words[0] not in ("bead", "add", "close", "reopen"):  # whose commits are the plan's
            self.commits += [commit for commit in told if commit]
        return found

    def mine(self) -> tuple[str, str] | None:
        """A bead that we hold, no more from now on."""
        if not self.held:
            return None
        bead = self.chance.choice(sorted(self.held))
        return bead, self.held.pop(bead)

    def bead(self) -> str:
        """Any bead."""
        return f"gt-{self.chance.randrange(BEADS):03}"

    def claim(self) -> None:
        """Take the next one."""
        found = self.say("next", "--claim")
        if found and found["bead"]:
            self.held[found["bead"]["id"]] = found["token"]

    def done(self) -> None:
        """Without code."""
        if mine := self.mine():
            self.say("done", mine[0], "--no-code", "--token", mine[1])

    def code(self) -> None:
        """With a commit on a branch of its own, which is merged."""
        if not (mine := self.mine()):
            return
        branch = f"work/{mine[0]}-{mine[1][:6]}"
        repo, env = GitRepo(self.trees[0]), {"GIT_INDEX_FILE": f"{self.trees[0]}/.git/racer-{self.number}"}
        base = repo.head("main")
        blob = repo.git("hash-object", "-w", "--stdin", input=f"{mine[1]}\n")
        repo.git("read-tree", base, env=env)
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},src/{mine[0]}-{mine[1]}.txt", env=env)
        tree = repo.git("write-tree", env=env)
        commit = repo.git("commit-tree", "-p", base, "-m", f"Work on {mine[0]}", tree)
        if repo.run("update-ref", f"refs/heads/{branch}", commit, "").returncode == 0:
            self.say("done", mine[0], "--branch", branch, "--token", mine[1])

    def fail(self) -> None:
        """Give up an attempt."""
        if mine := self.mine():
            self.say("fail", mine[0], "--reason", "no", "--token", mine[1])

    def beat(self) -> None:
        """Show that we live."""
        if self.held:
            bead = self.chance.choice(sorted(self.held))
            self.say("heartbeat", bead, "--token", self.held[bead])

    def unsling(self) -> None:
        """Take any dispatch back, somebody else's too."""
        bead = self.bead()
        self.held.pop(bead, None)
        self.say("unsling", bead)

    def sling(self) -> None:
        """Dispatch a bead to one of us."""
        self.say("sling", self.bead(), f"racer-{self.chance.randrange(64)}", tree=self.trees[0])

    def launch(self) -> None:
        """Open what is open."""
        self.say("launch", tracked(self.chance.randrange(9)))

    def feed(self) -> None:
        """Dispatch what is ready."""
        self.say("feed", tracked(self.chance.randrange(9)))

    def close(self) -> None:
        """Close a bead in its file, on whatever is checked out."""
        self.say("bead", "close", self.bead())

    def reopen(self) -> None:
        """And open it again."""
        self.say("bead", "reopen", self.bead())

    def retry(self) -> None:
        """Forget failures."""
        self.say("bead", "retry", self.bead())

    def add(self) -> None:
        """A new bead, tracked by a convoy."""
        found = self.say("bead", "add", "One more", tree=self.trees[0])
        if found and found.get("id"):
            self.say("add", tracked(self.chance.randrange(9)), found["id"], tree=self.trees[0])

    def scan(self) -> None:
        """Do what is due."""
        self.say("scan")

    def audit(self) -> None:
        """Check the ledger."""
        self.say("audit")

    def status(self) -> None:
        """Read the state."""
        self.say("status")

    # People with git

    def git(self, tree: Path, *words: str) -> bool:
        """A git command of a person; whether it went well. It may find locks and conflicts."""
        done = GitRepo(tree).run(*words)
        self.did[f"git {words[0]}"] += 1
        said = done.stdout + done.stderr
        if done.returncode:
            self.codes[f"git {words[0]} {done.returncode}"] += 1
            if any(word in said for word in _DAMAGE):
                self.wrong.append(f"git {' '.join(words)}: exit {done.returncode} {said[-2000:]}")
        return done.returncode == 0

    def edit(self) -> None:
        """Edit a bead's file and commit it, hooks and all."""
        tree = self.chance.choice(self.trees)
        path = f".convoy/beads/{self.bead()}.yaml"
        file = tree / path
        try:
            text = file.read_text()
        except FileNotFoundError:
            return
        lines = [line for line in text.splitlines() if not line.startswith("owner:")]
        if not lines or not lines[-1].strip():
            return
        where = next((at for at, line in enumerate(lines) if line.startswith("title:")), 0) + 1
        lines.insert(where, f"owner: {self.name}-{self.chance.randrange(10**6)}")
        file.write_text("".join(f"{line}\n" for line in lines))
        if self.git(tree, "commit", "--quiet", "-m", f"{self.name} edits", "--only", "--", path):
            self.made.append(GitRepo(tree).head())
        else:
            GitRepo(tree).run("checkout", "--quiet", "--", path)

    def merge(self) -> None:
        """Merge the trunk into a topic or a topic into the trunk."""
        at = self.chance.randrange(TREES)
        tree, other = self.chance.choice([(self.trees[0], f"topic/{at}"), (self.trees[at + 1], "main")])
        if self.git(tree, "merge", "--quiet", "--no-edit", other):
            self.made.append(GitRepo(tree).head())
        else:
            GitRepo(tree).run("merge", "--abort")

    def gc(self) -> None:
        """Collect garbage."""
        prune = ["--prune=now"] if self.prune and self.chance.random() < 0.5 else ["--auto"]
        self.git(self.trees[0], "-c", "gc.auto=50", "gc", "--quiet", *prune)

    def pack(self) -> None:
        """Pack objects or refs."""
        words = self.chance.choice([["repack", "-adq"], ["pack-refs", "--all"]])
        self.git(self.trees[0], *words)


def child(number: int, trees: list[Path], seed: int, until: float, prune: bool) -> int:
    """Be one of the processes."""
    racer = Racer(number, trees, random.Random(seed * 1000 + number), prune)
    try:
        racer.race(until)
    except AssertionError as error:
        racer.wrong.append(f"{type(error).__name__}: {error}")
    about = {
        "did": racer.did, "codes": racer.codes, "commits": racer.commits, "dispatches": racer.dispatches,
        "made": racer.made, "wrong": racer.wrong,
    }  # fmt: skip
    print(json.dumps(about))  # noqa: T201 - read by whoever started this
    return 0


def judge(here: TownHelper, told: list[dict[str, Any]], before: int) -> tuple[list[str], dict[str, object]]:
    """What does not hold, and figures."""
    repo = here.repo
    wrong = [each for one in told for each in one["wrong"]]
    fsck = repo.run("fsck", "--strict", "--no-dangling", "--no-progress")
    if fsck.returncode:
        wrong.append(f"git fsck: {fsck.stdout}{fsck.stderr}"[:3000])
    for command in ("audit", "validate"):
        answer = here.run(command, "--json")
        if answer.code:
            wrong.append(f"{command}: {answer.out[:3000]}{answer.err[:1000]}")
    ledger = set(repo.git("rev-list", "convoy-ledger").splitlines())
    lost = {commit for one in told for commit in one["commits"]} - ledger
    everything = set(repo.git("rev-list", "--branches").splitlines())
    gone = {commit for one in told for commit in one["made"]} - everything
    pairs = Counter(_dispatches(here))
    twice = [pair for pair, count in pairs.items() if count > 1]
    wrong += [f"{len(lost)} acknowledged events are lost"] if lost else []
    wrong += [f"{len(gone)} commits of people are lost"] if gone else []
    wrong += [f"dispatched twice: {twice}"] if twice else []
    did, codes = Counter[str](), Counter[str]()
    for one in told:
        did.update(one["did"])
        codes.update(one["codes"])
    ours = {code: count for code, count in codes.items() if not code.startswith("git")}
    return wrong, {
        "lost_events": len(lost), "lost_commits": len(gone), "double_dispatches": len(twice),
        "events": len(ledger) - before, "acknowledged_events": sum(len(set(one["commits"])) for one in told),
        "commits_of_people": sum(len(set(one["made"])) for one in told), "operations": sum(did.values()),
        "did": dict(did), "lost_races": sum(count for code, count in ours.items() if code.endswith(" 4")),
        "refused": sum(count for code, count in ours.items() if code.endswith(" 1")),
        "codes": dict(codes),
    }  # fmt: skip


def _dispatches(here: TownHelper) -> list[str]:
    """`bead (attempt N)` of each dispatch of the ledger."""
    found = []
    for event in here.events():
        if event.startswith("dispatch "):
            words = event.split()
            found.append(f"{words[1]} ({event.rpartition('(')[2]}")
    return found


def play(folder: Path, processes: int, seconds: float, seed: int, prune: bool) -> tuple[list[str], dict[str, object]]:
    """All of it."""
    gitfixtures.build_template(folder / "repo")
    repo = GitRepo(folder / "repo")
    trees = build(repo, folder)
    before, load = int(repo.git("rev-list", "--count", "convoy-ledger")), os.getloadavg()
    until = time.time() + seconds + 1
    began = time.monotonic()
    words = ["--seed", str(seed), "--until", str(until), *(["--prune-now"] if prune else [])]
    roots = [str(tree) for tree in trees]
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--child", str(number), *words, *roots], stdout=subprocess.PIPE, text=True
        )
        for number in range(processes)
    ]
    try:
        printed = [process.communicate(timeout=seconds + 300)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    took = time.monotonic() - began
    died = [f"a process ended with {process.returncode}" for process in started if process.returncode]
    wrong, figures = judge(TownHelper(repo), [json.loads(line) for line in printed if line], before)
    rates = {
        f"{name}_per_second": round(int(str(figures[name])) / took, 1)
        for name in ("events", "commits_of_people", "operations")
    }
    return died + wrong, {
        **rates, **figures, "seconds": round(took, 1), "processes": processes, "worktrees": len(trees),
        "load_average": [load, os.getloadavg()],
    }  # fmt: skip


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(description="Do everything at once.")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prune-now", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    parser.add_argument("trees", nargs="*", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        return child(given.child, given.trees, given.seed, given.until, given.prune_now)
    with tempfile.TemporaryDirectory(prefix="gitconvoy-soak-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name).resolve()
        gitfixtures.hermetic(patch, folder / "home")
        patch.setenv("TMPDIR", str(folder))
        wrong, figures = play(folder, given.processes, given.seconds, given.seed, given.prune_now)
    print(json.dumps({"ok": not wrong, "wrong": wrong[:20], **figures}, indent=1))  # noqa: T201 - for whoever runs it
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
