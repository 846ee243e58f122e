"""Bytes of a plan file or ledger record to plain data: the strict subset of SPEC 3.1, with every problem located."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gitconvoy.yamlio.complaints import bad, before_parsing
from gitconvoy.yamlio.quick import quick


def load(data: bytes, path: str) -> dict[str, Any]:
    """The mapping that a file holds; an empty file is an empty mapping (an empty config works, SPEC 3.5).

    Scalars follow the YAML 1.2 core schema, so timestamps, `yes` and `on` are text. Raises BadFiles, whose problems
    name by line, column, code and hint all that breaks the subset of SPEC 3.1; `path` is only named there.
    """
    text, problems = before_parsing(data, path)
    if problems:
        raise bad(path, problems)
    known = quick(text)
    if known is not None:
        return known
    from gitconvoy.yamlio.strict import strict  # what gitconvoy writes needs no parser of all of YAML

    return strict(text, path)


def locate(data: bytes, at: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column, from 1, of a key path: of the key in a mapping, of the item in a list.

    Where the path leads to nothing, of its deepest part that exists; (0, 0) where the file cannot be read.
    """
    return locator(data)(at)


def locator(data: bytes) -> Callable[[tuple[str | int, ...]], tuple[int, int]]:
    """`locate` for many key paths of one file, which is parsed only once."""
    from ruamel.yaml.error import YAMLError

    from gitconvoy.yamlio.positions import compose, position_of

    try:
        root = compose(data.decode())
    except (UnicodeDecodeError, YAMLError):
        root = None
    return lambda at: position_of(root, at) if root is not None else (0, 0)
