"""What the ledger has looked at: lets the hooks' shims leave early, and history be walked once. Disposable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitconvoy.store.localfiles import local_folder, write_atomically


@dataclass(frozen=True, slots=True)
class Seen:
    """The trunk's commit that was decided on with this ledger tip."""

    ref: str
    tree: str
    """The `.convoy` tree of that commit, `-` where it has none."""
    commit: str
    ledger: str
    waits: Mapping[str, str] = field(default_factory=dict)
    """The branches (full refs) that handed-in work waits for, each with its commit, `-` where it has none."""


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "seen"


def remember(common_dir: Path, seen: Seen) -> None:
    """Note the look; lines that begin with a ref are for the shims. Not to be able to write is no reason to fail."""
    lines = [f"{seen.ref} {seen.tree}", f"{seen.commit} {seen.ledger}"]
    lines += [f"{ref} {commit}" for ref, commit in seen.waits.items()]
    text = "".join(f"{line}\n" for line in lines)
    try:
        write_atomically(_file(common_dir), text.encode())
    except OSError:
        return


def recall(common_dir: Path) -> Seen | None:
    """The last look; None where there is none or the note is damaged."""
    try:
        lines = [line.split(" ") for line in _file(common_dir).read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return None
    if len(lines) < 2 or any(len(line) != 2 for line in lines):
        return None
    (ref, tree), (commit, ledger), *rest = ((first, second) for first, second in lines)
    return Seen(ref, tree, commit, ledger, dict(rest))
