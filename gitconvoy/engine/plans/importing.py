"""A beads history becomes part of the plan, as one edit (SPEC 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from gitconvoy.engine import joining
from gitconvoy.git import read as gitread
from gitconvoy.git.repo import Repo
from gitconvoy.interop.importer import ImportPlan, plan_import
from gitconvoy.model.kinds import CONFIG_PATH, ROOT
from gitconvoy.model.plan import Plan
from gitconvoy.planning.desk import Changes, Desk
from gitconvoy.planning.planfile import blob_id, stale
from gitconvoy.store.build import build
from gitconvoy.store.reading import Source
from gitconvoy.yamlio.reader import load

Progress = Callable[[int, int], None]


def import_lines(
    repo: Repo, desk: Desk, lines: Iterable[bytes], name: str, progress: Progress | None = None
) -> tuple[Changes, ImportPlan]:
    """The edit that takes a file of JSON lines over, and its counts.

    `name` is the file's; `progress` is called with the lines done and all. BadFiles names each bad line.
    """
    config = desk.read(CONFIG_PATH)
    existing = {
        entry.path: entry.file.read_bytes() for entry in gitread.worktree_entries(repo, ROOT) if not entry.is_link
    }
    document = load(config, CONFIG_PATH) if config is not None else {}
    own = joining.without(desk.plan)
    found = plan_import(lines, own, document, existing, name, progress, desk.plan)
    if not found.files:
        return Changes({}, "", (), desk.plan), found
    plan = joining.carried(_with(existing, found.files), desk.plan)
    files = dict(sorted({**found.files, **stale(plan, desk.ledger)}.items()))
    count = found.created + found.updated + found.tombstones
    return Changes(files, f"Import {count} records from {name.rsplit('/', 1)[-1]}", (), plan), found


def _with(existing: Mapping[str, bytes], files: Mapping[str, bytes | None]) -> Plan:
    """The plan once the files are written."""
    merged = {path: data for path, data in {**existing, **files}.items() if data is not None}
    return build(Source(path, blob_id(data), partial(bytes, data)) for path, data in merged.items())
