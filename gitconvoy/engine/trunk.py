"""What the trunk's commits said since the ledger last looked, as plain values (SPEC 1 "Facts and files")."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, ConvoyError
from gitconvoy.git import commits, objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model import kinds
from gitconvoy.model.plan import Plan
from gitconvoy.store import load as store
from gitconvoy.yamlio.reader import load

DEFAULTS: Mapping[str, str] = {kinds.BEAD.name: "open", kinds.CONVOY.name: "staged_ready"}
"""The status of a file that names none."""
_FEW = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One first-parent commit of the trunk: the statuses that files had in it, where it touched them."""

    commit: str
    beads: Mapping[str, str] = field(default_factory=dict)
    convoys: Mapping[str, str] = field(default_factory=dict)
    convoys_before: Mapping[str, str] = field(default_factory=dict)


def whole(commit: str, plan: Plan) -> Step:
    """A step that says what every file of the plan says; what is known where the history between is not."""
    beads = (*plan.beads.values(), *plan.archive.values())
    own = {bead.id: bead.status for bead in beads if bead.id not in plan.abroad}
    return Step(commit, own, {convoy.id: convoy.status for convoy in plan.convoys.values()})


def abroad(plan: Plan) -> tuple[Step, ...]:
    """The same of beads that live in the repositories of their rigs, one step for the tip of each trunk there."""
    found: dict[str, dict[str, str]] = {}
    for one, where in plan.abroad.items():
        bead = plan.bead(one)
        if bead is not None:
            found.setdefault(where.commit, {})[one] = bead.status
    return tuple(Step(commit, said) for commit, said in found.items())


def steps(repo: Repo, plan: Plan, trunk: str, since: str | None, beads: Collection[str]) -> tuple[Step, ...]:
    """Oldest first; the last ones tell of every file of the tip. Only the tip where `since` is no ancestor.

    Of the commits before the tip only `beads` (those that the ledger knows) are looked at, and all convoys.
    """
    between = commits.first_parents(repo, trunk, since) if since else None
    found = []
    for commit in reversed(between or ()):
        step = _step(repo, commit, beads)
        if step is not None:
            found.append(step)
    return (*found, whole(trunk, plan), *abroad(plan))


def _step(repo: Repo, commit: str, known: Collection[str]) -> Step | None:
    parents = commits.commit(repo, commit).parents
    before = parents[0] if parents else None
    paths = trees.changed_paths(repo, before, commit, kinds.ROOT)
    ours = [path for path in paths if kinds.kind_of(path) is kinds.BEAD and kinds.stem(path) in known]
    convoys = [path for path in paths if kinds.kind_of(path) is kinds.CONVOY]
    said = statuses(repo, commit, ours, kinds.BEAD)
    after = statuses(repo, commit, convoys, kinds.CONVOY)
    return Step(commit, said, after, statuses(repo, before, convoys, kinds.CONVOY)) if said or after else None


def statuses(repo: Repo, commit: str | None, paths: Collection[str], kind: kinds.Kind) -> dict[str, str]:
    """What files of one kind say in a commit, by id; files that are not there or cannot be read say nothing."""
    found = {}
    for path, data in _contents(repo, commit, paths):
        status: object = DEFAULTS[kind.name]
        if b"status" in data:
            try:
                status = load(data, path).get("status", status)
            except BadFiles:
                continue  # validate names it
        if isinstance(status, str):
            found[kinds.stem(path)] = status
    return found


def max_attempts(repo: Repo, commit: str) -> int | None:
    """What `dispatch.max_attempts` was in a commit; None where that is gone."""
    try:
        return store.from_commit(repo, commit).config.dispatch.max_attempts
    except ConvoyError:
        return None


def _contents(repo: Repo, commit: str | None, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
    if commit is None or not paths:
        return
    if len(paths) <= _FEW:
        for path in paths:
            data = trees.blob_at(repo, commit, path)
            if data is not None:
                yield path, data
        return
    tree = trees.tree_at(repo, commit, kinds.ROOT)  # a look at one path costs as much as the folder is long
    there = {entry.path: entry.oid for entry in trees.entries(repo, tree, kinds.ROOT) if entry.is_file} if tree else {}
    for path in paths:
        if path in there:
            yield path, objects.blob(repo, there[path])
