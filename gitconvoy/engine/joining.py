"""The plan of a town with the beads that rigs keep in repositories of their own (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping

from gitconvoy.engine.rigs import RigHome
from gitconvoy.model.plan import Plan


def join(plan: Plan, homes: Mapping[str, RigHome]) -> Plan:
    """The plan with the beads of each home's trunk that belong to its rig; rigs that cannot be read are `away`."""
    return plan
