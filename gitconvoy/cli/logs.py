"""`logs`: what a bead's worker printed (SPEC 7, 8)."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, safe, write
from gitconvoy.cli.reading import moment
from gitconvoy.errors import NotFound, UsageError

if TYPE_CHECKING:
    from gitconvoy.dispatch.attempts import AttemptFolder
    from gitconvoy.engine.town import Town

_LOOK = 0.5


@command("logs", "gitconvoy logs gt-x7k2p\ngitconvoy logs gt-x7k2p --attempt 1\ngitconvoy logs gt-x7k2p -f")
@click.argument("bead")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Another attempt than the last one.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends.")
def logs(app: App, bead: str, attempt: int | None, follow: bool) -> None:
    """Show what a bead's worker printed, on the machine where it ran.

    Of very long output the beginning and the newest part are kept: git config gitconvoy.logLimit (10m).
    """
    from gitconvoy.dispatch.attempts import attempt_folder
    from gitconvoy.dispatch.logs import text
    from gitconvoy.reports.ids import find_bead

    found = moment(app, aside=False)
    town = app.town()
    bead_id = find_bead(found.plan, bead)
    last = found.view.ledger.bead(bead_id)
    number = attempt or last.attempt
    folder = attempt_folder(town.common_dir, bead_id, number)
    waits = follow and last.in_flight and last.attempt == number and folder.job.exists()
    if not number or not (folder.log.exists() or waits):
        hint = f"gitconvoy why {bead_id} says what happened; only started workers have a log, where they ran"
        raise NotFound(f"there is no log of {f'attempt {number} of ' if number else ''}{bead_id} here", hint=hint)
    if app.json:
        if follow:
            raise UsageError(
                "--json and --follow do not go together", hint="leave one of them out", code="options-clash"
            )
        data = {"bead": bead_id, "attempt": number, "file": str(folder.log), "log": text(folder.log)}
        emit(app, data, lambda: None)
        return
    for part in _parts(folder, town, bead_id, number, follow):
        if not write(safe(part), nl=False):
            return  # nobody reads on, and following an attempt may take hours
    if last.attempt != number:
        note(f"that was attempt {number}; the last one is {last.attempt}")


def _parts(folder: AttemptFolder, town: Town, bead: str, attempt: int, follow: bool) -> Iterator[str]:
    """The log in pieces; with `follow` until the attempt has ended and everything is read."""
    from gitconvoy.dispatch.logs import Reader

    reader = Reader(folder.log)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        over = not follow or _over(folder, town, bead, attempt)
        for chunk in reader.read():
            yield decoder.decode(chunk)
        if over:
            yield decoder.decode(b"", True)
            return
        time.sleep(_LOOK)


def _over(folder: AttemptFolder, town: Town, bead: str, attempt: int) -> bool:
    """Whether nothing more is to come: the attempt has ended, and its supervisor with it."""
    from gitconvoy.dispatch.attempts import supervised

    record = town.ledger().bead(bead)
    return not (record.in_flight and record.attempt == attempt) and not supervised(folder)
