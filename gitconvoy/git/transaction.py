"""Moving a ref by a git process that is talked to: in two steps, or many times."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import disk, space
from gitconvoy.git.refs import ref
from gitconvoy.git.repo import Repo
from gitconvoy.git.run import nameless

_LOCK_WAIT = ("-c", "core.filesRefLockTimeout=1000")


@contextmanager
def prepared(repo: Repo, name: str, old: str, new: str, reason: str) -> Iterator[Callable[[], None]]:
    """Hold the ref `name` at `old` while the block runs; the function it is given moves it to `new`.

    Nobody else can move the ref meanwhile. Without that call, or when this process dies, it stays where it is and the
    lock goes away. `reason` goes to the reflog of the ref and of the HEAD that names it. Raises LostRace when the ref
    stands elsewhere or is locked, GitError when git, or the person's reference-transaction hook, refuses.
    """
    with _talk(repo, reason) as (process, errors):

        def step(*lines: str) -> None:
            if not _say(process, lines):
                process.wait()
                raise _refusal(repo, name, old, errors)

        def move() -> None:
            step("commit")
            disk.sync_ref(repo, name)

        step("start", f"update {name} {new} {old}", "prepare")
        yield move


@contextmanager
def series(repo: Repo, name: str, reason: str) -> Iterator[Callable[[str, str], bool]]:
    """While the block runs: a function that moves the ref from one commit to another, on the disk when it returns.

    It says False where it could not do that, and from then on: `write.swap_ref` knows why. The process is started with
    the first move, so that whoever moves nothing pays nothing.
    """
    with ExitStack() as stack:
        started: list[subprocess.Popen[bytes] | None] = []

        def move(old: str, new: str) -> bool:
            if not started:
                started.append(stack.enter_context(_talk(repo, reason))[0])
            process = started[0]
            if process is None or not _say(process, ("start", f"update {name} {new} {old}", "prepare", "commit")):
                started[0] = None
                return False
            disk.sync_ref(repo, name)
            return True

        yield move


@contextmanager
def _talk(repo: Repo, reason: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A git process that moves refs as it is told to, and what it has to complain."""
    sync = ("-c", "core.fsync=committed") if disk.wanted(repo) else ()
    command = ("git", *sync, *_LOCK_WAIT, "update-ref", "--create-reflog", "-m", " ".join(reason.split()), "--stdin")
    env = {**repo.env, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    with nameless() as errors:
        process = subprocess.Popen(
            command, cwd=repo.cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            yield process, errors
        finally:
            _end(process)


def _say(process: subprocess.Popen[bytes], lines: tuple[str, ...]) -> bool:
    """Give git its instructions and wait until it has done the last; False if it has not."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        process.stdin.flush()
    except BrokenPipeError:
        return False
    wanted = f"{lines[-1]}: ok\n".encode()
    return any(line == wanted for line in iter(process.stdout.readline, b""))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the channel: git then takes back what was prepared and not committed, and ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    process.wait()


def _refusal(repo: Repo, name: str, old: str, errors: IO[bytes]) -> Exception:
    errors.seek(0)
    said = errors.read().decode("utf-8", "replace").strip()
    if "File exists" in said:
        return LostRace(
            f"the ref {name} is locked by another process: {said}",
            hint="try again; if no git process is running, remove the .lock file that git names",
            code="ref-locked",
        )
    if ref(repo, name) != old or "but expected" in said:
        return LostRace(f"{name} was moved by somebody else in the meantime", hint="try again")
    hint = "try again; if a reference-transaction hook refused, its words say why"
    refused = GitError(said or f"git could not move {name}", hint=hint, code="ref-refused")
    return space.named(repo.common_dir, refused)
