"""Whether a document surely fits its schema: a quick yes before `schema` asks jsonschema what is wrong (SPEC 3.1).

A schema becomes nested functions once; keywords that are not in the table below make it never sure. Where this says
yes, jsonschema has no complaint (`tests/unit/test_fitting.py` compares both); a no means nothing yet.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from gitconvoy.model.clock import parse_iso
from gitconvoy.resources import schema_text

Fits: TypeAlias = Callable[[Any], bool]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_REMARKS = frozenset({"$schema", "$id", "title", "description", "default", "examples", "patternErrorMessage"})
"""Keywords that say nothing of a value."""
_OF_TEXT = frozenset({"type", "pattern", "minLength", "maxLength"})
_ABOUT_ENTRIES = frozenset({"properties", "patternProperties", "additionalProperties", "propertyNames"})


def fits(name: str, data: Any) -> bool:
    """Whether data surely fits the schema of a kind. Where it may not, `schema.validate` says why."""
    return _compiled(name)(data)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; true and 1.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def inlined_schema(name: str) -> Any:
    """The schema of a kind with each reference replaced by what it names, which is quicker to check."""
    schema = json.loads(schema_text(name))
    return _inlined(schema, schema.pop("$defs", {}))


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _inlined(part, definitions) for key, part in schema.items() if key != "$ref"}
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        result = {**_inlined(definitions[name], definitions), **result}
    return result


@cache
def _compiled(name: str) -> Fits:
    return compile_schema(inlined_schema(name))


def compile_schema(schema: Any) -> Fits:
    """A function that says yes only of values that fit a schema without references."""
    if schema is True:
        return _always
    if not isinstance(schema, dict) or not schema.keys() - _REMARKS - _ABOUT_ENTRIES <= _KEYWORDS.keys():
        return _never
    if schema.get("type") == "string" and schema.keys() - _REMARKS <= _OF_TEXT:
        return _text(schema)
    checks = [_KEYWORDS[key](schema[key]) for key in schema if key in _KEYWORDS]
    if not _ABOUT_ENTRIES.isdisjoint(schema):
        checks.append(_entries(schema))
    return checks[0] if len(checks) == 1 else _each(tuple(checks))


def _each(checks: tuple[Fits, ...]) -> Fits:
    def fit(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - `all` of a generator takes twice as long
            if not check(value):
                return False
        return True

    return fit


def _text(schema: Mapping[str, Any]) -> Fits:
    """Most of all values: the four keywords of a text in one function."""
    search = re.compile(schema.get("pattern", "")).search
    low, high = schema.get("minLength", 0), schema.get("maxLength", sys.maxsize)
    return lambda value: type(value) is str and low <= len(value) <= high and search(value) is not None


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _type(names: Any) -> Fits:
    types = frozenset(each for name in _listed(names) for each in _TYPES.get(name, ()))
    return lambda value: type(value) in types


def _enum(values: list[Any]) -> Fits:
    known = frozenset(value for value in values if isinstance(value, str))
    return lambda value: type(value) is str and value in known


def _const(wanted: Any) -> Fits:
    return lambda value: type(value) is type(wanted) and bool(value == wanted)


def _pattern(pattern: str) -> Fits:
    search = re.compile(pattern).search
    return lambda value: type(value) is not str or search(value) is not None


def _format(name: str) -> Fits:
    return _is_time if name == "convoy-time" else _never


def _is_time(value: Any) -> bool:
    try:
        parse_iso(value)
    except (ValueError, OverflowError, TypeError):
        return False
    return True


def _items(schema: Any) -> Fits:
    fit = compile_schema(schema)
    return lambda value: type(value) is not list or all(map(fit, value))


def _any_of(schemas: list[Any]) -> Fits:
    forms = [compile_schema(schema) for schema in schemas]
    return lambda value: any(form(value) for form in forms)


def _required(keys: list[str]) -> Fits:
    wanted = frozenset(keys)
    return lambda value: type(value) is not dict or wanted <= value.keys()


_KEYWORDS: Mapping[str, Callable[[Any], Fits]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "format": _format,
    "minLength": lambda low: lambda value: type(value) is not str or len(value) >= low,
    "maxLength": lambda high: lambda value: type(value) is not str or len(value) <= high,
    "minimum": lambda low: lambda value: type(value) in (int, float) and value >= low,
    "maximum": lambda high: lambda value: type(value) in (int, float) and value <= high,
    "minItems": lambda low: lambda value: type(value) is not list or len(value) >= low,
    "maxItems": lambda high: lambda value: type(value) is not list or len(value) <= high,
    "items": _items,
    "anyOf": _any_of,
    "required": _required,
}


def _entries(schema: Mapping[str, Any]) -> Fits:
    """The keys and values of a mapping."""
    if not all(each is True for each in schema.get("patternProperties", {}).values()):
        return _never
    known = {key: compile_schema(each) for key, each in schema.get("properties", {}).items()}
    free = [re.compile(pattern).search for pattern in schema.get("patternProperties", {})]
    others = compile_schema(schema.get("additionalProperties", True))
    names = compile_schema(schema.get("propertyNames", True))

    def fit(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for key, each in value.items():
            check = known.get(key)
            if check is None:
                check = _always if any(search(key) for search in free) else others
            if not check(each) or (names is not _always and not names(key)):
                return False
        return True

    return fit
