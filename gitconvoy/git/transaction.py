"""Moving a ref in two steps: first it is locked at its old value, then, when all else is done, it moves."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from gitconvoy.errors import GitError, LostRace
from gitconvoy.git import config, disk, space
from gitconvoy.git.refs import ref
from gitconvoy.git.repo import Repo

_LOCK_WAIT = ("-c", "core.filesRefLockTimeout=1000")


@contextmanager
def prepared(repo: Repo, name: str, old: str, new: str, reason: str) -> Iterator[Callable[[], None]]:
    """Hold the ref `name` at `old` while the block runs; the function it is given moves it to `new`.

    Nobody else can move the ref meanwhile. Without that call, or when this process dies, it stays where it is and the
    lock goes away. `reason` goes to the reflog of the ref and of the HEAD that names it. Raises LostRace when the ref
    stands elsewhere or is locked, GitError when git, or the person's reference-transaction hook, refuses.
    """
    sync = ("-c", "core.fsync=committed") if config.get(repo, "core.fsync") != "none" else ()
    command = ("git", *sync, *_LOCK_WAIT, "update-ref", "--create-reflog", "-m", " ".join(reason.split()), "--stdin")
    env = {**repo.env, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=repo.cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )

        def step(*lines: str) -> None:
            if not _say(process, lines):
                process.wait()
                raise _refusal(repo, name, old, errors)

        def move() -> None:
            step("commit")
            disk.sync_ref(repo, name)

        try:
            step("start", f"update {name} {new} {old}", "prepare")
            yield move
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
