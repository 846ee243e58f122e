"""Plain data to bytes of a plan file or ledger record, and edits of files in place (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import takewhile
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gitconvoy.errors import BadFiles, Refused
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.canonical import canonical, canonical_value, ordered, same
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.extent import NotInPlace
from gitconvoy.yamlio.layout import entry
from gitconvoy.yamlio.patch import patch
from gitconvoy.yamlio.reader import load

SCHEMA_LINE = "# yaml-language-server: $schema="


def dump(data: Mapping[str, Any], kind: Kind, schema_url: str | None) -> bytes:
    """The canonical bytes of a document; the same data gives the same bytes, whatever its order.

    `schema_url` (a path relative to the file) becomes line 1, the hint for editors. Raises Refused (`unwritable`,
    `yaml-size`) for data that `load` could not give back.
    """
    lines = [f"{SCHEMA_LINE}{schema_url}"] if schema_url is not None else []
    for key, value in canonical(data, kind).items():
        lines += entry(key, value, "", flow_items=key in kind.sets)
    return _sized("".join(f"{line}\n" for line in lines).encode())


def edit(original: bytes, changes: Mapping[str, Any], kind: Kind) -> bytes:
    """The file with new values for some top-level keys; the value None removes a key.

    Comments, blank lines, the order of keys and all that is not changed stay as they are; a new key goes to its
    canonical place; sets are written sorted. The very bytes that came in go out where no value differs. Always
    `load(edit(o, c)) == load(o) with c applied`. Raises BadFiles where the original cannot be read, Refused as `dump`.
    """
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
            return _sized(result)
    head = "".join(f"{line}\n" for line in _head(original)).encode()
    return _sized(head + dump(merged, kind, None))


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


def _sized(data: bytes) -> bytes:
    if len(data) > MAX_SIZE:
        hint = "Keep long material in a file of its own and name that."
        raise Refused(f"the file would have {len(data):,} bytes, allowed are {MAX_SIZE:,}", hint=hint, code="yaml-size")
    return data
