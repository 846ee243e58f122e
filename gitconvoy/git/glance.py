"""A look at what is staged by git's own means alone, for the hook that every commit waits for.

It runs where git has just started it, so git's variables say which repository and which index are meant.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import NamedTuple


class Staged(NamedTuple):
    """A file that the next commit changes. `letter` and modes are those of `git diff-index`."""

    path: bytes
    letter: str
    modes: tuple[str, str]
    blobs: tuple[str, str]


def ask(*words: str, data: bytes | None = None) -> bytes | None:
    """What git answers; None where it does not, for whatever reason."""
    stdin = subprocess.DEVNULL if data is None else None
    try:
        done = subprocess.run(["git", *words], input=data, stdin=stdin, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def staged(folder: str) -> list[Staged] | None:
    """The files below a folder that the index has otherwise than HEAD; None where git cannot tell."""
    options = ("--cached", "--ita-invisible-in-index", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff")
    listed = ask("diff-index", *options, "HEAD", "--", f":(top,literal){folder}")
    if listed is None:
        return None
    fields = listed.split(b"\0")
    found = []
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        old, new, before, after, letter = about.decode("ascii").lstrip(":").split(" ")
        found.append(Staged(path, letter, (old, new), (before, after)))
    return found


def blobs(ids: Sequence[str]) -> list[bytes] | None:
    """The content of blobs; None where one is missing."""
    text = ask("cat-file", "--batch", data="".join(f"{each}\n" for each in ids).encode())
    found = []
    for each in ids if text is not None else ():
        head, _, text = (text or b"").partition(b"\n")
        words = head.split()
        if len(words) != 3 or words[0].decode() != each or words[1] != b"blob":
            return None
        size = int(words[2])
        found.append(text[:size])
        text = text[size + 1 :]
    return found if text is not None else None
