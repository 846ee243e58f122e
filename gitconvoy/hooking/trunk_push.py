"""What a push makes of the trunk: the errors that come with it, and convoys that go where none may (SPEC 3.3, 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from gitconvoy.checks.compare import new_problems
from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.checks.transitions import check_merge_transitions, check_transitions
from gitconvoy.engine.plans.validating import findings, placed
from gitconvoy.errors import Problem, Refused
from gitconvoy.git import commits, reach, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger import codec
from gitconvoy.ledger.read import history
from gitconvoy.model.imported import X_BEADS
from gitconvoy.model.kinds import ARCHIVED_CONVOYS, CONVOY, ROOT, stem
from gitconvoy.model.ledger import CLOSED, BeadRecord, ConvoyRecord, Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.store import load

MAX_FILES = 200_000
"""Files and folders of one plan; far more than anybody plans, far less than a few nested trees can pretend to be."""
_FOLDERS = (CONVOY.folder, ARCHIVED_CONVOYS)
_OF_SETTINGS = frozenset({"cycle", "parent-cycle"})
_BY_OLD = "by the settings that hold before this push, too: push the change of .convoy/config.yaml by itself first"


def judge_trunk(repo: Repo, old: str | None, new: str, ledger: Ledger | None) -> list[Problem]:
    """The problems that a push of the trunk from `old` (None: it is new) to `new` makes, placed in its files.

    What stood in error before, and is not made by the push, is left out: people mend step by step. `ledger` is the one
    that stands after the push, None where none is at hand. Refused where the plan is too large to be looked at.
    """
    trees.require_sound(repo, new)
    tree = require_bounded(repo, trees.tree_at(repo, new, ROOT), f"the plan of {new[:10]}")
    if tree is None and trees.entry(repo, commits.commit(repo, new).tree, ROOT) is not None:
        raise Refused(
            f"{ROOT} is no folder in {new[:10]}, but a file, a link or a submodule",
            hint="make it a folder of plain files, or remove it",
            code="not-a-file",
        )
    before = trees.tree_at(repo, old, ROOT) if old is not None else None
    steps = _Steps(repo, old, new, ledger or Ledger()).problems() if old is not None else []
    if tree == before:
        return steps
    stood, plan = load.from_tree(repo, before), load.from_tree(repo, tree)
    known = findings(stood, ledger)
    found = new_problems(known, findings(plan, ledger))
    told = {(each.code, each.ids) for each in found}
    found += [each for each in _by_old_settings(stood, plan, known, ledger) if (each.code, each.ids) not in told]
    return placed(found, load.commit_reader(repo, new)) + steps


def require_bounded(repo: Repo, tree: str | None, what: str) -> str | None:
    """The tree itself. Refused (`too-large`) where it holds more than anybody plans."""
    if tree is not None and trees.is_large(repo, tree, MAX_FILES):
        raise Refused(
            f"{what} holds more than {MAX_FILES} files, or is more than {trees.MAX_DEPTH} folders deep: "
            "it is not looked at",
            hint="keep the plan of one town smaller",
            code="too-large",
        )
    return tree


def _by_old_settings(stood: Plan, plan: Plan, known: Sequence[Problem], ledger: Ledger | None) -> list[Problem]:
    """Cycles by the settings that hold until the push is accepted: the push that makes one cannot wave it through.

    The words that the push adds (types, statuses, rigs) it may use at once: an import is one commit.
    """
    if not stood.exists or stood.config_broken or stood.config == plan.config:
        return []
    by_old = check_plan(replace(plan, config=stood.config, config_broken=False), ledger)
    cycles = [each for each in new_problems(known, by_old) if each.code in _OF_SETTINGS and each.severity == "error"]
    return [replace(each, message=f"{each.message} ({_BY_OLD})") for each in cycles]


class _Steps:
    """The way of convoys through the commits that are new on the trunk's own line.

    Between the tips alone a convoy may have gone any way: made, launched and closed in one push. So each commit that
    touches a convoy's file is compared with its parents, as at the desk. Of the commits that merges bring along only
    those count in which a convoy begins that has come to its end by now.
    """

    def __init__(self, repo: Repo, old: str, new: str, ledger: Ledger) -> None:
        self._repo = repo
        self._old = old
        self._new = new
        self._ledger = ledger
        self._broken: set[str] = set()
        """Paths of convoys that could not be read on the way."""

    def problems(self) -> list[Problem]:
        """All that no convoy may do, in the order of the commits; one problem for each convoy."""
        found: dict[str, Problem] = {}
        for commit, parents in reach.new_commits(self._repo, self._new, [self._old], first_parent=True):
            for problem in self._step(commit, parents):
                found.setdefault(problem.ids[0], problem)
        for problem in (*self._whole(), *self._begun_closed()):
            found.setdefault(problem.ids[0], problem)
        return list(found.values())

    def _step(self, commit: str, parents: tuple[str, ...]) -> Iterator[Problem]:
        paths = self._changed_from(parents, commit)
        if not parents or not paths:
            return
        plan = load.from_paths(self._repo, commit, paths)
        before = [load.from_paths(self._repo, parent, paths) for parent in parents]
        for side in (plan, *before):
            self._broken |= {path for path in paths if stem(path) in side.broken}
        suspects = self._compare(before, plan, self._part(paths), paths)
        if suspects:  # a fact that came later does not speak about what was before it
            then = self._then(parents[0], suspects)
            ids = {each.ids[0] for each in suspects}
            again = self._compare(before, plan, then, paths) if then is not None else suspects
            suspects = [each for each in again if each.ids[0] in ids]
        yield from self._named(commit, suspects)

    def _compare(self, before: Sequence[Plan], after: Plan, ledger: Ledger, paths: set[str]) -> list[Problem]:
        if len(before) == 1:
            return check_transitions(before[0], after, ledger)
        return check_merge_transitions(before, after, ledger, load.from_paths(self._repo, self._old, paths))

    def _whole(self) -> list[Problem]:
        """From tip to tip: for convoys whose way could not be read, or for all where history was replaced."""
        if commits.is_ancestor(self._repo, self._old, self._new):
            paths = self._broken
        else:
            paths = set(self._changed(self._old, self._new))
        if not paths:
            return []
        before, after = (load.from_paths(self._repo, tip, paths) for tip in (self._old, self._new))
        found = check_transitions(before, after, self._part(paths))
        made_here = {stem(path) for path in paths if stem(path) not in before.convoys}
        return list(self._named(self._new, [each for each in found if each.ids[0] not in made_here]))

    def _begun_closed(self) -> list[Problem]:
        """Convoys that are new and closed, and that were so in each commit in which they begin, on whatever line.

        What the ledger says is of no account: it cannot have moved a convoy before there was one.
        """
        paths = self._changed(self._old, self._new)
        before, after = (load.from_paths(self._repo, tip, paths) for tip in (self._old, self._new))
        closed = {each.id for each in after.convoys.values() if each.status == CLOSED and X_BEADS not in each.data}
        closed -= before.convoys.keys() | before.broken
        found: dict[str, Problem] = {}
        unread: set[str] = set()
        for commit, parents in reach.new_commits(self._repo, self._new, [self._old]) if closed else ():
            touched = [path for path in self._changed_from(parents, commit) if stem(path) in closed]
            if not touched:
                continue
            there = load.from_paths(self._repo, commit, touched)
            begun = _begun(there, [load.from_paths(self._repo, parent, touched) for parent in parents], unread)
            closed -= {each for each in begun if there.convoys[each].status != CLOSED}
            problems = check_transitions(load.from_tree(self._repo, None), there, Ledger())
            for problem in self._named(commit, [each for each in problems if each.ids[0] in begun]):
                found.setdefault(problem.ids[0], problem)
        return [problem for convoy_id, problem in found.items() if convoy_id in closed]

    def _named(self, commit: str, problems: Sequence[Problem]) -> Iterator[Problem]:
        """With their places, and the commit where it is not the tip."""
        where = f" (in commit {commit[:10]})" if commit != self._new else ""
        for problem in placed(problems, load.commit_reader(self._repo, commit)):
            yield replace(problem, message=problem.message + where)

    def _changed(self, one: str | None, other: str) -> list[str]:
        return [path for folder in _FOLDERS for path in trees.changed_paths(self._repo, one, other, folder)]

    def _changed_from(self, parents: Sequence[str], commit: str) -> set[str]:
        """The paths of convoys in which a commit differs from any parent; all of them where it has none."""
        return {path for parent in parents or (None,) for path in self._changed(parent, commit)}

    @cached_property
    def _dispatched(self) -> Mapping[str, list[BeadRecord]]:
        found: dict[str, list[BeadRecord]] = {}
        for record in self._ledger.beads.values():
            if record.convoy is not None and record.attempt:
                found.setdefault(record.convoy, []).append(record)
        return found

    def _part(self, paths: set[str]) -> Ledger:
        """What the ledger says of the convoys at these paths."""
        ids = {stem(path) for path in paths}
        beads = {record.id: record for each in ids for record in self._dispatched.get(each, ())}
        convoys = {each: self._ledger.convoys[each] for each in ids if each in self._ledger.convoys}
        return replace(self._ledger, beads=beads, convoys=convoys)

    def _then(self, parent: str, suspects: Sequence[Problem]) -> Ledger | None:
        """What the ledger said when the trunk stood at `parent`; None where that is what it says now."""
        place = self._line.get(parent)
        if place is None or self._ledger.tip is None:
            return None
        commit = next((each for each, trunk in self._decisions if self._line.get(trunk, place + 1) <= place), None)
        if commit == self._ledger.tip:
            return None
        if commit is None:
            return Ledger()
        ids = {each.ids[0] for each in suspects}
        convoys = {each: record for each in ids if (record := self._convoy(commit, each)) is not None}
        beads = [self._bead(commit, record.id) for each in ids for record in self._dispatched.get(each, ())]
        return Ledger(commit, {each.id: each for each in beads if each is not None}, convoys)

    def _convoy(self, commit: str, convoy: str) -> ConvoyRecord | None:
        path = codec.convoy_path(convoy)
        data = trees.blob_at(self._repo, commit, path)
        return codec.read_convoy(data, path) if data is not None else None

    def _bead(self, commit: str, bead: str) -> BeadRecord | None:
        path = codec.bead_path(bead)
        data = trees.blob_at(self._repo, commit, path)
        return codec.read_bead(data, path) if data is not None else None

    @cached_property
    def _line(self) -> Mapping[str, int]:
        """The commits of the trunk's own line, with numbers that grow."""
        line = commits.first_parents(self._repo, self._new, None) or []
        return {commit: number for number, commit in enumerate(reversed(line))}

    @cached_property
    def _decisions(self) -> list[tuple[str, str]]:
        """The ledger's commits, newest first, each with the trunk commit that it was decided on."""
        entries = history(self._repo, self._ledger.tip)
        return [(entry.commit, entry.trunk) for entry in entries if entry.trunk is not None]


def _begun(there: Plan, parents: Sequence[Plan], unread: set[str]) -> set[str]:
    """The convoys that begin in a commit: that are in none of its parents, or could not be read since they began.

    `unread`: those of which that is so, kept from commit to commit.
    """
    new = {each for each in there.convoys.keys() | there.broken if all(_lacks(plan, each) for plan in parents)}
    unread |= new & there.broken
    mended = {each for each in unread & there.convoys.keys() if not any(each in plan.convoys for plan in parents)}
    return (new - there.broken) | mended


def _lacks(plan: Plan, convoy_id: str) -> bool:
    return convoy_id not in plan.convoys and convoy_id not in plan.broken
