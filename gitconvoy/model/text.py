"""Text of beads as people may see it: nothing in it acts on a terminal or turns lines around (SPEC 8, 9)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: object) -> str:
    """Text for people: control and bidi characters become visible escapes, so that none acts.

    So do bytes that are no UTF-8, which came as halves of surrogate pairs: no stream takes those.
    """
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], str(text))


def safe_line(text: object) -> str:
    """As `safe`, and on one line."""
    if isinstance(text, str) and text.isascii() and text.isprintable():
        return text
    return safe(text).replace("\n", "\\n").replace("\t", " ")


def some(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
