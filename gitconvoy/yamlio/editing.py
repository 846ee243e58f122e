"""Edits of a file in place; where its layout is beyond them by a round trip, and else by writing it anew (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import takewhile
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gitconvoy.errors import BadFiles
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.canonical import canonical_value, ordered, same
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.extent import NotInPlace
from gitconvoy.yamlio.patch import patch
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.writer import dump, sized


def edited(original: bytes, changes: Mapping[str, Any], kind: Kind) -> bytes:
    """See `writer.edit`."""
    old = load(original, "the file")
    wanted = {
        key: None if value is None else canonical_value(key, value, kind)
        for key, value in changes.items()
        if _differs(old, key, value, kind)
    }
    if not wanted:
        return original
    merged = {key: value for key, value in {**old, **wanted}.items() if wanted.get(key, ...) is not None}
    for way in (_in_place, _round_trip):
        result = _verified(way, original, old, wanted, kind, merged)
        if result is not None:
            return sized(result)
    head = "".join(f"{line}\n" for line in _head(original)).encode()
    return sized(head + dump(merged, kind, None))


_Way = Callable[[bytes, Mapping[str, Any], Mapping[str, Any], Kind], bytes]


def _verified(
    way: _Way,
    original: bytes,
    old: Mapping[str, Any],
    wanted: Mapping[str, Any],
    kind: Kind,
    merged: Mapping[str, Any],
) -> bytes | None:
    """What a way of editing makes of the file, None where it does not read back as it must."""
    try:
        result = way(original, old, wanted, kind)
        return result if same(load(result, "the file"), merged) else None
    except (NotInPlace, BadFiles, YAMLError):
        return None


def _differs(old: Mapping[str, Any], key: str, value: Any, kind: Kind) -> bool:
    if value is None or key not in old:
        return value is not None or key in old
    return not same(canonical_value(key, old[key], kind), canonical_value(key, value, kind))


def _in_place(original: bytes, old: Mapping[str, Any], wanted: Mapping[str, Any], kind: Kind) -> bytes:
    text = original.decode()
    if text and not text.endswith("\n"):
        text += "\n"
        ended = load(text.encode(), "the file")
        wanted = {key: value for key, value in old.items() if not same(value, ended[key])} | dict(wanted)
    return patch(text, old, wanted, kind).encode()


def _round_trip(original: bytes, old: Mapping[str, Any], wanted: Mapping[str, Any], kind: Kind) -> bytes:
    """The slow way, for layouts such as a document in braces: comments stay, spacing may change."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = MAX_SIZE
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(original.decode())
    order = ordered({**old, **wanted}, kind)
    for key in (key for key in order if key in wanted):
        if wanted[key] is None:
            del document[key]
        elif key in document:
            document[key] = wanted[key]
        else:
            before = set(order[: order.index(key)])
            place = max((number + 1 for number, known in enumerate(document) if known in before), default=0)
            document.insert(place, key, wanted[key])
    stream = BytesIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _head(original: bytes) -> list[str]:
    """The comment lines at the top of a file."""
    return list(takewhile(lambda line: line.startswith("#"), original.decode().split("\n")))
