"""One evaluator for stage, ready, feed, scan, status, `why` and audit; pure (SPEC 4)."""

from __future__ import annotations

from gitconvoy.rules.capacity import Capacity
from gitconvoy.rules.due import next_due
from gitconvoy.rules.facts import Blocker
from gitconvoy.rules.ready import RULE_NAMES, Verdict
from gitconvoy.rules.status import Effective
from gitconvoy.rules.touches import overlaps
from gitconvoy.rules.view import View

__all__ = ["RULE_NAMES", "Blocker", "Capacity", "Effective", "Verdict", "View", "next_due", "overlaps"]
