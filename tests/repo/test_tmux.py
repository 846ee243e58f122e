"""The tmux dispatcher with a real tmux: windows, what workers are given, how they end, `attach` (SPEC 7)."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from tmuxhelp import needs_tmux, script, server_of, tmux, windows
from townfixtures import TownHelper, town
from waiting import until

from gitconvoy.dispatch.attempts import attempt_folder
from gitconvoy.dispatch.running import Work
from gitconvoy.dispatch.tmux import TmuxWindow, program, socket_name, window_of

pytestmark = needs_tmux
FLOW = "hq-cv-flow"
NASTY = "a \"$(touch pwned)\"; `touch pwned` #{pane_id} %H 'q' --dangerous é 🚚"

TELL = """
import json, os, pathlib, sys
out = pathlib.Path(sys.argv[1])
names = sorted(name for name in os.environ if name.startswith(("GITCONVOY_", "GIT_", "TMUX", "TERM")))
note = {"argv": sys.argv[2:], "cwd": os.getcwd(), "stdin": None if sys.stdin.isatty() else sys.stdin.read(),
        "tty": os.isatty(1), "env": {name: os.environ[name] for name in names}}
(out / ".note").write_text(json.dumps(note))
(out / ".note").rename(out / "note")
print("the worker speaks", flush=True)
"""


@dataclass(slots=True)
class Shop:
    """A folder to make attempts in, without a town around them."""

    root: Path
    made: list[TmuxWindow] = field(default_factory=list)

    @property
    def common_dir(self) -> Path:
        """What the server belongs to."""
        return self.root / "git"

    def work(self, *argv: str, attempt: int = 1, bead: str = "gt-a.1", **settings: str) -> Work:
        """An attempt that runs these words."""
        folder = attempt_folder(self.common_dir, bead, attempt).root
        folder.mkdir(parents=True)
        (folder / "bead.json").write_text(json.dumps({"title": NASTY}))
        return Work(
            bead=bead, convoy="", attempt=attempt, token=f"token-{bead}-{attempt}-of-{os.getpid()}",
            worker="gt/polecat-1", argv=argv, cwd=folder, env={**os.environ, "GITCONVOY_TOKEN": "x"},
            stdin=folder / "bead.json", prompt=folder / "prompt.md", log=folder / "log", folder=folder,
            common_dir=self.common_dir, settings=settings,
        )  # fmt: skip

    def start(self, work: Work) -> TmuxWindow:
        """A window with its worker."""
        window = TmuxWindow()
        window.start(work)
        self.made.append(window)
        return window

    def run(self, *argv: str) -> TmuxWindow:
        """A worker that has ended."""
        window = self.start(self.work(*argv))
        until(lambda: not window.alive(), "the worker's end")
        return window


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Attempts whose tmux server is gone afterwards."""
    made = Shop(tmp_path)
    made.common_dir.mkdir()
    with server_of(made.common_dir):
        yield made


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("7", 7)])
def test_the_exit_code_is_known(shop: Shop, code: str, expected: int) -> None:
    window = shop.run(*python(f"raise SystemExit({code})"))
    assert (window.exit_code, window.ended) == (expected, "")
    window.stop()
    assert windows(shop.common_dir) == []


