"""Where an attempt works: its branch, and the commit of the base branch that this starts from (SPEC 7). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import field
from itertools import chain, count

from gitconvoy.dataclass import dataclass
from gitconvoy.engine.attempts.bases import base_branch, refusal
from gitconvoy.errors import Refused
from gitconvoy.model.kinds import BRANCH_PREFIX
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Places:
    """The branches of a repository, as far as attempts are concerned; short names throughout."""

    trunk: str = "main"
    prefix: str = BRANCH_PREFIX
    tips: Mapping[str, str] = field(default_factory=dict)
    """Base branch -> its commit. A branch that does not exist is not in it."""
    taken: Container[str] = frozenset()
    """Names that no new branch can have, because of those that exist here or on a remote."""
    root: str = ""
    """Its main worktree, where it is that of a rig; empty for the town's own."""
    trouble: str = ""
    """Why no workplace can be made there, with the remedy, where its settings are at fault."""
    rigs: Mapping[str, Places] = field(default_factory=dict)
    """Rig -> the same of the repository that it has of its own."""

    def trouble_of(self, rig: str) -> str:
        """Why the repository that a rig has of its own gives its attempts no place; empty where it does."""
        return self.rigs[rig].trouble if rig in self.rigs else ""

    def of(self, plan: Plan, bead: str) -> Places:
        """Those of the repository in which a bead is worked on."""
        rig = plan.config.rig_of(bead) if self.rigs else None
        return self.rigs.get(rig.name, self) if rig is not None else self


@dataclass(frozen=True, slots=True)
class Place:
    """The branch of an attempt, and the commit that it starts from."""

    branch: str
    base: str


def base_of(plan: Plan, places: Places, bead: str, convoy: str | None) -> str:
    """The base branch of a bead, in the repository in which it is worked on.

    Refused (`base-branch`) where that is the ledger's or lies below the prefix, and (`rig-away`) while nobody can look.
    """
    away = plan.away_reason(bead)
    if away is not None:
        raise Refused(away, hint="bring the repository back, or say where it is", code="rig-away")
    here = places.of(plan, bead)
    name = base_branch(plan, bead, convoy, here.trunk)
    reason = refusal(name, here.prefix)
    if reason is not None:
        raise Refused(reason, hint="name another base_branch in the convoy or its rig", code="base-branch")
    return name


def base_tip(plan: Plan, places: Places, bead: str, base: str) -> str | None:
    """The commit of a bead's base branch; None where that branch does not exist."""
    return places.of(plan, bead).tips.get(base)


def merge_of(plan: Plan, bead: str, convoy: str | None) -> str:
    """The merge strategy of a bead: its convoy's, else its rig's, else mr."""
    tracked = plan.convoys.get(convoy) if convoy is not None else None
    rig = plan.config.rig_of(bead)
    return (tracked.merge if tracked else None) or (rig.merge if rig else None) or "mr"


def place_of(plan: Plan, places: Places, bead: str, convoy: str | None, attempt: int) -> Place:
    """Where an attempt works: the first free one of its names, and the tip of the base branch.

    Refused (`base-branch`) where the base branch does not exist or cannot be one, and (`rig-away`) as `base_of`.
    """
    base = base_of(plan, places, bead, convoy)
    tip = base_tip(plan, places, bead, base)
    if tip is None:
        hint = "make the branch, or name another base_branch in the convoy or its rig"
        raise Refused(f"the base branch {base} does not exist", hint=hint, code="base-branch")
    here = places.of(plan, bead)
    return Place(next(name for name in _names(here.prefix, f"{bead}-{attempt}") if name not in here.taken), tip)


def _names(prefix: str, name: str) -> Iterator[str]:
    """`<prefix><bead>-<attempt>`, the same with `.2` to `.9` behind it, then without folders.

    A branch that is called like a folder of the prefix leaves no name in that.
    """
    flat = prefix.replace("/", "-")
    return chain(
        (f"{prefix}{name}" if number == 1 else f"{prefix}{name}.{number}" for number in range(1, 10)),
        (f"{flat}{name}" if number == 1 else f"{flat}{name}.{number}" for number in count(1)),
    )
