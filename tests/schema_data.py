"""For each kind of file a document with every key that its schema knows (SPEC 3)."""

from __future__ import annotations

from typing import Any

from gitconvoy.model.clock import iso
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, PLAN, RECORD_BEAD, RECORD_CONVOY, RECORD_TOWN

FULL_BEAD: dict[str, Any] = {
    "id": "gt-1", "title": "Fix the login 👩‍🚀", "type": "agent", "priority": 0, "parent": "external:beads:bd-1",
    "depends_on": ["gt-2", {"id": "gt-3", "type": "waits-for", "gate": "any-children", "x-since": 1}, "external:x"],
    "labels": ["area:ui", "日本語"], "touches": ["src/**", "/docs/*.md"], "description": "a\n\x1b[0m\n", "design": "",
    "acceptance_criteria": "x", "notes": "y\r\n", "estimate_minutes": 0, "due_at": "2026-01-01",
    "defer_until": "2025-12-20T03:25:59.727107-08:00", "external_ref": "gh-12", "owner": "Zoë O'Brien",
    "created_at": "sometime in 2024", "created_by": "gastown/crew/joe", "updated_at": "x", "metadata": {"any": [None]},
    "comments": [{"id": 7, "author": "nux", "text": "a\nb", "created_at": "2025-01-01T00:00:00Z"}, {"text": ""}],
    "status": "in_progress", "assignee": "gastown/nux", "outcome": "failed", "closed_at": "x", "close_reason": "a\nb",
    "x-team": {"a": 1}, "x-": None,
}  # fmt: skip
FULL_CONVOY: dict[str, Any] = {
    "id": "hq-cv-1", "title": "x", "tracks": ["gt-1"], "epic": "gt-e", "owner": "mayor/", "notify": "mayor/",
    "watchers": ["gastown/nux", "joe@example.com"], "merge": "mr", "base_branch": "release/1.2", "owned": True,
    "molecule": "mol-x", "max_workers": 3, "mountain": False, "priority": 4, "due_at": "2026-01-01T10:00:00Z",
    "labels": [], "created_at": "x", "created_by": "y", "updated_at": "z", "paused": True, "metadata": {},
    "status": "staged_ready", "outcome": "partial", "closed_at": "x", "close_reason": "y", "x-a": 1,
}  # fmt: skip
FULL_CONFIG: dict[str, Any] = {
    "format": 1, "prefix": "gt", "convoy_prefix": "hq-cv", "rigs": {
        "gastown": {"prefixes": ["gt", "gt-sub"], "parked": False, "base_branch": "main", "merge": "direct",
                    "workers": ["nux", "slit"], "max_workers": 2, "x-a": 1}, "beads": {}},
    "dispatch": {"dispatcher": "record", "auto": True, "max_workers": 4, "max_attempts": 3, "backoff": "1m",
                 "backoff_max": "1h30m", "lease": "30m", "paused": False, "x-a": 1},
    "epics": {"auto_close": True}, "inherit_blockers": True, "types": {"agent": False, "role": {"slingable": True}},
    "statuses": {"parked": "frozen"}, "layout": "fanout", "metadata": {}, "x-a": 1,
}  # fmt: skip
FULL_PLAN = {
    "convoy": "hq-cv-1", "waves": [["gt-1", "gt-2"], ["gt-3"]], "gates": {"gt-1": ["gt-d"]},
    "outside": {"gt-1": ["external:x:y"]}, "critical_path": ["gt-1", "gt-3"],
}  # fmt: skip
NOW = iso(1764195233)
FULL_RECORD = {
    "id": "gt-1", "convoy": "hq-cv-1", "worker": "gastown/nux", "machine": "host.example", "via": "claim", "attempt": 2,
    "token": "8f3a", "since": NOW, "branch": "convoy/gt-1-2", "base": "a" * 40, "submitted": "b" * 40,
    "merged_as": "c" * 40, "failures": 1, "not_before": NOW, "status": "in_progress", "outcome": "done",
    "file_status": "open", "conflict": "gt-1-1 cannot be merged into main: conflicts in a.py",
}  # fmt: skip
FULL_CONVOY_RECORD = {
    "id": "hq-cv-1", "status": "open", "launched_at": NOW, "paused": True, "completed_at": NOW, "close_reason": "x\ny",
    "outcome": "done", "file_status": "staged_ready",
    "watchers": ["ada@example.org", "gastown/nux"], "told": "0123456789abcdef",
}  # fmt: skip
FULL = [
    (BEAD, FULL_BEAD),
    (CONVOY, FULL_CONVOY),
    (CONFIG, FULL_CONFIG),
    (PLAN, FULL_PLAN),
    (RECORD_BEAD, FULL_RECORD),
    (RECORD_CONVOY, FULL_CONVOY_RECORD),
    (RECORD_TOWN, {"paused": True}),
]
