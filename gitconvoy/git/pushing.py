"""Talking to a remote, which may hang: a network, a server's hooks, a program that asks for a password."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial

from gitconvoy.errors import GitError
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import Result, failure, nameless, not_started

_LOOK = 0.5
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


def push(repo: Repo, remote: str, ref: str, *, limit: int, going: Callable[[], bool]) -> bool:
    """Push a ref to the same name on a remote, never by force; whether that came to its end.

    It asks nobody anything. After `limit` seconds all of its processes are ended (GitError, code `time-limit`), and
    once `going`, asked twice a second, says that nobody wants it any more (False). GitError where git is refused.
    """
    args = ("push", "--quiet", "--no-follow-tags", remote, f"{ref}:{ref}")
    done = talk(repo, *args, limit=limit, going=going)
    if done is not None and done.returncode:
        raise failure(args, Result(done.returncode, b"", done.stderr))
    return done is not None


def talk(
    repo: Repo, *args: str, limit: int, going: Callable[[], bool] = lambda: True, ask: bool = False
) -> Result | None:
    """Run a git command that talks to a remote; how it ended, None where `going` said that nobody wants it any more.

    After `limit` seconds it is ended (GitError, code `time-limit`). With `ask`, git and ssh may ask for a password on
    the terminal; without, nobody is asked anything.
    """
    env = {**repo.env, "LC_ALL": "C"} if ask else {**repo.env, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    with nameless() as out, nameless() as said:
        try:
            process = subprocess.Popen(
                ["git", *args],
                cwd=repo.cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
                start_new_session=not ask,  # without a terminal, ssh cannot ask either
            )
        except OSError as error:
            raise not_started(error) from error
        end = process.terminate if ask else partial(_end, process)
        try:
            code = _wait(process, args[0], limit, going)
        except BaseException:
            end()
            raise
        if code is None:
            end()
            return None
        out.seek(0)
        said.seek(0)
        words = said.read().decode("utf-8", "replace").replace("\r\n", "\n").strip()  # ssh ends its lines so
        return Result(code, out.read(), words)


def _wait(process: subprocess.Popen[bytes], what: str, limit: int, going: Callable[[], bool]) -> int | None:
    """Its exit code; None where it is not wanted any more."""
    began = time.monotonic()
    while True:
        try:
            return process.wait(_LOOK)
        except subprocess.TimeoutExpired:
            if time.monotonic() - began > limit:
                raise GitError(
                    f"git {what} reached its time limit of {limit} s",
                    code="time-limit",
                    hint="see whether the remote answers (`git ls-remote`), and try again",
                ) from None
            if not going():
                return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what runs of its process group."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        there = _signal(process.pid, how)
        deadline = time.monotonic() + _GRACE
        while there and time.monotonic() < deadline:
            process.poll()
            time.sleep(_LOOK / 10)
            there = _signal(process.pid, 0)
        if not there:
            return


def _signal(group: int, how: int) -> bool:
    """Whether there was somebody to signal."""
    try:
        os.killpg(group, how)
    except (ProcessLookupError, PermissionError):
        return False
    return True
