"""The plan of a town with the beads that rigs keep in repositories of their own (SPEC 7).

Of such a repository the trunk's beads and archive are read, as far as their ids belong to the rig by the town's own
config; its convoys, plan files and settings are none of the town's business. Nothing is ever written there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.rigs import RigHome
from gitconvoy.errors import ConvoyError, Problem, Refused
from gitconvoy.git import lines, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.plan import Abroad, Bead, Plan
from gitconvoy.store import load

_NO_TRUNK = "its trunk has no commits any more"


def join(plan: Plan, homes: Mapping[str, RigHome], at: int | None = None) -> Plan:
    """The plan with the beads of each home's trunk that belong to its rig; rigs that cannot be read are `away`.

    `at` (epoch seconds): as those trunks stood then, by the committer dates of their own lines; None: now.
    """
    if not homes:
        return plan
    joined = _Joined(plan)
    for rig, home in sorted(homes.items()):
        try:
            found = _read(home, at)
        except (ConvoyError, OSError) as error:
            joined.put_off(home, home.trouble or str(error))
        else:
            joined.take(rig, *found)
    return joined.plan()


def _read(home: RigHome, at: int | None) -> tuple[Plan, Abroad]:
    """What stands on the trunk of a rig's repository, and where that is. ConvoyError, OSError where it is away."""
    repo = home.repo()
    tip = refs.ref(repo, home.trunk)
    if tip is None:
        raise _away(_NO_TRUNK)
    if at is not None:
        tip = lines.newest_before(repo, tip, at)
        if tip is None:
            raise _away(f"its trunk has no commit as old as {iso(at)}")
    return load.from_commit(repo, tip), Abroad(home.rig, str(home.root()), tip)


def _away(reason: str) -> Refused:
    return Refused(reason, hint="git log in that repository shows what its trunk holds", code="rig-away")


@dataclass(slots=True)
class _Joined:
    """A plan in the making: the town's own, and what was taken from other repositories so far."""

    own: Plan
    beads: dict[str, Bead] = field(default_factory=dict)
    archive: dict[str, Bead] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    abroad: dict[str, Abroad] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    away: dict[str, str] = field(default_factory=dict)
    homes: dict[str, Abroad] = field(default_factory=dict)
    parents: frozenset[str] | None = frozenset()
    taken: dict[str, str] = field(default_factory=dict)
    """Id in lower case -> the id that the town has (or a rig before had)."""

    def __post_init__(self) -> None:
        own = self.own
        for one in (*own.beads, *own.archive, *own.convoys, *own.broken):
            self.taken[one.lower()] = one

    def put_off(self, home: RigHome, reason: str) -> None:
        """The rig's repository cannot be read."""
        self.away[home.rig] = reason
        known = home.parents
        self.parents = None if known is None or self.parents is None else self.parents | known

    def take(self, rig: str, plan: Plan, where: Abroad) -> None:
        """The beads of one repository, of which those that are not the rig's are left alone."""
        self.homes[rig] = where
        ours = {one for one in (*plan.beads, *plan.archive, *plan.broken) if self._belongs(one, rig)}
        doubled = {one for one in ours if one.lower() in self.taken}
        for one in sorted(ours - doubled):
            self.taken[one.lower()] = one
            self.abroad[one] = where
            self._take_one(plan, one, where.root)
        for one in sorted(doubled):
            self.problems.append(self._double(plan, one, where))
        self.problems += _told(plan.problems, ours - doubled, where.root)

    def _belongs(self, one: str, rig: str) -> bool:
        owner = self.own.config.rig_of(one)
        return owner is not None and owner.name == rig

    def _take_one(self, plan: Plan, one: str, root: str) -> None:
        if one in plan.broken:
            self.broken.add(one)
        bead = plan.bead(one)
        if bead is not None:
            (self.archive if one in plan.archive else self.beads)[one] = replace(bead, path=f"{root}/{bead.path}")

    def _double(self, plan: Plan, one: str, where: Abroad) -> Problem:
        there, here = plan.bead(one), self.taken[one.lower()]
        path = f"{where.root}/{there.path}" if there else f"{where.root}/{kinds.BEAD.folder}/{one}.yaml"
        own = self.own.bead(here) or self.own.convoys.get(here) or self.beads.get(here)
        message = f"the id {one} stands in {path} too, and counts as it stands in {own.path if own else 'the town'}"
        hint = "keep one of the two files: `git rm` the other one in its repository"
        return Problem(path, "rig-duplicate", message, hint, "warning", ids=(one,))

    def plan(self) -> Plan:
        """Everything together. What the config says of rigs that can be read now is no longer true of them."""
        own = self.own
        elsewhere = {rig: reason for rig, reason in own.away.items() if rig not in self.homes}
        silent = bool(elsewhere.keys() - self.away.keys())  # away, and nobody ever looked there from here
        return replace(
            own,
            beads={**own.beads, **self.beads},
            archive={**own.archive, **self.archive},
            broken=own.broken | self.broken,
            problems=(*own.problems, *self.problems),
            homes=self.homes,
            abroad=self.abroad,
            away={**elsewhere, **self.away},
            away_parents=None if silent else self.parents,
        )


