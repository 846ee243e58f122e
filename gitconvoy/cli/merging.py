"""The hidden command that git runs to merge a plan file: see `docs/merging-files.md` (SPEC 3, 6)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import standing
from gitconvoy.cli.output import note, safe_line
from gitconvoy.errors import Exit

_NAMED = 20
"""Fields in conflict that are named, at most."""
_EXAMPLE = "gitconvoy merge-driver bead %O %A %B 7 .convoy/beads/gt-x7k2p.yaml"


@command("merge-driver", _EXAMPLE, hidden=True)
@click.argument("kind", type=click.Choice(("bead", "convoy", "config")))
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("size", type=int)
@click.argument("path")
@click.argument("labels", nargs=-1)
def merge_driver(
    _app: App, kind: str, base: Path, ours: Path, theirs: Path, size: int, path: str, labels: tuple[str, ...]
) -> int:
    """Merge the file PATH by its fields, over OURS; exit code 5 where conflicts are left, 1 where lines have to do.

    Says what it has to say on stderr: stdout may be the answer of the git command that runs it.
    """
    from gitconvoy.merge.driver import is_replay, merge_in_place, of_another_file
    from gitconvoy.merge.files import Markers
    from gitconvoy.model.kinds import KINDS

    if is_replay(base, ours, max(size, 1)):
        return Exit.PARTLY if of_another_file(ours, theirs) else Exit.REFUSED  # the lines, which know what to do
    names = [_label(text, default) for text, default in zip((*labels, "", ""), ("ours", "theirs"), strict=False)]
    marks = Markers(names[0], names[1], max(size, 1))
    conflicts = merge_in_place(KINDS[kind], base, ours, theirs, marks, _finished, _with_base)
    if conflicts is None:
        note(f"gitconvoy: {safe_line(path)} cannot be merged by its fields, so git merges its lines")
        return Exit.REFUSED
    if conflicts:
        more = f" and {len(conflicts) - _NAMED} more" if len(conflicts) > _NAMED else ""
        note(f"gitconvoy: {safe_line(path)}: both sides changed {safe_line(', '.join(conflicts[:_NAMED]))}{more}")
        return Exit.PARTLY
    return Exit.OK


def _label(text: str, default: str) -> str:
    """What git calls a side, on one line; git before 2.44 has no names for them and leaves `%X` as it is."""
    shown = "".join(char if char.isprintable() else " " for char in text).strip()
    return default if shown in ("", "%X", "%Y") else shown[:200]


def _with_base() -> bool:
    """Whether git itself would show the base in conflicts."""
    from gitconvoy.git.run import git

    style = git("config", "--get", "merge.conflictStyle", cwd=standing(), env=dict(os.environ), check=False).text
    return style.lower() in ("diff3", "zdiff3")


def _finished(status: str) -> bool:
    """Reading the town's settings takes long, and few statuses need it."""
    from gitconvoy.model.plan import STATUSES

    if status in STATUSES:
        return STATUSES[status] == "done"
    from gitconvoy.engine.plans.meaning import finished

    return finished(standing())(status)
