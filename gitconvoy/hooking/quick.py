"""A commit that only says of beads how they stand: in order wherever what it stands on was.

`pre-commit` judges the graph, all convoys and all plan files. Nothing of that follows from beads that close, not even
where that takes up a completed convoy again, as plan files of such convoys were right when HEAD's plan was judged
(`planfile.frozen_are_right`): so where it was judged here, and only they change, a look at these files is enough.
Whatever else is staged, or not as it should be, is left to the whole judgement, which alone can refuse. Loads little:
every commit waits for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gitconvoy.errors import BadFiles
from gitconvoy.git import glance

NOTE = "judged"
"""In this machine's own folder: a line for each `.convoy` tree that was judged, newest last, with the ledger's tree of
convoys then: by that some convoys are closed, and the plan files of those are not looked at."""
_KEPT = 4
_FEW = 20
_LEDGER = "refs/heads/convoy-ledger:convoys"
_PLAIN = frozenset({"100644", "100755"})


def in_order() -> bool:
    """Whether what is staged is known to be in order, in the folder in which git started a pre-commit hook."""
    told = glance.ask("rev-parse", "--git-common-dir", "--git-dir", "HEAD:.convoy", _LEDGER)
    if told is None or _is_merge():
        return False
    common_dir, git_dir, tree, convoys = os.fsdecode(told).splitlines()
    if Path(git_dir, "MERGE_HEAD").exists() or (tree, convoys) not in recall(Path(common_dir)):
        return False
    files = glance.staged(".convoy")
    if not files or len(files) > _FEW or not all(map(_is_bead, files)) or not _only_standing(files):
        return False
    after = glance.ask("write-tree", "--prefix=.convoy/")
    if after is not None:
        remember(Path(common_dir), after.decode().strip(), convoys)
    return True


def _is_merge() -> bool:
    return any(name.startswith("GITHEAD_") for name in os.environ)


def _is_bead(file: glance.Staged) -> bool:
    in_place = file.path.startswith(b".convoy/beads/") and file.path.endswith(b".yaml")
    return in_place and file.letter == "M" and _PLAIN.issuperset(file.modes)


def _only_standing(files: Sequence[glance.Staged]) -> bool:
    from gitconvoy.yamlio.reader import load

    contents = glance.blobs([blob for file in files for blob in file.blobs])
    try:
        read = [load(data, "") for data in contents or ()]
    except BadFiles:
        return False
    return bool(read) and all(map(_stays_or_closes, read[::2], read[1::2]))


def _stays_or_closes(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whatever else a status says may take up a convoy again, whose plan file was frozen until then."""
    from gitconvoy.model.standing import only_stands

    said = after.get("status")
    return only_stands(before, after) and (said == "closed" or said == before.get("status"))


def recall(common_dir: Path) -> list[tuple[str, str]]:
    """The trees that were judged."""
    try:
        lines = Path(common_dir, "gitconvoy", NOTE).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [(words[0], words[1]) for line in lines if len(words := line.split(" ")) == 2]


def remember(common_dir: Path, tree: str, convoys: str) -> None:
    """Note that a tree was judged. Not to be able to is no reason to fail."""
    kept = [each for each in recall(common_dir) if each != (tree, convoys)][1 - _KEPT :]
    _write(common_dir, [*kept, (tree, convoys)])


def follow(common_dir: Path, before: str, after: str) -> None:
    """The ledger's convoys have moved on, and none that was closed is open again."""
    known = recall(common_dir)
    if before != after and any(convoys == before for _, convoys in known):
        _write(common_dir, [(tree, after if convoys == before else convoys) for tree, convoys in known])


def _write(common_dir: Path, judged: Sequence[tuple[str, str]]) -> None:
    file = Path(common_dir, "gitconvoy", NOTE)
    aside = file.with_name(f".{NOTE}.{os.getpid()}")
    try:
        aside.write_text("".join(f"{tree} {convoys}\n" for tree, convoys in judged), encoding="ascii")
        aside.replace(file)
    except OSError:
        return
