"""Records as YAML and events as commit messages, both ways (SPEC 1, 7)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles
from gitconvoy.model.clock import iso, parse_iso
from gitconvoy.model.ids import is_id
from gitconvoy.model.kinds import RECORD_BEAD, RECORD_CONVOY, RECORD_TOWN
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.layout import scalar_text
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.scalars import shown
from gitconvoy.yamlio.writer import dump

FORMAT = "1"
DAMAGED = "see `git log -p convoy-ledger` for what it was; only gitconvoy writes that branch"
MAX_COUNT = 1 << 31
"""Attempts and failures beyond that nobody has counted."""
_TIMES = frozenset({"since", "not_before", "launched_at", "completed_at"})
_NUMBERS = frozenset({"attempt", "failures"})
_FLAGS = frozenset({"paused"})
_LISTS = frozenset({"watchers"})
_COUNT = re.compile("[0-9]{1,10}")
_TRAILER = re.compile(r"(Convoy-[A-Z][a-z]+): (.*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def bead_path(bead_id: str) -> str:
    """Where a bead's record lies in the ledger's tree: fanned out, so that a commit costs the same at any size."""
    fan = hashlib.sha1(bead_id.encode(), usedforsecurity=False).hexdigest()[:2]
    return f"beads/{fan}/{bead_id}.yaml"


def convoy_path(convoy_id: str) -> str:
    """Where a convoy's record lies in the ledger's tree."""
    return f"convoys/{convoy_id}.yaml"


def _document(record: BeadRecord | ConvoyRecord) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value is None or value is False or (value == 0 and field.name in {"attempt", "failures"}):
            continue
        document[field.name] = iso(value) if field.name in _TIMES else _plain(value)
    return document


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def bead_bytes(record: BeadRecord) -> bytes:
    """A bead's record as the file in the ledger's tree."""
    lines = []
    for key in RECORD_BEAD.keys:
        value = getattr(record, key)
        if value is None or (value == 0 and key in _NUMBERS):
            continue
        if key in _TIMES:
            value = iso(value)
        elif type(value) is not int and not (type(value) is str and value.isascii() and "\n" not in value):
            return dump(_document(record), RECORD_BEAD, None)
        short = type(value) is str and len(value) <= _SHORT
        lines.append(f"{key}: {_short_text(value) if short else scalar_text(value)}\n")
    return "".join(lines).encode()


_SHORT = 100
"""Characters of a text whose form is remembered: names, ids and the like come again."""
_short_text: Callable[[str], str] = lru_cache(maxsize=1 << 12)(scalar_text)


def convoy_bytes(record: ConvoyRecord) -> bytes:
    """A convoy's record as the file in the ledger's tree."""
    return dump(_document(record), RECORD_CONVOY, None)


def town_bytes(paused: bool) -> bytes:
    """The town's record as the file in the ledger's tree."""
    return dump({"paused": paused}, RECORD_TOWN, None)


def damaged(path: str, what: object) -> BadFiles:
    """The error about a record that cannot be read, and why."""
    return BadFiles(f"the ledger's record {path} cannot be read: {what}", hint=DAMAGED, code="ledger-damaged")


def _fields_of(data: bytes, path: str, names: set[str]) -> dict[str, Any]:
    """The known fields of a record, each of its type; other keys are those of a newer version."""
    try:
        found = load(data, path)
    except BadFiles as error:
        raise damaged(path, error.problems[0].message) from None
    try:
        values = {key: _value(key, value) for key, value in found.items() if key in names and value is not None}
    except (TypeError, ValueError) as error:
        raise damaged(path, error) from error
    if not is_id(values.get("id", "")):
        raise damaged(path, f"its id is {shown(str(found.get('id')))}")
    return values


def _value(key: str, value: Any) -> Any:
    """A field's value in memory. TypeError or ValueError where it cannot be one: nothing else looks at its type."""
    if key in _NUMBERS:
        if type(value) is not int or not 0 <= value <= MAX_COUNT:
            raise ValueError(f"{key} is no number of times")
        return value
    if key in _FLAGS:
        if type(value) is not bool:
            raise TypeError(f"{key} is neither true nor false")
        return value
    if key in _LISTS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise TypeError(f"{key} is no list of texts")
        return tuple(value)
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    try:
        return parse_iso(value) if key in _TIMES else value
    except ValueError:
        raise ValueError(f"{key} is {shown(value)}, which is no time") from None


_BEAD_FIELDS = {field.name for field in fields(BeadRecord)}
_CONVOY_FIELDS = {field.name for field in fields(ConvoyRecord)}


def read_bead(data: bytes, path: str) -> BeadRecord:
    """A bead's record from the ledger's tree. BadFiles where it is damaged."""
    return as_written(data) or BeadRecord(**_fields_of(data, path, _BEAD_FIELDS))


