"""Text of beads inside Markdown: shown as it stands, and nothing in it acts (SPEC 9).

Markdown of forges has layers: the parser, then filters over the text that is shown, which make links of `@name`, `#1`,
`!1` and addresses. Entities are no syntax to the parser; a zero-width space keeps the filters from what follows it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gitconvoy.model.text import safe_line

_SYNTAX = re.compile(r"[\\`*_{\[\]|~$&<>]")
_REFERENCE = re.compile(r"[@#!$%~&^\[{](?=\S)|:(?=[^\s\d]|\d+:)|\bwww(?=\.)|\bGH-(?=\d)", re.IGNORECASE)
_PLAIN = re.compile(r"(?!.*(?:://|www\.))[A-Za-z0-9](?:[A-Za-z0-9._:/ -]*[A-Za-z0-9])?", re.IGNORECASE)
"""What is set as code; addresses are not, as some programs make links of them even there."""
_STOP = "\u200b"

LONG = 80
"""Characters of a text that are shown unless more is asked for."""


def short(text: object, limit: int = LONG) -> str:
    """On one line, without control characters, at most `limit` characters long."""
    line = " ".join(safe_line(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


@lru_cache(maxsize=1 << 12, typed=True)
def plain(text: object, limit: int = LONG) -> str:
    """Any text for a table cell or a line of Markdown."""
    marked = _REFERENCE.sub(lambda match: match[0] + _STOP, short(text, limit))
    return _SYNTAX.sub(lambda match: f"&#{ord(match[0])};", marked).replace(_STOP, "&#8203;")


@lru_cache(maxsize=1 << 12, typed=True)
def code(text: object, limit: int = LONG) -> str:
    """An id, a revision or a path, set as code; as `plain` where it holds what no id does."""
    line = short(text, limit)
    return f"`{line}`" if _PLAIN.fullmatch(line) else plain(line, limit)
