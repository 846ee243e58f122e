"""One exception root, named exit codes, and the value that every complaint about a file is (SPEC 8)."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from enum import IntEnum
from typing import Any

from gitconvoy.dataclass import dataclass


class Exit(IntEnum):
    """Exit codes of every command (SPEC 8)."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    BAD_FILES = 3
    LOST_RACE = 4
    PARTLY = 5
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """A complaint about a committed file.

    `path` is relative to the repository's root; `line` and `column` count from 1, 0 means unknown; `at` is the
    key path inside the document (("depends_on", 0, "id")), from which the edges look up line and column.
    """

    path: str
    code: str
    message: str
    hint: str = ""
    severity: str = "error"
    line: int = 0
    column: int = 0
    at: tuple[str | int, ...] = ()
    ids: tuple[str, ...] = ()

    def moved(self, line: int, column: int) -> Problem:
        """The same complaint with a position."""
        return replace(self, line=line, column=column)

    def text(self) -> str:
        """`path:line:column: severity: message [code]`, the form editors jump to."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.severity}: {self.message} [{self.code}]"

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of SPEC 8 (`validate`)."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What the operating system has against it: a code, what that is in words, and what to do about it."""

    code: str
    what: str
    hint: str
    numbers: tuple[int, ...]
    words: str
    """The system's own words, which git and libgit2 repeat behind a colon at the end of a line: a pattern."""
    others: str = "(?!)"
    """Words of git's, libgit2's, or Python's own for it: a pattern."""

    def told_in(self, text: str) -> bool:
        """Whether a text of git's or libgit2's tells of it."""
        anchored = rf"(?:^|: |\] )(?:{self.words})(?=\.?$|'|: ['\"])"
        return re.search(f"{anchored}|{self.others}", text, re.MULTILINE) is not None


FAULTS = (
    Fault(
        "disk-full",
        "the disk is full",
        "free some space, or raise the quota, and try again",
        (errno.ENOSPC, errno.EDQUOT),
        "No space left on device|Disk quota exceeded",
        "Out of diskspace|database or disk is full",
    ),
    Fault(
        "read-only",
        "the file system is read-only",
        "make it writable (mount -o remount,rw), or work in a clone elsewhere",
        (errno.EROFS,),
        "Read-only file system",
        "readonly database",
    ),
    Fault(
        "permission-denied",
        "permission denied",
        "check with `ls -l` who owns it and who may write, and run this as that user",
        (errno.EACCES, errno.EPERM),
        "Permission denied|Operation not permitted",
        "insufficient permission for adding an object",
    ),
    Fault(
        "too-many-files",
        "too many open files",
        "raise the limit (ulimit -n 1024) and try again",
        (errno.EMFILE, errno.ENFILE),
        "Too many open files(?: in system)?",
    ),
    Fault(
        "file-too-large",
        "a file would exceed the limit of its size",
        "raise the limit (ulimit -f unlimited) and try again",
        (errno.EFBIG,),
        "File too large|File size limit exceeded",
    ),
    Fault(
        "path-too-long",
        "a path is too long for this file system",
        "use a repository with a shorter path, or shorter names",
        (errno.ENAMETOOLONG,),
        "File name too long",
        "path too long",
    ),
    Fault(
        "out-of-memory",
        "out of memory",
        "end what uses much memory, or raise the limit (ulimit -v), and try again",
        (errno.ENOMEM,),
        "Cannot allocate memory",
        "fatal: Out of memory, ",
    ),
    Fault(
        "disk-error",
        "the disk cannot be read or written",
        "check the disk (dmesg), then the repository (git fsck)",
        (errno.EIO,),
        "Input/output error",
        "disk I/O error",
    ),
    Fault(
        "no-temporary-folder",
        "no temporary file can be made",
        "free some space there, or name another folder with TMPDIR",
        (),
        "(?!)",
        "No usable temporary directory",
    ),
)


def fault_of(error: OSError | str) -> Fault | None:
    """The fault that an error of the system is, or that git or libgit2 tell of in the system's words."""
    if isinstance(error, OSError):
        found = next((fault for fault in FAULTS if error.errno in fault.numbers), None)
        if found is not None:
            return found
    return next((fault for fault in FAULTS if fault.told_in(str(error))), None)


def told(error: OSError) -> str:
    """An error of the system in words: `the disk is full: /repo/.git/x: No space left on device`."""
    said = error.strerror or str(error)
    name = error.filename
    if isinstance(name, bytes):
        name = name.decode(errors="surrogateescape")
    place = f"{name}: " if isinstance(name, str) else ""
    fault = fault_of(error)
    what = f"{fault.what}: " if fault is not None and fault.what not in said.lower() else ""
    return f"{what}{place}{said}"


class ConvoyError(Exception):
    """Root of all errors that a user can cause or mend: what happened, and what to do about it."""

    exit = Exit.REFUSED
    code = "refused"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class Refused(ConvoyError):
    """A rule or a guard said no; nothing was changed."""


class NotFound(Refused):
    """An id, a revision or a file that was asked for does not exist."""

    code = "not-found"


class UsageError(ConvoyError):
    """The command was called in a way that cannot be meant."""

    exit = Exit.USAGE
    code = "usage"


class BadFiles(ConvoyError):
    """Files that cannot be read or break the schema; `problems` holds each complaint."""

    exit = Exit.BAD_FILES
    code = "bad-files"

    def __init__(
        self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "", code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.problems = problems


class LostRace(ConvoyError):
    """Somebody else was faster, or a lock could not be had; trying again is safe."""

    exit = Exit.LOST_RACE
    code = "lost-race"


class GitError(ConvoyError):
    """git or libgit2 refused; the message is theirs, the remedy ours.

    Where their words tell of a fault of the system, such as a full disk, that fault's code and remedy are the error's.
    """

    exit = Exit.REFUSED
    code = "git"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        fault = fault_of(message)
        if fault is not None:
            hint, code = fault.hint, fault.code
        super().__init__(message, hint=hint, code=code)


class UnsupportedRepository(GitError):
    """A repository format that libgit2 cannot read (SPEC 6)."""

    code = "unsupported-repository"
