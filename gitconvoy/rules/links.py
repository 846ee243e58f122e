"""When a blocking link is satisfied, and in words why it is not (SPEC 4)."""

from __future__ import annotations

from dataclasses import field

from gitconvoy.dataclass import dataclass
from gitconvoy.graph import Graph
from gitconvoy.model.ids import is_external
from gitconvoy.model.plan import Link, Plan
from gitconvoy.model.state import State

FAILED = "failed"
WAITS_FOR = "waits-for"
CONDITIONAL = "conditional-blocks"
MERGE = "merge-blocks"


@dataclass(slots=True)
class Closed:
    """What is known to be closed. Unknown means not closed: absence never unblocks (SPEC 4)."""

    state: State
    graph: Graph
    outcomes: dict[str, str] = field(default_factory=dict)
    """Closed bead -> outcome; tombstones too."""
    sources: dict[str, str] = field(default_factory=dict)
    children: dict[str, int] = field(default_factory=dict)
    """Bead -> how many of its children are closed."""

    def exists(self, bead_id: str) -> bool:
        """Whether the id names a bead that can be read."""
        return self.state.plan.has(bead_id) and bead_id not in self.state.plan.broken

    def merged(self, bead_id: str) -> bool:
        """Whether the bead's submitted work, if any, is merged."""
        record = self.state.ledger.bead(bead_id)
        return record.submitted is None or record.merged_as is not None


def satisfied(closed: Closed, bead_id: str, link: Link) -> bool:
    """Whether a blocking link lets the bead pass. Heirs see a link as its holder does, but for one to the holder."""
    target = link.target
    if not closed.exists(target):
        return False
    outcome = closed.outcomes.get(target)
    if link.type == CONDITIONAL:
        return outcome == FAILED
    if link.type == WAITS_FOR:
        children = closed.graph.children(target)
        left_out = closed.graph.hierarchy.not_waited_for(target, bead_id)
        waited = len(children) - len(left_out)
        unknown = closed.state.plan.may_have_unseen_children(target)
        if waited:
            ended = closed.children.get(target, 0) - sum(child in closed.outcomes for child in left_out)
            return ended >= 1 if link.gate == "any-children" else ended >= waited and not unknown
        return outcome is not None and not unknown
    passed = outcome is not None and outcome != FAILED
    return passed and (link.type != MERGE or closed.merged(target))


def explain(closed: Closed, bead_id: str, link: Link) -> tuple[str, tuple[str, ...]]:
    """Why an unsatisfied link blocks, and the ids behind it."""
    target = link.target
    if not closed.exists(target):
        return _unknown(closed, target), (target,)
    outcome = closed.outcomes.get(target)
    if link.type == CONDITIONAL:
        state = "is not closed yet" if outcome is None else f"closed as {outcome}"
        return f"it runs only if {target} fails; that {state}", (target,)
    if link.type == WAITS_FOR:
        waited = closed.graph.waited(bead_id, target)
        still = tuple(child for child in waited if child not in closed.outcomes)
        if waited:
            some = "one of the" if link.gate == "any-children" else "all"
            if still:
                return f"it waits for {some} children of {target}: {len(still)} of {len(waited)} are not closed", still
        if closed.state.plan.may_have_unseen_children(target):
            return f"it waits for the children of {target}: {_where(closed.state.plan)}", (target,)
    if outcome == FAILED:
        return f"{target} failed, so this cannot start", (target,)
    if outcome is not None:
        return f"{target} is closed, but its work is not merged yet", (target,)
    return f"{target} is not closed", (target,)


def _unknown(closed: Closed, target: str) -> str:
    if is_external(target):
        return f"{target} lies outside of this repository, its state is unknown"
    if target in closed.state.plan.broken:
        return f"the file of {target} cannot be read"
    unseen = closed.state.plan.unseen(target)
    return f"{target} cannot be seen: {unseen}" if unseen is not None else f"{target} does not exist"


def _where(plan: Plan) -> str:
    """Why nobody knows all children of a bead."""
    told = (f"the repository of the rig {rig} cannot be used: {reason}" for rig, reason in sorted(plan.away.items()))
    return "; ".join(told)
