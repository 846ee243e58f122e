"""How answers look: one JSON object for programs; tables, colour and plain lines for people (SPEC 8)."""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gitconvoy.model.text import safe as safe
from gitconvoy.model.text import safe_line as safe_line

if TYPE_CHECKING:
    from rich.console import Console

    from gitconvoy.cli.app import App

_lost: list[OSError] = []
"""Why parts of the answer could not be written, since `lost_answer` was last asked."""


def open_streams() -> None:
    """Standard streams that were closed by the caller (`>&-`) lead nowhere.

    Left closed, their numbers would be given to the next files that are opened, and children would write into those.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            found = os.open(os.devnull, os.O_RDWR)
            if found != number:
                os.dup2(found, number)
                os.close(found)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a character it has not is no reason to fail


def write(text: str, *, err: bool = False, nl: bool = True) -> bool:
    """Write to stdout or stderr; whether somebody may still read it.

    Never raises: a command that is at work ends its work, whoever reads of it. That the reader has gone (a closed
    pipe) is no failure; another one on stdout is kept for `lost_answer`.
    """
    try:
        stream = sys.stderr if err else sys.stdout
        stream.write(f"{text}\n" if nl else text)
        stream.flush()
    except OSError as error:
        _unwritable(error, sys.stderr if err else sys.stdout)
        return False
    return True


def write_bytes(content: bytes) -> None:
    """Write a file's bytes to stdout as they are, whatever its encoding; as `write` otherwise."""
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        write(content.decode("utf-8"), nl=False)
        return
    try:
        sys.stdout.flush()
        stream.write(content)
        stream.flush()
    except OSError as error:
        _unwritable(error, sys.stdout)


def _unwritable(error: OSError, stream: Any) -> None:
    if stream is sys.stdout and not isinstance(error, BrokenPipeError):
        _lost.append(error)
    discard(stream)


def discard(stream: Any) -> None:
    """Let all that is still written to a standard stream vanish, what its buffer holds too."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not one of the operating system's: nothing of it is left to be written
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def lost_answer() -> OSError | None:
    """Why the answer could not be written, or None; asked once, at the end of a command."""
    first = _lost[0] if _lost else None
    _lost.clear()
    return first


def emit(app: App, data: dict[str, Any], text: Callable[[], object]) -> None:
    """Answer: the object with `--json`, else whatever `text` prints."""
    if app.json:
        write(as_json({"schema_version": 1, **data}, indent=2 if sys.stdout.isatty() else None))
    else:
        text()


def emit_rows(
    app: App, name: str, rows: Iterator[dict[str, Any]], text: Callable[[Iterator[dict[str, Any]]], None]
) -> None:
    """Answer rows, of which there may be very many: `{name: [row, ...]}` with `--json`, as `emit` writes it.

    They are read one by one. With `--json` all of them are read before the first is written: where one cannot be
    had, nobody gets half of an object.
    """
    if not app.json:
        text(rows)
        return
    indent, margin = (2, "\n    ") if sys.stdout.isatty() else (None, " ")
    told = [_dumped(row, indent).replace("\n", margin) for row in rows]
    if not told:
        emit(app, {name: []}, lambda: None)
        return
    head, tail = _dumped({"schema_version": 1, name: ["row"]}, indent).split('"row"')
    write(_printable(f"{head}{f',{margin}'.join(told)}{tail}"))


def as_json(data: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON that every reader takes; ASCII alone where stdout takes no more, or where a text is no UTF-8."""
    return _printable(_dumped(data, indent))


def _dumped(data: Mapping[str, Any], indent: int | None) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data), ensure_ascii=False, indent=indent, allow_nan=False)


def _printable(text: str) -> str:
    """JSON as stdout takes it: only within its strings are there characters beyond ASCII."""
    if text.isascii():
        return text
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return re.sub(r"[^\x00-\x7f]+", lambda found: json.dumps(found[0])[1:-1], text)
    return text


def _finite(value: Any) -> Any:
    # JSON has no infinite numbers. They become the text that stands for them in YAML, as null would hide what a file
    # says: ".nan", ".inf", "-.inf". Only metadata and keys of one's own can hold them.
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def say(line: str = "", style: str | None = None) -> bool:
    """One line for people; `style` is a click colour, used on terminals only. Whether somebody may still read it."""
    if style and colour(sys.stdout):
        import click  # hooks write without it

        return write(click.style(safe(line), fg=style))
    return write(safe(line))


def note(line: str) -> None:
    """A line beside the answer, on stderr."""
    write(safe(line), err=True)


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
        write("\n".join("\t".join(row) for row in listed))  # at once: each write takes longer than its row
        return
    from rich.table import Table

    styled = colour(sys.stdout)  # without it no bold either: a plain terminal gets no escape at all
    made = Table(box=None, pad_edge=False, header_style="bold" if styled else "", show_edge=False)
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in listed:
        made.add_row(*(_plain(cell) for cell in row), style=styles(row) if styles and styled else None)
    try:
        console().print(made)
    except OSError as error:
        _unwritable(error, sys.stdout)


def _plain(cell: str) -> Any:
    from rich.text import Text

    return Text(cell)


def console() -> Console:
    """The terminal for tables and progress."""
    from rich.console import Console

    return Console(no_color=not colour(sys.stdout), highlight=False, soft_wrap=False)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr where that is a terminal: a function that is told (done, total); None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task: Any = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
