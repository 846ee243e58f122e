"""What `doctor` finds, for tests."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

from townfixtures import TownHelper

Row = dict[str, Any]


def rows(here: TownHelper, *words: str, code: int = 0) -> list[Row]:
    """All findings; each says all that it has to."""
    found: list[Row] = here.json("doctor", *words, code=code)["findings"]
    for row in found:
        assert all(row[name] for name in ("check", "subject", "observed", "expected", "why", "commands")), row
        assert row["severity"] in ("error", "warning", "note")
    return found


def what_is_left(answer: Mapping[str, Any]) -> list[Row]:
    """The findings of an answer, but that no hooks are installed, as is usual in tests."""
    return [row for row in answer["findings"] if row["check"] != "hooks"]


def of(here: TownHelper, check: str, *words: str, code: int = 0) -> list[tuple[str, str, bool]]:
    """(severity, subject, fixed) of what one check finds."""
    found = rows(here, *words, code=code)
    return [(row["severity"], row["subject"], row["fixed"]) for row in found if row["check"] == check]


def only(here: TownHelper, check: str, *words: str, code: int = 0) -> Row:
    """The one finding of a check."""
    found = [row for row in rows(here, *words, code=code) if row["check"] == check]
    assert len(found) == 1, found
    return found[0]


def follow(here: TownHelper, row: Row, *numbers: int) -> None:
    """Do what a finding says (all of its commands, or those with these numbers): git and plain commands only."""
    for number, line in enumerate(row["commands"]):
        if not numbers or number in numbers:
            subprocess.run(shlex.split(line), cwd=here.path, check=True, capture_output=True)
