"""What the trunk's commits said since the ledger last looked, as plain values (SPEC 1 "Facts and files")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitconvoy.errors import BadFiles
from gitconvoy.git import read as gitread
from gitconvoy.git.repo import Repo
from gitconvoy.model import kinds
from gitconvoy.model.plan import Plan
from gitconvoy.yamlio.reader import load


@dataclass(frozen=True, slots=True)
class Step:
    """One first-parent commit of the trunk: the statuses that files had in it, where it touched them."""

    commit: str
    beads: Mapping[str, str] = field(default_factory=dict)
    convoys: Mapping[str, str] = field(default_factory=dict)
    convoys_before: Mapping[str, str] = field(default_factory=dict)


def whole(commit: str, plan: Plan) -> Step:
    """A step that says what every file of the plan says; what is known where the history between is not."""
    beads = {bead.id: bead.status for bead in (*plan.beads.values(), *plan.archive.values())}
    return Step(commit, beads, {convoy.id: convoy.status for convoy in plan.convoys.values()})


def steps(repo: Repo, plan: Plan, trunk: str, since: str | None) -> tuple[Step, ...]:
    """Oldest first; the last one tells of every file of the tip. Only the tip where `since` is no ancestor."""
    between = gitread.first_parents(repo, trunk, since) if since else None
    found = []
    for commit in reversed(between or ()):
        step = _step(repo, commit)
        if step is not None:
            found.append(step)
    return (*found, whole(trunk, plan))


def _step(repo: Repo, commit: str) -> Step | None:
    parents = gitread.commit(repo, commit).parents
    before = parents[0] if parents else None
    paths = gitread.changed_paths(repo, before, commit, kinds.ROOT)
    beads: dict[str, str] = {}
    convoys: dict[str, str] = {}
    convoys_before: dict[str, str] = {}
    for path in paths:
        kind = kinds.kind_of(path)
        if kind is kinds.BEAD:
            _note(beads, repo, commit, path, "open")
        elif kind is kinds.CONVOY:
            _note(convoys, repo, commit, path, "staged_ready")
            _note(convoys_before, repo, before, path, "staged_ready")
    return Step(commit, beads, convoys, convoys_before) if beads or convoys else None


def _note(into: dict[str, str], repo: Repo, commit: str | None, path: str, default: str) -> None:
    data = gitread.blob_at(repo, commit, path) if commit else None
    if data is None:
        return
    try:
        status = load(data, path).get("status", default)
    except BadFiles:
        return  # an unreadable file says nothing; validate names it
    if isinstance(status, str):
        into[kinds.stem(path)] = status
