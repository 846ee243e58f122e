"""What failed where nobody was looking: bugs, and errors of detached processes, in one bounded file of this machine.

Nothing reads it to decide anything. `status` and `doctor` name it as long as it tells of a bug.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.store.localfiles import local_folder

LIMIT = 64 << 10
"""Bytes after which the file is put aside and begun anew; the one before it stays as well."""
_ENTRY = 16 << 10
BUG, ERROR = "bug", "error"
_HEAD = re.compile(r"^=== (\S+) (bug|error) in (\S+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Failure:
    """The head of one entry."""

    at: str
    kind: str
    """BUG, or ERROR: one that a person can mend."""
    command: str
    said: str


def file_of(common_dir: Path) -> Path:
    """Where failures are noted."""
    return local_folder(common_dir) / "failures.log"


def note(common_dir: Path, failure: Failure, details: str = "") -> Path | None:
    """Add an entry; the file, or None where it could not be written: nothing is made worse by that.

    Nothing is written where this machine keeps no files of its own yet.
    """
    file = file_of(common_dir)
    said = " ".join(failure.said.split())[:500]
    text = f"=== {failure.at} {failure.kind} in {failure.command}: {said}\n"
    text += "".join(f"  {line}\n" for line in details.splitlines())
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > _ENTRY:  # the end of a traceback says most
        data = data[: _ENTRY // 4] + b"\n  [...]\n" + data[-_ENTRY // 2 :]
    try:
        if not file.parent.is_dir():
            return None
        if file.exists() and file.stat().st_size + len(data) > LIMIT:
            file.replace(file.with_name(f"{file.name}.1"))
        with file.open("ab") as stream:
            stream.write(data)
    except OSError:
        return None
    return file


def files(common_dir: Path) -> list[Path]:
    """The files that are there, the older one first."""
    file = file_of(common_dir)
    return [each for each in (file.with_name(f"{file.name}.1"), file) if each.is_file()]


def known(common_dir: Path) -> list[Failure]:
    """The heads of all entries, oldest first; nothing where there are none."""
    text = ""
    for file in files(common_dir):
        with suppress(OSError):
            text += file.read_text("utf-8", "replace")
    return [Failure(*found.groups()) for found in _HEAD.finditer(text)]


def bugs(common_dir: Path) -> list[Failure]:
    """Those of `known` that are bugs."""
    return [each for each in known(common_dir) if each.kind == BUG]
