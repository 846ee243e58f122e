"""A run: beads in waves that script workers do in worktrees (`git commit && gitconvoy done`), and what must hold in it.

Whatever is killed meanwhile: nothing recorded is lost, no bead has two workers at a time or is done twice, nothing is
damaged, no file of a person is touched, and once it is over nothing is left behind (SPEC 1, 7).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gitfixtures import GitRepo
from mortal import Mortal
from townfixtures import TownHelper

FLOW = "hq-cv-flow"
THIRTY: Mapping[str, tuple[str, ...]] = {
    **{f"gt-a{number}": () for number in range(6)},
    **{f"gt-b{number}": (f"gt-a{number}",) for number in range(6)},
    **{f"gt-c{number}": (f"gt-b{number}", f"gt-b{(number + 1) % 6}") for number in range(6)},
    **{f"gt-d{number}": (f"gt-c{number}",) for number in range(6)},
    **{f"gt-e{number}": (f"gt-d{number}", "gt-d0") for number in range(6)},
}
"""30 beads in 5 waves, with what each comes after."""
SIX = {bead: needs for bead, needs in THIRTY.items() if bead in ("gt-a0", "gt-a1", "gt-a2", "gt-b0", "gt-b1", "gt-c0")}
"""A piece of it, in 3 waves."""

_WORKER = """\
#!{python} -IS
import fcntl, os, subprocess, sys
bead, outside = os.environ["GITCONVOY_BEAD"], {outside!r}
told = os.open(outside + "/told", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

def tell(word):
    os.write(told, f"{{word}} {{bead}} {{os.environ['GITCONVOY_ATTEMPT']}} {{os.getpid()}}\\n".encode())

lock = os.open(f"{{outside}}/{{bead}}.lock", os.O_RDWR | os.O_CREAT, 0o600)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    tell("second")
os.set_inheritable(lock, True)  # whatever this worker starts counts as alive, too
tell("begin")
os.makedirs("src", exist_ok=True)
with open(f"src/{{bead}}.txt", "a") as file:
    file.write(bead + "\\n")
for words in (["git", "add", "src"], ["git", "commit", "--quiet", "-m", "Work on " + bead], ["gitconvoy", "done"]):
    code = subprocess.call(words, close_fds=False)
    if code:
        tell("failed")
        sys.exit(1)
tell("end")
"""
_PERSON = {"README.md": "A repository for tests.\nBeing edited.\n", "todo.txt": "mine\n", "staged.txt": "staged\n"}
_DIRT = [" M README.md", "A  staged.txt", "?? todo.txt"]
_TEMPORARY = re.compile(
    r"\.[a-z0-9_]{8}$|^\..+\.[0-9a-f]{12}$|^gitconvoy-(old|edit\.json)|\.gitconvoy-\d+$|^tmp_obj|\.lock$"
)
_OURS = frozenset({".lock", "daemon.lock", "next.lock", "gitconvoy-edit.lock"})
"""Lock files that are held with flock: who dies lets go of them, so they may lie there."""
_HOURS = 3 * 3600
_CONFIG = """\
format: 1
prefix: gt
dispatch:
  max_workers: 4
  max_attempts: 1000
  backoff: 0s
  backoff_max: 1s
  lease: {lease}s
"""


@dataclass
class Run:
    """One run in a repository; its gitconvoy is that of `mortal`."""

    here: TownHelper
    mortal: Mortal
    outside: Path
    beads: Mapping[str, tuple[str, ...]]
    tips: list[str] = field(default_factory=list)
    """Tips that the ledger was seen to have."""
    stale: list[str] = field(default_factory=list)
    """Lock files of git that were left by a git that was killed, and removed as git says."""

    @property
    def repo(self) -> GitRepo:
        """The repository."""
        return self.here.repo

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of gitconvoy as a process, which may die."""
        command = [*self.mortal.command, "-C", str(self.here.path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def scan(self) -> int:
        """Do what is due; how that ended. It may die, lose a race, or find a lock."""
        done = self.do("scan")
        assert done.returncode in (0, 4, 5, -signal.SIGKILL) or "lock" in done.stderr, done.stdout + done.stderr
        return done.returncode

    def over(self) -> bool:
        """Whether all work is done and the convoy complete."""
        return f"complete {FLOW}" in self.here.events()

    # What must hold

    def look(self) -> None:
        """What must hold at any time. What git says while others write may be true no longer, so it says it twice."""
        for attempt in range(3):
            wrong = self._wrong()
            if not wrong:
                return
            time.sleep(0.5 * attempt)
        raise AssertionError("\n".join(wrong))

    def _wrong(self) -> list[str]:
        repo, wrong = self.repo, []
        fsck = repo.run("fsck", "--strict", "--no-dangling", "--no-progress")
        if fsck.returncode:
            wrong += [f"git fsck: {line}" for line in (fsck.stdout + fsck.stderr).splitlines() if self._damaged(line)]
        for command in ("audit", "validate"):
            answer = self.here.run(command, "--json")
            if answer.code:
                wrong.append(f"{command}: exit {answer.code} {answer.out}{answer.err}")
        if repo.exists("convoy-ledger"):
            tip = repo.head("convoy-ledger")
            if self.tips and repo.run("merge-base", "--is-ancestor", self.tips[-1], tip).returncode:
                wrong.append(f"events were lost: {self.tips[-1]} is no ancestor of {tip}")
            if not self.tips or self.tips[-1] != tip:
                self.tips.append(tip)
        ends = Counter(event.split()[1] for event in self.here.events() if event.startswith(("merged ", "done ")))
        wrong += [f"{bead} was closed {count} times" for bead, count in ends.items() if count > 1]
        wrong += [f"{bead} failed although it was handed in" for bead in self._wasted()]
        wrong += [f"two workers at a time: {line}" for line in self._told() if line.startswith("second")]
        wrong += [f"{path} was touched" for path, text in _PERSON.items() if repo.read(path) != text]
        return wrong

    def _damaged(self, line: str) -> bool:
        """Whether fsck is right: what was written after it had listed the loose objects seems to be missing to it."""
        named = re.findall(r"\b[0-9a-f]{40}\b", line)
        late = re.match(r"missing |broken link from|\s+to |error: \S+: invalid reflog entry", line) and named
        return not (late and all(self.repo.run("cat-file", "-e", oid).returncode == 0 for oid in named))

    def _wasted(self) -> list[str]:
        """Beads of which an attempt ended badly that had handed in everything."""
        last, found = dict[str, str](), []
        for event in self.here.events():
            kind, _, about = event.partition(" ")
            bead = about.split()[0]
            if kind in ("fail", "expire", "requeue") and last.get(bead) == "submit":
                found.append(bead)
            last[bead] = kind
        return found

    def _told(self) -> list[str]:
        told = self.outside / "told"
        return told.read_text().splitlines() if told.exists() else []

    def finish(self) -> None:
        """What must hold once it is over and nobody is at work any more."""
        self.look()
        repo, here = self.repo, self.here
        ends = Counter(event.split()[1] for event in here.events() if event.startswith(("merged ", "done ")))
        assert ends == dict.fromkeys(self.beads, 1), "each bead is closed exactly once"
        assert here.events().count(f"complete {FLOW}") == 1
        subjects = repo.git("log", "--first-parent", "--merges", "--format=%s", "main").splitlines()
        assert Counter(each.split()[1].rstrip(":") for each in subjects) == dict.fromkeys(self.beads, 1)
        for bead in self.beads:
            assert repo.show("main", f"src/{bead}.txt") == f"{bead}\n", "its code is on the trunk once"
            assert "status: closed" in repo.show("main", f".convoy/beads/{bead}.yaml")
        for old in repo.git("reflog", "--format=%H", "convoy-ledger").splitlines():
            assert repo.run("merge-base", "--is-ancestor", old, "convoy-ledger").returncode == 0, f"{old} was lost"
        assert repo.status() == _DIRT, repo.status()
        stays = sorted({*self.linked()} - {*self.kept()})
        assert not stays, f"a worktree stays only where something in it would be lost: {stays} {self.do('scan').stdout}"
        common = here.path / ".git"
        local = [*(common / "gitconvoy/leases").iterdir(), *(common / "gitconvoy/handins").glob("*")]
        left = [each.name for each in local if each.name != ".lock"] + self.leftovers()
        assert left == [], f"left behind: {left}"

    def linked(self) -> list[Path]:
        """The worktrees of attempts."""
        lines = self.repo.git("worktree", "list", "--porcelain").splitlines()
        return [Path(line.partition(" ")[2]) for line in lines if line.startswith("worktree ")][1:]

    def kept(self) -> list[Path]:
        """Those that hold what is not committed or not merged: it was lost with its attempt, a person may want it."""
        return [path for path in self.linked() if path.is_dir() and _holds(GitRepo(path))]

    def locks(self) -> list[Path]:
        """Lock files of git's own, which only a git that was killed leaves behind."""
        common = self.here.path / ".git"
        places = [common, *(common / "worktrees").glob("*")]
        found = [file for place in places for file in place.glob("*.lock") if file.name not in _OURS]
        return found + [file for file in (common / "refs").rglob("*.lock") if file.is_file()]

    def leftovers(self) -> list[str]:
        """Temporary files and locks of git below the git directory."""
        common = self.here.path / ".git"
        found = []
        for each in common.rglob("*"):
            name = each.name
            inner = each.relative_to(common).parts
            flocked = name in _OURS or inner[:2] == ("gitconvoy", "attempts")
            if _TEMPORARY.search(name) and not flocked:
                found.append("/".join(inner))
        return sorted(found)

    def grow_old(self) -> None:
        """Let hours pass for what lies in the git directory."""
        then = time.time() - _HOURS
        for each in (self.here.path / ".git").rglob("*"):
            with suppress(FileNotFoundError):
                os.utime(each, (then, then), follow_symlinks=False)

    # Who is there

    def processes(self) -> dict[int, str]:
        """Living processes of this run: the command lines by process id."""
        return processes_in(self.here.path.parent)

    def quiet(self) -> bool:
        """Whether nobody is at work."""
        return not self.processes()

    def end(self) -> None:
        """Kill whatever is left."""
        for _ in range(100):
            left = self.processes()
            if not left:
                return
            for pid in left:
                kill(pid)
            time.sleep(0.05)
        raise AssertionError(f"processes stay: {left}")


def _holds(tree: GitRepo) -> bool:
    return bool(tree.status()) or tree.git("rev-list", "--count", "main..HEAD") != "0"


def processes_in(folder: Path) -> dict[int, str]:
    """Processes that name this folder, or work in it, but for this one and those it descends from.

    Nor are those counted that read objects for a command which ran in this very process, and is not forgotten yet.
    """
    word, found = os.fsencode(folder), {}
    mine = {os.getpid(), os.getppid()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in mine:
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            place = os.fsencode((entry / "cwd").readlink())
            state, parent, *_ = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if state in "ZX" or (int(parent) == os.getpid() and command == b"git\0cat-file\0--batch\0"):
            continue
        if word in command or place == word or place.startswith(word + b"/"):
            found[int(entry.name)] = os.fsdecode(command.replace(b"\0", b" "))
    return found


def kill(pid: int, *, group: bool = False) -> bool:
    """As `kill -9` does, one process or its group; whether it was there."""
    try:
        if group and os.getpgid(pid) != os.getpgid(0):
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def begin(repo: GitRepo, mortal: Mortal, outside: Path, beads: Mapping[str, tuple[str, ...]], *, lease: int = 2) -> Run:
    """A town with all hooks, a planned convoy, and a person's changes in its main worktree; nothing is launched yet."""
    outside.mkdir(parents=True, exist_ok=True)
    script = outside / "worker"
    script.write_text(_WORKER.format(python=mortal.python, outside=str(outside)))
    script.chmod(0o755)
    run = Run(TownHelper(repo), mortal, outside, beads)
    repo.config("gitconvoy.wake", "false")
    repo.config("gitconvoy.dispatcher", "script")
    repo.config("gitconvoy.dispatcher.script.command", str(script))
    done = run.do("init", "--prefix", "gt")
    assert done.returncode == 0, done.stderr
    repo.write(".convoy/config.yaml", _CONFIG.format(lease=lease))
    for bead, needs in beads.items():
        run.here.bead(bead, depends_on=list(needs))
    run.here.convoy(FLOW, *beads, merge="direct")
    repo.commit("plan")
    for path, text in _PERSON.items():
        repo.write(path, text)
    repo.git("add", "staged.txt")
    assert repo.status() == _DIRT
    return run


def launched(run: Run) -> bool:
    """Launch until that has come through."""
    for _ in range(200):
        if any(event.startswith(f"launch {FLOW}") for event in run.here.events()):
            return True
        run.do("launch", FLOW)
    return False


def settled(run: Run, patience: float = 60.0, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Scan until nobody is at work and nothing is left behind; what the dead had begun is old in the end."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        meanwhile()
        run.scan()
        if run.quiet() and run.leftovers():
            run.grow_old()
            run.do("doctor", "--fix")
            run.repo.git("prune", "--expire=now")  # objects that were being written: `git gc` does it after a while
        if run.quiet() and len(run.kept()) == len(run.linked()) and not run.leftovers():
            return
        time.sleep(0.2)