def as_written(data: bytes) -> BeadRecord | None:
    """A bead's record that is, byte for byte, as `bead_bytes` writes it; None for any other.

    What the lines say is guessed, without a look at how YAML would read them. That it is right is seen from the bytes
    that it would be written as: what was written is read as what it was written from.
    """
    if len(data) > MAX_SIZE:
        return None
    found: dict[str, Any] = {}
    try:
        for line in data.decode().split("\n")[:-1]:
            key, _, value = line.partition(": ")
            if key in _TIMES:
                found[key] = parse_iso(value[1:-1] if value[:1] == '"' else value)
            elif key in _NUMBERS:
                found[key] = int(value)
            else:
                found[key] = value[1:-1] if value[:1] in ('"', "'") else value
        record = BeadRecord(**found)
    except (TypeError, ValueError):
        return None
    sound = is_id(record.id) and 0 <= record.attempt <= MAX_COUNT and 0 <= record.failures <= MAX_COUNT
    return record if sound and bead_bytes(record) == data else None


def read_convoy(data: bytes, path: str) -> ConvoyRecord:
    """A convoy's record from the ledger's tree. BadFiles where it is damaged."""
    return ConvoyRecord(**_fields_of(data, path, _CONVOY_FIELDS))


def read_town(data: bytes, path: str) -> bool:
    """Whether the ledger says that the whole town is paused. BadFiles where it is damaged."""
    try:
        found = load(data, path).get("paused", False)
    except BadFiles as error:
        raise damaged(path, error.problems[0].message) from None
    if type(found) is not bool:
        raise damaged(path, "paused is neither true nor false")
    return found


def one_line(text: str) -> str:
    """Text made harmless for a subject or a trailer: one line of characters that UTF-8 has, bounded in length.

    Control and bidi characters and bytes that are no UTF-8 (halves of surrogate pairs) become spaces.
    """
    return _CONTROL.sub(" ", text).strip()[:500]


def _subject(event: Event) -> str:
    words = ["convoy:", event.kind, event.bead or event.convoy or "town"]
    if event.kind == "dispatch":
        words += ["to", event.worker or "?", f"(attempt {event.attempt})"]
    return one_line(" ".join(words))


def message(event: Event) -> str:
    """The commit message of an event: subject, reason (indented, so that it never reads as a trailer), trailers."""
    trailers = {
        "Convoy-Event": event.kind,
        "Convoy-Id": event.convoy,
        "Convoy-Bead": event.bead,
        "Convoy-Worker": event.worker,
        "Convoy-Attempt": str(event.attempt) if event.attempt is not None else None,
        "Convoy-Token": event.token,
        "Convoy-Trunk": event.trunk,
        "Convoy-Cause": event.cause,
        "Convoy-Actor": event.actor,
        "Convoy-Force": " ".join(event.force) or None,
    }
    lines = [_subject(event), ""]
    reason = [line for line in (one_line(part) for part in event.reason[:8000].splitlines()) if line]
    if reason:
        lines += [*("    " + line for line in reason), ""]
    lines += [f"{name}: {one_line(value)}" for name, value in trailers.items() if value]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A ledger commit's message, read back."""

    event: str
    trailers: Mapping[str, str]
    reason: str
    repeated: tuple[str, ...] = ()
    """Trailers that stand there more than once; the last one counts, and gitconvoy writes no such message."""

    @property
    def attempt(self) -> int | None:
        """The number of the attempt; None where the message names none, or what is no number."""
        text = self.trailers.get("Convoy-Attempt", "")
        return int(text) if _COUNT.fullmatch(text) else None

    def at(self, time: int) -> Event:
        """The event of a commit of that time, as far as its message tells; what it changed is in the records."""
        trailers = self.trailers
        return Event(
            self.event,
            at=time,
            actor=trailers.get("Convoy-Actor", ""),
            cause=trailers.get("Convoy-Cause", ""),
            trunk=trailers.get("Convoy-Trunk"),
            bead=trailers.get("Convoy-Bead"),
            convoy=trailers.get("Convoy-Id"),
            worker=trailers.get("Convoy-Worker"),
            attempt=self.attempt,
            token=trailers.get("Convoy-Token"),
            force=tuple(trailers.get("Convoy-Force", "").split()),
            reason=self.reason,
        )


def parse_message(text: str) -> Parsed | None:
    """The event that a message tells of; None where it is no ledger message. Reads the last paragraph only."""
    paragraphs = text.strip("\n").split("\n\n")
    trailers: dict[str, str] = {}
    repeated: dict[str, None] = {}
    for line in paragraphs[-1].split("\n"):
        match = _TRAILER.fullmatch(line)
        if match:
            if match[1] in trailers:
                repeated[match[1]] = None
            trailers[match[1]] = match[2]
    event = trailers.get("Convoy-Event")
    if event is None:
        return None
    reason = "\n".join(line.strip() for part in paragraphs[1:-1] for line in part.split("\n"))
    return Parsed(event, trailers, reason, tuple(repeated))
