"""`kill`: end a worker, or all of this machine (SPEC 7, the kill switch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import note, say
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.attempts.killing import Killed


@command("kill", "gitconvoy kill gt-x7k2p --reason 'it deletes the tests'\ngitconvoy kill --all")
@click.argument("bead", required=False)
@click.option("--all", "everything", is_flag=True, help="Pause the town and end every worker that runs here.")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def kill(app: App, bead: str | None, everything: bool, reason: str) -> int:
    """End a bead's worker, and all processes that it started.

    That counts as a failure: the bead is tried again after a while. With --all nothing counts, the town is paused, and
    what ran is dispatched again after `gitconvoy resume --all`. Branches stay, and worktrees that hold something.
    """
    from gitconvoy.engine.attempts import killing

    if (bead is None) != everything:
        raise UsageError("kill what?", hint="gitconvoy kill BEAD, or gitconvoy kill --all", code="nothing-named")
    killed = killing.kill_all(app.town(), reason) if bead is None else killing.kill(app.town(), bead, reason)
    code = told.answer(app, killed.outcome, lambda: _tell(killed, everything), **_data(killed, bead))
    return code if killed.ended else Exit.PARTLY


def _data(killed: Killed, bead: str | None) -> dict[str, Any]:
    return {
        "bead": bead,
        "killed": [
            {"bead": each.bead, "worker": each.worker, "attempt": each.attempt} for each in killed.outcome.value
        ],
        "ended": killed.ended,
        "kept": list(killed.kept),
        "elsewhere": list(killed.elsewhere),
    }


def _tell(killed: Killed, everything: bool) -> None:
    if everything:
        say("everything is paused; gitconvoy resume --all lets it go on", "yellow")
    for event in killed.outcome.value:
        say(f"killed attempt {event.attempt} of {event.bead} ({event.worker})", "green")
    told.tell(killed.outcome, but=("kill", "unsling", "pause"))
    if not killed.ended:
        note("some processes could not be ended; gitconvoy doctor names what is left")
    for line in killed.kept:
        note(line)
    if killed.elsewhere:
        note(f"no process of these was started here: {', '.join(killed.elsewhere)}")
