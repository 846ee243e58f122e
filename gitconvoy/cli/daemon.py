"""`daemon`: scan in a loop (SPEC 7, 8)."""

from __future__ import annotations

import signal
from threading import Event
from typing import TYPE_CHECKING

import click

from gitconvoy.cli import outcome as told
from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import Exit, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.rounds import Scanned
    from gitconvoy.errors import ConvoyError


@command("daemon", "gitconvoy daemon\ngitconvoy daemon --interval 5m")
@click.option("--interval", default="1m", show_default=True, metavar="TIME", help="Scan this often at least.")
@click.option("--once", is_flag=True, help="End after one scan that went well, however many tries it takes.")
def daemon(app: App, interval: str, once: bool) -> int:
    """Scan in a loop: when trunk or ledger moved, when something is due, and every interval.

    Nobody needs it: hooks, commands and the scans that they leave behind do the same. It helps where no hooks run (a
    server's bare repository). SIGTERM, SIGINT and SIGHUP end it between two scans, with exit code 0. After an error it
    waits 5 s, then twice as long each time, up to 10 minutes. With --json it prints one object for each scan in which
    something happened.
    """
    from gitconvoy.engine.rounds import Daemon
    from gitconvoy.model.clock import parse_duration

    try:
        seconds = parse_duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}", hint="for example 1m", code="bad-duration") from None
    if seconds < 1:
        raise UsageError("--interval is shorter than a second", hint="for example 1m", code="bad-duration")
    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: stop.set())
    Daemon(app.directory, app.actor, seconds, stop, lambda scanned: _tell(app, scanned), _complain).run(once=once)
    return Exit.OK


def _tell(app: App, scanned: Scanned) -> None:
    if not (scanned.outcome.events or scanned.outcome.failed or scanned.removed):
        return
    data = {**told.as_data(scanned.outcome), "removed": scanned.removed, "kept": scanned.kept}
    emit(app, data, lambda: _lines(scanned))


def _lines(scanned: Scanned) -> None:
    told.tell(scanned.outcome)
    for bead, reason in scanned.outcome.failed:
        note(f"{bead} {reason}")
    for path in scanned.removed:
        say(f"removed the worktree {path}")


def _complain(error: ConvoyError | OSError, wait: float) -> None:
    hint = getattr(error, "hint", "")
    note(f"error: {error}{f' ({hint})' if hint else ''}; tried again in {wait:g} s")
