"""What a branch must be like before its work is taken: commits, nothing left over, the plan left alone (SPEC 7, 9)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from gitconvoy.dispatch.attempts import attempt_folder
from gitconvoy.engine.handin.branch import work_of
from gitconvoy.errors import BadFiles, Refused
from gitconvoy.git import objects, personal, trees
from gitconvoy.git.changes import local_changes
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import ARCHIVE, BEAD, PLAN, ROOT, kind_of, stem
from gitconvoy.model.plan import Bead, Plan
from gitconvoy.model.text import some
from gitconvoy.yamlio.reader import load

_BOX = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[ \]\s*(.*)$", re.MULTILINE)


def unchecked(bead: Bead | None) -> list[str]:
    """The acceptance criteria of a bead that nobody has ticked: the text behind each `- [ ]`."""
    text = bead.data.get("acceptance_criteria") if bead is not None else None
    return [match.strip() or "(no text)" for match in _BOX.findall(text)] if isinstance(text, str) else []


def refuse_unchecked(bead: Bead | None, force: bool) -> None:
    """Refused while boxes in the acceptance criteria are open, unless forced."""
    boxes = unchecked(bead)
    if boxes and not force:
        count = f"{len(boxes)} acceptance criteria are" if len(boxes) > 1 else "an acceptance criterion is"
        raise Refused(
            f"{count} not ticked: {some(boxes, 3)}",
            hint=f"tick them in {bead.path if bead else 'its file'} (`- [x]`) and commit, or --force",
            code="unchecked",
        )


def refuse_no_commits(repo: Repo, base_name: str, base_tip: str, branch: str, tip: str, bead: str) -> None:
    """Refused where the branch has no work of its own."""
    if not work_of(repo, base_tip, tip, bead):
        raise Refused(
            f"{branch} has no commits that {base_name} does not have",
            hint="commit your work first; if nothing is to be merged: --no-code; if it is merged: --merged COMMIT",
            code="no-commits",
        )


def refuse_unfinished(common_dir: Path, place: Path, bead: str, attempt: int) -> None:
    """Refused while the worktree holds changes that no commit has, or an operation is in progress there.

    `common_dir` is the town's, where the attempt has its folder.
    """
    here = Repo.at(place)
    doing = personal.operation_in_progress(here)
    if doing not in (None, "bisect"):
        hint = f"end it there first: git {doing} --continue, or --abort"
        raise Refused(f"a {doing} is in progress in {place}", hint=hint, code="in-progress")
    left = unfinished(common_dir, place, bead, attempt)
    if left:
        raise Refused(
            f"{place} has changes that are not committed: {some(left)}",
            hint="commit them, or take them away; files that git shall not know belong into .gitignore",
            code="uncommitted",
        )


def unfinished(common_dir: Path, place: Path, bead: str, attempt: int) -> list[str]:
    """The paths in a worktree that hold what no commit has, but for what the worktree was given when it was made."""
    found = local_changes(Repo.at(place))
    copied = _copied(common_dir, bead, attempt)
    fresh = (path for path in found.untracked if path not in copied)
    return sorted({*found.staged, *found.unstaged, *found.unmerged, *fresh})


def _copied(common_dir: Path, bead: str, attempt: int) -> frozenset[str]:
    """Untracked files that the worktree was given when it was made."""
    try:
        return frozenset(json.loads(attempt_folder(common_dir, bead, attempt).copied.read_bytes()))
    except (OSError, ValueError, TypeError):
        return frozenset()


def refuse_foreign_changes(repo: Repo, fork: str, tip: str, bead: str, trunk: Plan) -> None:
    """Refused where the branch changes `.convoy/` beyond its bead's file, new children of it, plan files (SPEC 9)."""
    tree = trees.tree_at(repo, tip, ROOT)
    there = {entry.path: entry for entry in trees.entries(repo, tree, ROOT)} if tree is not None else {}
    before = trees.tree_at(repo, fork, ROOT)
    known = {stem(entry.path).lower() for entry in trees.entries(repo, before, ROOT)} if before is not None else set()
    known |= {one.lower() for one in (*trunk.beads, *trunk.archive, *trunk.convoys, *trunk.broken)}

    def admitted(path: str) -> bool:
        entry = there.get(path)
        kind = kind_of(path)
        if kind is PLAN:
            return entry is None or entry.is_file
        if kind is not BEAD or entry is None or not entry.is_file or path.startswith(ARCHIVE + "/"):
            return kind is BEAD and entry is None and _moved(path, bead, there.keys())
        if stem(path) == bead:
            return True
        return stem(path).lower() not in known and _parent(repo, entry.oid, path) == bead

    refused = [path for path in trees.changed_paths(repo, fork, tip, ROOT) if not admitted(path)]
    if refused:
        raise Refused(
            f"the branch changes {some(refused)}: a worker may change the file of {bead}, add children of it, no more",
            hint=f"take that back (git checkout {fork[:10]} -- {refused[0]}) and commit; plans change on their own",
            code="foreign-changes",
        )


def _moved(path: str, bead: str, there: Collection[str]) -> bool:
    """Whether the bead's own file left this path for another folder."""
    return stem(path) == bead and any(stem(other) == bead and kind_of(other) is BEAD for other in there)


def _parent(repo: Repo, oid: str, path: str) -> object:
    try:
        return load(objects.blob(repo, oid), path).get("parent")
    except BadFiles:
        return None
