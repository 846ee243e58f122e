"""`KEY=VALUE` pairs of `bead set` and `set` -> new values for a document, typed by the schema (SPEC 3, 8)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from gitconvoy.errors import UsageError
from gitconvoy.model.kinds import Kind
from gitconvoy.planning.desk import Changes, Desk, headline, kind_of_value, settle
from gitconvoy.planning.documents import checked_title
from gitconvoy.resources import schema_text

_PAIR = re.compile(r"([A-Za-z](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)(\+=|-=|=)(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_ELSEWHERE = {
    "id": "ids never change; add a new one and close this one as duplicate",
    "comments": "use `gitconvoy bead comment ID TEXT`",
}


def set_fields(desk: Desk, one: str, pairs: Sequence[str]) -> Changes:
    """A bead or convoy with new values: `KEY=VALUE`, `LIST+=ITEM`, `LIST-=ITEM`, `KEY=` to remove.

    Lists take items between commas. UsageError for pairs that cannot be meant, BadFiles for values that the schema
    does not allow.
    """
    value = desk.convoy(one) if one in desk.plan.convoys else desk.bead(one)
    kind = kind_of_value(value)
    changes = parse_pairs(kind, value.data, pairs)
    keys = ", ".join(changes)
    return settle(desk, {value.path: desk.edited(value, changes)}, headline("Set", (one,), keys), (one,))


def parse_pairs(kind: Kind, data: Mapping[str, Any], pairs: Sequence[str]) -> dict[str, Any]:
    """New values by key, None to remove; `data` is the document as it is, which += and -= start from."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None:
            raise UsageError(
                f"{pair!r} is no KEY=VALUE", hint="for example priority=1, labels+=ui, assignee=", code="bad-assignment"
            )
        name, operator, text = match.groups()
        key, _, inner = name.partition(".")
        if key == "metadata" and inner:
            block = changes.get(key, data.get(key)) or {}
            changes[key] = _with_item(block, inner, operator, text)
            continue
        key = _known_key(kind, name)
        current = changes[key] if key in changes else data.get(key)
        changes[key] = _value(key, _types(kind, key), operator, text, current)
        if key == "title":
            checked_title(text)
    return changes


def _with_item(block: Mapping[str, Any], name: str, operator: str, text: str) -> dict[str, Any] | None:
    if operator != "=":
        raise UsageError(f"metadata.{name} is no list", hint=f"write metadata.{name}=VALUE", code="not-a-list")
    rest = {key: value for key, value in block.items() if key != name}
    return ({**rest, name: text} if text else rest) or None


def _known_key(kind: Kind, name: str) -> str:
    if name.startswith("x-"):
        return name
    key = name.replace("-", "_")
    if key in _ELSEWHERE:
        raise UsageError(f"{key} cannot be set", hint=_ELSEWHERE[key], code="fixed-field")
    if key == "metadata":
        raise UsageError("metadata is a mapping", hint="set one entry: metadata.NAME=VALUE", code="bad-assignment")
    known = [each for each in _properties(kind) if each not in _ELSEWHERE]
    if key not in known:
        near = get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"keys are {', '.join(known)}; own ones begin with x-"
        raise UsageError(f"a {kind.name} has no key {name!r}", hint=hint, code="unknown-field")
    return key


def _value(key: str, types: frozenset[str], operator: str, text: str, current: Any) -> Any:
    if "array" in types:
        return _list(operator, text, current if isinstance(current, list | tuple) else ())
    if operator != "=":
        raise UsageError(f"{key} is no list", hint=f"write {key}=VALUE", code="not-a-list")
    if not text:
        return None
    if "boolean" in types and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "string" in types or not types:
        return text
    raise UsageError(
        f"{key} takes {_wanted(types)}, not {text!r}",
        hint=f"for example {key}={'true' if 'boolean' in types else '1'}",
        code="bad-value",
    )


def _wanted(types: frozenset[str]) -> str:
    return (
        "true or false" if "boolean" in types else "a whole number" if "integer" in types else "another kind of value"
    )


def _list(operator: str, text: str, current: Sequence[Any]) -> list[Any] | None:
    items = [item for item in (part.strip() for part in text.split(",")) if item]
    if operator == "=":
        return items or None
    if operator == "+=":
        return [*current, *(item for item in items if item not in map(_name, current))] or None
    gone = {text, *items}
    return [item for item in current if _name(item) not in gone] or None


def _name(item: Any) -> Any:
    """A link in the long form goes by its target."""
    return item.get("id") if isinstance(item, Mapping) else item


@cache
def _properties(kind: Kind) -> Mapping[str, Any]:
    schema = json.loads(schema_text(kind.name))
    return {key: _resolved(schema, value) for key, value in schema["properties"].items()}


def _resolved(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property's schema behind its `$ref`s into the same document."""
    seen = 0
    while "$ref" in value and seen < len(schema.get("$defs", {})) + 1:
        value = schema["$defs"][value["$ref"].rsplit("/", 1)[-1]]
        seen += 1
    return value


def _types(kind: Kind, key: str) -> frozenset[str]:
    """The JSON types that the schema allows for a key; none for a key of one's own, and for enumerations of text."""
    return _types_of(_properties(kind).get(key, {}))


def _types_of(value: Mapping[str, Any]) -> frozenset[str]:
    types = value.get("type", ())
    found = {types} if isinstance(types, str) else set(types)
    for way in ("anyOf", "oneOf"):
        for option in value.get(way, ()):
            found |= _types_of(option)
    return frozenset(found)
