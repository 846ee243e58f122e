"""What git's merge drivers do: three files in, the merged one in place of ours (`man gitattributes`, SPEC 3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gitconvoy.merge.files import Markers, merge_files
from gitconvoy.model.kinds import Kind
from gitconvoy.store.localfiles import write_atomically

_ID = re.compile(rb"^id:[ \t]*(\S+)", re.MULTILINE)


def is_replay(base: Path, ours: Path, size: int) -> bool:
    """Whether git asks for `rerere`: it merges a recorded resolution into a file that is in conflict as it was then."""
    return all(_marked(each.read_bytes(), size) for each in (base, ours))


def of_another_file(ours: Path, theirs: Path) -> bool:
    """Whether a recorded resolution (`theirs`) is that of another bead or convoy.

    git knows a conflict by the lines between its markers alone. Here these are one field, such as `status`, and what
    was decided for one bead says nothing about the next.
    """
    known, recorded = (set(_ID.findall(each.read_bytes())) for each in (ours, theirs))
    return not recorded <= known


def _marked(data: bytes, size: int) -> bool:
    return any(line.startswith(b"<" * size) for line in data.split(b"\n"))


def merge_in_place(
    kind: Kind,
    base: Path,
    ours: Path,
    theirs: Path,
    markers: Markers,
    finished: Callable[[str], bool],
    with_base: Callable[[], bool],
) -> tuple[str, ...] | None:
    """Write the merged file over `ours`; the key paths in conflict, or None, and nothing is written.

    `base` is an empty file where both sides added theirs. None, where only lines can be merged: see `merge_files`.
    `with_base` says whether conflicts show the base too; it is asked only where there are any.
    """
    versions = [each.read_bytes() for each in (base, ours, theirs)]
    merged = merge_files(versions[0], versions[1], versions[2], kind, finished, markers)
    if merged is None:
        return None
    if merged.conflicts and with_base():
        marks = replace(markers, with_base=True)
        merged = merge_files(versions[0], versions[1], versions[2], kind, finished, marks) or merged
    write_atomically(ours, merged.data)
    return merged.conflicts
