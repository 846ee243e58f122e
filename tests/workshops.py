"""A town whose workers are real processes: short scripts, and nothing that they start stays behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until

from gitconvoy.dispatch import leases

FLOW = "hq-cv-flow"
_COMMITTING = """\
#!/bin/sh
set -e
mkdir -p src
echo "$GITCONVOY_BEAD" > "src/$GITCONVOY_BEAD.txt"
git add src
git commit --quiet -m "Work on $GITCONVOY_BEAD"
{python} -m gitconvoy done
"""
_PRELUDE = """\
import json, os, pathlib, signal, subprocess, sys, time
bead, attempt = os.environ["GITCONVOY_BEAD"], os.environ["GITCONVOY_ATTEMPT"]
out = pathlib.Path({out!r})
def note(name, text=""):
    temporary = out / ("." + name)
    temporary.write_text(str(text))
    temporary.rename(out / name)
def gitconvoy(*words):
    return subprocess.run([sys.executable, "-m", "gitconvoy", *words]).returncode
def git(*words):
    subprocess.run(["git", *words], check=True)
def commit(path, text):
    pathlib.Path(path).write_text(text)
    git("add", path)
    git("commit", "-q", "-m", "work on " + bead)
note(bead + "-" + attempt, os.getpid())
"""


def committing_worker() -> str:
    """A script that commits a file of its bead's, and hands the branch in."""
    return _COMMITTING.format(python=shlex.quote(sys.executable))


@dataclass(slots=True)
class Workshop:
    """The town, and the folder in which workers leave notes."""

    here: TownHelper
    out: Path

    @property
    def own(self) -> Path:
        """What is ours below the git directory."""
        return self.here.path / ".git" / "gitconvoy"

    def worker(self, script: str, **settings: str) -> None:
        """Workers run this script from now on; `settings` are keys of the dispatcher in git config."""
        file = self.out.parent / "worker.py"
        file.write_text(_PRELUDE.format(out=str(self.out)) + textwrap.dedent(script))
        self.here.repo.config("gitconvoy.dispatcher", "script")
        command = shlex.join([sys.executable, str(file)])
        for key, value in {"command": command, **settings}.items():
            self.here.repo.config(f"gitconvoy.dispatcher.script.{key}", value)

    def plan(self, *beads: str, convoy: dict[str, object] | None = None, **dispatch: object) -> None:
        """Beads in a convoy, committed, not launched; `dispatch` are settings of that block."""
        lines = "".join(f"  {key}: {value}\n" for key, value in {"backoff": "1h", **dispatch}.items())
        self.here.repo.write(".convoy/config.yaml", f"format: 1\nprefix: gt\ndispatch:\n{lines}")
        for bead in beads:
            self.here.bead(bead)
        self.here.convoy(FLOW, *beads, **(convoy or {}))
        self.here.commit("plan")

    def begin(self, *beads: str, convoy: dict[str, object] | None = None, **dispatch: object) -> None:
        """As `plan`, and launched."""
        self.plan(*(beads or ("gt-a",)), convoy=convoy, **dispatch)
        self.here.ok("launch", FLOW)

    def note(self, name: str) -> str:
        """What a worker noted, once it has."""
        file = self.out / name
        until(file.exists, f"the note {name}")
        return file.read_text()

    def event(self, text: str, count: int = 1) -> dict[str, Any]:
        """Wait for a ledger event by its subject; the newest entry of that kind."""
        until(lambda: self.here.events().count(text) >= count, text)
        return dict(self.here.json("log", "--event", text.split()[0])["entries"][0])

    def scan_for(self, text: str) -> None:
        """Scan until a ledger event is there."""
        until(lambda: self.here.ok("scan") is not None and text in self.here.events(), text)

    def let_the_lease_run_out(self, bead: str = "gt-a") -> None:
        """As time would; that of the next attempt is long enough for any machine. Nobody may be left to renew it."""
        held = leases.read_all(self.here.path / ".git")[bead]
        leases.write(self.here.path / ".git", replace(held, expires=0))

    def worktree(self, bead: str = "gt-a", attempt: int = 1) -> Path:
        """Where an attempt works."""
        return self.own / "worktrees" / f"{bead}-{attempt}"

    def quiet(self) -> None:
        """Wait until no process of any attempt is left."""
        until(lambda: not self.processes(), "the end of all processes")

    def processes(self) -> list[int]:
        """Supervisors, workers, and whatever carries the token of an attempt of this town."""
        found = set(processes_of(self.here.path)) | set(processes_of(self.out.parent / "worker.py"))
        for file in (self.own / "attempts").glob("*/job.json"):
            found |= with_token(json.loads(file.read_text())["token"])
        return sorted(found)

    def supervisor(self, bead: str = "gt-a", attempt: int = 1) -> int:
        """The process that supervises an attempt, once there is one."""
        file = self.own / "attempts" / f"{bead}-{attempt}" / "begun.json"
        until(file.exists, "the supervisor")
        return int(json.loads(file.read_text())["supervisor"])


def open_workshop(repo: GitRepo, place: Path) -> Workshop:
    """A workshop in `repo`; `place` is for scripts and notes."""
    out = place / "out"
    out.mkdir()
    return Workshop(town(repo), out)


def close_workshop(workshop: Workshop) -> None:
    """End what still runs."""
    for pid in workshop.processes():
        end(pid)


def hang_in_submodules(repo: GitRepo) -> None:
    """Commit a submodule whose fetch never ends, and have submodules checked out in new worktrees."""
    repo.config("gitconvoy.submodules", "true")
    repo.git("config", "--global", "protocol.ext.allow", "always")
    repo.write(".gitmodules", '[submodule "lib"]\n\tpath = lib\n\turl = ext::sleep 987\n')
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},lib")
    repo.git("commit", "--quiet", "-m", "a submodule")


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and waits to be collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def end(pid: int) -> None:
    """SIGKILL, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def processes_of(path: Path) -> list[int]:
    """Processes whose command line names this path, other than this one."""
    return [pid for pid, data in _all("cmdline") if str(path).encode() in data]


def with_token(token: str) -> set[int]:
    """Processes that carry the token of an attempt in their environment."""
    return {pid for pid, data in _all("environ") if f"GITCONVOY_TOKEN={token}".encode() in data.split(b"\0")}


def _all(what: str) -> list[tuple[int, bytes]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and alive(int(entry.name)):
            try:
                found.append((int(entry.name), (entry / what).read_bytes()))
            except OSError:
                continue
    return found
