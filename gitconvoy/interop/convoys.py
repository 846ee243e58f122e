"""What the record of a convoy says in its description, one `Word: value` a line, and in its labels (SPEC 3.3, 10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.interop.fields import branch, one_line, person

LABELS: Mapping[str, str] = {"gt:owned": "owned", "mountain": "mountain"}
"""Labels that say what a document has a flag for."""
_LINE = re.compile(r"[ \t]*([A-Za-z_-]+)[ \t]*:[ \t]*(.*?)[ \t\r]*")


def _people(value: str) -> list[str] | None:
    return [each for each in map(person, value.split(",")) if each is not None] or None


def _told(value: str) -> str | list[str] | None:
    people = _people(value)
    return people[0] if people is not None and len(people) == 1 else people


def _watchers(value: str) -> list[str] | None:
    people = _people(value)
    return sorted(set(people)) if people is not None else None


def _comma(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(value)


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a description: the key of the document, how its value is read and written, other spellings."""

    word: str
    key: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    also: tuple[str, ...] = ()


_WORDS = (
    _Word("Owner", "owner", person),
    _Word("Notify", "notify", _told, _comma),
    _Word("Merge", "merge", lambda value: value if value in ("direct", "mr", "local") else None),
    _Word("Molecule", "molecule", one_line),
    _Word("base_branch", "base_branch", branch, also=("base-branch", "basebranch")),
    _Word("Watchers", "watchers", _watchers, _comma),
)
_BY_SPELLING = {spelling.lower(): word for word in _WORDS for spelling in (word.word, *word.also)}
SPOKEN = tuple(word.key for word in _WORDS)
"""The keys of a document that a description can speak of."""


def spoken(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a record's description and labels give; of several lines for one word the first that fits."""
    description, labels = record.get("description"), record.get("labels")
    fields: dict[str, Any] = {}
    for _, word, value in _lines(description):
        read = word.read(value) if value else None
        if read is not None:
            fields.setdefault(word.key, read)
    held = labels if isinstance(labels, list) else []
    return {**fields, **{key: True for label, key in LABELS.items() if label in held}}


def described(description: Any, document: Mapping[str, Any], keys: Collection[str] = SPOKEN) -> str:
    """A description that speaks of the document's fields among `keys`: lines replaced, taken out, or added at the end.

    What else it says stays.
    """
    lines = description.split("\n") if isinstance(description, str) and description else []
    wanted = {key: document[key] for key in keys if document.get(key) is not None}
    gone: set[int] = set()
    for number, word, _ in _lines(description):
        if word.key not in keys:
            continue
        if word.key in wanted:
            lines[number] = _line(word, wanted.pop(word.key))
        else:
            gone.add(number)
    kept = [line for number, line in enumerate(lines) if number not in gone]
    return "\n".join([*kept, *(_line(word, wanted[word.key]) for word in _WORDS if word.key in wanted)])


def labelled(labels: Collection[str], document: Mapping[str, Any]) -> list[str]:
    """The labels, with those that stand for the document's flags, and without those for flags that it has not."""
    flags = {label for label, key in LABELS.items() if document.get(key) is True}
    return sorted({label for label in labels if label not in LABELS} | flags)


def _lines(description: Any) -> Iterator[tuple[int, _Word, str]]:
    """(number, word, value) of the lines that begin with a known word."""
    for number, line in enumerate(description.split("\n") if isinstance(description, str) else ()):
        found = _LINE.fullmatch(line)
        word = _BY_SPELLING.get(found[1].lower()) if found else None
        if found and word is not None:
            yield number, word, found[2]


def _line(word: _Word, value: Any) -> str:
    return f"{word.word}: {word.write(value)}"
