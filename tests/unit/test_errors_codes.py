"""Every error has a code and a hint, and docs/errors.md lists each code: what is in the source is there, no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sourcecodes

DOC = Path(__file__).parents[2] / "docs" / "errors.md"
DYNAMIC = {"staged-warnings"}
"""Codes that are put together elsewhere."""
MAYBE_WITHOUT = frozenset({"yamlio/complaints.py", "planning/desk.py"})
"""Where BadFiles gathers problems that have codes of their own."""


def tables() -> dict[str, dict[str, tuple[str, ...]]]:
    """Heading -> code -> exit, when, what to do."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    heading = ""
    for line in DOC.read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        row = re.fullmatch(r"\| `([a-z-]+)` \| (.+) \|", line)
        if row:
            rows = found.setdefault(heading, {})
            assert row[1] not in rows, f"{row[1]} twice"
            rows[row[1]] = tuple(row[2].split(" | "))
    return found


def test_every_error_has_a_code_of_its_own() -> None:
    without = [
        f"{each.place}: {each.name}({each.message})"
        for each in sourcecodes.raised()
        if each.code is None
        and each.name not in sourcecodes.OWN_CODE
        and each.place.partition(":")[0] not in MAYBE_WITHOUT
    ]
    assert without == []


def test_every_error_says_what_to_do() -> None:
    without = [f"{each.place}: {each.name}({each.message})" for each in sourcecodes.raised() if not each.hinted]
    assert without == []


def test_codes_are_written_alike() -> None:
    codes = {*sourcecodes.error_codes(), *sourcecodes.problem_codes() - {"unknown-{key}"}, *sourcecodes.categories()}
    assert [code for code in sorted(codes) if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []
    assert "refused" not in codes


def test_messages_are_written_as_git_writes_them() -> None:
    """Lower case, no full stop at the end."""
    odd = []
    for each in sourcecodes.raised():
        text = each.message.removeprefix("f").strip("'\"")
        if re.match(r"[A-Z][a-z]", text) or (
            re.search(r"[^.]\.['\"]?$", each.message) and "{" not in each.message[-3:]
        ):
            odd.append(f"{each.place}: {each.message}")
    assert odd == []


@pytest.mark.parametrize(
    "heading", ["Errors of commands", "Rules of readiness", "Findings of stage", "Problems of files"]
)
def test_each_code_is_in_the_table_and_the_other_way_round(heading: str) -> None:
    wanted = {
        "Errors of commands": {*sourcecodes.error_codes(), *DYNAMIC},
        "Rules of readiness": sourcecodes.rules(),
        "Findings of stage": sourcecodes.categories(),
        "Problems of files": {*sourcecodes.problem_codes(), "unknown-type", "unknown-status"} - {"unknown-{key}"},
    }[heading]
    listed = set(tables()[heading])
    assert (sorted(wanted - listed), sorted(listed - wanted)) == ([], [])


def test_the_tables_name_the_exit_codes() -> None:
    rows = tables()["Errors of commands"]
    wrong = {
        code: exits
        for code, exits in sourcecodes.error_codes().items()
        if {int(number) for number in rows[code][0].split(", ")} != exits
    }
    assert wrong == {}


def test_each_row_says_when_and_what_to_do() -> None:
    for rows in tables().values():
        for code, row in rows.items():
            assert len(row) == 3, code
            assert all(row), code


def test_what_main_tells_by_itself_is_listed() -> None:
    assert sourcecodes.told_codes() >= {"usage", "bug", "answer-lost"}
    assert sourcecodes.told_codes() <= set(tables()["Errors of commands"])


def test_codes_that_are_put_together_elsewhere_are_there() -> None:
    text = "".join(file.read_text() for file in sourcecodes.ROOT.rglob("*.py"))
    assert all(f'"{code}"' in text for code in DYNAMIC)
