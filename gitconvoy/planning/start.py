"""The first files of a town: what `init` writes (SPEC 3.1, 3.5, 8)."""

from __future__ import annotations

from collections.abc import Callable

from gitconvoy.errors import BadFiles, UsageError
from gitconvoy.model import kinds
from gitconvoy.model.ids import is_id
from gitconvoy.model.places import SCHEMA_LINE, schema_url
from gitconvoy.planning.documents import schema_path
from gitconvoy.resources import schema_text
from gitconvoy.yamlio.reader import load

ATTRIBUTES_PATH = f"{kinds.ROOT}/.gitattributes"
_ATTRIBUTES = """\
* text eol=lf
/beads/**/*.yaml merge=gitconvoy-bead
/archive/**/*.yaml merge=gitconvoy-bead
/archive/convoys/*.yaml merge=gitconvoy-convoy
/convoys/*.yaml merge=gitconvoy-convoy
/config.yaml merge=gitconvoy-config
/plans/*.yaml merge=gitconvoy-plan linguist-generated
"""
_SCHEMAS = (kinds.BEAD, kinds.CONVOY, kinds.PLAN, kinds.CONFIG)
_FOLDERS = (kinds.BEAD.folder, kinds.CONVOY.folder)
_CONFIG = """\
{schema}
# Settings of this town. Every key has a default; read from the trunk only.
format: 1
prefix: {prefix}
# new beads are {name}-xxxxx
# rigs:                     # projects by id prefix; without any there is one, named like the prefix
#   {prefix}:
#     prefixes: [{prefix}]
#     base_branch: main
#     max_workers: 4
# dispatch:
#   auto: false             # only `sling`, `feed` and `next --claim` dispatch
#   max_workers: 4
#   max_attempts: 3
#   lease: 30m
"""


def start_files(prefix: str, read: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """The files that a repository still lacks, by path: config, attributes, schemas, folders.

    `read` gives a file's bytes or None. A config that exists is never overwritten, and what attributes say stays; the
    schemas are copies that follow the installed version, so that line 1 of each file resolves offline. Empty when
    nothing is to do. UsageError where the prefix cannot begin an id.
    """
    if not is_id(f"{prefix}-aaaaa"):
        raise UsageError(
            f"{prefix!r} cannot be a prefix of ids", hint="use letters and digits, for example gt", code="bad-prefix"
        )
    files: dict[str, bytes] = {}
    if read(kinds.CONFIG_PATH) is None:
        line = SCHEMA_LINE + schema_url(kinds.CONFIG_PATH, kinds.CONFIG)
        files[kinds.CONFIG_PATH] = _CONFIG.format(schema=line, prefix=_scalar(prefix), name=prefix).encode()
        # git keeps no empty folders, and people look for the two in which they write
        files |= {f"{folder}/.gitkeep": b"" for folder in _FOLDERS if read(f"{folder}/.gitkeep") is None}
    return files | attributes(read) | schema_copies(read)


def attributes(read: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """`.convoy/.gitattributes`, where it lacks lines, by path: line ends, merge drivers, what forges need not show.

    What a person wrote there stays. Where they say how files are merged, nothing is added.
    """
    there = read(ATTRIBUTES_PATH)
    if there is None:
        return {ATTRIBUTES_PATH: _ATTRIBUTES.encode()}
    words = {word for line in there.split(b"\n") if not line.startswith(b"#") for word in line.split()[1:]}
    if any(word.lstrip(b"-!").partition(b"=")[0] in (b"merge", b"binary") for word in words):
        return {}
    missing = [line for line in _ATTRIBUTES.splitlines() if "merge=" in line]
    end = b"" if not there or there.endswith(b"\n") else b"\n"
    return {ATTRIBUTES_PATH: there + end + "".join(f"{line}\n" for line in missing).encode()}


def _scalar(prefix: str) -> str:
    """The prefix as YAML: quoted where it would be read as something else than text (`on` is text, `1e5` is not)."""
    try:
        plain = load(f"prefix: {prefix}\n".encode(), kinds.CONFIG_PATH)["prefix"] == prefix
    except BadFiles:
        plain = False
    return prefix if plain else f'"{prefix}"'


def schema_copies(read: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """The copies of the schemas that are missing or of another version, by path."""
    wanted = {schema_path(kind): schema_text(kind.name).encode() for kind in _SCHEMAS}
    return {path: data for path, data in wanted.items() if read(path) != data}
