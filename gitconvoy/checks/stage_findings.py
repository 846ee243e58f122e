"""The findings of SPEC 6: one function for each category; `stage.analyse` runs the two lists at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gitconvoy.checks.overlap import overlapping
from gitconvoy.checks.selection import EPIC, Selection
from gitconvoy.dataclass import dataclass
from gitconvoy.graph.cycles import cycles
from gitconvoy.graph.waves import WavePlan
from gitconvoy.model.ids import is_external
from gitconvoy.model.plan import Bead, Plan, Rig
from gitconvoy.model.text import some
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: `category` is a name of SPEC 6, `suggested_fix` what to do about it."""

    category: str
    bead_ids: tuple[str, ...]
    message: str
    suggested_fix: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of SPEC 8 (`stage`)."""
        return {
            "category": self.category,
            "bead_ids": list(self.bead_ids),
            "message": self.message,
            "suggested_fix": self.suggested_fix,
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged: `tracked` are those of the selection that exist."""

    view: View
    selection: Selection
    tracked: tuple[str, ...]
    waves: WavePlan
    branch_exists: Callable[[str, str], bool]
    """Of a branch and a rig."""

    def slingable(self, ids: Iterable[str]) -> list[Bead]:
        """The active slingable beads among the ids."""
        plan = self.view.state.plan
        beads = [plan.beads[one] for one in ids if one in plan.beads]
        return [bead for bead in beads if plan.config.slingable(bead.type)]

    def waiting(self, ids: Iterable[str]) -> list[Bead]:
        """The active slingable beads among the ids that are not closed: those still to be dispatched."""
        return [bead for bead in self.slingable(ids) if not self.closed(bead.id)]

    def closed(self, bead_id: str) -> bool:
        """Whether the bead is closed by its effective status."""
        return bead_id in self.view.closed.outcomes

    def rig(self, bead_id: str) -> Rig | None:
        """The rig of a bead."""
        return self.view.rig_of(bead_id)

    def by_rig(self, beads: Iterable[Bead]) -> dict[str, list[str]]:
        """Rig name -> sorted bead ids, sorted by name; beads without a rig are left out."""
        groups: dict[str, list[str]] = {}
        for bead in beads:
            rig = self.rig(bead.id)
            if rig is not None:
                groups.setdefault(rig.name, []).append(bead.id)
        return {name: sorted(groups[name]) for name in sorted(groups)}


def _cycles(scope: Scope) -> Iterator[Finding]:
    concerned = {*scope.tracked, *scope.selection.members}
    for cycle in cycles(scope.view.graph):
        if concerned.isdisjoint(cycle.ids):
            continue
        holder, index = cycle.cut
        bead = scope.view.graph.nodes[holder]
        path = " -> ".join((*cycle.path, cycle.path[0]))
        fix = f"cut one link, such as the one of {holder} to {bead.links[index].target} in {bead.path}"
        yield Finding("cycle", cycle.ids, f"these beads wait for each other: {path}", fix)


def _no_rig(scope: Scope) -> Iterator[Finding]:
    ids = sorted(bead.id for bead in scope.slingable(scope.tracked) if scope.rig(bead.id) is None)
    if ids:
        fix = "add their prefix to a rig in .convoy/config.yaml"
        yield Finding("no-rig", tuple(ids), f"no rig has a prefix that fits {some(ids)}", fix)


def _missing(scope: Scope) -> Iterator[Finding]:
    plan = scope.view.state.plan
    for one in scope.selection.tracks:
        if plan.bead(one) is not None or plan.unseen(one) is not None:
            continue
        if one in plan.broken:
            yield Finding(
                "missing-bead", (one,), f"the file of {one} cannot be read", "mend it: see `gitconvoy validate`"
            )
        else:
            yield Finding("missing-bead", (one,), f"there is no bead {one}", "check the id, or add the bead first")


