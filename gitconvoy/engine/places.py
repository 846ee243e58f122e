"""Where an attempt works: its branch, and the commit of the base branch that this starts from (SPEC 7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from gitconvoy.engine.bases import base_branch, refusal
from gitconvoy.errors import Refused
from gitconvoy.model.plan import Plan

PREFIX = "convoy/"
"""What the branches of attempts begin with, where `gitconvoy.branchPrefix` says nothing else."""


@dataclass(frozen=True, slots=True)
class Places:
    """The branches of this repository, as far as attempts are concerned; short names throughout."""

    trunk: str = "main"
    prefix: str = PREFIX
    tips: Mapping[str, str] = field(default_factory=dict)
    """Base branch -> its commit. A branch that does not exist is not in it."""
    taken: frozenset[str] = frozenset()
    """Branches below the prefix that exist."""


@dataclass(frozen=True, slots=True)
class Place:
    """The branch of an attempt, and the commit that it starts from."""

    branch: str
    base: str


def base_of(plan: Plan, places: Places, bead: str, convoy: str | None) -> str:
    """The base branch of a bead. Refused (`base-branch`) where that is the ledger's or lies below the prefix."""
    name = base_branch(plan, bead, convoy, places.trunk)
    reason = refusal(name, places.prefix)
    if reason is not None:
        raise Refused(reason, hint="name another base_branch in the convoy or its rig", code="base-branch")
    return name


def merge_of(plan: Plan, bead: str, convoy: str | None) -> str:
    """The merge strategy of a bead: its convoy's, else its rig's, else mr."""
    tracked = plan.convoys.get(convoy) if convoy is not None else None
    rig = plan.config.rig_of(bead)
    return (tracked.merge if tracked else None) or (rig.merge if rig else None) or "mr"


def place_of(plan: Plan, places: Places, bead: str, convoy: str | None, attempt: int) -> Place:
    """Where an attempt works: `<prefix><bead>-<attempt>`, with `.2`, `.3`, ... behind it while that name is taken.

    Refused (`base-branch`) where the base branch does not exist or cannot be one.
    """
    base = base_of(plan, places, bead, convoy)
    tip = places.tips.get(base)
    if tip is None:
        hint = "make the branch, or name another base_branch in the convoy or its rig"
        raise Refused(f"the base branch {base} does not exist", hint=hint, code="base-branch")
    name = f"{places.prefix}{bead}-{attempt}"
    names = (name if number == 1 else f"{name}.{number}" for number in count(1))
    return Place(next(each for each in names if each not in places.taken), tip)
