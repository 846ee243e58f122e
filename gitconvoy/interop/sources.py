"""Where a history of beads is and what it is: folders, files, streams; records, a graph, or the answer of a command.

A history is one JSON object a line (SPEC 10). What `bd list --json` and its kin print is told apart: it leaves out
issues and links, so taking it for a history would lose them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, NotFound, Problem, Refused
from gitconvoy.interop.jsonl import MAX_LINE

FOLDER = ".beads"
ROUTES = "routes.jsonl"
USUAL = ("issues.jsonl", "beads.jsonl")
_NO_HISTORY = frozenset(
    {ROUTES, "interactions.jsonl", "deletions.jsonl", "events.jsonl", "molecules.jsonl", "sync_base.jsonl"}
)
"""Files that beads tools keep beside a history, under these names."""
_SIDES = (".base.jsonl", ".left.jsonl", ".right.jsonl", ".orig.jsonl", ".bak.jsonl")
_CHUNK = 1 << 20
_MAX_WHOLE = 64 << 20
"""A file that is one JSON value is read only up to this size."""
EXPORT = "`bd export -o issues.jsonl` (or `br sync --flush-only`) writes the whole history; import that"


@dataclass(frozen=True, slots=True)
class Found:
    """A history, and the routes that lie beside it, if any."""

    file: Path
    routes: Path | None = None


def find(place: Path, named: str) -> Found:
    """The history that a person means by a file or a folder. NotFound, Refused where there are several that differ."""
    if place.is_file():
        return Found(place)
    if not place.is_dir():
        raise NotFound(f"there is no file {named}", hint=f"beads keep theirs in {FOLDER}/issues.jsonl")
    folder = place / FOLDER if (place / FOLDER).is_dir() else place
    files = [file for file in sorted(folder.glob("*.jsonl")) if file.is_file() and _may_be(file.name)]
    files.sort(key=lambda file: USUAL.index(file.name) if file.name in USUAL else len(USUAL))
    if len(files) > 1 and len({file.read_bytes() for file in files}) > 1:
        names = ", ".join(file.name for file in files)
        raise Refused(
            f"{named} holds several histories that differ: {names}",
            hint=f"name the one that counts: gitconvoy import {folder.name}/{files[0].name}",
            code="ambiguous",
        )
    if not files:
        hint = "a database alone cannot be read: `bd export -o issues.jsonl` or `br sync --flush-only` writes the file"
        raise NotFound(f"there is no history (*.jsonl) in {named}", hint=hint)
    routes = folder / ROUTES
    return Found(files[0], routes if routes.is_file() else None)


def _may_be(name: str) -> bool:
    return name not in _NO_HISTORY and not name.endswith(_SIDES) and not name.startswith(".")


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream, one at a time. Of one that is too long only so much is kept as shows that it is."""
    while line := stream.readline(MAX_LINE + 1):
        ended = line.endswith(b"\n")
        while len(line) > MAX_LINE and not ended:
            rest = stream.readline(_CHUNK)
            ended = not rest or rest.endswith(b"\n")
        yield line


def whole_value(stream: IO[bytes], source: str) -> Any:
    """The JSON value that a whole file is; None where it is one of lines. The stream is set back to its beginning.

    BadFiles (`bad-import`) for the answer of a command.
    """
    first = next((line for line in lines_of(stream) if line.strip()), b"")
    stream.seek(0)
    if not _begins_value(first):
        return None
    text = stream.read(_MAX_WHOLE + 1)
    stream.seek(0)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("data"), dict | list) and "schema_version" in value:
        value = value["data"]
    if isinstance(value, dict) and isinstance(value.get("nodes"), list):
        return value
    listed = isinstance(value, list) or any(isinstance(value.get(key), list) for key in ("issues", "beads"))
    if listed:
        raise listing(source, 1)
    return None


def _begins_value(first: bytes) -> bool:
    """Whether a first line is not the record of a history: `[`, `{` alone, or an object without an id."""
    line = first.strip()
    if line.startswith(b"["):
        return True
    if not line.startswith(b"{") or len(first) > MAX_LINE:
        return False
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line == b"{" or line.endswith((b"[", b"{", b","))
    return "id" not in record and "_type" not in record


def listing(source: str, line: int) -> BadFiles:
    """The error for what `bd list --json` and its kin print."""
    message = "this is what `bd list`, `ready` or `show --json` prints, which leaves out issues and links"
    problem = Problem(source, "jsonl", message, EXPORT, line=line, column=1)
    return BadFiles(f"{source} is no history of beads", (problem,), hint=EXPORT, code="bad-import")


def embedded(record: Mapping[str, Any]) -> bool:
    """Whether a record's dependencies are issues, as `bd show --json` prints them, and no links."""
    entries = record.get("dependencies")
    return isinstance(entries, list) and any(
        isinstance(entry, dict) and "dependency_type" in entry and "depends_on_id" not in entry for entry in entries
    )
