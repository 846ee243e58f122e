"""New values for some keys of a JSON object's text, with every other byte as it is (SPEC 10)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitconvoy.dataclass import dataclass

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Member:
    """One `"key": value`: what stands before it, where the key begins, where the value begins and ends."""

    key: str
    lead: str
    start: int
    value: int
    end: int


def splice(text: str, old: Mapping[str, Any], new: Mapping[str, Any], spell: Callable[[Any], str]) -> str:
    """The object's text with the values of `new`, whose keys stand in the order that is wanted of added ones.

    `old` is what `text` holds. Keys that are only in `old` go, keys that are only in `new` come behind the one that
    stands before them there; `spell` writes the values that differ. All else is byte for byte as in `text`.
    """
    standing = _members(text)
    members = [member for member in standing if member.key in new]
    parts = {
        member.key: text[member.start : member.end]
        if _same(old[member.key], new[member.key])
        else text[member.start : member.value] + spell(new[member.key])
        for member in members
    }
    leads = {member.key: member.lead for member in members}
    separator, colon = _usual(text, standing)
    made = text[: text.index("{") + 1]
    for number, key in enumerate(_merged([member.key for member in members], list(new))):
        lead = leads.get(key, "")
        if not number:
            made += lead.lstrip(",") if key in parts else ""
        else:
            made += lead if lead.lstrip().startswith(",") else separator
        made += parts[key] if key in parts else f"{spell(key)}{colon}{spell(new[key])}"
    return made + text[standing[-1].end if standing else text.rindex("}") :]


def _members(text: str) -> list[_Member]:
    ended = text.index("{") + 1
    position = _skip(text, ended)
    found: list[_Member] = []
    while text[position] != "}":
        start = position
        key, position = _DECODER.raw_decode(text, position)
        value = _skip(text, _skip(text, position) + 1)  # past the colon
        _, end = _DECODER.raw_decode(text, value)
        found.append(_Member(key, text[ended:start], start, value, end))
        ended, position = end, _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _usual(text: str, members: Sequence[_Member]) -> tuple[str, str]:
    """What stands between the first two members, and between the first key and its value."""
    separator = members[1].lead if len(members) > 1 else ","
    if not members:
        return separator, ":"
    _, end = _DECODER.raw_decode(text, members[0].start)
    return separator, text[end : members[0].value]


def _merged(standing: list[str], wanted: list[str]) -> list[str]:
    """The keys that stand there in their order, each other one behind the key that is before it in `wanted`."""
    order = list(standing)
    for index, key in enumerate(wanted):
        if key not in standing:
            before = next((order.index(one) + 1 for one in reversed(wanted[:index]) if one in order), 0)
            order.insert(before, key)
    return order


def _same(left: Any, right: Any) -> bool:
    return json.dumps(left) == json.dumps(right)
