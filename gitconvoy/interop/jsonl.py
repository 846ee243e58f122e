"""JSON lines read strictly, each with its number, and written in the spellings that beads tools use (SPEC 10)."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from sys import intern
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Problem
from gitconvoy.yamlio.scalars import shown

MAX_DEPTH = 24
"""Deepest nesting of values that is kept as YAML; deeper ones are kept as the text of their line."""
MAX_NESTING = 200
"""Lines that are nested deeper are refused: no tool writes them, and they exhaust the stack of whoever reads them."""
MAX_BITS = 512
"""Larger whole numbers are kept as the text of their line too."""
MAX_LINE = 16 << 20
"""Bytes of a line: a plan file holds 1 MiB, and no spelling of JSON makes that sixteen times longer."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_CONFLICT = re.compile(rb"(<{7}|={7}|>{7}|\|{7})( |\r?$)")
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_HTML_CHARACTERS = re.compile("[<>&\u2028\u2029]")
_ADVICE = "mend the line, or take it out"
_LEAVE = "--skip-bad imports the rest"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number counted from 1, its bytes without the line feed, and the object that it holds."""

    number: int
    raw: bytes
    data: Mapping[str, Any]


class _BadLineError(ValueError):
    def __init__(self, message: str, hint: str = _ADVICE) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = {intern(name): value for name, value in pairs}
    if len(data) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, count in times.items() if count > 1)
        raise _BadLineError(f"the key {shown(twice)!r} stands twice in one object", "keep one of them")
    return data


def _constant(name: str) -> Any:
    raise _BadLineError(f"{name} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _BadLineError(f"the number {shown(text)} is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_finite)


def parse(raw: bytes) -> Mapping[str, Any]:
    """The object of one line. ValueError, whose message says what is wrong, where it holds none."""
    if len(raw) > MAX_LINE:
        raise _BadLineError(f"the line is longer than {MAX_LINE >> 20} MiB", "no plan file can hold it; take it out")
    if raw.startswith(_UTF16):
        raise _BadLineError("the file is UTF-16", "save it as UTF-8")
    if raw.startswith(_BOM):
        raise _BadLineError("the file begins with a byte order mark", "save it as UTF-8 without one")
    if _CONFLICT.match(raw):
        raise _BadLineError("this is a conflict marker of a merge", "resolve the merge first")
    try:
        data = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _BadLineError(f"not UTF-8 at byte {error.start + 1}", "save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise _BadLineError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except _BadLineError:
        raise
    except RecursionError:
        raise _BadLineError(f"nested deeper than {MAX_NESTING} levels") from None
    except ValueError as error:
        raise _BadLineError(f"not readable: {error}") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_NESTING and not _shallow(data, MAX_NESTING):
        raise _BadLineError(f"nested deeper than {MAX_NESTING} levels")
    if not isinstance(data, dict):
        raise _BadLineError("not a JSON object", "each line holds one object, {...}")
    return data


def read_lines(
    lines: Iterable[bytes],
    source: str,
    check: Callable[[Mapping[str, Any]], str | None],
    left: list[Problem] | None = None,
    keep: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda data: data,
) -> list[Line]:
    """All lines but blank ones, in order.

    `check` says what an object lacks, or None. BadFiles with a problem of code `jsonl` for each bad line; with a list
    `left` the problems go there, and the good lines are read all the same. `keep` is what stays of each object.
    """
    good: list[Line] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        raw = line.removesuffix(b"\n")
        if not raw.strip():
            continue
        try:
            data = parse(raw)
            lacking = check(data)
            if lacking is not None:
                raise _BadLineError(lacking)
        except _BadLineError as error:
            problems.append(Problem(source, "jsonl", error.message, error.hint, line=number, column=1))
        else:
            good.append(Line(number, raw, keep(data)))
    if left is not None:
        left += problems
    elif problems:
        count = "1 bad line" if len(problems) == 1 else f"{len(problems)} bad lines"
        raise BadFiles(f"{source}: {count}; nothing was imported", tuple(problems), hint=_LEAVE, code="bad-import")
    return good


def first_record(lines: Iterable[bytes]) -> Mapping[str, Any]:
    """The object of the first line that is neither blank nor a comment; empty where that holds none."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith(b"#")), b"")
    try:
        return parse(first.removesuffix(b"\n"))
    except ValueError:
        return {}


_dense = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _html_safe(data: Any) -> str:
    return _HTML_CHARACTERS.sub(lambda match: _HTML[match.group()], _dense(data))


STYLES: Mapping[str, Callable[[Any], str]] = {
    "html-safe": _html_safe,
    "dense": _dense,
    "ascii": json.JSONEncoder(separators=(",", ":")).encode,
    "spaced": json.JSONEncoder().encode,
    "spaced-utf8": json.JSONEncoder(ensure_ascii=False).encode,
}
"""Spellings of a line by name; the first one is usual."""
USUAL = next(iter(STYLES))


def writable(data: Any, style: str = USUAL) -> str:
    """A value as JSON in a style; lone surrogates, which UTF-8 cannot hold, are escaped."""
    text = STYLES.get(style, _html_safe)(data)
    return text if _is_text(text) else json.dumps(data, separators=(",", ":"))


def write(data: Mapping[str, Any], style: str = USUAL) -> bytes:
    """One line without its line feed."""
    return writable(data, style).encode("utf-8")


def keepable(value: Any) -> bool:
    """Whether a value survives as YAML: not too deep, no lone surrogates, no huge numbers."""
    return _shallow(value, MAX_DEPTH, _is_writable)


def _shallow(value: Any, limit: int, fits: Callable[[Any], bool] = lambda _: True) -> bool:
    """Whether nothing lies deeper than `limit` and each scalar and key `fits`. Iterative: depth is hostile."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > limit:
            return False
        if isinstance(item, str):
            if not fits(item):
                return False
        elif isinstance(item, dict | Mapping):
            stack += [(child, depth + 1) for child in item.values()]
            if not all(map(fits, item)):
                return False
        elif isinstance(item, list):
            stack += [(child, depth + 1) for child in item]
        elif not fits(item):
            return False
    return True


def _is_writable(scalar: Any) -> bool:
    if isinstance(scalar, str):
        return _is_text(scalar)
    return not isinstance(scalar, int) or scalar.bit_length() <= MAX_BITS


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
