"""Golden cases: `tests/cases/import/<case>/input.jsonl` becomes the files and the report beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interop_help import Town

CASES = Path(__file__).parent.parent / "cases" / "import"


def cases() -> list[Path]:
    return sorted(path.parent for path in CASES.glob("*/input.jsonl"))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_import_gives_the_expected_files_and_report(case: Path) -> None:
    raw = (case / "input.jsonl").read_bytes()
    town = Town()
    found = town.bring(raw.splitlines(keepends=True))
    expected = {
        file.relative_to(case / "expected").as_posix(): file.read_text() for file in (case / "expected").rglob("*.yaml")
    }
    assert {path.removeprefix(".convoy/"): content.decode() for path, content in town.files.items()} == expected
    report = {
        "created": found.created,
        "tombstones": found.tombstones,
        "kept_links": dict(found.kept_links),
        "kept_whole": found.kept_whole,
        "warnings": list(found.warnings),
    }
    assert report == json.loads((case / "report.json").read_text())
    assert town.complaints() == []
    assert b"".join(town.export()) == raw


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_importing_again_changes_nothing(case: Path) -> None:
    lines = (case / "input.jsonl").read_bytes().splitlines(keepends=True)
    town = Town()
    first = town.bring(lines)
    again = town.bring(lines)
    assert again.files == {}
    assert (again.created, again.updated) == (0, 0)
    assert (again.unchanged, again.tombstones) == (first.created, first.tombstones)
