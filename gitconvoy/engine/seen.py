"""What the ledger has looked at: lets the hooks' shims leave early, and history be walked once. Disposable."""

from __future__ import annotations

from dataclasses import dataclass
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


def _file(common_dir: Path) -> Path:
    return local_folder(common_dir) / "seen"


def remember(common_dir: Path, seen: Seen) -> None:
    """Note the look; the first line is for the shims. A directory that cannot be written is no reason to fail."""
    text = f"{seen.ref} {seen.tree}\n{seen.commit} {seen.ledger}\n"
    try:
        write_atomically(_file(common_dir), text.encode())
    except OSError:
        return


def recall(common_dir: Path) -> Seen | None:
    """The last look; None where there is none or the note is damaged."""
    try:
        words = _file(common_dir).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    return Seen(*words) if len(words) == 4 else None
