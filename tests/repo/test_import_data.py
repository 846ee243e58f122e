"""Whole histories of real projects: import, schema, export, import again. Skipped where the data is not at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from interop_help import Town

from gitconvoy.model.kinds import CONFIG_PATH

FOLDER = Path(os.environ.get("GITCONVOY_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
FILES = ("fastapi-todo", "gastown", "wire-copy")


@pytest.mark.parametrize("name", FILES)
def test_real_history_survives_the_round_trip(name: str) -> None:
    source = FOLDER / f"{name}.jsonl"
    if not source.is_file():
        pytest.skip("no data at hand")
    raw = source.read_bytes()
    lines = raw.splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    gone = {record["id"] for record in records if record["status"] == "tombstone"}
    town = Town()
    found = town.bring(lines, f".beads/{name}.jsonl")
    plan = town.plan()

    assert (found.created, found.tombstones, found.kept_whole) == (len(lines) - len(gone), len(gone), 0)
    assert town.complaints() == []
    assert set(plan.archive) == gone
    assert {bead.id for bead in plan.archive.values() if bead.tombstone} == gone
    assert plan.beads.keys() | plan.archive.keys() == {record["id"] for record in records}
    assert all(plan.config.rig_of(record["id"]) for record in records)
    assert len(plan.config.rigs) <= 2
    assert (town.data(CONFIG_PATH).get("layout") == "fanout") is (len(plan.beads) > 2000)
    for record in records:
        bead = plan.bead(record["id"])
        assert bead is not None
        targets = {link["depends_on_id"] for link in record.get("dependencies", ())}
        assert targets == {link.target for link in bead.links} | ({bead.parent} if bead.parent else set())

    assert b"".join(town.export()) == raw
    before = dict(town.files)
    again = town.bring(lines, "elsewhere/copy.jsonl")
    assert (again.files, again.created, again.updated) == ({}, 0, 0)
    assert (again.unchanged, again.tombstones) == (found.created, found.tombstones)
    assert town.files == before
