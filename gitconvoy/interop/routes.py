"""Gas Town's `routes.jsonl`, one `{"prefix", "path"}` a line, as rigs of the config (SPEC 3.5, 10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import BadFiles, Problem
from gitconvoy.interop.jsonl import read_lines
from gitconvoy.interop.settings import MAX_PREFIX, rigs_of
from gitconvoy.model.plan import Config

_PREFIX = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_NAME = re.compile(r"[^A-Za-z0-9._-]+|\.{2,}")
_TOWN = (".", "")
"""Paths that mean the town itself, whose beads are convoys and what goes with them."""


@dataclass(frozen=True, slots=True)
class Route:
    """Ids that begin with `prefix` + `-` belong to the project at `path`, relative to the town."""

    prefix: str
    path: str

    @property
    def name(self) -> str:
        """What the rig is called: the first folder of its path, or its prefix for the town itself."""
        first = self.path.strip("/").split("/")[0]
        return self.prefix if first in _TOWN else _NOT_NAME.sub("-", first).strip("-._")[:MAX_PREFIX] or self.prefix


def is_routes(record: Mapping[str, Any]) -> bool:
    """Whether a line is a route."""
    return "prefix" in record and "path" in record and "id" not in record


def read_routes(lines: Iterable[bytes], source: str) -> list[Route]:
    """The routes of a file. BadFiles names each line that is none; comments and blank lines are passed over."""
    found: list[Route] = []
    problems: list[Problem] = []
    kept = (b"" if line.lstrip().startswith(b"#") else line for line in lines)
    for line in read_lines(kept, source, lambda record: None if is_routes(record) else "no route: {prefix, path}"):
        prefix = str(line.data["prefix"]).removesuffix("-")
        if not _PREFIX.fullmatch(prefix) or len(prefix) > MAX_PREFIX:
            message = f"{line.data['prefix']!r} cannot be the prefix of ids"
            problems.append(Problem(source, "jsonl", message, "mend the line", line=line.number, column=1))
        else:
            found.append(Route(prefix, str(line.data["path"])))
    if problems:
        message = f"{source}: {len(problems)} bad lines"
        raise BadFiles(message, tuple(problems), hint="mend them; nothing was imported", code="bad-import")
    return found


def with_routes(config: Config, data: Mapping[str, Any], routes: Iterable[Route]) -> dict[str, Any]:
    """The config's `rigs` with a prefix for each route, in the rig of its name; {} where all are there already.

    Paths are no business of committed files: `git config gitconvoy.rig.NAME.path` says where a rig's repository is.
    """
    known = {prefix for rig in config.rigs.values() for prefix in rig.prefixes}
    rigs = rigs_of(config, data)
    added = False
    for route in routes:
        if route.prefix in known:
            continue
        known.add(route.prefix)
        added = True
        rig = dict(rigs.get(route.name) or {})
        rigs[route.name] = {**rig, "prefixes": [*(rig.get("prefixes") or ()), route.prefix]}
    return {"rigs": rigs} if added else {}
