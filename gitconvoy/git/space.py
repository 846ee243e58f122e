"""A full disk that nobody named: git often says only that a file could not be written, libgit2 nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

from gitconvoy.errors import GitError
from gitconvoy.git.run import full

_LITTLE = 1 << 16
"""Bytes; with less no commit can be written."""
_WORDS = ("write", ".lock", "failed with exit code", "unable to create", "not be")


def is_full(place: Path) -> bool:
    """Whether hardly anything can be written to the disk of `place`."""
    space = os.statvfs(place)
    return space.f_bavail * space.f_frsize < _LITTLE or (space.f_files > 0 and space.f_favail == 0)


def named(place: Path, error: GitError) -> GitError:
    """The error, as one of a full disk where it only says that something could not be written and no space is left."""
    if error.code not in ("git", "ref-refused", "not-writable", "not-signed"):
        return error
    if not any(words in error.message for words in _WORDS) or not is_full(place):
        return error
    return full(error.message)
