"""Where documents of the plan plane go, and how their first line names the schema (SPEC 3.1, 3.5 `layout`)."""

from __future__ import annotations

import hashlib
import re

from gitconvoy.model.kinds import ARCHIVE, ARCHIVED_CONVOYS, BEAD, CONVOY, ROOT, Kind

SCHEMAS = f"{ROOT}/schemas"
_FAN = re.compile("[0-9a-f]{2}")
_KEPT = 0.6
"""The part of a file that stays the same, so that git takes it for the same file that has moved (it asks for half)."""
SCHEMA_LINE = "# yaml-language-server: $schema="


def bead_path(bead_id: str, *, fanned: bool, archived: bool = False) -> str:
    """Where a bead's file goes, in the active set or the archive; fanned: `<first 2 hex of sha1(id)>/` in between."""
    folder = ARCHIVE if archived else BEAD.folder
    return f"{folder}/{_fan(bead_id)}/{bead_id}.yaml" if fanned else f"{folder}/{bead_id}.yaml"


def _fan(bead_id: str) -> str:
    return hashlib.sha1(bead_id.encode("utf-8"), usedforsecurity=False).hexdigest()[:2]


def laid_out(path: str, bead_id: str, *, fanned: bool) -> str:
    """Where the file of a bead that stands at `path` belongs by the layout; `path` itself in a folder of one's own.

    Sub-folders are free (SPEC 3.1): the layout has a say on what stands in no sub-folder, or in one that it made.
    """
    archived = path.startswith(ARCHIVE + "/")
    *folders, _ = path.removeprefix((ARCHIVE if archived else BEAD.folder) + "/").split("/")
    made = len(folders) == 1 and (_FAN.fullmatch(folders[0]) if fanned else folders[0] == _fan(bead_id))
    return path if folders and not made else bead_path(bead_id, fanned=fanned, archived=archived)


def convoy_path(convoy_id: str, *, archived: bool = False) -> str:
    """`.convoy/convoys/<id>.yaml`, or the same in the archive."""
    return f"{ARCHIVED_CONVOYS if archived else CONVOY.folder}/{convoy_id}.yaml"


def schema_url(path: str, kind: Kind) -> str:
    """The schema of a kind as seen from the file at `path`, so that editors find it without a network."""
    up = "../" * (path.count("/") - 1)
    return f"{up}schemas/{kind.name}.schema.json"


def moved(data: bytes, kind: Kind, path: str) -> bytes:
    """The bytes of a file for a new place: its schema line, if it has ours, points at the same schema from there."""
    first, newline, rest = data.partition(b"\n")
    ours = rf"{re.escape(SCHEMA_LINE)}(\.\./)*schemas/{kind.name}\.schema\.json"
    if not re.fullmatch(ours.encode(), first):
        return data
    return (SCHEMA_LINE + schema_url(path, kind)).encode() + newline + rest


def followed(data: bytes, kind: Kind, path: str) -> bytes:
    """As `moved`, where git recognises the file all the same; one so short that it would not stays byte for byte.

    Its schema line is renewed with the next edit.
    """
    there = moved(data, kind, path)
    rest = data.partition(b"\n")[2]
    return there if len(rest) >= _KEPT * max(len(there), len(data)) else data