def _nothing_slingable(scope: Scope) -> Iterator[Finding]:
    if not scope.slingable(scope.tracked):
        what = f"epic {scope.selection.epic} has no" if scope.selection.kind == EPIC else "the selection has no"
        known = ", ".join(name for name, slingable in scope.view.state.plan.config.types.items() if slingable)
        yield Finding("nothing-slingable", (), f"{what} bead that could be dispatched", f"slingable types are: {known}")


def _orphans(scope: Scope) -> Iterator[Finding]:
    """Only for an epic of at least two beads: a lone bead has nobody to be related to."""
    members = frozenset(scope.selection.members)
    if scope.selection.kind != EPIC or len(scope.tracked) < 2:
        return
    related: set[str] = set()
    for one in members:
        near = scope.view.graph.preceded_by(one) & members - {one}
        if near:
            related |= {one, *near}
    for bead in scope.waiting(scope.tracked):
        if bead.id not in related:
            message = f"{bead.id} neither blocks nor waits for any other bead of the epic"
            yield Finding("orphan", (bead.id,), message, "link it with `gitconvoy dep add`, if its order matters")


def _parked(scope: Scope) -> Iterator[Finding]:
    rigs = scope.view.state.plan.config.rigs
    for name, ids in scope.by_rig(scope.waiting(scope.tracked)).items():
        if rigs[name].parked:
            fix = f"set rigs.{name}.parked to false in .convoy/config.yaml, or launch with --force"
            yield Finding("parked-rig", tuple(ids), f"rig {name} of {some(ids)} is parked", fix)


def _cross_rig(scope: Scope) -> Iterator[Finding]:
    groups = scope.by_rig(scope.slingable(scope.tracked))
    if len(groups) < 2:
        return
    majority = max(groups, key=lambda name: len(groups[name]))  # of equals the first by name
    for name, ids in groups.items():
        if name != majority:
            message = f"{some(ids)} of rig {name} in a convoy that is mostly of rig {majority}"
            yield Finding("cross-rig", tuple(ids), message, f"stage the beads of {name} as a convoy of their own")


def _missing_branch(scope: Scope) -> Iterator[Finding]:
    chosen = scope.selection.base_branch
    groups = scope.by_rig(scope.waiting(scope.tracked))
    rigs = scope.view.state.plan.config.rigs
    missing: dict[str, list[str]] = {}
    for name, ids in groups.items():
        branch = chosen or rigs[name].base_branch
        if branch and not scope.branch_exists(branch, name):
            missing.setdefault(branch, []).extend(ids)
    if chosen and not groups and not scope.branch_exists(chosen, ""):
        missing[chosen] = []
    for branch, ids in sorted(missing.items()):
        message = f"the base branch {branch} does not exist"
        fix = f"create it (`git branch {branch}`), or set another base_branch"
        yield Finding("missing-branch", tuple(sorted(ids)), message, fix)


def _gated(scope: Scope) -> Iterator[Finding]:
    for bead in scope.waiting(scope.tracked):
        open_gates = [gate for gate in scope.waves.gates.get(bead.id, ()) if not scope.closed(gate)]
        if open_gates:
            message = f"{bead.id} waits for {some(open_gates)}, which nobody is dispatched for"
            yield Finding("gated", (bead.id,), message, f"close it by hand when it is decided: {open_gates[0]}")


def _outside(scope: Scope) -> Iterator[Finding]:
    plan = scope.view.state.plan
    for bead in scope.waiting(scope.tracked):
        direct = scope.waves.outside.get(bead.id, ())
        external = {link.link.target for link in scope.view.graph.blockers_of(bead.id) if is_external(link.link.target)}
        behind = [one for one in direct if plan.bead(one) is not None and not scope.closed(one)]
        behind += sorted(external)
        if behind:
            message = f"{bead.id} waits for {some(behind)}, which this convoy does not track"
            fix = f"add {behind[0]} to the convoy, or see that it gets done"
            if external:
                fix = f"nothing here can close {min(external)}: remove the link when it is done there"
            yield Finding("outside-blocker", (bead.id, *behind), message, fix)


