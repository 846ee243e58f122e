"""What a hook has to say, and what its hooks leave for each other."""

from __future__ import annotations

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Exit, Problem

REPAIR = "gitconvoy-repair"
"""In the git directory of a worktree: paths that pre-commit put into a commit whose index git then threw away."""


@dataclass(frozen=True, slots=True)
class HookResult:
    """The hook's exit code and what it tells on stderr, in order."""

    code: int = Exit.OK
    problems: tuple[Problem, ...] = ()
    lines: tuple[str, ...] = ()