def _told(problems: Iterable[Problem], ours: Iterable[str], root: str) -> Iterable[Problem]:
    """What is wrong with the files of these beads, with paths that lead there from anywhere."""
    wanted = frozenset(ours)
    for problem in problems:
        if kinds.kind_of(problem.path) is kinds.BEAD and (
            kinds.stem(problem.path) in wanted or not wanted.isdisjoint(problem.ids)
        ):
            yield replace(problem, path=f"{root}/{problem.path}")


def carried(plan: Plan, joined: Plan) -> Plan:
    """A plan of the same town with what `joined` took from elsewhere, but for ids that it has itself."""
    own = {one.lower() for one in (*plan.beads, *plan.archive, *plan.convoys, *plan.broken)}
    abroad = {one: where for one, where in joined.abroad.items() if one.lower() not in own}
    return replace(
        plan,
        beads={**plan.beads, **{one: bead for one, bead in joined.beads.items() if one in abroad}},
        archive={**plan.archive, **{one: bead for one, bead in joined.archive.items() if one in abroad}},
        broken=plan.broken | (joined.broken & abroad.keys()),
        homes=joined.homes,
        abroad=abroad,
        away=joined.away,
        away_parents=joined.away_parents,
    )


def without(plan: Plan) -> Plan:
    """The town's own part of a joined plan."""
    if not plan.abroad:
        return plan
    kept = plan.abroad.keys()
    return replace(
        plan,
        beads={one: bead for one, bead in plan.beads.items() if one not in kept},
        archive={one: bead for one, bead in plan.archive.items() if one not in kept},
        broken=plan.broken - kept,
        homes={},
        abroad={},
    )


def parents_elsewhere(plan: Plan) -> dict[str, frozenset[str]]:
    """Rig -> the beads beyond its repository that have children in it: to be remembered for when it is away."""
    found: dict[str, set[str]] = {rig: set() for rig in plan.homes}
    for one, where in plan.abroad.items():
        bead = plan.bead(one)
        if bead is not None and bead.parent is not None:
            found[where.rig].add(bead.parent)
    return {rig: frozenset(parents) for rig, parents in found.items()}


def reader(
    homes: Mapping[str, RigHome], plan: Plan, here: Callable[[str], bytes | None]
) -> Callable[[str], bytes | None]:
    """`here`, a reader of the town's own files, that also reads the files of beads that live elsewhere."""
    if not plan.abroad:
        return here
    places = {
        where.root: (homes[rig].repo(), where.commit)
        for rig, where in plan.homes.items()
        if rig in homes and not homes[rig].trouble
    }

    def look(path: str) -> bytes | None:
        if not path.startswith("/"):
            return here(path)
        return next((_blob(*place, path, root) for root, place in places.items() if path.startswith(root + "/")), None)

    return look


def _blob(repo: Repo, commit: str, path: str, root: str) -> bytes | None:
    return trees.blob_at(repo, commit, path.removeprefix(root + "/"))
