"""A plan plane in memory for tests of import and export: files by path, read as the store reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.interop.exporter import export_plan
from gitconvoy.interop.importer import plan_import
from gitconvoy.interop.report import ImportPlan, Wishes
from gitconvoy.model.kinds import CONFIG_PATH
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Plan
from gitconvoy.store.build import build
from gitconvoy.store.reading import Source
from gitconvoy.yamlio.reader import load

FILE = "issues.jsonl"


@dataclass
class Town:
    """The files of a repository's `.convoy/`."""

    files: dict[str, bytes] = field(default_factory=lambda: {CONFIG_PATH: b"format: 1\n"})

    _read: tuple[dict[str, bytes], Plan] | None = None

    def plan(self) -> Plan:
        """What the files say; read anew only where they changed."""
        if self._read is None or self._read[0] != self.files:
            plan = build(Source(path, "", partial(self.files.__getitem__, path)) for path in self.files)
            self._read = (dict(self.files), plan)
        return self._read[1]

    def data(self, path: str) -> dict[str, Any]:
        return load(self.files[path], path)

    def bead(self, bead_id: str) -> dict[str, Any]:
        bead = self.plan().bead(bead_id)
        assert bead is not None
        return dict(bead.data)

    def convoy(self, convoy_id: str) -> dict[str, Any]:
        return dict(self.plan().convoys[convoy_id].data)

    def bring(self, lines: Iterable[bytes], source: str = f".beads/{FILE}", wishes: Wishes | None = None) -> ImportPlan:
        """Import lines and apply the result, which must be the plan that it tells."""
        found = plan_import(lines, self.plan(), self.data(CONFIG_PATH), self.files, source, wishes=wishes)
        for path, content in found.files.items():
            if content is None:
                del self.files[path]
            else:
                self.files[path] = content
        read = self.plan()
        told = (found.plan.beads, found.plan.archive, found.plan.convoys, found.plan.config)
        assert told == (read.beads, read.archive, read.convoys, read.config)
        return found

    def export(self) -> list[bytes]:
        return list(export_plan(self.plan()).lines)

    def edit(self, bead_id: str, old: str, new: str) -> None:
        """A person changes a bead's file in an editor."""
        bead = self.plan().bead(bead_id)
        assert bead is not None
        text = self.files[bead.path].decode()
        assert old in text
        self.files[bead.path] = text.replace(old, new, 1).encode()

    def complaints(self) -> list[str]:
        """All that reading (with the schemas) finds, and what the checks of a plan call errors."""
        plan = self.plan()
        found = [problem.text() for problem in plan.problems]
        found += [problem.text() for problem in check_plan(plan, Ledger()) if problem.severity == "error"]
        return found


def line(record: Mapping[str, Any]) -> bytes:
    """A record as the usual tool writes it."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}).encode() + b"\n"


def issue(own: str, **fields: Any) -> dict[str, Any]:
    """A record with the keys that every era writes, in the usual order."""
    head = {"id": own, "title": f"Title of {own}", "status": "open", "priority": 2, "issue_type": "task"}
    return {**head, "created_at": "2025-11-26T22:13:53Z", "updated_at": "2025-11-26T22:13:53Z", **fields}


def link(own: str, target: str, kind: str = "blocks") -> dict[str, str]:
    """A dependency as the usual tool writes it."""
    made = {"created_at": "2025-11-26T22:13:53.123456-08:00", "created_by": "ann"}
    return {"issue_id": own, "depends_on_id": target, "type": kind, **made}
