"""What git's merge drivers do: three files in, the merged one in place of ours (`man gitattributes`, SPEC 3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitconvoy.merge.files import Markers, merge_files
from gitconvoy.model.kinds import Kind
from gitconvoy.store.localfiles import write_atomically


def merge_in_place(
    kind: Kind, base: Path, ours: Path, theirs: Path, markers: Markers, finished: Callable[[str], bool]
) -> tuple[str, ...] | None:
    """Write the merged file over `ours`; the key paths in conflict, or None, and nothing is written.

    `base` is an empty file where both sides added theirs. None, where only lines can be merged: see `merge_files`.
    """
    merged = merge_files(base.read_bytes(), ours.read_bytes(), theirs.read_bytes(), kind, finished, markers)
    if merged is None:
        return None
    write_atomically(ours, merged.data)
    return merged.conflicts
