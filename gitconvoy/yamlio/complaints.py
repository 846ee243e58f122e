"""What is wrong with the bytes or the syntax of a YAML file, in words that lead to the remedy (SPEC 3.1)."""

from __future__ import annotations

import re
from itertools import islice

from gitconvoy.errors import BadFiles, Problem

MAX_SIZE = 1 << 20
"""Bytes of a file."""

MAX_DEPTH = 32
"""Levels of data within each other."""

MAX_CONFLICTS = 20
"""Conflicts of a file that are reported one by one."""

_CONFLICT = re.compile(rb"^<{7}(?: .*)?$", re.MULTILINE)
_CONFLICT_END = re.compile(rb"^>{7}(?: .*)?$", re.MULTILINE)
_LINE_BREAKS = {b"\xc2\x85": ("U+0085", "\\N"), b"\xe2\x80\xa8": ("U+2028", "\\L"), b"\xe2\x80\xa9": ("U+2029", "\\P")}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

_INDENT = re.compile(r"[ \t]*")

_QUOTE = "Put the text in quotes."
_SYNTAX = {
    "mapping values are not allowed in this context": (
        "a `: ` stands where no key can be, or a line is indented wrongly",
        "Put text that holds `: ` in quotes, or align the line with its neighbours.",
    ),
    "could not find expected ':'": ("this is no `key: value` line", "Write `key: value`, with a space after the `:`."),
    "found unexpected end of stream": ("quotes are opened here or above and never closed", "Close the quotes."),
    "found unexpected document indicator": ("a quoted text is not closed before `---`", "Close the quotes."),
    "found unknown escape character": (
        "a `\\` in double quotes begins an escape that YAML does not know",
        "Use single quotes, or write `\\\\` for a backslash.",
    ),
    "found invalid Unicode character escape code": (
        "an escape names no character",
        "Write the character itself, or a valid \\u escape.",
    ),
    "found unexpected ':'": ("a `:` stands inside of a text in brackets", _QUOTE),
    "did not find expected ',' or ']'": ("a list in [ ] is not closed or lacks a comma", "Add the `,` or the `]`."),
    "did not find expected ',' or '}'": ("a mapping in { } is not closed or lacks a comma", "Add the `,` or the `}`."),
    "did not find expected key": (
        "the line is indented neither as a key of the mapping above nor as its value",
        "Align keys of one mapping; put text that begins with a quote wholly in quotes.",
    ),
    "did not find expected '-' indicator": (
        "the line is indented as an item of the list above but has no `- `",
        "Begin list items with `- `, or indent the line less.",
    ),
    "block sequence entries are not allowed in this context": (
        "a list item stands where none can be",
        "Begin the list on a line of its own, below its key.",
    ),
    "found undefined tag handle": ("tags are not allowed", "Put text that begins with `!` in quotes."),
    "did not find expected <document start>": (
        "text follows the end of the document, or a line is indented wrongly",
        "Align the keys of the file with its first one.",
    ),
    "did not find expected node content": ("a value is missing, or brackets are not closed", "Close the brackets."),
    "found character that cannot start any token": (
        "no text may begin with this character unless it is in quotes",
        _QUOTE,
    ),
    "found unknown directive name": ("directives are not allowed", "Put text that begins with `%` in quotes."),
}
_AT_BEGINNING = frozenset(
    {
        "could not find expected ':'",
        "found unexpected end of stream",
        "found unexpected document indicator",
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
        "did not find expected node content",
    }
)
"""Of these the beginning (the quote, the bracket, the line) says more than the place where the parser gave up."""
_BY_CONTEXT = {
    "while scanning an alias": ("yaml-alias", "aliases are not allowed", "Put text that begins with `*` in quotes."),
    "while scanning an anchor": ("yaml-anchor", "anchors are not allowed", "Put text that begins with `&` in quotes."),
    "while scanning a tag": ("yaml-tag", "tags are not allowed", "Put text that begins with `!` in quotes."),
    "while parsing a tag": ("yaml-tag", "tags are not allowed", "Put text that begins with `!` in quotes."),
    "while scanning a directive": ("yaml-directive", "directives are not allowed", "Remove the `%` line."),
}


