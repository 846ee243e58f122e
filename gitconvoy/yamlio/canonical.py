"""Data as it is written: plain types, canonical key order, sets sorted (SPEC 3.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gitconvoy.errors import Refused
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.complaints import MAX_DEPTH
from gitconvoy.yamlio.scalars import MAX_NUMBER_BITS

_encode = json.JSONEncoder(sort_keys=True).encode
LINK_KEYS = ("id", "type", "gate")
_EXTRA_AFTER = "metadata"


def canonical(data: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """A document in canonical form: the value that `dump` writes and `load` gives back.

    Raises Refused (code `unwritable`) where YAML of SPEC 3.1 could not hold it: half a surrogate pair, a key that is
    no text, deeper than 32 levels, numbers of hundreds of digits, other types.
    """
    return {key: canonical_value(key, data[key], kind) for key in ordered(data, kind)}


def canonical_value(key: str, value: Any, kind: Kind) -> Any:
    """The canonical form of one top-level value."""
    result = _plain(value, key, MAX_DEPTH - 1)
    if key in kind.sets and isinstance(result, list):
        return _sorted_set(result)
    return result


def ordered(keys: Iterable[str], kind: Kind) -> list[str]:
    """Keys in canonical order: known ones as the kind says, others sorted, after `metadata` or at the end."""
    rank = {key: number for number, key in enumerate(kind.keys)}
    extra = rank.get(_EXTRA_AFTER, len(rank))
    return sorted(keys, key=lambda key: (rank.get(key, extra), key not in rank, key))


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same data: 1, 1.0 and true differ, the order of a mapping's keys does not matter."""
    return fingerprint(left) == fingerprint(right)


def fingerprint(value: Any) -> str:
    """A text that is equal for the same data only."""
    return _encode(value)


def _sorted_set(items: list[Any]) -> list[Any]:
    unique = {fingerprint(item): _link(item) for item in items}
    return [unique[print_] for print_ in sorted(unique, key=lambda print_: (_target(unique[print_]), print_))]


def _target(item: Any) -> str:
    if isinstance(item, dict):
        return str(item.get("id", ""))
    return item if isinstance(item, str) else ""


def _link(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    known = [key for key in LINK_KEYS if key in item]
    return {key: item[key] for key in [*known, *(key for key in item if key not in LINK_KEYS)]}


def _plain(value: Any, where: str, depth: int) -> Any:
    """A copy of plain types. Depth is bounded, so recursion is too."""
    if type(value) is str:  # most are
        return value if value.isascii() else _text(value, where)
    if isinstance(value, str):
        return _text(str(value), where)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if value.bit_length() > MAX_NUMBER_BITS:
            raise _unwritable(where, "a number of hundreds of digits")
        return int(value)
    if depth <= 0:
        raise _unwritable(where, f"nesting deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(inner, where, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, where, depth - 1) for inner in value]
    raise _unwritable(where, f"a value of type {type(value).__name__}")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise _unwritable(where, f"a key of type {type(key).__name__}")
    return _text(str(key), where)


def _text(text: str, where: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _unwritable(where, "half of a surrogate pair, which is no character") from None
    return text


def _unwritable(where: str, what: str) -> Refused:
    return Refused(f"{where} holds {what}", hint="A YAML file cannot hold that; change the value.", code="unwritable")
