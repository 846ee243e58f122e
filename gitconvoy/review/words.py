"""A change in a few words, for terminals and for Markdown alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitconvoy.model.text import some

Row = Mapping[str, Any]
_NAMED = 12
"""Ids in a row before the rest is counted."""
_AROUND = 20
"""Characters that are shown before the first one that differs."""
_ALIKE = 3
"""Warnings of one code about one convoy before the rest is counted."""


def headline(data: Row) -> str:
    """`1 bead added, 2 links cut, 3 beads move, 1 new error`; what there is none of is left out."""
    moves = sum(len(row["moves"]) for row in data["convoys"])
    counts = [
        *((len(rows), f"bead# {kind}") for kind, rows in data["beads"].items()),
        *((len(data["links"][kind]), f"link# {kind}") for kind in ("added", "cut")),
        (len(data["settings"]), "setting# changed"),
        *((sum(row["change"] == kind for row in data["convoys"]), f"convoy# {kind}") for kind in _CONVOYS),
        (moves, "bead moves to another wave" if moves == 1 else "beads move to other waves"),
        (len(data["ready"]["added"]), "bead# more ready"),
        (len(data["ready"]["removed"]), "bead# no longer ready"),
        (sum(row["new"] for row in data["dispatch"]), "dispatch# on merge"),
        *((sum(row["severity"] == kind for row in data["findings"]), f"new {kind}#") for kind in ("error", "warning")),
        (len(data["mended"]), "finding# mended"),
        (len(data["attempts"]), "attempt# concerned"),
    ]
    told = [_counted(count, what) for count, what in counts if count]
    if told or not data["changed"]:
        return ", ".join(told) or "no change"
    return _counted(len(data["convoys"]), "convoy# concerned")


def values(row: Row, most: int) -> tuple[str, str]:
    """`before` and `after` of a field in at most so many characters each; of long texts the part that differs."""
    before, after = _value(row["before"]), _value(row["after"])
    start = 0
    if max(len(before), len(after)) > most:
        alike = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), most)
        start = max(0, alike - _AROUND)
    return _cut(before, start, most), _cut(after, start, most)


def _value(value: object) -> str:
    """As a person would write it in the file."""
    if value is None:
        return "not set"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list | dict) else str(value).strip()


def _cut(text: str, start: int, most: int) -> str:
    shown = text[start:]
    if len(shown) + bool(start) > most:
        shown = shown[: most - 1 - bool(start)] + "\N{HORIZONTAL ELLIPSIS}"
    return ("\N{HORIZONTAL ELLIPSIS}" if start else "") + shown


_CONVOYS = ("added", "removed", "changed", "unreadable")


def _counted(count: int, what: str) -> str:
    plural = "es" if "dispatch#" in what else "s"
    return f"{count} {what.replace('#', '' if count == 1 else plural)}"


def link_type(row: Row) -> str:
    """`blocks`, `waits-for, any-children`, `related (blocks nothing)`."""
    gate = f", {row['gate']}" if row["gate"] else ""
    return f"{row['type']}{gate}" + ("" if row["blocking"] else " (blocks nothing)")


def wave_number(number: int | None) -> str:
    """The number of a wave, for a bead that may be in none."""
    return str(number) if number is not None else "none"


def convoy_lines(row: Row) -> list[str]:
    """What happens to a convoy, without its fields and moves, a line each."""
    return _new_convoy(row) if row["change"] == "added" else _known_convoy(row)


def _new_convoy(row: Row) -> list[str]:
    paused = ", paused" if row["paused"]["after"] else ""
    lines = [
        f"a new convoy of {row['beads']} {'bead' if row['beads'] == 1 else 'beads'}, {row['status']['after']}{paused}"
    ]
    if row["waves"]["after"]:
        lines.append(f"beads in each wave: {_sizes(row, 'after')}")
        lines.append(f"critical path: {_chain(row['critical_path']['after'])}")
    return lines + _ends(row)


def _known_convoy(row: Row) -> list[str]:
    status, paused = row["status"], row["paused"]
    lines = [] if row["change"] == "none" else [f"its file is {row['change']}"]
    if status["before"] != status["after"]:
        lines.append(f"status: {status['before'] or 'none'} -> {status['after'] or 'none'}")
    if paused["before"] != paused["after"]:
        lines.append("it is paused" if paused["after"] else "it is no longer paused")
    for kind, ids in row["tracks"].items():
        if ids:
            lines.append(f"tracks {'more' if kind == 'added' else 'no more'}: {some(ids, _NAMED)}")
    sizes = [_sizes(row, side) for side in ("before", "after")]
    lines.append(f"beads in each wave: {sizes[0]}" + (f" -> {sizes[1]}" if sizes[0] != sizes[1] else " (as before)"))
    path = row["critical_path"]
    if path["before"] != path["after"]:
        lines += [f"critical path {side}: {_chain(path[side])}" for side in ("before", "after")]
    chain = row["longest_chain"]
    if chain["before"] != chain["after"]:
        lines.append(f"longest chain still to do: {chain['before']} -> {chain['after']}")
    return lines + _ends(row)


def _sizes(row: Row, side: str) -> str:
    return " ".join(str(len(wave)) for wave in row["waves"][side]) or "none"


def _ends(row: Row) -> list[str]:
    lines = [f"without a wave: {some(row['in_cycle'], _NAMED)}"] if row["in_cycle"] else []
    return lines + (["it is complete then"] if row["completes"] else [])


def grouped(findings: Sequence[Row]) -> list[tuple[Row, int]]:
    """The findings to show, the first few of a code and convoy, each with how many more of them there are behind it."""
    kinds: dict[tuple[str, str, str | None], list[Row]] = {}
    for row in findings:
        kinds.setdefault((row["severity"], row["code"], row["convoy"]), []).append(row)
    shown = []
    for rows in kinds.values():
        few = rows if rows[0]["severity"] == "error" else rows[:_ALIKE]
        shown += [(row, 0) for row in few[:-1]] + [(few[-1], len(rows) - len(few))]
    return shown


def _chain(ids: list[str]) -> str:
    if len(ids) > _NAMED:
        ids = [*ids[: _NAMED - 1], f"... ({len(ids)} beads)", ids[-1]]
    return " -> ".join(ids) or "none"