def before_parsing(data: bytes, path: str) -> tuple[str, list[Problem]]:
    """The text of a file, and what its bytes alone show to be wrong; with problems the text means nothing."""
    if len(data) > MAX_SIZE:
        message = f"the file has {len(data):,} bytes, allowed are {MAX_SIZE:,}"
        return "", [Problem(path, "yaml-size", message, "Keep long material in a file of its own and name that.")]
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        message = "the file begins with a byte order mark"
        return "", [Problem(path, "yaml-bom", message, "Save it as UTF-8 without BOM.", line=1, column=1)]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line, column = _place(data, error.start)
        message = f"byte 0x{data[error.start]:02x} is no UTF-8"
        return "", [Problem(path, "yaml-encoding", message, "Save the file as UTF-8.", line=line, column=column)]
    return text, _odd_lines(data, path)


def _odd_lines(data: bytes, path: str) -> list[Problem]:
    problems = []
    if b"\r" in data:
        line, column = _place(data, data.index(b"\r"))
        hint = "Save the file with LF line ends (`* text eol=lf` in .convoy/.gitattributes)."
        problems.append(
            Problem(path, "yaml-crlf", "lines end in CR LF, or a CR stands alone", hint, line=line, column=column)
        )
    if b"<<<<<<<" in data or b">>>>>>>" in data:
        hint = "Resolve the conflict: keep one side, remove the markers, then `git add` the file."
        found = _CONFLICT if _CONFLICT.search(data) else _CONFLICT_END
        places = [_place(data, match.start()) for match in islice(found.finditer(data), MAX_CONFLICTS)]
        problems += [
            Problem(path, "yaml-conflict", "a merge conflict was left in the file", hint, line=line, column=column)
            for line, column in places
        ]
    for code, (name, escape) in () if data.isascii() else _LINE_BREAKS.items():
        if code in data:
            line, column = _place(data, data.index(code))
            message = f"the character {name} is a line break for some YAML readers and none for others"
            hint = f'Remove it, or write it as "{escape}" in double quotes.'
            problems.append(Problem(path, "yaml-line-break", message, hint, line=line, column=column))
    return problems


def _place(data: bytes, offset: int) -> tuple[int, int]:
    start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode(errors="replace")) + 1


def bad(path: str, problems: list[Problem]) -> BadFiles:
    """The error for a file with problems, of which the first leads."""
    first = problems[0]
    return BadFiles(f"{path} cannot be read: {first.message}", tuple(problems), hint=first.hint)


def syntax_problem(error: Exception, text: str, path: str) -> Problem:
    """What the parser stumbled over, named as what it most probably is."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _unreadable_character(text, path)
    problem, context = getattr(error, "problem", None) or "", getattr(error, "context", None) or ""
    lines = text.split("\n")
    for number in (mark.line, mark.line - 1):
        indent = _INDENT.match(lines[number]) if 0 <= number < len(lines) else None
        if indent is not None and "\t" in indent[0]:
            hint = "Indent with spaces; an editor can convert them."
            at = indent[0].index("\t") + 1
            return Problem(path, "yaml-tab", "a line is indented with a tab", hint, line=number + 1, column=at)
    code, message, hint = _BY_CONTEXT.get(context, ("yaml-syntax", *_SYNTAX.get(problem, (problem, _QUOTE))))
    if problem == "found undefined tag handle":
        code = "yaml-tag"
    if problem in _AT_BEGINNING:
        mark = getattr(error, "context_mark", None) or mark
    return Problem(path, code, message, hint, line=mark.line + 1, column=mark.column + 1)


def _unreadable_character(text: str, path: str) -> Problem:
    match = _CONTROL.search(text)
    if match is None:
        return Problem(path, "yaml-syntax", "the file is no YAML", "Compare it with a file that works.")
    line, column = _place(text.encode(), len(text[: match.start()].encode()))
    message = f"the control character U+{ord(match[0]):04X} is not allowed"
    hint = f'Remove it, or write it as "{ascii(match[0])[1:-1]}" in double quotes.'
    return Problem(path, "yaml-control", message, hint, line=line, column=column)
