"""A change as Markdown for a review: tables, a picture of each convoy, and never longer than forges take (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.model.markdown_text import LONG, code, plain
from gitconvoy.review.mermaid import flowchart
from gitconvoy.review.words import convoy_lines, grouped, headline, link_type, values, wave_number

Row = Mapping[str, Any]
LIMIT = 60_000
"""Bytes at most: GitHub takes 65,536 characters in a comment, and whoever posts this may add a few lines."""


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of everything is shown; the steps from all that is useful to the least."""

    rows: int
    convoys: int
    pictures: bool


_STEPS = (_Room(60, 12, True), _Room(30, 6, True), _Room(15, 4, False), _Room(6, 2, False), _Room(2, 1, False))


def render(data: Row, limit: int = LIMIT) -> str:
    """The change (`compare`, with `base`, `head`, `merge`, `notes`) as Markdown of at most `limit` bytes.

    What does not fit is left out, and the end says so. Text of beads shows as it stands, and nothing in it acts.
    """
    for step, room in enumerate(_STEPS):
        text = _render(data, room, less=step > 0)
        if len(text.encode()) <= limit:
            return text
    return text.encode()[:limit].decode(errors="ignore").rpartition("\n")[0] + "\n\n*Cut off here.*\n"


def _render(data: Row, room: _Room, *, less: bool) -> str:
    parts = [
        f"### Plan: {headline(data)}",
        _about(data),
        _verdict(data),
        _findings(data, room),
        _work(data, room),
        *_convoys(data, room),
        _files(data, room),
    ]
    if less:
        parts.append("*This is not all: it would be too long for a comment. `gitconvoy diff` shows everything.*")
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(data: Row) -> str:
    merge, base = data["merge"], data["base"]
    if merge is None:
        merged = ""
    elif merge["commit"] in (base["commit"], data["head"]["commit"]):
        merged = ", merged into it"
    else:
        merged = f" and {_point(merge)}, both merged into it"
    notes = "".join(f" {plain(note[:1].upper() + note[1:], 200)}." for note in data["notes"])
    return f"From {_point(base)} to {_point(data['head'])}{merged}.{notes}"


def _point(point: Row) -> str:
    commit = f" ({point['commit'][:10]})" if point["commit"] and not point["commit"].startswith(point["rev"]) else ""
    return code(point["rev"][:10] if point["rev"] == point["commit"] else point["rev"]) + commit


def _verdict(data: Row) -> str:
    mended = [f"- {plain(row['message'], 160)} ({code(row['code'])})" for row in data["mended"][:5]]
    told = "\n".join(["It mends:", "", *mended]) if mended else ""
    more = len(data["mended"]) - len(mended)
    if more > 0:
        told += f"\n- and {more} more"
    if not data["findings"] and data["changed"]:
        return "Nothing new is wrong." + (f"\n\n{told}" if told else "")
    return told


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], most: int) -> str:
    """A table of escaped cells; what is beyond `most` rows is counted."""
    listed = list(rows)
    if not listed:
        return ""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in listed[:most]]
    more = f"\n\n*and {len(listed) - most} more*" if len(listed) > most else ""
    return "\n".join(lines) + more


def _section(title: str, *parts: str) -> str:
    inside = [part for part in parts if part]
    return "\n\n".join([f"#### {title}", *inside]) if inside else ""


