"""The plan, with what the ledger knows, for the tools of beads and for people (SPEC 10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from itertools import zip_longest

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import joining
from gitconvoy.engine.plans.tidying import closing_times
from gitconvoy.engine.town import Town
from gitconvoy.errors import BadFiles
from gitconvoy.git import commits, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.interop.dialects import Dialect
from gitconvoy.interop.exporter import Exported, export_plan
from gitconvoy.interop.facts import ledger_facts
from gitconvoy.model.kinds import ROOT, stem
from gitconvoy.model.ledger import CLOSED
from gitconvoy.model.plan import Bead, Plan
from gitconvoy.model.state import State
from gitconvoy.rules.view import View


@dataclass(frozen=True, slots=True)
class Selection:
    """What is exported: everything (None), an epic with all that belongs to it, or a convoy with what it tracks."""

    ids: frozenset[str] | None
    view: View
    plan: Plan
    """The plan that is written: without what lives in the repositories of rigs, unless that was asked for."""

    def beads(self) -> list[Bead]:
        """The selected beads by id; archived ones only where a selection names them."""
        known = [*self.plan.beads.values(), *(self.plan.archive.values() if self.ids is not None else ())]
        return sorted((b for b in known if self.ids is None or b.id in self.ids), key=lambda bead: bead.id)


def select(state: State, epic: str | None = None, convoy: str | None = None, *, rigs: bool = False) -> Selection:
    """The part of a plan to export, by exact ids; BadFiles where a file of it is unreadable.

    A file that cannot be read would be missing in the export, as if its bead had been deleted.
    """
    view = View(state)
    plan = state.plan if rigs else joining.without(state.plan)
    ids: frozenset[str] | None = None
    if epic is not None:
        ids = _family(view, epic)
    elif convoy is not None:
        ids = frozenset((convoy, *state.plan.convoys[convoy].tracks))
    broken = plan.broken if ids is None else plan.broken & ids
    if broken:
        found = tuple(each for each in plan.problems if stem(each.path) in broken or not broken.isdisjoint(each.ids))
        raise BadFiles(
            f"{len(broken)} of the plan's files cannot be read, and would be missing in the export",
            found,
            hint="mend them first: gitconvoy validate",
            code="bad-files",
        )
    return Selection(ids, view, plan)


def _family(view: View, epic: str) -> frozenset[str]:
    """The epic and all below it; archived beads, which are no part of the graph, among them."""
    family = {epic, *view.graph.descendants(epic)}
    while more := {bead.id for bead in view.plan.archive.values() if bead.parent in family} - family:
        family |= more
    return frozenset(family)


def export(town: Town, chosen: Selection, dialect: Dialect) -> Exported:
    """The selected part of the plan as beads JSONL, with what only the ledger knows in it."""
    state = chosen.view.state
    closed = [one for one in state.ledger.beads.values() if one.status == CLOSED]
    ended = [one for one in state.ledger.convoys.values() if one.status == CLOSED]
    times: Mapping[str, int] = {}
    if closed or ended:
        times = closing_times(town, [one.id for one in closed], [one.id for one in ended], state.ledger.tip)
    facts = ledger_facts(chosen.view, times)
    commit = state.trunk or refs.head(town.repo)
    return export_plan(chosen.plan, dialect, facts, chosen.ids, partial(changed_at, town.repo, commit))


def changed_at(repo: Repo, commit: str | None, paths: Collection[str]) -> dict[str, int]:
    """When the first-parent history of a commit changed each of these paths last; epoch seconds, where it is known."""
    wanted, found = set(paths), dict[str, int]()
    line = (commits.first_parents(repo, commit, None) if commit is not None else None) or []
    for newer, older in zip_longest(line, line[1:]):
        if not wanted:
            break
        hit = wanted.intersection(trees.changed_paths(repo, older, newer, ROOT))
        if hit:
            found |= dict.fromkeys(hit, commits.commit(repo, newer).time)
            wanted -= hit
    return found
