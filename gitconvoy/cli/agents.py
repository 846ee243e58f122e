"""`prime` and `onboard`: what an agent reads (SPEC 8)."""

from __future__ import annotations

import os

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, say
from gitconvoy.cli.reading import moment


@command("prime", "gitconvoy prime\ngitconvoy --actor gastown/nux prime")
@click.argument("bead", envvar="GITCONVOY_BEAD", required=False)
def prime(app: App, bead: str | None) -> None:
    """Say in under 60 lines what your bead is, what to read, and how to finish: BEAD, else those that you hold."""
    from gitconvoy.reports.ids import find_bead
    from gitconvoy.reports.prime import attempts_of, lines

    found = moment(app)
    actor = app.town().actor
    gone = bead is not None and bead in found.view.ledger.beads
    bead_id = bead if bead is None or gone else find_bead(found.plan, bead)
    records = attempts_of(found.view, actor, bead_id)
    text = lines(found.view, actor, records, os.environ)
    data = {"actor": actor, "beads": [record.id for record in records], "text": "\n".join(text)}
    emit(app, data, lambda: say("\n".join(text)))


@command("onboard", "gitconvoy onboard\ngitconvoy onboard >> AGENTS.md")
def onboard(app: App) -> None:
    """Print a snippet for AGENTS.md that tells agents how work is done here. No file is touched."""
    from gitconvoy.reports.prime import ONBOARD

    emit(app, {"file": "AGENTS.md", "text": ONBOARD}, lambda: say(ONBOARD.rstrip("\n")))
