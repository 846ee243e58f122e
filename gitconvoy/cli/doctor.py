"""`doctor`: what is not as it should be on this machine, and what mends it (SPEC 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say
from gitconvoy.errors import Exit

if TYPE_CHECKING:
    from gitconvoy.engine.attempts.doctoring import Finding

_STYLES = {"error": "red", "warning": "yellow", "note": None}


@command("doctor", "gitconvoy doctor\ngitconvoy doctor --fix")
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
def doctor(app: App, fix: bool) -> int:
    """Look at worktrees, folders, processes and leases of attempts on this machine.

    Each finding says what was seen, what should be, why, and which command helps. Work is never thrown away.
    """
    from gitconvoy.engine.attempts.doctoring import ERROR, NOTE, examine

    found = examine(app.town(), fix=fix)
    left = [each for each in found if not each.fixed and each.severity != NOTE]
    data = {"ok": not left, "findings": [each.as_dict() for each in found]}
    emit(app, data, lambda: _tell(found))
    return Exit.REFUSED if any(each.severity == ERROR for each in left) else Exit.OK


def _tell(found: list[Finding]) -> None:
    for each in found:
        mark = "mended" if each.fixed else each.severity
        say(f"{mark}: {each.subject}: {each.observed}", "green" if each.fixed else _STYLES[each.severity])
        if each.fixed:
            continue
        say(f"  expected: {each.expected}")
        say(f"  because:  {each.why}")
        for line in each.commands:
            say(f"  $ {line}")
    if not found:
        say("all is as it should be", "green")
