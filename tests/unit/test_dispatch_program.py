"""Running configured programs: bounded, limited, never waiting for what they leave behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from waiting import until
from workshops import alive

from gitconvoy.dispatch.program import KEPT, Ran, run


def python(code: str, tmp_path: Path, *, stdin: bytes | None = None, timeout: int | None = None) -> Ran:
    return run([sys.executable, "-c", code], cwd=tmp_path, env=dict(os.environ), stdin=stdin, timeout=timeout)


def test_output_code_and_place(tmp_path: Path) -> None:
    ran = python("import os, sys; print(os.getcwd()); print('e', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (ran.code, ran.ok, ran.timed_out, ran.error) == (3, False, False, None)
    assert set(ran.output.splitlines()) == {str(tmp_path), "e"}
    assert "ended with exit code 3: " in ran.how("it")


def test_stdin_arrives_whole_and_may_be_ignored(tmp_path: Path) -> None:
    data = b"\xff" * 300_000
    assert python("import sys; print(len(sys.stdin.buffer.read()))", tmp_path, stdin=data).output == "300000\n"
    assert python("print('deaf')", tmp_path, stdin=data).output == "deaf\n"
    assert python("import sys; print(sys.stdin.read() == '')", tmp_path).output == "True\n"


def test_only_the_end_of_long_output_is_kept(tmp_path: Path) -> None:
    ran = python("for n in range(200000): print(n)", tmp_path)
    assert ran.output.endswith("199999\n")
    assert len(ran.output) == KEPT


def test_a_time_limit_ends_the_group(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    ran = python(code, tmp_path, timeout=1)
    assert (ran.code, ran.timed_out) == (None, True)
    until(lambda: not alive(int(ran.output)), "the end of the child")
    assert ran.how("it").startswith("it reached its time limit")


def test_what_stays_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    ran = python(code, tmp_path, timeout=300)
    assert ran.ok
    os.kill(int(ran.output), signal.SIGKILL)


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    ran = run(["/nowhere/x"], cwd=tmp_path, env={})
    assert ran.code is None
    assert ran.how("it") == "it could not be started: No such file or directory"
    assert run([], cwd=tmp_path, env={}).error
    assert "SIGKILL" in python("import os; os.kill(os.getpid(), 9)", tmp_path).how("it")
