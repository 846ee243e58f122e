"""`attach`, and what runs inside of tmux windows (SPEC 7)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note
from gitconvoy.cli.reading import moment
from gitconvoy.errors import ConvoyError


@command("attach", "gitconvoy attach gt-x7k2p\ngitconvoy attach gt-x7k2p --json")
@click.argument("bead", envvar="GITCONVOY_BEAD")
def attach(app: App, bead: str) -> None:
    """Show the tmux window of a bead's worker, on the machine where it runs. With --json: the command that does."""
    from gitconvoy.dispatch import tmux
    from gitconvoy.dispatch.attempts import attempt_folder
    from gitconvoy.reports.ids import find_bead

    found = moment(app, aside=False)
    bead_id = find_bead(found.plan, bead)
    number = found.view.ledger.bead(bead_id).attempt
    words = tmux.attach_command(attempt_folder(app.town().common_dir, bead_id, number).root, bead_id)
    data = {"bead": bead_id, "attempt": number, "command": words}
    emit(app, data, lambda: _become(words))


def _become(words: list[str]) -> None:
    """This process becomes tmux; inside of another tmux too, which would refuse without a word from us."""
    sys.stdout.flush()
    os.execve(words[0], words, {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")})  # noqa: S606


@command("run-in-window", "gitconvoy run-in-window .git/gitconvoy/attempts/gt-x7k2p-1", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def run_in_window(_app: App, folder: Path) -> int:
    """Become the worker of the attempt whose FOLDER this is."""
    from gitconvoy.dispatch.tmux import run_task

    try:
        run_task(folder)
    except (OSError, ConvoyError, ValueError, KeyError) as error:
        note(f"gitconvoy: the worker could not be started: {error}")
    return 127


@command("window-log", "gitconvoy window-log log 10485760 logged", hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("limit", type=int)
@click.argument("logged", type=click.Path(path_type=Path))
def window_log(_app: App, file: Path, limit: int, logged: Path) -> None:
    """Keep what a window prints, from standard input, in the bounded log FILE; LOGGED appears once that is all."""
    from gitconvoy.dispatch.logs import Log

    log = Log(file, limit)
    while data := os.read(sys.stdin.fileno(), 1 << 16):
        log.write(data)
    log.close()
    logged.touch()
