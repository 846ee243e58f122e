"""What the ledger has looked at: lets the hooks' shims leave early, and history be walked once. Disposable."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from gitconvoy.dataclass import dataclass
from gitconvoy.store.localfiles import local_folder, write_atomically

_ID = re.compile("[0-9a-f]{40}")


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
    if ledger != "-" and not _ID.fullmatch(ledger):
        return None
    return Seen(ref, tree, commit, ledger, dict(rest))


@dataclass(frozen=True, slots=True)
class Watch:
    """What a town waits for in the repository of one of its rigs, as it was when the town last looked."""

    town: Path
    """Where commands find the town."""
    ref: str
    """The trunk there."""
    tree: str
    """The `.convoy` tree of its tip, `-` where it has none."""
    waits: Mapping[str, str] = field(default_factory=dict)
    """As in `Seen`, of branches there."""


def watches_folder(rig_common_dir: Path) -> Path:
    """Where towns note what they wait for in a rig's repository; made with the hooks there, which look at it."""
    return local_folder(rig_common_dir) / "towns"


def _watch_file(rig_common_dir: Path, town_common_dir: Path) -> Path:
    name = hashlib.sha1(os.fsencode(town_common_dir), usedforsecurity=False).hexdigest()
    return watches_folder(rig_common_dir) / name


def watch(rig_common_dir: Path, town_common_dir: Path, wanted: Watch) -> None:
    """Note what a town waits for, where hooks look for that; nothing happens where none are, or it cannot be written.

    The first line names the town, the others are for the shims, as those of `seen` are.
    """
    file = _watch_file(rig_common_dir, town_common_dir)
    if not file.parent.is_dir() or "\n" in str(wanted.town):
        return
    lines = [f"town {wanted.town}", f"{wanted.ref} {wanted.tree}"]
    lines += [f"{ref} {commit}" for ref, commit in wanted.waits.items()]
    data = os.fsencode("".join(f"{line}\n" for line in lines))
    try:
        if not file.is_file() or file.read_bytes() != data:
            write_atomically(file, data)
    except OSError:
        return


def unwatch(rig_common_dir: Path, town_common_dir: Path) -> None:
    """Forget what a town waits for there. OSError from the disk."""
    _watch_file(rig_common_dir, town_common_dir).unlink(missing_ok=True)


def watches(rig_common_dir: Path) -> dict[Path, Watch]:
    """The notes of all towns, by file; damaged ones are left out."""
    found = {}
    for file in sorted(watches_folder(rig_common_dir).glob("*")):
        try:
            first, *lines = os.fsdecode(file.read_bytes()).splitlines()
            (ref, tree), *rest = (line.split(" ") for line in lines)
            waits = {name: commit for name, commit in rest}  # noqa: C416 - lines of another length are damage
        except (OSError, ValueError):
            continue
        if first.startswith("town /"):
            found[file] = Watch(Path(first.removeprefix("town ")), ref, tree, waits)
    return found