def test_a_signal_is_no_exit_code_0(shop: Shop) -> None:
    window = shop.run(*python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert window.exit_code == -9 or (window.exit_code is None and window.ended)


def test_words_reach_the_worker_as_they_are_and_no_shell_is_met(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "tell.py"
    file.write_text(TELL)
    work = shop.work(sys.executable, str(file), str(tmp_path), NASTY, "", "two words")
    window = shop.start(work)
    until(lambda: not window.alive(), "the worker's end")
    window.stop()
    note = json.loads((tmp_path / "note").read_text())
    assert note["argv"] == [NASTY, "", "two words"]
    assert json.loads(note["stdin"]) == {"title": NASTY}
    assert note["cwd"] == str(work.cwd)
    assert note["tty"]
    assert not list(tmp_path.rglob("pwned"))
    assert note["env"]["TMUX"].startswith("/")
    assert "the worker speaks" in work.log.read_text(), "stop waits for the log"


def test_a_worker_may_have_the_terminal_as_its_input(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "tell.py"
    file.write_text(TELL)
    window = shop.start(shop.work(sys.executable, str(file), str(tmp_path), stdin="terminal"))
    until(lambda: not window.alive(), "the worker's end")
    assert json.loads((tmp_path / "note").read_text())["stdin"] is None


def test_a_command_that_does_not_exist_opens_no_window(shop: Shop) -> None:
    with pytest.raises(FileNotFoundError):
        shop.start(shop.work("no-such-program-anywhere", "x"))
    assert windows(shop.common_dir) == []


def test_one_window_for_each_worker_on_a_server_of_our_own(shop: Shop) -> None:
    made = [shop.start(shop.work(*python("import time; time.sleep(600)"), bead=f"gt-{n}")) for n in range(3)]
    assert sorted(windows(shop.common_dir)) == ["gt-0-1", "gt-1-1", "gt-2-1"]
    assert all(window.alive() for window in made)
    made[1].stop()
    assert [window.alive() for window in made] == [True, False, True]
    assert sorted(windows(shop.common_dir)) == ["gt-0-1", "gt-2-1"]
    assert tmux(shop.common_dir, "show-options", "-g", "prefix").stdout.strip() == "prefix C-b"


def test_stop_ends_what_the_worker_has_started(shop: Shop, tmp_path: Path) -> None:
    text = (
        "import subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    work = shop.work(*python(text))
    work = replace(work, env={**os.environ, "GITCONVOY_TOKEN": work.token})
    window = shop.start(work)
    child = until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), "the child")
    window.stop()
    until(lambda: not _lives(int(child)), "the end of what left the window's session")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_a_window_that_somebody_closes_is_a_worker_that_has_ended(shop: Shop) -> None:
    window = shop.start(shop.work(*python("import time; time.sleep(600)")))
    assert window.alive()
    tmux(shop.common_dir, "kill-server")
    until(lambda: not window.alive(), "the end")
    assert window.exit_code is None
    assert "tmux window" in window.ended
    window.stop()


@pytest.mark.parametrize("answer", ["exit 1", "echo what; exit 0"])
def test_a_tmux_that_does_not_say_is_no_end_of_a_worker(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    window = shop.start(shop.work(*python("import time; time.sleep(600)")))
    bin_, silent = tmp_path / "bin", tmp_path / "silent"
    bin_.mkdir()
    (bin_ / "tmux").write_text(f'#!/bin/sh\nif test -e {silent}; then {answer}; fi\nexec {program()} "$@"\n')
    (bin_ / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    silent.touch()
    assert window.alive()
    silent.unlink()
    assert window.alive()
    silent.touch()
    assert window.session is not None
    os.kill(window.session, signal.SIGKILL)
    until(lambda: not window.alive(), "the end of a process of which tmux says nothing")
    silent.unlink()
    window.stop()


def test_windows_of_dead_supervisors_are_swept(shop: Shop) -> None:
    first = shop.work(*python("pass"), bead="gt-old")
    _job_file(first.folder)
    abandoned = shop.start(first)
    until(lambda: not abandoned.alive(), "its end")
    until(lambda: tmux(shop.common_dir, "list-panes", "-a", "-F", "#{pane_dead}").stdout.strip() == "1", "a dead pane")
    shop.start(shop.work(*python("import time; time.sleep(600)"), bead="gt-new"))
    assert windows(shop.common_dir) == ["gt-new-1"]


def _job_file(folder: Path) -> None:
    job: dict[str, Any] = {
        "bead": "gt-old", "convoy": "", "attempt": 1, "token": "t", "worker": "w", "dispatcher": "tmux",
        "argv": [], "on_exit": "ask", "timeout": None, "lease": 60, "town": "/",
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))


def test_output_is_bounded_on_disk(shop: Shop) -> None:
    work = shop.work(*python("import sys\nfor n in range(20000): print(n, 'x' * 70)"))
    work = replace(work, log_limit=40_000)
    window = shop.start(work)
    until(lambda: not window.alive(), "its end")
    window.stop()
    files = list(work.folder.glob("log*"))
    assert 0 < sum(file.stat().st_size for file in files) <= 40_000


# In a town


@pytest.fixture
def here(repo: GitRepo) -> Iterator[TownHelper]:
    """A town whose dispatcher is tmux, with a scratch folder for each worker."""
    made = town(repo)
    repo.config("gitconvoy.dispatcher", "tmux")
    repo.config("gitconvoy.dispatcher.tmux.worktree", "scratch")
    with server_of(made.path / ".git"):
        yield made


def begin(here: TownHelper, text: str, *, lease: str = "30m") -> None:
    """Plan gt-a in an open convoy, done by a worker with this text."""
    here.repo.config("gitconvoy.dispatcher.tmux.command", script(here.path.parent, text))
    settings = f"format: 1\nprefix: gt\ndispatch:\n  backoff: 1h\n  lease: {lease}\n"
    here.repo.write(".convoy/config.yaml", settings)
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a", status="open")
    here.commit("plan")
    here.ok("scan")


def test_a_bead_is_done_in_a_window(here: TownHelper) -> None:
    text = "import subprocess, sys\nprint('at work', flush=True)\n"
    begin(here, text + "subprocess.run([sys.executable, '-m', 'gitconvoy', 'done', '--no-code'], check=True)")
    until(lambda: f"complete {FLOW}" in here.events(), "completion")
    until(lambda: "at work" in here.ok("logs", "gt-a"), "the log")
    until(lambda: windows(here.path / ".git") == [], "the end of the window")
    assert here.repo.status() == []


@pytest.mark.parametrize(("text", "reason"), [("raise SystemExit(3)", "exit code 3"), ("import no_such", "code 1")])
def test_a_worker_that_breaks_is_a_failure(here: TownHelper, text: str, reason: str) -> None:
    begin(here, text)
    until(lambda: "fail gt-a" in here.events(), "the failure")
    assert reason in here.json("log", "--event", "fail")["entries"][0]["reason"]


def test_the_time_limit_and_unsling_end_the_window(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatcher.tmux.timeout", "1s")
    begin(here, "import time; time.sleep(600)")
    until(lambda: "fail gt-a" in here.events(), "the failure")
    assert "time limit" in here.json("log", "--event", "fail")["entries"][0]["reason"]
    until(lambda: windows(here.path / ".git") == [], "the end of the window")


def test_code_is_written_and_merged_from_windows_wave_after_wave(here: TownHelper) -> None:
    here.repo.git("config", "--unset", "gitconvoy.dispatcher.tmux.worktree")
    text = (
        "import json, pathlib, subprocess, sys\n"
        "bead = json.load(sys.stdin)['id']\n"
        "pathlib.Path(f'{bead}.txt').write_text(bead)\n"
        "subprocess.run(['git', 'add', '.'], check=True)\n"
        "subprocess.run(['git', 'commit', '--quiet', '-m', f'Do {bead}'], check=True)\n"
        "subprocess.run([sys.executable, '-m', 'gitconvoy', 'done'], check=True)\n"
    )
    here.repo.config("gitconvoy.dispatcher.tmux.command", script(here.path.parent, text))
    for number in range(4):
        here.bead(f"gt-{number}", depends_on=[f"gt-{number - 2}"] if number > 1 else [])
    here.convoy(FLOW, *(f"gt-{number}" for number in range(4)), status="open", merge="direct")
    here.commit("plan")
    here.ok("scan")
    until(lambda: f"complete {FLOW}" in here.events(), "completion")
    assert [here.repo.show("main", f"gt-{number}.txt") for number in range(4)] == [f"gt-{n}" for n in range(4)]
    until(lambda: windows(here.path / ".git") == [], "the end of the windows")


def test_kill_ends_the_window(here: TownHelper) -> None:
    begin(here, "import time; time.sleep(600)")
    common = here.path / ".git"
    until(lambda: windows(common) == ["gt-a-1"], "the window")
    here.ok("pause", FLOW)
    here.ok("kill", "gt-a", "--reason", "enough")
    until(lambda: windows(common) == [], "its end")
    until(lambda: tmux(common, "list-sessions").returncode != 0, "the end of the server")
    assert here.ledger().bead("gt-a").live is False


def test_when_the_supervisor_dies_the_next_attempt_ends_what_is_left(here: TownHelper) -> None:
    text = (
        "import os, subprocess, sys, time\n"
        "if os.environ['GITCONVOY_ATTEMPT'] == '1': time.sleep(600)\n"
        "subprocess.run([sys.executable, '-m', 'gitconvoy', 'done', '--no-code'], check=True)\n"
    )
    begin(here, text, lease="2s")
    common = here.path / ".git"
    lease = common / "gitconvoy" / "leases" / "gt-a"
    until(lambda: windows(common) == ["gt-a-1"] and lease.exists(), "the window")
    begun = common / "gitconvoy" / "attempts" / "gt-a-1" / "begun.json"
    until(lambda: json.loads(begun.read_text())["session"], "the worker")
    os.kill(json.loads(begun.read_text())["supervisor"], signal.SIGKILL)
    until(lambda: here.ok("scan") and f"complete {FLOW}" in here.events(), "the second attempt")
    assert "expire gt-a" in here.events()
    assert here.ledger().bead("gt-a").attempt == 2
    until(lambda: windows(common) == [], "the end of both windows")


def test_attach_shows_the_window_to_a_person_who_can_type(here: TownHelper, tmp_path: Path) -> None:
    here.repo.config("gitconvoy.dispatcher.tmux.stdin", "terminal")
    heard = tmp_path / "heard"
    begin(here, f"import pathlib\nprint('who are you?', flush=True)\npathlib.Path({str(heard)!r}).write_text(input())")
    until(lambda: windows(here.path / ".git") == ["gt-a-1"], "the window")
    until(lambda: here.run("attach", "gt-a", "--json").code == 0, "its window")
    answer = here.json("attach", "gt-a")
    assert answer["command"][:3] == [answer["command"][0], "-S", answer["command"][2]]
    assert Path(answer["command"][2]).name == socket_name(here.path / ".git")
    seen = _at_a_terminal([sys.executable, "-m", "gitconvoy", "-C", str(here.path), "attach", "gt-a"], heard.exists)
    assert b"who are you?" in seen
    assert heard.read_text() == "a person"


def _at_a_terminal(words: list[str], over: Callable[[], bool]) -> bytes:
    """Run a command at a pseudo-terminal, type once it has asked, and end it when `over`; what it has shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", PATH=os.environ["PATH"])
        os.execv(words[0], words)
    shown, typed, deadline = b"", False, time.monotonic() + 60
    try:
        while not over() and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:
                    break
            if b"who are you?" in shown and not typed:
                typed = bool(os.write(terminal, b"a person\r"))
        assert over(), shown.decode(errors="replace")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


def test_attach_says_when_there_is_no_window(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatcher", "record")
    here.bead("gt-a")
    here.commit("plan")
    assert here.error("attach", "gt-a")["code"] == "no-window"
    assert here.error("attach", "gt-nothing")["code"] == "not-found"


def test_a_machine_without_tmux_dispatches_nothing_and_says_so(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    git = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "bin" / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    begin(here, "pass")
    assert here.events() == ["init town"] or not any(event.startswith("dispatch") for event in here.events())
    assert any("tmux was not found" in line for line in here.json("status")["notes"])


def test_the_window_of_an_attempt_is_remembered(shop: Shop) -> None:
    work = shop.work(*python("import time; time.sleep(600)"))
    assert window_of(work.folder) is None
    window = shop.start(work)
    found = window_of(work.folder)
    assert found is not None
    assert window.session == found.pid
    assert (work.folder / "task.json").stat().st_mode & 0o077 == 0
