"""The branch that a bead's work starts from and goes back to (SPEC 3.3, 3.5, 7). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gitconvoy.model.plan import Plan

LEDGER_BRANCH = "convoy-ledger"


def base_branch(plan: Plan, bead: str, convoy: str | None, trunk: str) -> str:
    """The short name of a bead's base branch: its convoy's, else its rig's, else the trunk's branch."""
    tracked = plan.convoys.get(convoy) if convoy is not None else None
    rig = plan.config.rig_of(bead)
    return (tracked.base_branch if tracked else None) or (rig.base_branch if rig else None) or trunk


def refusal(name: str, prefix: str) -> str | None:
    """Why a branch of this name cannot be a base branch (`prefix`: that of attempts' branches); None where it can."""
    if name == LEDGER_BRANCH:
        return f"the base branch is {name}, which is the ledger's"
    if name.startswith(prefix):
        return f"the base branch is {name}, and {prefix}... is where attempts have their branches"
    return None


def named(plan: Plan, trunk: str) -> Iterable[str]:
    """Every branch that is some bead's base branch, by its short name."""
    convoys = {convoy.base_branch for convoy in plan.convoys.values()}
    rigs = {rig.base_branch for rig in plan.config.rigs.values()}
    return sorted({trunk, *(name for name in convoys | rigs if name)})
