"""Where imported documents go (SPEC 3.1, 3.5 `layout`)."""

from __future__ import annotations

import hashlib

from gitconvoy.model.kinds import ARCHIVE, BEAD, CONVOY, ROOT, Kind

MANY = 2000
"""More beads than that are spread over sub-folders: one folder of thousands of files makes git slow."""


def bead_path(own: str, *, fanned: bool, archived: bool = False) -> str:
    """Where a bead's file goes, in the active set or the archive; fanned: `<first 2 hex of sha1(id)>/` in between."""
    folder = ARCHIVE if archived else BEAD.folder
    fan = hashlib.sha1(own.encode("utf-8"), usedforsecurity=False).hexdigest()[:2] + "/" if fanned else ""
    return f"{folder}/{fan}{own}.yaml"


def convoy_path(own: str) -> str:
    """Where a convoy's file goes."""
    return f"{CONVOY.folder}/{own}.yaml"


def schema_url(path: str, kind: Kind) -> str:
    """The schema of a kind as seen from the file at `path`."""
    depth = path.count("/") - ROOT.count("/") - 1
    return f"{'../' * depth}schemas/{kind.name}.schema.json"
