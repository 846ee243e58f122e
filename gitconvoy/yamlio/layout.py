"""The canonical layout of values: block style, one item a line, literal blocks for longer text (SPEC 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gitconvoy.yamlio.scalars import escape, number_text, plain, printable, quote

STEP = "  "
MAX_FLOW = 100
"""Characters of a link in its long form; a longer one is written in block style."""
MAX_SIMPLE_KEY = 500
"""Characters of a key that may stand before `:`; parsers look no further than 1,024."""

_ONLY_SPACE_FIRST = re.compile(r"[ \t\n]")


def entry(key: str, value: Any, indent: str, *, flow_items: bool = False) -> list[str]:
    """The lines of `key: value`. With `flow_items` mappings in a list stand in braces on one line where they fit."""
    head = _key_text(key)
    if len(head) > MAX_SIMPLE_KEY:
        return [f"{indent}? {head}", *value_lines(f"{indent}:", value, indent, flow_items=flow_items)]
    return value_lines(f"{indent}{head}:", value, indent, flow_items=flow_items)


@lru_cache(maxsize=1 << 10)
def _key_text(key: str) -> str:
    """The same few keys stand in each file."""
    return scalar_text(key)


def item(value: Any, indent: str, *, flow_items: bool = False) -> list[str]:
    """The lines of a list item, `- value`."""
    if type(value) is str and "\n" not in value:
        return [f"{indent}- {scalar_text(value)}"]
    if flow_items and isinstance(value, Mapping):
        short = _flow(value)
        if short is not None:
            return [f"{indent}- {short}"]
    if isinstance(value, Mapping | list) and value:
        lines = body(value, indent + STEP)
        return [f"{indent}- {lines[0][len(indent) + len(STEP) :]}", *lines[1:]]
    return value_lines(f"{indent}-", value, indent)


def body(value: Mapping[str, Any] | list[Any], indent: str, *, flow_items: bool = False) -> list[str]:
    """The lines of a collection that is not empty."""
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            lines += entry(key, inner, indent)
    else:
        for inner in value:
            lines += item(inner, indent, flow_items=flow_items)
    return lines


def value_lines(head: str, value: Any, indent: str, *, flow_items: bool = False) -> list[str]:
    """The lines of a value after its head (`key:` or `-`)."""
    if type(value) is str and "\n" not in value:
        return [f"{head} {scalar_text(value)}"]
    if isinstance(value, list | Mapping):
        if value:
            return [head, *body(value, indent + STEP, flow_items=flow_items)]
        return [f"{head} {'{}' if isinstance(value, Mapping) else '[]'}"]
    if isinstance(value, str) and "\n" in value:
        if printable(value) and value.strip() and not value.endswith("\n\n"):
            return _literal(head, value, indent + STEP)
        return _quoted(head, value, indent + STEP)
    return [f"{head} {scalar_text(value)}"]


def _literal(head: str, text: str, indent: str) -> list[str]:
    """A literal block. Blank lines at its end would count (`|+`), so that spacing changed data: those are quoted."""
    chomp = "" if text.endswith("\n") else "-"
    width = str(len(STEP)) if _ONLY_SPACE_FIRST.match(text) else ""
    return [
        f"{head} |{width}{chomp}",
        *(f"{indent}{line}" if line else "" for line in text.removesuffix("\n").split("\n")),
    ]


def _quoted(head: str, text: str, indent: str) -> list[str]:
    """A text that a literal block could not hold, in double quotes, a line of the file for each of its lines."""
    parts = text.split("\n")
    parts = [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    escaped = [escape(part) for part in parts]
    lines = [f'{head} "{escaped[0]}']
    for part in escaped[1:]:
        lines[-1] += "\\"
        lines.append(f"{indent}{_guard(part)}")
    lines[-1] += '"'
    return lines


def _guard(part: str) -> str:
    """The first space of a continued line must be escaped, else it is taken for indentation."""
    return "\\" + part if part.startswith(" ") else part


def _flow(value: Mapping[str, Any]) -> str | None:
    parts = []
    for key, inner in value.items():
        if isinstance(inner, Mapping | list) or (isinstance(inner, str) and "\n" in inner):
            return None
        parts.append(f"{scalar_text(key, flow=True)}: {scalar_text(inner, flow=True)}")
    text = "{" + ", ".join(parts) + "}"
    return text if len(text) <= MAX_FLOW and parts else None


def scalar_text(value: Any, *, flow: bool = False) -> str:
    """A scalar on one line, quoted only where needed."""
    if isinstance(value, str):
        return value if plain(value, flow=flow) else quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)
