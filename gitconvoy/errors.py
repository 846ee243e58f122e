"""One exception root, named exit codes, and the value that every complaint about a file is (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any


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

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class LostRace(ConvoyError):
    """Somebody else was faster, or a lock could not be had; trying again is safe."""

    exit = Exit.LOST_RACE
    code = "lost-race"


class GitError(ConvoyError):
    """git or libgit2 refused; the message is theirs, the remedy ours."""

    exit = Exit.REFUSED
    code = "git"


class UnsupportedRepository(GitError):
    """A repository format that libgit2 cannot read (SPEC 6)."""

    code = "unsupported-repository"
