"""`gitconvoy tidy`: the ledger's facts into the files, as one ordinary commit (SPEC 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import answer, carry_out, no_commit_option
from gitconvoy.cli.output import note

if TYPE_CHECKING:
    from gitconvoy.planning.desk import Changes, Desk
    from gitconvoy.planning.tidy_edits import Tidied


@command("tidy", "gitconvoy tidy\ngitconvoy tidy --archive")
@click.option("--archive", is_flag=True, help="Also move closed beads that nothing unfinished holds to the archive.")
@no_commit_option
def tidy(app: App, archive: bool, no_commit: bool) -> None:
    """Write what the ledger knows into the files: beads and convoys that it closed; renew stale plan files.

    One ordinary commit on the branch that is checked out; on a topic branch it can go through a pull request.
    """
    from gitconvoy.engine.plans.tidying import closing_times
    from gitconvoy.planning.tidy_edits import facts_to_write
    from gitconvoy.planning.tidy_edits import tidy as tidied

    made: list[Tidied] = []

    def edit(desk: Desk) -> Changes:
        if desk.ledger is None:
            note("there is no ledger at hand, so there are no facts to write")
        made[:] = [tidied(desk, closing_times(app.town(), *facts_to_write(desk)), archive=archive)]
        return made[0].changes

    done = carry_out(app, edit, no_commit)
    plans = [path for path in done.changes.files if path.startswith(".convoy/plans/")]
    counts = {"beads": made[0].beads, "convoys": made[0].convoys, "archived": made[0].archived, "plans": tuple(plans)}
    told = [f"{len(ids)} {what}" for what, ids in counts.items() if ids]
    answer(app, done, f"tidied {', '.join(told)}" if told else "all is tidy", **_lists(counts))


def _lists(counts: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {what: list(ids) for what, ids in counts.items()}