def _folded(title: str, inside: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{inside}\n\n</details>" if inside else ""


def _findings(data: Row, room: _Room) -> str:
    rows = [
        (
            f"**{row['severity']}**",
            code(row["code"]),
            plain(row["message"], 240)
            + (" (neither side has it alone)" if row["together"] else "")
            + (f" *(and {more} more like it)*" if more else ""),
            _where(row),
            plain(row["hint"], 160),
        )
        for row, more in grouped(data["findings"])
    ]
    return _section("Findings", _table(("severity", "code", "finding", "where", "what to do"), rows, room.rows))


def _where(row: Row) -> str:
    if not row["path"]:
        return code(row["convoy"]) if row["convoy"] else ""
    return code(row["path"].removeprefix(".convoy/"), 70) + (f" line {row['line']}" if row["line"] else "")


def _work(data: Row, room: _Room) -> str:
    new = [row for row in data["dispatch"] if row["new"]]
    placed = {row["id"] for row in new}
    waiting = {row["id"]: row["reason"] for row in data["waiting"]}
    dispatched = _table(
        ("order", "bead", "title", "rig", "worker"),
        [
            (str(row["order"]), code(row["id"]), plain(row["title"]), code(row["rig"] or ""), code(row["worker"]))
            for row in new
        ],
        room.rows,
    )
    if dispatched:
        held = f" But {plain(data['held'], 160)}." if data["held"] else ""
        dispatched = f"Would be dispatched, in this order:{held}\n\n{dispatched}"
    ready = [row for row in data["ready"]["added"] if row["id"] not in placed]
    others = _table(
        ("bead", "title", "readiness"),
        [
            *((code(row["id"]), plain(row["title"]), _waits(row["id"], waiting)) for row in ready),
            *((code(row["id"]), plain(row["title"]), _no_more(row)) for row in data["ready"]["removed"]),
        ],
        room.rows,
    )
    attempts = _table(
        ("attempt", "worker", "what happens to it"),
        [
            (
                f"{code(row['bead'])} ({row['attempt']})",
                code(row["worker"] or ""),
                plain("; ".join(row["effects"]), 240),
            )
            for row in data["attempts"]
        ],
        room.rows,
    )
    running = f"Attempts in flight that it concerns:\n\n{attempts}" if attempts else ""
    return _section("On merge", dispatched, others, running)


def _waits(bead_id: str, waiting: Mapping[str, str]) -> str:
    return "becomes ready" + (f", no room yet: {plain(waiting[bead_id], 120)}" if bead_id in waiting else "")


def _no_more(row: Row) -> str:
    return "no longer ready" + (f": {plain(row['reason'], 160)}" if row["reason"] else "")


def _convoys(data: Row, room: _Room) -> list[str]:
    parts = [_convoy(row, room) for row in data["convoys"][: room.convoys]]
    rest = data["convoys"][room.convoys :]
    if rest:
        parts.append(f"*and {len(rest)} more convoys: {', '.join(code(row['id']) for row in rest[:20])}*")
    return parts


def _convoy(row: Row, room: _Room) -> str:
    lines = "\n".join(f"- {plain(line, 300)}" for line in convoy_lines(row))
    chart = flowchart(row["picture"]) if room.pictures and _worth_drawing(row) else ""
    moves = _table(
        ("bead", "title", "wave before", "after"),
        [
            (code(each["bead"]), plain(each["title"]), wave_number(each["before"]), wave_number(each["after"]))
            for each in row["moves"]
        ],
        room.rows,
    )
    title = f"{code(row['id'])} {plain(row['title'])}"
    return _section(title, lines, f"```mermaid\n{chart}```\n\n{_LEGEND}" if chart else "", moves)


_LEGEND = (
    "*Arrows lead from what comes first to what waits for it. Green: added; red: removed, cut; yellow: changed; "
    "blue: moves to another wave; purple: becomes ready.*"
)


def _worth_drawing(row: Row) -> bool:
    return bool(row["picture"]["edges"] or row["picture"]["folded"] or len(row["picture"]["nodes"]) > 1)


def _files(data: Row, room: _Room) -> str:
    beads = [
        (kind, code(row["id"]), plain(row["title"]), _fields(row.get("fields", ()), room))
        for kind, rows in data["beads"].items()
        for row in rows
        if kind != "changed" or row["fields"]
    ]
    links = [
        (kind, code(row["bead"]), code(row["target"]), plain(link_type(row)))
        for kind in ("added", "cut")
        for row in data["links"][kind]
    ]
    convoys = [
        (code(row["id"]), _fields(row["fields"], room)) for row in data["convoys"][: room.convoys] if row["fields"]
    ]
    settings = [(code(row["field"]), *map(plain, values(row, LONG))) for row in data["settings"]]
    return "\n\n".join(
        part
        for part in (
            _many("Links", _table(("change", "bead", "waits for", "type"), links, room.rows), len(links)),
            _many("Beads", _table(("change", "bead", "title", "fields"), beads, room.rows), len(beads)),
            _many("Convoys' fields", _table(("convoy", "fields"), convoys, room.rows), len(convoys)),
            _many("Settings", _table(("setting", "before", "after"), settings, room.rows), len(settings)),
        )
        if part
    )


def _many(title: str, table: str, count: int) -> str:
    """Open where it is short, folded where it is long."""
    return _section(title, table) if count <= 8 else _folded(f"{title} ({count})", table)


def _fields(fields: Sequence[Row], room: _Room) -> str:
    told = [f"{code(each['field'])}: {_arrow(each)}" for each in fields[: room.rows]]
    more = [f"and {len(fields) - room.rows} more"] if len(fields) > room.rows else []
    return "<br>".join([*told, *more])


def _arrow(each: Row) -> str:
    before, after = map(plain, values(each, LONG))
    return f"{before} &rarr; {after}"
