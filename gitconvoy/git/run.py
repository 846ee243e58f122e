"""Starting git: never through a shell, never prompting, its own words in the error."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeVar

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git.env import clean_env

_BLOCK = 1 << 14
"""Bytes; no file system gives a file less room than it has left in its last block."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a git process ended."""

    returncode: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """stdout as text without the last line feed; bytes that are no UTF-8 survive as surrogates."""
        return self.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def git(
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,  # noqa: A002 - the name that subprocess gives it
    check: bool = True,
    ok: tuple[int, ...] = (0,),
    localized: bool = False,
) -> Result:
    """Run git in `cwd` and return what it said.

    `env` is the whole environment (a clean one when None). stdin is `input`, else empty. With `check`, an exit code
    outside of `ok` raises GitError with git's own message. Messages are English unless `localized` (for commands whose
    output, or whose hooks' output, goes to a person).
    """
    full = {**(clean_env() if env is None else env), "GIT_TERMINAL_PROMPT": "0"}
    if not localized:
        full["LC_ALL"] = "C"
    result = _run(["git", *args], cwd, full, input)
    if check and result.returncode not in ok:
        raise failure(args, result)
    return result


def _run(argv: list[str], cwd: Path, env: Mapping[str, str], data: bytes | None) -> Result:
    # Into files, not pipes: git's hooks may leave processes behind, and a pipe would be read until the last has ended.
    with nameless() as out, nameless() as err:
        stdin = subprocess.DEVNULL if data is None else None
        try:
            done = subprocess.run(argv, cwd=cwd, env=env, input=data, stdin=stdin, stdout=out, stderr=err, check=False)
        except FileNotFoundError as error:
            if not cwd.is_dir():
                raise GitError(
                    f"the folder {cwd} does not exist", code="not-found", hint="name a folder that is there"
                ) from error
            raise GitError("git was not found on PATH", hint="install git 2.31 or newer", code="no-git") from error
        except (OSError, ValueError) as error:
            raise not_started(error) from error
        out.seek(0)
        err.seek(0)
        result = Result(done.returncode, out.read(), err.read().decode("utf-8", "replace").strip())
        if result.returncode != 0 and not result.stderr:
            _require_room(err)
        return result


def nameless() -> IO[bytes]:
    """A file without a name, as of `tempfile`, which takes longer to load than most git commands run."""
    try:
        handle = os.open(os.environ.get("TMPDIR") or "/tmp", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)  # noqa: S108
    except (OSError, AttributeError):  # no such folder, or another system than Linux
        import tempfile

        return tempfile.TemporaryFile()
    return os.fdopen(handle, "w+b")


def full(said: str) -> GitError:
    """The error for a full disk; `said` is what else is known."""
    hint = "free some space, or raise the quota, and try again"
    return GitError(f"the disk is full: {said}: No space left on device", hint=hint, code="disk-full")


def _require_room(file: IO[bytes]) -> None:
    """GitError where what git had to say could not be written: its exit code says nothing either then."""
    try:
        file.write(bytes(_BLOCK))
        file.flush()
    except OSError as error:
        import tempfile

        place = tempfile.gettempdir()
        if error.errno == errno.ENOSPC:
            raise full(place) from error
        raise GitError(
            f"what git had to say cannot be kept in {place}: {error.strerror}",
            hint="name another folder with TMPDIR, or raise the limits (ulimit -a)",
            code="no-temporary-folder",
        ) from error


def not_started(error: Exception) -> GitError:
    """What is said where the machine refuses to start git at all."""
    return GitError(
        f"git could not be started: {error}",
        hint="check that `git --version` runs here, then try again",
        code="git-not-started",
    )


def failure(args: tuple[str, ...], result: Result) -> GitError:
    """The error for a git command that was refused: its stderr, or stdout where it complains there."""
    said = result.stderr or result.stdout.decode("utf-8", "replace").strip()
    command = next((arg for arg in args if not arg.startswith("-") and "=" not in arg), "git")
    return GitError(
        said or f"git {command} failed with exit code {result.returncode}",
        hint="git's own words say what is wrong; `git status` and `git fsck` tell more",
        code="git",
    )


_TRIES, _PAUSE = 40, 0.05
"""How often something is tried while another git makes a worktree, and seconds between: it takes milliseconds."""

T = TypeVar("T")


def beside_others(act: Callable[[], T]) -> T:
    """What comes of `act`, a git command about worktrees, tried again while another process is just making one.

    git writes what it knows of a worktree file by file, and whoever lists worktrees meanwhile dies of what is not there
    yet (as does `git worktree add` itself, so that two of them at once can fail).
    """
    for _ in range(_TRIES):
        try:
            return act()
        except GitError as error:
            if "failed to read" not in error.message or "/commondir" not in error.message:
                raise
            time.sleep(_PAUSE)
    return act()
