"""docs/git-states.md and the tests that prove it cannot drift apart."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "git-states.md"
PROOF = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names_in(file: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_row_names_a_test_that_exists() -> None:
    head, rule, *body = rows()
    assert head == ["what you do", "what happens", "why that is right", "proof"]
    assert set(rule) == {"---"}
    assert len(body) > 80
    for row in body:
        assert len(row) == 4
        assert all(row), row
        found = PROOF.fullmatch(row[3])
        assert found, f"no proof: {row}"
        assert found[2] in names_in(TESTS / found[1]), f"there is no {row[3]}"


def test_every_test_of_states_is_in_the_table() -> None:
    named = set(PROOF.findall(PAGE.read_text(encoding="utf-8")))
    files = {*TESTS.glob("e2e/test_states_*.py"), TESTS / "e2e/test_git_states.py"} - {Path(__file__)}
    there = {(f"e2e/{file.name}", name) for file in files for name in names_in(file)}
    assert there - named == set()
