"""SPEC 5: pre-commit refuses the commit that would make a finding, not later ones."""

from __future__ import annotations

from gitconvoy.checks.compare import new_problems
from gitconvoy.errors import Problem


def problem(code: str, *ids: str, severity: str = "error", line: int = 0, message: str = "m") -> Problem:
    return Problem("a.yaml", code, message, severity=severity, line=line, ids=ids)


def test_what_stood_before_is_not_new_wherever_it_stands_now() -> None:
    before = [problem("dangling", "gt-a", "gt-x", line=3)]
    after = [problem("dangling", "gt-a", "gt-x", line=9, message="other words"), problem("dangling", "gt-b", "gt-x")]
    assert new_problems(before, after) == after[1:]


def test_without_ids_path_and_message_count() -> None:
    before = [problem("schema", line=3)]
    assert new_problems(before, [problem("schema", line=5)]) == []
    assert new_problems(before, [problem("schema", message="n")]) == [problem("schema", message="n")]


def test_a_warning_that_becomes_an_error_is_new_and_the_other_way_round_is_not() -> None:
    warning, error = problem("cycle", "gt-a", "gt-b", severity="warning"), problem("cycle", "gt-a", "gt-b")
    assert new_problems([warning], [error]) == [error]
    assert new_problems([error], [warning]) == []


def test_a_cycle_within_a_larger_one_that_stood_before_was_not_made() -> None:
    large, small = problem("cycle", "gt-a", "gt-b", "gt-c"), problem("cycle", "gt-a", "gt-b")
    assert new_problems([large], [small]) == []
    assert new_problems([small], [large]) == [large]


def test_an_imported_cycle_does_not_excuse_a_smaller_one_made_by_hand() -> None:
    large = problem("cycle", "gt-a", "gt-b", "gt-c", severity="warning")
    small = problem("cycle", "gt-a", "gt-b")
    assert new_problems([large], [small]) == [small]


def test_codes_are_kept_apart() -> None:
    after = [problem("parent-cycle", "gt-a", "gt-b")]
    assert new_problems([problem("cycle", "gt-a", "gt-b", "gt-c")], after) == after
