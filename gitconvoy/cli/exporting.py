"""`gitconvoy export`: the plan for the tools of beads, for spreadsheets, or as a drawing (SPEC 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconvoy.cli.app import App, command
from gitconvoy.cli.desk import standing
from gitconvoy.cli.output import emit, note, say, write_bytes
from gitconvoy.cli.reading import at_option, reading
from gitconvoy.errors import Refused, UsageError

if TYPE_CHECKING:
    from gitconvoy.engine.plans.exporting import Selection

FORMATS = ("jsonl", "csv", "dot", "mermaid")


@command("export", "gitconvoy export issues.jsonl\ngitconvoy export --epic gt-abcde --format mermaid")
@click.argument("file", required=False, default="-")
@click.option("--flavour", type=click.Choice(("bd", "br")), help="Whose form lines get that were never imported: bd.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="Of the file."
)
@click.option("--epic", metavar="EPIC", help="Only this epic and all that belongs to it.")
@click.option("--convoy", metavar="CONVOY", help="Only this convoy and the beads that it tracks.")
@click.option("--rigs", is_flag=True, help="Also beads that live in the repositories of rigs.")
@at_option
def export(
    app: App,
    file: str,
    flavour: str | None,
    form: str,
    epic: str | None,
    convoy: str | None,
    rigs: bool,
    at: str | None,
) -> None:
    """Write the plan, with what the ledger knows, to FILE; without one, or with -, to stdout.

    Beads JSONL holds every bead, archived ones and tombstones too, and the convoys. Lines that were imported and not
    changed since come back byte for byte, in their order. csv, dot and mermaid leave archived beads out, unless an
    epic or a convoy names them.
    """
    from gitconvoy.engine.plans import exporting
    from gitconvoy.reports.ids import find_bead, find_convoy

    if epic is not None and convoy is not None:
        raise UsageError("--epic and --convoy exclude each other", hint="give one of them", code="options-clash")
    if flavour is not None and form != FORMATS[0]:
        raise UsageError(f"--flavour says nothing about {form}", hint="leave it out", code="options-clash")
    state = reading(app, at)
    epic = find_bead(state.plan, epic) if epic is not None else None
    convoy = find_convoy(state.plan, convoy) if convoy is not None else None
    chosen = exporting.select(state, epic, convoy, rigs=rigs)
    content, counts = _jsonl(app, chosen, flavour or "bd") if form == FORMATS[0] else _other(chosen, form)
    data = {"format": form, "file": None if file == "-" else file, **counts}
    if file == "-":
        if app.json:
            emit(app, {**data, "content": content.decode("utf-8")}, say)
        else:
            write_bytes(content)
        return
    _put(file, content)
    what = f"{counts['records']} records" if form == FORMATS[0] else f"{counts['records']} beads"
    more = f" ({len(counts['changed'])} changed since their import, {len(counts['made'])} made here)"
    emit(app, data, lambda: say(f"{what} written to {file}{more if form == FORMATS[0] else ''}", "green"))


def _jsonl(app: App, chosen: Selection, flavour: str) -> tuple[bytes, dict[str, Any]]:
    from gitconvoy.engine.plans.exporting import export as exported
    from gitconvoy.interop.dialects import DIALECTS

    found = exported(app.town(), chosen, DIALECTS[flavour])
    counts = {"records": len(found.lines), "changed": list(found.changed), "made": list(found.made)}
    return b"".join(found.lines), counts


def _other(chosen: Selection, form: str) -> tuple[bytes, dict[str, Any]]:
    from gitconvoy.interop import diagrams, sheets

    beads = chosen.beads()
    if form == "csv":
        text = sheets.sheet(chosen.view, beads)
    else:
        drawn = diagrams.drawing(chosen.view, beads)
        text = diagrams.dot(drawn) if form == "dot" else diagrams.mermaid(drawn)
        if not beads:
            note("there is nothing to draw")
    return text.encode("utf-8", "replace"), {"records": len(beads)}


def _put(file: str, content: bytes) -> None:
    """Write the file at once, or leave it as it is where it holds the same."""
    from gitconvoy.store.localfiles import new_file_mode, write_atomically

    place = standing() / file
    if place.is_dir() or not place.parent.is_dir():
        where = "is a folder" if place.is_dir() else "lies in a folder that does not exist"
        raise Refused(f"{file} {where}", hint="name a file in a folder that exists", code="not-a-file")
    place = place.resolve()
    if not place.exists() or place.read_bytes() != content:
        mode = place.stat().st_mode & 0o777 if place.exists() else new_file_mode()
        write_atomically(place, content, mode)
