"""Where documents of the plan plane go, and how their first line names the schema (SPEC 3.1, 3.5 `layout`)."""

from __future__ import annotations

import hashlib

from gitconvoy.model.kinds import ARCHIVE, BEAD, CONVOY, ROOT, Kind

SCHEMAS = f"{ROOT}/schemas"
SCHEMA_LINE = "# yaml-language-server: $schema="


def bead_path(bead_id: str, *, fanned: bool, archived: bool = False) -> str:
    """Where a bead's file goes, in the active set or the archive; fanned: `<first 2 hex of sha1(id)>/` in between."""
    folder = ARCHIVE if archived else BEAD.folder
    fan = hashlib.sha1(bead_id.encode("utf-8"), usedforsecurity=False).hexdigest()[:2] + "/" if fanned else ""
    return f"{folder}/{fan}{bead_id}.yaml"


def convoy_path(convoy_id: str) -> str:
    """`.convoy/convoys/<id>.yaml`."""
    return f"{CONVOY.folder}/{convoy_id}.yaml"


def schema_url(path: str, kind: Kind) -> str:
    """The schema of a kind as seen from the file at `path`, so that editors find it without a network."""
    up = "../" * (path.count("/") - 1)
    return f"{up}schemas/{kind.name}.schema.json"


def moved(data: bytes, kind: Kind, path: str) -> bytes:
    """The bytes of a file for a new place: its schema line, if it has one, points at the same schema from there."""
    first, newline, rest = data.partition(b"\n")
    if not first.startswith(SCHEMA_LINE.encode()):
        return data
    return (SCHEMA_LINE + schema_url(path, kind)).encode() + newline + rest
