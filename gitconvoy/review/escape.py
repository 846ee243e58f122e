"""Text of beads inside Markdown and mermaid: shown as it stands, and nothing in it acts (SPEC 9).

Markdown of forges has layers: the parser, then filters over the text that is shown, which make links of `@name`, `#1`,
`!1` and addresses. Entities are no syntax to the parser; a zero-width space keeps the filters from what follows it.
"""

from __future__ import annotations

import re

from gitconvoy.model.text import safe_line

_SYNTAX = re.compile(r"[\\`*_{\[\]|~$&<>]")
_REFERENCE = re.compile(r"[@#!$%~&^\[](?=\S)|:(?=[^\s\d]|\d+:)|\bwww(?=\.)|\bGH-(?=\d)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/ -]*[A-Za-z0-9])?")
_LABEL = re.compile(r"[^\w .,-]|_", re.ASCII)
_LIST = re.compile(r"\d+(?=\.)|(?=-)")
"""What mermaid takes for the beginning of a list, which it refuses to draw."""
_STOP = "\u200b"

LONG = 80
"""Characters of a text that are shown unless more is asked for."""


def short(text: object, limit: int = LONG) -> str:
    """On one line, without control characters, at most `limit` characters long."""
    line = " ".join(safe_line(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def plain(text: object, limit: int = LONG) -> str:
    """Any text for a table cell or a line of Markdown."""
    marked = _REFERENCE.sub(lambda match: match[0] + _STOP, short(text, limit))
    return _SYNTAX.sub(lambda match: f"&#{ord(match[0])};", marked).replace(_STOP, "&#8203;")


def code(text: object, limit: int = LONG) -> str:
    """An id, a revision or a path, set as code; as `plain` where it holds what no id does."""
    line = short(text, limit)
    return f"`{line}`" if _PLAIN.fullmatch(line) else plain(line, limit)


def label(text: object, limit: int = 36) -> str:
    """Any text inside a quoted mermaid label: all but letters, digits and a few signs as mermaid's entities."""
    line = short(text, limit)
    found = _LIST.match(line)
    start = found.end() if found else -1
    return "".join(
        f"#{ord(sign)};" if n == start or (ord(sign) < 128 and _LABEL.fullmatch(sign)) else sign
        for n, sign in enumerate(line)
    )
