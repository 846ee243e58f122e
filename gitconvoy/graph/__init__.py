"""From links to precedence, waves, cycles and critical path; pure (SPEC 3.4, 5)."""

from __future__ import annotations

from gitconvoy.graph.build import Graph
from gitconvoy.graph.cycles import Cycle, cycles
from gitconvoy.graph.links import BlockingLink
from gitconvoy.graph.shape import Shape
from gitconvoy.graph.waves import WavePlan, plan_data, waves

__all__ = ["BlockingLink", "Cycle", "Graph", "Shape", "WavePlan", "cycles", "plan_data", "waves"]
