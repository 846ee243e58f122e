"""Objects as `git cat-file` has them, from one process for many: a tenth of what it costs to load libgit2."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

FULL_ID = re.compile(r"[0-9a-f]{40}")
"""The whole id of an object."""
_HEAD = re.compile(rb"([0-9a-f]{40}) (blob|tree|commit|tag) ([0-9]+)\n")
LARGEST = 16 << 20
"""Bytes of an object that is read this way: no more than that is ever fetched to be looked at."""
ENOUGH = 500
"""Objects from which on libgit2 is quicker, loading it included: it takes a fifth of the time for each."""
_LIKE_LIBGIT2 = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
"""Nothing stands in for another object, and nothing is fetched (where git is too old for that: see `Repo.plain`)."""


class CatFile:
    """One `git cat-file --batch`, started when it is first asked and ended with this value, or with the process.

    It never says why an object cannot be had: whoever asks then asks libgit2, whose words are the same each time.
    """

    def __init__(self, git_dir: Path, env: Mapping[str, str]) -> None:
        """For the repository whose git directory (of a worktree) this is."""
        self._git_dir = git_dir
        self._env = {**env, **_LIKE_LIBGIT2, "GIT_DIR": str(git_dir)}
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes], int], CatFile] | None = None
        self._owner = 0
        self._last: tuple[str, tuple[str, bytes]] | None = None
        self.asked = 0
        """How often an object was asked for."""

    def read(self, oid: str, most: int = LARGEST) -> tuple[str, bytes] | None:
        """Kind and content of the object with this full id; None where it is not to be had whole and as named.

        Nor is one that has more than `most` bytes.
        """
        if self._last is not None and self._last[0] == oid:
            return self._last[1] if len(self._last[1][1]) <= most else None
        if not FULL_ID.fullmatch(oid):
            return None
        self.asked += 1
        found = self._ask(oid, most)
        if found is not None:
            self._last = oid, found
        return found

    @property
    def running(self) -> bool:
        """Whether the process is there that was last asked."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process; another one is started when it is needed."""
        end, self._end, self._process = self._end, None, None
        if end is not None:
            end()

    def _ask(self, oid: str, most: int) -> tuple[str, bytes] | None:
        return self.answer(oid, most) if self.ask((oid,)) else None

    def ask(self, oids: Sequence[str]) -> bool:
        """Ask for objects, each of which is to be taken by `answer`, in this order; whether git hears of it.

        They wait in a pipe, which may hold no more than 4,096 bytes: 99 ids.
        """
        process = self._running()
        if process is None or process.stdin is None:
            return False
        try:
            process.stdin.write(b"".join(b"%s\n" % oid.encode() for oid in oids))
            process.stdin.flush()
        except OSError:
            self.close()
            return False
        return True

    def answer(self, oid: str, most: int) -> tuple[str, bytes] | None:
        """The next of the objects that were asked for; None as with `read`, after which all others may be lost."""
        process = self._process
        if process is None or process.stdout is None:
            return None
        try:
            said = process.stdout.readline()
            if said == f"{oid} missing\n".encode():
                return None
            head = _HEAD.fullmatch(said)
            size = int(head[3]) if head is not None else most + 1
            data = process.stdout.read(size + 1) if size <= most else b""
        except OSError:
            head, size, data = None, 0, b""
        if head is None or head[1] != oid.encode() or len(data) != size + 1 or data[-1:] != b"\n":
            self.close()  # it has died, or what it says next is the rest of this, or of something else
            return None
        kind, data = head[2].decode(), data[:-1]
        whole = hashlib.sha1(b"%s %d\0%s" % (head[2], size, data), usedforsecurity=False).hexdigest() == oid
        return (kind, data) if whole else None  # git does not look whether an object is what its name says

    def _running(self) -> subprocess.Popen[bytes] | None:
        """The process, which no child of ours shares with us; None where it cannot be started."""
        if self._process is not None and (self._owner != os.getpid() or self._process.poll() is not None):
            self.close()
        if self._process is None:
            command = ("git", "cat-file", "--batch")
            pipe, null = subprocess.PIPE, subprocess.DEVNULL
            try:
                self._process = subprocess.Popen(
                    command, cwd=self._git_dir, env=self._env, stdin=pipe, stdout=pipe, stderr=null
                )
            except (OSError, ValueError):
                return None
            self._owner = os.getpid()
            self._end = weakref.finalize(self, _ended, self._process, self._owner)
        return self._process


def _ended(process: subprocess.Popen[bytes], owner: int) -> None:
    """Let go of the process, and end it where it is ours: it writes nothing, so no moment is a bad one."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    if owner != os.getpid():
        process.returncode = 0  # somebody else's child
        return
    process.kill()
    process.wait()
