"""A beads history, a graph, or routes become part of the plan, as one edit (SPEC 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import joining
from gitconvoy.git import index
from gitconvoy.git.repo import Repo
from gitconvoy.interop.graphs import read_graph
from gitconvoy.interop.importer import Progress, plan_import
from gitconvoy.interop.jsonl import first_record
from gitconvoy.interop.report import ImportPlan, Wishes
from gitconvoy.interop.routes import is_routes, read_routes
from gitconvoy.interop.sources import lines_of, whole_value
from gitconvoy.model.clock import iso
from gitconvoy.model.kinds import CONFIG_PATH, ROOT
from gitconvoy.model.plan import Link
from gitconvoy.planning.desk import Changes, Desk
from gitconvoy.planning.link_edits import add_link
from gitconvoy.planning.planfile import stale
from gitconvoy.yamlio.reader import load

if TYPE_CHECKING:
    from collections.abc import Iterator


HISTORY, GRAPH, ROUTES = "history", "graph", "routes"
"""What a source can be."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a history comes from: its name for people, its bytes (anew each time), and routes beside it."""

    name: str
    open: Callable[[], IO[bytes]]
    routes: Path | None = None

    @contextmanager
    def content(self, prefix: str) -> Iterator[_Content]:
        """What is in it, read as it is asked for. `prefix` is for new ids."""
        with self.open() as stream:
            value = whole_value(stream, self.name)
            if value is not None:
                graph = read_graph(value, prefix, self.name)
                yield _Content(GRAPH, graph.lines, graph.links)
            else:
                routes = is_routes(first_record(lines_of(stream)))
                stream.seek(0)
                yield _Content(ROUTES if routes else HISTORY, lines_of(stream))


@dataclass(frozen=True, slots=True)
class _Content:
    """What kind of source it is, its lines, and links of beads that exist, as (id, link)."""

    kind: str
    lines: Iterable[bytes]
    links: tuple[tuple[str, Link], ...] = ()


def import_source(
    repo: Repo, desk: Desk, source: Source, wishes: Wishes, progress: Progress | None = None
) -> tuple[Changes, ImportPlan]:
    """The edit that takes a source over, and what it is. BadFiles names each bad line.

    `progress` is called with the records done and all.
    """
    config = desk.read(CONFIG_PATH)
    existing = {
        entry.path: entry.file.read_bytes() for entry in index.worktree_entries(repo, ROOT) if not entry.is_link
    }
    document = load(config, CONFIG_PATH) if config is not None else {}
    own = joining.without(desk.plan)
    with source.content(own.config.prefix) as content, _beside(source) as beside:
        what, routes_only = content.kind, content.kind == ROUTES
        name = source.name if routes_only else str(source.routes)
        routes = read_routes(content.lines if routes_only else beside, name)
        made = {"created_at": iso(desk.now), **({"created_by": desk.actor} if desk.actor else {})}
        wanted = replace(wishes, routes=tuple(routes), made=made if what == GRAPH else None)
        records = () if routes_only else content.lines
        found = plan_import(records, own, document, existing, source.name, progress, desk.plan, wanted)
    found = _linked(desk, found, content.links)
    if not found.files:
        return Changes({}, "", (), desk.plan), found
    plan = joining.carried(found.plan, desk.plan)
    files = dict(sorted({**found.files, **stale(plan, desk.ledger)}.items()))
    return Changes(files, _message(found, source.name.rsplit("/", 1)[-1], what), (), plan), found


def _linked(desk: Desk, found: ImportPlan, links: Iterable[tuple[str, Link]]) -> ImportPlan:
    """The import with links of beads that were here before. Refused as `dep add` refuses them."""
    files, plan, changed = dict(found.files), found.plan, dict.fromkeys(one for _, one, _ in found.changes)
    updated = []
    for bead, link in links:
        here = replace(desk, plan=plan, read=lambda path: files[path] if path in files else desk.read(path))
        made = add_link(here, bead, link)
        files.update(made.files)
        plan = made.plan
        if made.files and bead not in changed:
            changed[bead] = None
            updated.append(("updated", bead, ("depends_on",)))
    changes = (*found.changes, *updated)
    return replace(found, files=files, plan=plan, updated=found.updated + len(updated), changes=changes)


@contextmanager
def _beside(source: Source) -> Iterator[Iterable[bytes]]:
    with source.routes.open("rb") if source.routes is not None else nullcontext() as stream:
        yield lines_of(stream) if stream is not None else ()


def _message(found: ImportPlan, name: str, what: str) -> str:
    if what == ROUTES:
        return f"Take over the rigs of {name}"
    count = found.created + found.updated + found.tombstones + found.deleted
    return f"Import {count} records from {name}" if what == HISTORY else f"Add {count} beads of the graph {name}"
