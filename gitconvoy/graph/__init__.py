"""From links to precedence, waves, cycles and critical path; pure (SPEC 3.4, 5)."""

from __future__ import annotations

from gitconvoy.graph.build import Graph
from gitconvoy.graph.cycles import Cycle, cycles
from gitconvoy.graph.links import BlockingLink
from gitconvoy.graph.waves import WavePlan, plan_data, remaining_path, waves

__all__ = ["BlockingLink", "Cycle", "Graph", "WavePlan", "cycles", "plan_data", "remaining_path", "waves"]
