"""The demo's steps: each does what a person would do, and checks that it held."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.demo import scene
from gitconvoy.errors import Refused
from gitconvoy.git.env import clean_env
from gitconvoy.store.localfiles import local_folder

Tell = Callable[[str], object]
PATIENCE = 120.0
"""Seconds to wait for workers before a step counts as failed; a loaded machine needs some of them."""


@dataclass(slots=True)
class Stage:
    """The temporary repository and how to speak to it."""

    root: Path
    tell: Tell
    seen: int = 0
    """Ledger entries already told."""

    def env(self) -> dict[str, str]:
        """Neither the caller's git variables nor its personal settings reach the demo."""
        return clean_env({"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GITCONVOY_ACTOR": "demo"})

    def run(self, *command: str, show: bool = False) -> str:
        """Run a command in the repository; its output. Refused where it fails."""
        done = subprocess.run(command, cwd=self.root, env=self.env(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise _failed(f"{shlex.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
        if show:
            for line in (done.stdout + done.stderr).rstrip().splitlines():
                self.tell("  " + line.expandtabs(12))
        return done.stdout

    def git(self, *words: str, show: bool = False) -> str:
        """git, as the person of the demo."""
        if show:
            self.tell(f"$ git {shlex.join(words)}")
        return self.run("git", "-c", "user.name=Demo", "-c", "user.email=demo@example.invalid", *words, show=show)

    def convoy(self, *words: str, show: bool = False) -> str:
        """gitconvoy, as the person of the demo."""
        if show:
            self.tell(f"$ gitconvoy {shlex.join(words)}")
        return self.run(sys.executable, "-I", "-m", "gitconvoy", *words, show=show)

    def json(self, *words: str) -> dict[str, Any]:
        """A command's answer as data."""
        answer = json.loads(self.convoy(*words, "--json"))
        if not isinstance(answer, dict):
            raise _failed(f"gitconvoy {shlex.join(words)} answered no object")
        return answer

    def write(self, files: dict[str, str]) -> None:
        """Write files as an editor would."""
        for path, text in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def check(held: object, what: str) -> None:
    """Refused unless a step held."""
    if not held:
        raise _failed(f"the demo's step did not hold: {what}")


def _failed(said: str) -> Refused:
    again = "run `gitconvoy doctor`, then `gitconvoy demo` again; if it fails again, that is a bug"
    return Refused(said, hint=again, code="demo")


def play(root: Path, tell: Tell) -> None:
    """Play the demo in the empty folder `root`. Refused, naming the step, as soon as one does not hold."""
    stage = Stage(root, tell)
    try:
        _begin(stage)
        convoy = _plan(stage)
        _launch(stage, convoy)
        _gate(stage)
        _finish(stage, convoy)
    finally:
        _end_waiting(stage)


def _begin(stage: Stage) -> None:
    stage.tell("1. A repository becomes a town, with this machine's worker command in git config")
    stage.git("init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "Demo"), ("user.email", "demo@example.invalid"), ("commit.gpgSign", "false")):
        stage.git("config", key, value)
    stage.convoy("init", "--prefix", "api", show=True)
    worker = shlex.join([sys.executable, "-I", "-m", "gitconvoy.demo.worker"])
    stage.git("config", "gitconvoy.dispatcher", "demo")
    stage.git("config", "gitconvoy.dispatcher.demo.command", worker)


def _plan(stage: Stage) -> str:
    stage.tell("\n2. Beads are YAML files: written by hand, committed with git")
    stage.write({".convoy/config.yaml": scene.CONFIG, **scene.bead_files()})
    stage.tell("  " + "\n  ".join(scene.bead_files()[f".convoy/beads/{scene.GATED}.yaml"].splitlines()))
    stage.git("add", ".convoy")
    stage.git("commit", "--quiet", "-m", "Plan the web shop", show=True)
    stage.tell("\n3. The epic is staged: tree, waves, findings")
    stage.convoy("stage", scene.EPIC, show=True)
    convoys = stage.json("list", "--all")["convoys"]
    check(len(convoys) == 1, "staging makes one convoy")
    convoy = str(convoys[0]["id"])
    waves = [wave["beads"] for wave in stage.json("plan", convoy)["waves"]]
    check([len(wave) for wave in waves] == [3, 3, 3, 3, 3], f"15 beads stand in 5 waves, found {waves}")
    stage.tell("  What workers hand in shall be merged at once:")
    stage.convoy("set", convoy, "merge=direct", show=True)
    return convoy


def _launch(stage: Stage, convoy: str) -> None:
    stage.tell("\n4. The launch: from here on work flows by itself (--force: the gate is a known warning)")
    stage.convoy("launch", convoy, "--force", show=True)
    done = {bead for bead in scene.WORKED_ON if not _behind(bead, scene.GATE)}
    _await(stage, lambda entries: _merged(entries) >= done, "everything that is not behind the gate gets done")
    kinds = [entry["event"] for entry in _ledger(stage) if entry["bead"] == scene.STUMBLES]
    expected = ["dispatch", "fail", "dispatch", "submit", "merged"]
    check(kinds == expected, f"{scene.STUMBLES} fails once and is retried, saw {kinds}")


def _behind(bead: str, blocker: str) -> bool:
    needs = scene.NEEDS[bead]
    return blocker in needs or any(_behind(each, blocker) for each in needs)


def _gate(stage: Stage) -> None:
    stage.tell(f"\n5. {scene.GATED} waits for the gate {scene.GATE}, and says so")
    stage.convoy("why", scene.GATED, show=True)
    stage.tell("\n6. A person opens the gate: edits one line of YAML and commits")
    file = stage.root / f".convoy/beads/{scene.GATE}.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("status: open", "status: closed"), encoding="utf-8")
    before = len(_ledger(stage))
    stage.git("commit", "--quiet", "-am", "The lawyers agree", show=True)
    after = [entry["bead"] for entry in _ledger(stage)[before:] if entry["event"] == "dispatch"]
    check(scene.GATED in after, "the commit itself dispatches what it made ready")
    _await(stage, lambda entries: any(entry["event"] == "complete" for entry in entries), "the convoy completes")


def _finish(stage: Stage, convoy: str) -> None:
    stage.tell("\n7. The convoy is complete")
    stage.convoy("status", convoy, show=True)
    stage.tell("\n8. The ledger is a branch; its commits are the dispatch records")
    stage.git("log", "--reverse", "--format=%h %s", "convoy-ledger", show=True)
    entries = _ledger(stage)
    check([entry["event"] for entry in entries].count("complete") == 1, "completion is recorded once")
    _check_order(entries)
    stage.tell("\n9. Code and closed bead of each worker came to the trunk in one merge")
    stage.git("log", "--reverse", "--first-parent", "--format=%h %s", "main", show=True)
    history = stage.git("log", "--first-parent", "--format=%s", "main").splitlines()
    merges = sorted(subject.split()[1].rstrip(":") for subject in history if subject.startswith("Merge "))
    check(merges == sorted(scene.WORKED_ON), f"one merge for each bead, saw {merges}")
    check(all((stage.root / scene.file_of(bead)).is_file() for bead in scene.WORKED_ON), "the files are there")
    _await(stage, lambda _: len(_worktrees(stage)) == 1, "the workers' worktrees go")
    check(not stage.git("status", "--porcelain"), "git status is clean")
    stage.git("fsck", "--strict")
    stage.convoy("validate")


def _check_order(entries: list[dict[str, Any]]) -> None:
    closed = {scene.GATE}
    for entry in entries:
        if entry["event"] == "dispatch":
            missing = [need for need in scene.NEEDS[entry["bead"]] if need not in closed]
            check(not missing, f"{entry['bead']} starts after {missing}")
        elif entry["event"] == "merged":
            closed.add(entry["bead"])
    check(closed >= set(scene.WORKED_ON), "every bead gets done")


def _worktrees(stage: Stage) -> list[str]:
    return [line for line in stage.git("worktree", "list", "--porcelain").splitlines() if line.startswith("worktree ")]


def _ledger(stage: Stage) -> list[dict[str, Any]]:
    """What the ledger's branch says, oldest first."""
    return [entry for entry in stage.json("log")["entries"][::-1] if entry["event"] != "file"]


def _merged(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["bead"] for entry in entries if entry["event"] == "merged"}


def _await(stage: Stage, held: Callable[[list[dict[str, Any]]], bool], what: str) -> None:
    """Wait until it holds of the ledger's entries, telling those that are new."""
    deadline = time.monotonic() + PATIENCE
    tip, entries = "", list[dict[str, Any]]()
    while True:
        if (now := stage.git("rev-parse", "convoy-ledger")) != tip:
            tip, entries = now, _ledger(stage)
            for line in _news(stage, entries):
                stage.tell(line)
        if held(entries):
            return
        check(time.monotonic() < deadline, what)
        time.sleep(0.3)


def _news(stage: Stage, entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries[stage.seen :]:
        who = f" -> {entry['worker']}" if entry["event"] == "dispatch" else ""
        attempt = f" (attempt {entry['attempt']})" if (entry["attempt"] or 0) > 1 else ""
        yield f"  {entry['at'][11:19]} {entry['event']:<9} {entry['bead'] or entry['convoy'] or ''}{who}{attempt}"
    stage.seen = len(entries)


def _end_waiting(stage: Stage) -> None:
    """End the detached scan that waits for the next due time: the demo leaves nothing behind."""
    try:
        pid = int((local_folder(stage.root / ".git") / "wake").read_text(encoding="ascii").split()[1])
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError, IndexError):
        return
