"""What a plain scalar means under the YAML 1.2 core schema, and how a text must be quoted to stay a text (SPEC 3.1)."""

from __future__ import annotations

import math
import re

MAX_NUMBER_BITS = 1024
"""Whole numbers beyond that are refused: reading and printing them costs more than linear time."""

CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})

BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that reorder what a person sees, as the inside of a character class."""
_UNPRINTABLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff{BIDI}]")
_NO_PLAIN = re.compile(r"""[\s,\[\]{}#&*!|>'"%@`]|[-?:](?:\s|$)|---|\.\.\.|<<$""")
_ENDS_PLAIN = re.compile(r":\s|\s#|[\n\t]|[:\s]$")
_ENDS_FLOW = re.compile(r"[,\[\]{}:?]")
_PLAINLY = re.compile(r"[A-Za-z](?:[A-Za-z0-9_/()-]++|[ .](?=[A-Za-z0-9_/()-]))*+")
"""Most texts: nothing in them means anything to YAML, in block or in flow context."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v",
            "\f": "\\f", "\r": "\\r", "\x1b": "\\e", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}  # fmt: skip


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar under the core schema. ValueError for a whole number beyond `MAX_NUMBER_BITS`."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INT.fullmatch(text):
        return _whole(text, 10)
    if _OCTAL.fullmatch(text):
        return _whole(text[2:], 8)
    if _HEX.fullmatch(text):
        return _whole(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NAN else text


def _whole(digits: str, base: int) -> int:
    number = int(digits, base) if len(digits) <= MAX_NUMBER_BITS else None
    if number is None or number.bit_length() > MAX_NUMBER_BITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return number


def printable(text: str) -> bool:
    """Whether a text may stand in a file as it is: no control, bidi or unusual line-break characters."""
    return _UNPRINTABLE.search(text) is None


def plain(text: str, *, flow: bool = False) -> bool:
    """Whether a text may be written without quotes, in block or in flow context."""
    if _PLAINLY.fullmatch(text) is not None:
        return text not in CONSTANTS
    if not text or _NO_PLAIN.match(text) or _ENDS_PLAIN.search(text) or (flow and _ENDS_FLOW.search(text)):
        return False
    if text[0] in _NUMBER_START or text in CONSTANTS:
        try:
            if not isinstance(resolve(text), str):
                return False
        except ValueError:
            return False
    return printable(text)


def quote(text: str) -> str:
    """A quoted scalar on one line, whatever the text is: the quotes that need no escape, if either does."""
    if "\n" in text or "\t" in text or not printable(text):
        return f'"{escape(text)}"'
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def escape(text: str) -> str:
    """The inside of a double-quoted scalar on one line."""
    if text.isascii() and text.isprintable():
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(_ESCAPES.get(char) or (char if printable(char) else _code(char)) for char in text)


def _code(char: str) -> str:
    number = ord(char)
    if number <= 0xFF:
        return f"\\x{number:02X}"
    return f"\\u{number:04X}"


def shown(text: str, limit: int = 40) -> str:
    """A text for messages: shortened, with control, bidi and other invisible characters as escapes."""
    short = text if len(text) <= limit else text[: limit - 3] + "..."
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in short)


def number_text(value: float) -> str:
    """A number as the core schema reads it back."""
    if math.isnan(value):
        return ".nan"
    if value in (math.inf, -math.inf):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)
