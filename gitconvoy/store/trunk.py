"""The trunk's plan, or as much of it as an answer needs, by its outline (`store.outline`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from sqlite3 import Connection

from gitconvoy.errors import ConvoyError
from gitconvoy.git import trees
from gitconvoy.git.repo import Repo
from gitconvoy.graph import Graph
from gitconvoy.model import kinds
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.plan import Bead, Config, Plan
from gitconvoy.store import load, outline
from gitconvoy.store.build import understood
from gitconvoy.store.localfiles import local_folder
from gitconvoy.store.outline import Outline, Unusable
from gitconvoy.store.part import Rest, Value, gathered
from gitconvoy.store.reading import Source

_FEW = 200
"""Changed files which an outline follows; of more it is made anew."""


def plan(repo: Repo, tree: str | None, asked: Collection[str] = (), waves_of: Collection[str] = ()) -> Plan:
    """What of the plan of a `.convoy` tree is needed for what is ready, for `asked` beads, and for `waves_of` others.

    All of it where it cannot be told apart, and for whoever reads the outline first.
    """
    folder = local_folder(repo.common_dir)
    if tree is None or not folder.is_dir():
        return load.from_tree(repo, tree)
    kept = Outline(folder)
    try:
        return _part(repo, kept, tree, asked, waves_of)
    except Unusable:
        found = load.from_tree(repo, tree)
        _outline(repo, kept, found)
        return found


def _part(repo: Repo, kept: Outline, tree: str, asked: Collection[str], waves_of: Collection[str]) -> Plan:
    if not kept.there():
        raise Unusable("there is none")
    for writes in (False, True):
        with kept.open(write=writes) as db:
            before = outline.tree_of(db)
            if before != tree and writes:
                _follow(repo, db, before, tree)
            elif before != tree:
                continue
            found = gathered(db, tree, lambda files: _read(repo, files), asked, waves_of)
            load.memo_of(repo).save()
        return replace(found, rest=Rest(found.settled, lambda one: _one(repo, kept, tree, one)))
    raise Unusable("it cannot be brought up to date")


def _read(repo: Repo, files: list[tuple[str, str]]) -> list[Value]:
    listed = load.sources_of(repo, [trees.Entry(path, blob, 0o100644) for path, blob in files])
    try:
        load.memo_of(repo).expect(listed)
        return [_value(repo, source) for source in listed]
    except ConvoyError as error:
        raise Unusable("what it names cannot be read") from error


def _value(repo: Repo, source: Source) -> Value:
    kind = kinds.kind_of(source.path)
    value = understood(source, kind, load.memo_of(repo)) if kind is not None else None
    if value is None:
        raise Unusable(source.path)
    return value


def _one(repo: Repo, kept: Outline, tree: str, bead_id: str) -> Bead | None:
    """A bead of the tree, by where the outline, which may be of another tree by now, has it."""
    try:
        with kept.open() as db:
            path = outline.path_of(db, bead_id)
    except Unusable:
        path = None
    entry = trees.entry(repo, tree, path.removeprefix(ROOT + "/")) if path is not None else None
    if entry is None or path is None:
        listed = trees.entries(repo, tree, ROOT)
        known = (each for each in listed if kinds.stem(each.path) == bead_id and kinds.kind_of(each.path) is kinds.BEAD)
        entry = next(known, None)
    else:
        entry = replace(entry, path=path)
    value = _value(repo, load.sources_of(repo, [entry])[0]) if entry is not None else None
    return value if isinstance(value, Bead) else None


def _outline(repo: Repo, kept: Outline, plan: Plan) -> None:
    """Outline a plan in which nothing is wrong and nothing runs in a circle."""
    if plan.tree is None or plan.problems or plan.away or not _acyclic(plan):
        return
    entries = {entry.path: entry.oid for entry in trees.entries(repo, plan.tree, ROOT) if kinds.kind_of(entry.path)}
    beads = [*plan.beads.values(), *plan.archive.values()]
    rows = [outline.row_of(bead, entries.pop(bead.path), plan.config) for bead in beads]
    try:
        with kept.open(write=True) as db:
            outline.begin_anew(db, plan.tree, rows, entries)
    except Unusable:
        return


def _acyclic(plan: Plan) -> bool:
    graph = Graph.build(plan)
    return not graph.hierarchy.cyclic and not graph.in_cycle


def _follow(repo: Repo, db: Connection, before: str | None, tree: str) -> None:
    """Bring the outline from one tree to another. Unusable where more may follow from that than it tells."""
    try:
        paths = trees.changed_in_trees(repo, before, tree, ROOT, limit=_FEW) if before is not None else None
    except ConvoyError as error:
        raise Unusable("the tree that it is of is gone") from error
    if paths is None or len(paths) > _FEW:
        raise Unusable("too much has changed")
    old, new = _entries(repo, before, paths), _entries(repo, tree, paths)
    if kinds.CONFIG_PATH in paths:
        raise Unusable("the settings have changed")
    config = _config(repo, db)
    for path in paths:
        kind = kinds.kind_of(path)
        if kind is None and (path == ROOT or path.endswith(".yml")):
            raise Unusable("there may be something wrong")
        if kind is kinds.BEAD:
            bead = _same_shape(repo, old.get(path), new.get(path))
            outline.put(db, outline.row_of(bead, new[path].oid, config))
        elif kind is not None:
            _follow_file(repo, db, kind, path, old.get(path), new.get(path))
    outline.note(db, tree)


def _config(repo: Repo, db: Connection) -> Config:
    blob = outline.files(db).get(kinds.CONFIG_PATH)
    found = _read(repo, [(kinds.CONFIG_PATH, blob)])[0] if blob is not None else None
    if not isinstance(found, Config):
        raise Unusable("it names no settings")
    return found


def _entries(repo: Repo, tree: str | None, paths: Collection[str]) -> Mapping[str, trees.Entry]:
    found = {path: trees.entry(repo, tree, path.removeprefix(ROOT + "/")) for path in paths} if tree is not None else {}
    return {path: replace(each, path=path) for path, each in found.items() if each is not None}


def _same_shape(repo: Repo, old: trees.Entry | None, new: trees.Entry | None) -> Bead:
    """The bead after a change that leaves the graph as it was."""
    if old is None or new is None or not (old.is_file and new.is_file):
        raise Unusable("a bead has come or gone")
    (before,) = _read(repo, [(old.path, old.oid)])
    data = before.data if isinstance(before, Bead) else {}
    after = understood(load.sources_of(repo, [new])[0], kinds.BEAD, load.memo_of(repo), data)
    if not isinstance(before, Bead) or not isinstance(after, Bead) or _shape(before) != _shape(after):
        raise Unusable("links have changed")
    return after


def _shape(bead: Bead) -> tuple[object, ...]:
    return bead.id, bead.type, bead.parent, bead.links, bead.archived, bead.tombstone


def _follow_file(
    repo: Repo,
    db: Connection,
    kind: kinds.Kind,
    path: str,
    old: trees.Entry | None,
    new: trees.Entry | None,
) -> None:
    if new is not None and not new.is_file:
        raise Unusable("no plain file")
    if kind is kinds.CONVOY and new is not None:
        _value(repo, load.sources_of(repo, [new])[0])
        if old is None and outline.is_taken(db, kinds.stem(path), path):
            raise Unusable("its id may be taken")
    outline.put_file(db, path, new.oid if new is not None else None)
