"""The fields of a beads record and of a document, one row each, read and written by one loop (SPEC 3.2, 3.3, 10).

Reading makes every value fit the schema: what does not fit is mended or left out, and the caller keeps the raw one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.jsonl import keepable
from gitconvoy.model.clock import parse_iso

MAX_TITLE = 500
MAX_LINE = 1000
MAX_PERSON = 200
MAX_LABEL = 200
MAX_WHEN = 100
MAX_NAME = 64
MAX_WHOLE = 10**18
TOMBSTONE = "tombstone"
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_NO_PERSON = re.compile(r"""\s*[<>"`$;|&#%*?!~^={}\[\]\\]+\s*""")
_BRANCH = re.compile(r"[\w+@][\w.+@/-]*")
_NO_BRANCH = re.compile(r"\.\.|//|/\.|\.lock(?:/|$)|[/.]$")
_TIME = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NOT_NAME = re.compile("[^A-Za-z0-9._-]+")
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Field:
    """One row: its key in a record and in a document, and how the value is read (None: nothing usable there)."""

    record: str
    key: str
    read: Callable[[Any], Any]
    absent: Any = None
    """What a record without the key means."""


def one_line(value: Any, limit: int = MAX_LINE) -> str | None:
    """The first line that says something, without control and bidi characters, at most `limit` characters."""
    if not isinstance(value, str):
        return None
    for line in value.splitlines():
        clean = _UNSAFE.sub(" ", line).strip() if _UNSAFE.search(line) else line
        if clean.strip():
            return clean if len(clean) <= limit else clean[:limit].rstrip()
    return None


def person(value: Any) -> str | None:
    """A name or an address, without the characters that a shell or a mail header would read."""
    line = one_line(value, MAX_PERSON)
    clean = _NO_PERSON.sub(" ", line).strip() if line is not None else ""
    return clean.lstrip("- ") or None


def branch(value: Any) -> str | None:
    """The name of a branch, of characters that git and shells take as they are."""
    if not isinstance(value, str) or len(value) > MAX_PERSON or not _BRANCH.fullmatch(value):
        return None
    return None if _NO_BRANCH.search(value) or value == "@" else value


def text(value: Any) -> str | None:
    """Text of any number of lines; None where there is none."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def name(value: Any) -> str | None:
    """A name of a type or a status; other spellings are mended, such as `In Review` to `In-Review`."""
    if not isinstance(value, str) or not value:
        return None
    if _NAME.fullmatch(value):
        return value
    return _NOT_NAME.sub("-", value).strip("-_.")[:MAX_NAME] or None


def time(value: Any) -> str | None:
    """A date or time as it is written; None where it is none."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        parse_iso(value)
    except (ValueError, OverflowError):
        return None
    return value


def _priority(value: Any) -> int:
    """0..4; numbers beyond are cut to the nearest, and everything else is 0 as in Go."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), 4))


def _minutes(value: Any) -> int | None:
    return value if _is_whole(value) and value >= 0 else None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WHOLE


def _labels(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return sorted({label for label in (one_line(item, MAX_LABEL) for item in value) if label is not None}) or None


def _mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) and value and keepable(value) else None


def _when(value: Any) -> str | None:
    return one_line(value, MAX_WHEN)


def _comment(value: Any) -> dict[str, Any] | None:
    said = text(value.get("text")) if isinstance(value, dict) else None
    if said is None:
        return None
    number = value.get("id")
    fields = {
        "id": one_line(number) if isinstance(number, str) else number if _is_whole(number) else None,
        "author": one_line(value.get("author")),
        "created_at": _when(value.get("created_at")),
        "text": said,
    }
    return {key: item for key, item in fields.items() if item is not None}


def _comments(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    return [comment for comment in map(_comment, value) if comment is not None] or None


def _bead_status(value: Any) -> str:
    return "closed" if value == TOMBSTONE else name(value) or "open"


def _convoy_status(value: Any) -> str:
    """An import launches nothing: what is not closed is staged."""
    if value in ("closed", TOMBSTONE):
        return "closed"
    return "staged_ready" if value == "staged_ready" else "staged_warnings"


_TITLE = Field("title", "title", lambda value: one_line(value, MAX_TITLE))
_WHO_AND_WHEN = (
    Field("created_at", "created_at", _when),
    Field("created_by", "created_by", one_line),
    Field("updated_at", "updated_at", _when),
)
_ENDED = (Field("closed_at", "closed_at", _when), Field("close_reason", "close_reason", text))

BEAD_FIELDS = (
    _TITLE,
    Field("issue_type", "type", name, "task"),
    Field("priority", "priority", _priority, 0),
    Field("labels", "labels", _labels),
    Field("description", "description", text),
    Field("design", "design", text),
    Field("acceptance_criteria", "acceptance_criteria", text),
    Field("notes", "notes", text),
    Field("estimated_minutes", "estimate_minutes", _minutes),
    Field("due_at", "due_at", time),
    Field("defer_until", "defer_until", time),
    Field("external_ref", "external_ref", one_line),
    Field("owner", "owner", person),
    *_WHO_AND_WHEN,
    Field("metadata", "metadata", _mapping),
    Field("comments", "comments", _comments),
    Field("status", "status", _bead_status, "open"),
    Field("assignee", "assignee", person),
    *_ENDED,
)
CONVOY_FIELDS = (
    _TITLE,
    Field("priority", "priority", _priority, 0),
    Field("due_at", "due_at", time),
    Field("labels", "labels", _labels),
    *_WHO_AND_WHEN,
    Field("metadata", "metadata", _mapping),
    Field("status", "status", _convoy_status, "staged_warnings"),
    *_ENDED,
)


def read_fields(record: Mapping[str, Any], rows: tuple[Field, ...]) -> dict[str, Any]:
    """The fields of a document that the record gives; those that nothing usable stands for are absent."""
    found = {}
    for row in rows:
        value = record.get(row.record)
        usable = row.read(value) if value is not None else None
        if usable is None:
            usable = row.absent
        if usable is not None:
            found[row.key] = usable
    return found


def write_fields(document: Mapping[str, Any], rows: tuple[Field, ...]) -> dict[str, Any]:
    """The record's fields that the document gives; the inverse of `read_fields` for values that need no mending."""
    return {row.record: document[row.key] for row in rows if document.get(row.key) is not None}
