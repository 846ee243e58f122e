"""How answers look: one JSON object for programs; tables, colour and plain lines for people (SPEC 8)."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from gitconvoy.cli.app import App

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def safe(text: object) -> str:
    """Text for a terminal: control and bidi characters become visible escapes, so that none acts."""
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", str(text))


def safe_line(text: object) -> str:
    """As `safe`, and on one line."""
    return safe(text).replace("\n", "\\n").replace("\t", " ")


def emit(app: App, data: dict[str, Any], text: Callable[[], None]) -> None:
    """Answer: the object with `--json`, else whatever `text` prints."""
    if app.json:
        click.echo(
            json.dumps({"schema_version": 1, **data}, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
        )
    else:
        text()


def say(line: str = "", style: str | None = None) -> None:
    """One line for people; `style` is a click colour, used on terminals only."""
    click.echo(click.style(safe(line), fg=style) if style and colour(sys.stdout) else safe(line))


def note(line: str) -> None:
    """A line beside the answer, on stderr."""
    click.echo(safe(line), err=True)


def colour(stream: Any) -> bool:
    """Whether a stream is a terminal that wants colour."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], styles: Callable[[Sequence[object]], str] | None = None
) -> None:
    """A table: aligned columns with a head on terminals, tab-separated lines without one elsewhere."""
    listed = [[safe_line(cell if cell is not None else "") for cell in row] for row in rows]
    if not listed:
        return
    if not sys.stdout.isatty():
        for row in listed:
            click.echo("\t".join(row))
        return
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in listed:
        made.add_row(*(_plain(cell) for cell in row), style=styles(row) if styles else None)
    console().print(made)


def _plain(cell: str) -> Any:
    from rich.text import Text

    return Text(cell)


def console() -> Console:
    """The terminal for tables and progress."""
    from rich.console import Console

    return Console(no_color=not colour(sys.stdout), highlight=False, soft_wrap=False)
