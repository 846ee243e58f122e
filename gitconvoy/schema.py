"""Documents against the JSON Schema of their kind, as problems that a person understands (SPEC 3.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeAlias

from gitconvoy.errors import Problem
from gitconvoy.fitting import fits, inlined_schema, is_whole
from gitconvoy.model.clock import OutOfRange, parse_iso
from gitconvoy.model.kinds import CONFIG, Kind
from gitconvoy.model.plan import STATUSES, TYPES
from gitconvoy.yamlio.scalars import shown

_Error: TypeAlias = Any
"""A `jsonschema.ValidationError`; its stubs say of each attribute that it may be unset."""

FORMAT = 1
"""The format of `.convoy/` that this version reads and writes."""

MAX_PROBLEMS = 100
"""Of one file: a hostile one shall cost neither time nor memory."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def validate(kind: Kind, data: dict[str, Any], path: str) -> list[Problem]:
    """What is wrong with a document of a kind, in the order of the document's keys; empty where all is well.

    `at` of each problem is the key path. Codes: `schema`, `unknown-key`, and `format` for a config that only a newer
    gitconvoy understands (then nothing else is said of it). More than `MAX_PROBLEMS` are not looked for.
    """
    if kind is CONFIG:
        newer = _newer_format(data, path)
        if newer is not None:
            return [newer]
    elif fits(kind.name, data):
        return []
    problems = dict.fromkeys(islice(_complaints(kind, data, path), MAX_PROBLEMS))
    if kind is CONFIG:
        problems.update(dict.fromkeys(_redefined(data, path)))
    order = {key: number for number, key in enumerate(data)}
    return sorted(problems, key=lambda problem: _rank(problem, order))


def _complaints(kind: Kind, data: dict[str, Any], path: str) -> Iterator[Problem]:
    for error in validator(kind.name).iter_errors(data):
        for leaf in _leaves(error):
            yield from _explain(leaf, path)


def _rank(problem: Problem, order: Mapping[str, int]) -> tuple[int, tuple[tuple[bool, int, str], ...]]:
    first = order.get(str(problem.at[0]), -1) if problem.at else -1
    rest = tuple((isinstance(step, str), step if isinstance(step, int) else 0, str(step)) for step in problem.at[1:])
    return first, rest


def _newer_format(data: Mapping[str, Any], path: str) -> Problem | None:
    number = data.get("format")
    if isinstance(number, bool) or not isinstance(number, int) or number <= FORMAT:
        return None
    message = f"format {number} needs a newer gitconvoy; this one reads format {FORMAT}"
    return Problem(path, "format", message, "Install a newer gitconvoy.", at=("format",))


def _redefined(data: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Built-in statuses and types that a config gives another meaning: rules would not heed it (SPEC 3.2)."""
    for block, known, what in (("statuses", STATUSES, "status"), ("types", TYPES, "type")):
        given = data.get(block)
        for name, value in given.items() if isinstance(given, Mapping) else ():
            meant = value.get("slingable", False) if isinstance(value, Mapping) else value
            if name in known and meant != known[name]:
                message = f"{block}.{name}: the built-in {what} `{name}` cannot be redefined"
                hint = f"Remove the line, or give what you mean a name of its own; `{name}` is {_shown(known[name])}."
                yield Problem(path, "schema", message, hint, at=(block, name))


@cache
def validator(name: str) -> Any:
    """The compiled schema of a kind. jsonschema takes long to import, so hooks that need none do not pay for it."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
    formats = FormatChecker(())
    formats.checks("convoy-time", (ValueError, OverflowError))(_is_time)
    strict = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    return strict(inlined_schema(name), format_checker=formats)


def _is_whole(_checker: Any, value: Any) -> bool:
    return is_whole(value)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        parse_iso(value)
    return True


def _leaves(error: _Error) -> Iterator[_Error]:
    """Of a choice between forms (`anyOf`): the errors of the form that was meant, told by its type."""
    if error.validator != "anyOf":
        yield error
        return
    wrong_form = {leaf.schema_path[0] for leaf in error.context or () if leaf.validator == "type" and not leaf.path}
    meant = [leaf for leaf in error.context or () if leaf.schema_path[0] not in wrong_form]
    yield from meant or [error]


def _explain(error: _Error, path: str) -> Iterator[Problem]:
    at = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, at, path)
        return
    if error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                where = f" in {_where(at)}" if at else ""
                yield Problem(path, "schema", f"`{key}` is missing{where}", f"Add `{key}: ...`.", at=at)
        return
    if error.parent is None and error.schema_path and "propertyNames" in error.schema_path:
        at = (*at, error.instance)
    if error.validator == "pattern" and error.instance == "" and error.schema.get("minLength"):
        return  # that it is empty is said already
    message, hint = _MESSAGES.get(str(error.validator), _other)(error)
    yield Problem(path, "schema", f"{_where(at)} {message}", hint, at=at)


