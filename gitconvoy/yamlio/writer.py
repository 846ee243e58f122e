"""Plain data to bytes of a plan file or ledger record, and edits of files in place (SPEC 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitconvoy.errors import Refused
from gitconvoy.model.kinds import Kind
from gitconvoy.yamlio.canonical import canonical
from gitconvoy.yamlio.complaints import MAX_SIZE
from gitconvoy.yamlio.layout import entry

SCHEMA_LINE = "# yaml-language-server: $schema="


def dump(data: Mapping[str, Any], kind: Kind, schema_url: str | None) -> bytes:
    """The canonical bytes of a document; the same data gives the same bytes, whatever its order.

    `schema_url` (a path relative to the file) becomes line 1, the hint for editors. Raises Refused (`unwritable`,
    `yaml-size`) for data that `load` could not give back.
    """
    lines = [f"{SCHEMA_LINE}{schema_url}"] if schema_url is not None else []
    for key, value in canonical(data, kind).items():
        lines += entry(key, value, "", flow_items=key in kind.sets)
    return sized("".join(f"{line}\n" for line in lines).encode())


def edit(original: bytes, changes: Mapping[str, Any], kind: Kind) -> bytes:
    """The file with new values for some top-level keys; the value None removes a key.

    Comments, blank lines, the order of keys and all that is not changed stay as they are; a new key goes to its
    canonical place; sets are written sorted. The very bytes that came in go out where no value differs. Always
    `load(edit(o, c)) == load(o) with c applied`. Raises BadFiles where the original cannot be read, Refused as `dump`.
    """
    from gitconvoy.yamlio.editing import edited  # who writes documents anew needs no parser of all of YAML

    return edited(original, changes, kind)


def sized(data: bytes) -> bytes:
    """The bytes of a file, which are not too many. Raises Refused (`yaml-size`)."""
    if len(data) > MAX_SIZE:
        hint = "Keep long material in a file of its own and name that."
        raise Refused(f"the file would have {len(data):,} bytes, allowed are {MAX_SIZE:,}", hint=hint, code="yaml-size")
    return data
