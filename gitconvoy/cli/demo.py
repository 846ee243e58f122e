"""`gitconvoy demo`: the main job in a temporary repository."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.output import emit, note, say
from gitconvoy.errors import UsageError


@command("demo", "gitconvoy demo\ngitconvoy demo --keep shop-demo")
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Play in DIR (new or empty) and leave it.")
def demo(app: App, keep: Path | None) -> None:
    """Watch the main job end to end: two rigs, 15 beads in 5 waves, a gate, a retry, real workers, real commits.

    Needs nothing but git; under a minute. Exit code 0 only if every step held.
    """
    from gitconvoy.demo.play import play

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty", hint="name a new folder", code="not-empty")
    root = Path(tempfile.mkdtemp(prefix="gitconvoy-demo-")) if keep is None else keep.absolute()
    root.mkdir(parents=True, exist_ok=True)
    try:
        play(root, note if app.json else say)
    finally:
        if keep is None:
            shutil.rmtree(root, ignore_errors=True)
    emit(app, {"ok": True, "kept": str(root) if keep else None}, lambda: _end(root if keep else None))


def _end(kept: Path | None) -> None:
    say("")
    say("Every step held.", "green")
    if kept is not None:
        say(f"Look around in {kept}")