def _unknown_keys(error: _Error, at: tuple[str | int, ...], path: str) -> Iterator[Problem]:
    known = list(error.schema["properties"])
    patterns = list(error.schema.get("patternProperties", ()))
    for key in error.instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        near = _near(key, known)
        told = [f"Did you mean `{near[0]}`?"] if near else []
        if patterns:
            told.append("Keys of your own begin with `x-` or go below `metadata`.")
        hint = " ".join(told) or "Remove it."
        where = f" in {_where(at)}" if at else ""
        yield Problem(path, "unknown-key", f"unknown key `{shown(key)}`{where}", hint, at=(*at, key))


def _near(word: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches  # for whoever has made a mistake

    return get_close_matches(word, list(known), n=1)


def _where(at: tuple[str | int, ...]) -> str:
    """`depends_on[0].id`; list items count from 0 as in JSON paths."""
    text = ""
    for step in at:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{shown(step)}"
    return text or "the file"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"`{shown(value)}`" if value else "empty"
    return "empty" if value is None else shown(json.dumps(value))


def _type(error: _Error) -> tuple[str, str]:
    names = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    wanted = " or ".join(_TYPES[str(name)] for name in names)
    if names == ["string"] and "patternErrorMessage" in error.schema and error.instance is not None:
        message = f"{error.schema['patternErrorMessage']}; it is {_shown(error.instance)}"
    else:
        message = f"must be {wanted}, is {_shown(error.instance)}"
    return message, _type_hint(names, error.instance, error.schema.get("pattern", ""))


def _type_hint(names: list[str], value: Any, pattern: str) -> str:
    if value is None:
        return "Give it a value, or remove the line."
    if "string" in names and isinstance(value, bool | int | float) and re.search(pattern, json.dumps(value)):
        return f'Put it in quotes: "{json.dumps(value)}".'
    if "array" in names and isinstance(value, str):
        return f"Write a list: [{shown(value)}]."
    if "boolean" in names and isinstance(value, str):
        return "Write true or false, without quotes."
    if {"integer", "number"} & set(names) and isinstance(value, str):
        return "Write a number, without quotes."
    return "Change the value."


def _enum(error: _Error) -> tuple[str, str]:
    words = [str(word) for word in error.validator_value]
    near = _near(str(error.instance), words)
    hint = f"Did you mean `{near[0]}`?" if near else "Choose one of them."
    return f"must be one of {', '.join(words)}, is {_shown(error.instance)}", hint


def _range(error: _Error) -> tuple[str, str]:
    low, high = error.schema.get("minimum"), error.schema.get("maximum")
    allowed = f"at least {low}" if high is None else f"between {low} and {high}"
    return f"must be {allowed}, is {_shown(error.instance)}", "Change the number."


def _length(error: _Error) -> tuple[str, str]:
    low, high = error.schema.get("minLength", 0), error.schema.get("maxLength")
    return f"must have {low} to {high} characters, has {len(error.instance)}", "Change the text."


def _items(error: _Error) -> tuple[str, str]:
    low, high = error.schema.get("minItems", 0), error.schema.get("maxItems")
    allowed = f"at least {low}" if high is None else f"{low} to {high}"
    return f"must have {allowed} items, has {len(error.instance)}", "Change the list."


def _pattern(error: _Error) -> tuple[str, str]:
    wanted = error.schema.get("patternErrorMessage")
    if wanted is None:
        return _time(error)
    return f"{wanted}; it is {_shown(error.instance)}", "Change the text."


def _time(error: _Error) -> tuple[str, str]:
    if isinstance(error.cause, OutOfRange):
        message = f"must lie between the years 1970 and 9999 in UTC, is {_shown(error.instance)}"
        return message, "Write a time that can come, or remove the line."
    wanted = "must be a date or time such as 2025-11-26 or 2025-11-26T22:13:53Z"
    return f"{wanted}, is {_shown(error.instance)}", "Write it as in ISO 8601; without a zone it is UTC."


def _const(error: _Error) -> tuple[str, str]:
    wanted = json.dumps(error.validator_value)
    return f"must be {wanted}, is {_shown(error.instance)}", f"Write {wanted}."


def _either(error: _Error) -> tuple[str, str]:
    names = [_TYPES[str(form["type"])] for form in error.validator_value]
    return f"must be {' or '.join(names)}, is {_shown(error.instance)}", "Change the value."


def _other(error: _Error) -> tuple[str, str]:
    return f"breaks the schema ({error.validator})", "Compare it with the schema: `gitconvoy schema` prints it."


_MESSAGES: Mapping[str, Callable[[_Error], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "minimum": _range,
    "maximum": _range,
    "minLength": _length,
    "maxLength": _length,
    "minItems": _items,
    "maxItems": _items,
    "pattern": _pattern,
    "format": _time,
    "const": _const,
    "anyOf": _either,
}
