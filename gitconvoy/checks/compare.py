"""Which findings a change makes: what stood before is not its fault (SPEC 5, 6)."""

from __future__ import annotations

from collections.abc import Sequence

from gitconvoy.errors import Problem

_CYCLES = frozenset({"cycle", "parent-cycle"})

_Key = tuple[str, ...]


def _key(problem: Problem) -> _Key:
    """What a finding is about. Lines move and messages change with every edit, so ids count where there are any."""
    if problem.ids:
        return (problem.code, *problem.ids)
    return (problem.code, problem.path, problem.message)


def new_problems(before: Sequence[Problem], after: Sequence[Problem]) -> list[Problem]:
    """The problems of `after` that a change makes, in their order.

    A finding is new where none of the same code about the same ids stood before, or where it was a warning and is an
    error now (a link that stood as imported was changed). A cycle within a cycle that stood before is none: who cuts
    one link of a large cycle leaves smaller ones behind, and made none of them.
    """
    errors = {_key(problem) for problem in before if problem.severity == "error"}
    known = errors | {_key(problem) for problem in before}
    cycles: dict[str, list[Problem]] = {}
    for problem in before:
        if problem.code in _CYCLES:
            for bead_id in problem.ids:
                cycles.setdefault(bead_id, []).append(problem)

    def stood(problem: Problem) -> bool:
        if _key(problem) in (errors if problem.severity == "error" else known):
            return True
        if problem.code not in _CYCLES or not problem.ids:
            return False
        return any(
            old.code == problem.code and set(problem.ids) < set(old.ids) and _as_severe(old, problem)
            for old in cycles.get(problem.ids[0], ())
        )

    return [problem for problem in after if not stood(problem)]


def _as_severe(old: Problem, new: Problem) -> bool:
    return old.severity == "error" or new.severity != "error"
