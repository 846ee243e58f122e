"""A quick reader for the layout that gitconvoy itself writes; all else is left to the strict one (SPEC 3.1).

Its grammar is a small part of YAML, one regular expression for each entry: `key: value` and `- value` in block style,
two spaces a level, scalars that end where their line ends, literal blocks without an indentation indicator, comments
above the first key only. Where it answers, the strict reader gives the very same data
(`tests/unit/test_yaml_quick.py` compares both over all cases and over texts that were changed at random); where it is
not sure it says nothing, so that every complaint is the strict reader's.
"""

from __future__ import annotations

import re
from functools import cache
from sys import intern
from typing import Any

from gitconvoy.yamlio.scalars import CONSTANTS, resolve

_DEEPEST = 8
"""Levels; deeper data is rare, and the strict reader counts them exactly."""
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_COMMENTS = re.compile(r"(?:#[^\n]*+\n)*+")
_NOT_ALWAYS_TEXT = frozenset("~ntfNTF+-.0123456789")
"""Plain scalars that begin otherwise are texts whatever follows."""
_KEY = r"([A-Za-z_][A-Za-z0-9_./-]{0,63}+):"
# the first character of a plain scalar is none of these: to say which it may be takes milliseconds to compile
_SCALAR = r"""
    ([^\x00-\x23\x25-\x27\x29\x2a\x2c\x2d\x3a-\x40\x5b-\x5e\x60\x7b-\x7d\x7f]
      (?:[^ \t\n:\#]++|:(?![ \n])|(?<!\ )\#|\ +(?![ \#\t\n]))*+)\n  # plain
  | "([^"\\\t\n]*+)"\n
  | '((?:[^'\t\n]|'')*+)'\n
  | (\[\]|\{\})\n
"""
_LITERAL = r"\|(-?)\n({0}[^ \t\n][^\n]*+\n(?:(?:{0}[^\n]*+)?+\n)*+)"
_FLOW = re.compile(r"\{((?:[a-z_]+: [A-Za-z][A-Za-z0-9._/-]*+(?:, |(?=\})))+)\}\n")


class _NotSureError(Exception):
    """Something that the quick grammar does not know."""


def quick(text: str) -> dict[str, Any] | None:
    """The mapping of a text in canonical layout, exactly as the strict reader gives it; None where it may differ."""
    if not text.endswith("\n") or _ODD.search(text) is not None:
        return None
    start = _COMMENTS.match(text).end()  # type: ignore[union-attr] # matches the empty text too
    try:
        found, end = _mapping(text, start, 0)
    except (_NotSureError, ValueError):  # a number that is too long
        return None
    return found if end == len(text) else None


@cache
def _patterns(indent: int) -> tuple[str, re.Pattern[str], re.Pattern[str]]:
    """What stands before entries of a level, and the patterns of a mapping's entry and of a list's item."""
    value = f"(?:{_SCALAR} | {_LITERAL.format(f'[ ]{{{indent + 2}}}')})"
    entry = re.compile(rf"{_KEY} (?: [ ]{value} | \n)", re.VERBOSE)
    return " " * indent, entry, re.compile(rf"-[ ]{value}", re.VERBOSE)


def _mapping(text: str, at: int, indent: int) -> tuple[dict[str, Any], int]:
    """The entries of a mapping whose first key stands at `at`, behind its indentation, and where they end."""
    if indent > 2 * _DEEPEST:
        raise _NotSureError
    before, entry, _ = _patterns(indent)
    end = len(text)
    found: dict[str, Any] = {}
    while True:
        match = entry.match(text, at)
        if match is None:
            raise _NotSureError
        key, at = intern(match[1]), match.end()
        if key in found or key in CONSTANTS:
            raise _NotSureError
        form = match.lastindex
        if form == 1:
            found[key], at = _block(text, at, indent + 2)
        elif form == 2:
            value = match[2]
            found[key] = resolve(value) if value[0] in _NOT_ALWAYS_TEXT else value
        else:
            found[key] = _scalar(match, 1)
        if at == end or not text.startswith(before, at):
            return found, at
        at += indent


def _block(text: str, at: int, indent: int) -> tuple[Any, int]:
    """The list or mapping that begins on its own line at `at`, one level deeper than its key."""
    before = " " * indent
    if not text.startswith(before, at):
        raise _NotSureError
    at += indent
    return _items(text, at, indent) if text.startswith("- ", at) else _mapping(text, at, indent)


def _items(text: str, at: int, indent: int) -> tuple[list[Any], int]:
    before, _, item = _patterns(indent)
    found: list[Any] = []
    while True:
        match = item.match(text, at)
        if match is not None:
            value, at = _scalar(match, 0), match.end()
        else:
            value, at = _collection(text, at, indent)
        found.append(value)
        if not text.startswith(before, at) or at == len(text):
            return found, at
        at += indent


def _collection(text: str, at: int, indent: int) -> tuple[dict[str, Any], int]:
    """An item that is a mapping: in braces on one line, or its first key beside the dash."""
    if not text.startswith("- ", at):
        raise _NotSureError
    flow = _FLOW.match(text, at + 2)
    if flow is None:
        return _mapping(text, at + 2, indent + 2)
    pairs = [part.split(": ") for part in flow[1].split(", ")]
    found = {key: resolve(value) for key, value in pairs}
    if len(found) != len(pairs) or not CONSTANTS.keys().isdisjoint(found):
        raise _NotSureError
    return found, flow.end()


def _scalar(match: re.Match[str], before: int) -> Any:
    """The value of the groups of `_SCALAR` and `_LITERAL`, which stand behind `before` others."""
    kind = match.lastindex or 0
    value = match[kind]
    form = kind - before
    if form == 1:
        return resolve(value)
    if form == 2:
        return value
    if form == 3:
        return value.replace("''", "'")
    if form == 4:
        return [] if value == "[]" else {}
    return _literal(value, match[kind - 1])


def _literal(block: str, chomp: str) -> str:
    """Every line of a block is empty or begins with the block's indentation, that of its first line."""
    indent = len(block) - len(block.lstrip(" "))
    lines = f"\n{block}".replace("\n" + " " * indent, "\n")[1:].rstrip("\n")
    return lines if chomp else f"{lines}\n"