class _Nowhere(dict[str, bool]):
    """Id -> whether nothing that anybody could see or name elsewhere has it; each is looked for once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __missing__(self, one: str) -> bool:
        self[one] = not is_external(one) and self._plan.bead(one) is None and self._plan.unseen(one) is None
        return self[one]


def _dangling(scope: Scope) -> Iterator[Finding]:
    plan, graph = scope.view.state.plan, scope.view.graph
    reported: set[tuple[str, str]] = set()
    nowhere = _Nowhere(plan)
    for one in scope.tracked:
        bead = graph.nodes.get(one)
        own = [(one, link) for link in bead.links if nowhere[link.target]] if bead else []
        inherited = [(each.holder, each.link) for each in graph.blockers_of(one) if nowhere[each.link.target]]
        for holder, link in [*own, *inherited]:
            key = (holder, link.target)
            if key in reported:
                continue
            reported.add(key)
            what = "cannot be read" if link.target in plan.broken else "does not exist"
            message = f"{holder} depends on {link.target} ({link.type}), which {what}"
            message += ", so it waits for ever" if link.blocking else ""
            fix = f"add {link.target}, or remove the link (`gitconvoy dep rm {holder} {link.target}`)"
            yield Finding("dangling", tuple(dict.fromkeys((one, holder))), message, fix)


def _elsewhere(scope: Scope) -> Iterator[Finding]:
    """What is tracked, or waited for, and may be in a repository that is away."""
    plan, graph = scope.view.state.plan, scope.view.graph
    links = [each.link.target for one in scope.tracked for each in graph.blockers_of(one)]
    for one in dict.fromkeys((*scope.selection.tracks, *links)):
        unseen = plan.unseen(one)
        if unseen is not None:
            fix = "bring it back; until then nobody knows what its beads wait for, and the plan file is left alone"
            yield Finding("elsewhere", (one,), f"{one} cannot be seen: {unseen}", fix)


def _capacity(scope: Scope) -> Iterator[Finding]:
    config = scope.view.state.plan.config
    overall = min(config.dispatch.max_workers, scope.selection.max_workers or config.dispatch.max_workers)
    workers = {name: len(config.workers_of(rig)) for name, rig in config.rigs.items()}
    for number, wave in enumerate(scope.waves.waves, 1):
        beads = scope.waiting(wave)
        by_rig = scope.by_rig(beads)
        room = sum(min(len(ids), workers[name]) for name, ids in by_rig.items())
        room = min(room, overall)
        placed = sum(map(len, by_rig.values()))
        if placed > room:
            message = f"wave {number} has {placed} beads and there are workers for {room}"
            fix = "nothing is lost, the rest waits for its turn; or raise max_workers"
            yield Finding("capacity", tuple(bead.id for bead in beads), message, fix)


def _overlap(scope: Scope) -> Iterator[Finding]:
    for number, wave in enumerate(scope.waves.waves, 1):
        waiting = {bead.id: bead for bead in scope.waiting(wave) if bead.touches}
        for name, ids in scope.by_rig(waiting.values()).items():
            for group in overlapping([(one, waiting[one].touches) for one in ids]):
                message = f"{some(group)} of wave {number} touch the same files in rig {name}"
                fix = "they run one after the other; link them if their order matters, or narrow `touches`"
                yield Finding("overlap", group, message, fix)


ERRORS = (_cycles, _no_rig, _missing, _nothing_slingable)
WARNINGS = (
    _orphans,
    _parked,
    _cross_rig,
    _missing_branch,
    _gated,
    _outside,
    _dangling,
    _elsewhere,
    _capacity,
    _overlap,
)
BESIDE_VALIDATE = (_nothing_slingable, _parked, _cross_rig, _missing_branch, _gated, _outside, _capacity, _overlap)
"""Those of a convoy as it stands that `plan_checks` does not find by itself, as problems with a place in a file."""
