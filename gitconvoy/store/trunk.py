"""The trunk's plan, or as much of it as an answer needs, by its outline (`store.outline`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from sqlite3 import Connection
from typing import Any

from gitconvoy.errors import ConvoyError
from gitconvoy.git import objects, trees
from gitconvoy.git.repo import Repo
from gitconvoy.graph import Graph, Shape
from gitconvoy.model import kinds
from gitconvoy.model.kinds import ROOT
from gitconvoy.model.ledger import Ledger
from gitconvoy.model.plan import Bead, Config, Convoy, Plan
from gitconvoy.model.state import Asked
from gitconvoy.store import load, outline
from gitconvoy.store.build import understood
from gitconvoy.store.cache import forget_old
from gitconvoy.store.digest import Digested, undigested, undigested_convoys
from gitconvoy.store.localfiles import local_folder
from gitconvoy.store.outline import Outline, Unusable
from gitconvoy.store.part import Reader, Rest, gathered
from gitconvoy.store.reading import Source

Value = Bead | Convoy | Config
_FEW = 200
"""Changed files which an outline follows; of more it is made anew."""


def plan(repo: Repo, tree: str | None, asked: Asked, ledger: Ledger) -> Plan:
    """What of the plan of a `.convoy` tree is needed for what is asked.

    All of it where it cannot be told apart, and for whoever reads the outline first.
    """
    folder = local_folder(repo.common_dir)
    if tree is None or not folder.is_dir():
        return load.from_tree(repo, tree)
    kept = Outline(folder)
    try:
        return _part(repo, kept, tree, asked, ledger)
    except Unusable:
        found = load.from_tree(repo, tree)
        _outline(repo, kept, found)
        return found


def _part(repo: Repo, kept: Outline, tree: str, asked: Asked, ledger: Ledger) -> Plan:
    if not kept.there():
        raise Unusable("there is none")
    reader = Reader(partial(_config, repo), partial(_beads, repo), partial(_convoys, repo))
    for writes in (False, True):
        with kept.open(write=writes) as db:
            before = outline.tree_of(db)
            if before != tree and writes:
                _follow(repo, db, before, tree)
            elif before != tree:
                continue
            found = gathered(db, tree, reader, asked, ledger)
            load.memo_of(repo).save()
        return _with_rest(repo, kept, found)
    raise Unusable("it cannot be brought up to date")


def _with_rest(repo: Repo, kept: Outline, found: Plan) -> Plan:
    tree, rest = found.tree, found.rest
    if tree is None or not isinstance(rest, Rest):
        return found
    shape = cache(partial(_shape, repo, kept, tree))
    read = partial(_one, repo, kept, tree)
    return replace(found, rest=replace(rest, read=read, chains=lambda closed: shape().remaining(closed)))


def _shape(repo: Repo, kept: Outline, tree: str) -> Shape:
    """The shape of the tree's graph; the outline may be of another one by now."""
    try:
        with kept.open() as db:
            if outline.tree_of(db) == tree:
                return outline.shape(db)
    except Unusable:
        pass
    return Graph.build(load.from_tree(repo, tree)).shape


def _beads(repo: Repo, found: list[Digested]) -> list[Bead]:
    try:
        return undigested(found, partial(_document, repo))
    except (ValueError, TypeError) as error:
        raise Unusable("it does not say what a bead is") from error


def _convoys(repo: Repo, found: list[Digested]) -> list[Convoy]:
    try:
        return undigested_convoys(found, partial(_document, repo))
    except (ValueError, TypeError) as error:
        raise Unusable("it does not say what a convoy is") from error


def _document(repo: Repo, of: Digested) -> Mapping[str, Any]:
    """What a file says that was in order when it was outlined. ConvoyError where it is not to be had any more."""
    try:
        value = _read(repo, of.path, of.blob)
    except Unusable as error:
        if isinstance(error.__cause__, ConvoyError):
            raise error.__cause__ from None
        raise objects.damaged(of.path, error) from error
    return value.data if isinstance(value, Bead | Convoy) else {}


def _read(repo: Repo, path: str, blob: str) -> Value:
    (source,) = load.sources_of(repo, [trees.Entry(path, blob, 0o100644)])
    try:
        load.memo_of(repo).expect([source])
        return _value(repo, source)
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
    try:
        value = _value(repo, load.sources_of(repo, [entry])[0]) if entry is not None else None
    except Unusable as error:
        raise objects.damaged(entry.path if entry is not None else bead_id, error) from error
    return value if isinstance(value, Bead) else None


def _outline(repo: Repo, kept: Outline, plan: Plan) -> None:
    """Outline a plan in which nothing is wrong and nothing runs in a circle."""
    graph = Graph.build(plan)
    if plan.tree is None or plan.problems or plan.away or graph.hierarchy.cyclic or graph.in_cycle:
        return
    entries = {entry.path: entry.oid for entry in trees.entries(repo, plan.tree, ROOT) if kinds.kind_of(entry.path)}
    beads = [(bead, entries.pop(bead.path)) for bead in (*plan.beads.values(), *plan.archive.values())]
    convoys = [(convoy, entries.pop(convoy.path)) for convoy in plan.convoys.values()]
    try:
        with kept.open(write=True) as db:
            outline.begin_anew(db, plan.tree, beads, convoys, entries, plan.config, graph.shape)
        forget_old(local_folder(repo.common_dir))
    except Unusable:
        return


def _follow(repo: Repo, db: Connection, before: str | None, tree: str) -> None:
    """Bring the outline from one tree to another. Unusable where more may follow from that than it tells."""
    try:
        changes = trees.changes(repo, before, tree, ROOT, limit=_FEW) if before is not None else None
    except ConvoyError as error:
        raise Unusable("the tree that it is of is gone") from error
    if changes is None or len(changes) > _FEW:
        raise Unusable("too much has changed")
    if kinds.CONFIG_PATH in changes:
        raise Unusable("the settings have changed")
    settings = outline.files(db).get(kinds.CONFIG_PATH)
    if settings is None:
        raise Unusable("it names no settings")
    config = _config(repo, settings)
    for path, (old, new) in changes.items():
        kind = kinds.kind_of(path)
        if kind is None and (path == ROOT or path.endswith(".yml")):
            raise Unusable("there may be something wrong")
        if kind is kinds.BEAD:
            if new is None:
                raise Unusable("a bead has gone")
            bead = _same_shape(repo, old, new) if old is not None else _new_bead(repo, db, new)
            outline.put(db, bead, new.oid, config)
        elif kind is not None:
            _follow_file(repo, db, kind, path, old, new)
    outline.note(db, tree)


def _config(repo: Repo, blob: str) -> Config:
    found = _read(repo, kinds.CONFIG_PATH, blob)
    if not isinstance(found, Config):
        raise Unusable("it names no settings")
    return found


def _same_shape(repo: Repo, old: trees.Entry, new: trees.Entry) -> Bead:
    """The bead after a change that leaves the graph as it was."""
    if not (old.is_file and new.is_file):
        raise Unusable("a bead is no file")
    before = _read(repo, old.path, old.oid)
    data = before.data if isinstance(before, Bead) else {}
    after = understood(load.sources_of(repo, [new])[0], kinds.BEAD, load.memo_of(repo), data)
    if not isinstance(before, Bead) or not isinstance(after, Bead) or _links(before) != _links(after):
        raise Unusable("links have changed")
    return after


def _new_bead(repo: Repo, db: Connection, new: trees.Entry) -> Bead:
    """A bead that has come and that nothing depends on, so that it stands behind all others in the graph."""
    bead = _value(repo, load.sources_of(repo, [new])[0]) if new.is_file else None
    if not isinstance(bead, Bead) or bead.archived or bead.tombstone or bead.parent is not None:
        raise Unusable("others may depend on it")
    targets = sorted({link.target for link in bead.links if link.blocking})
    named = bead.id in targets or outline.is_named(db, bead.id) or outline.is_taken(db, bead.id, bead.path)
    if named or outline.parents_among(db, targets):
        raise Unusable("it is depended on, or depends on whole families")
    outline.append_to_shape(db, bead.id, targets)
    return bead


def _links(bead: Bead) -> tuple[object, ...]:
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
    if kind is not kinds.CONVOY:
        outline.put_file(db, path, new.oid if new is not None else None)
        return
    if new is None:
        outline.forget_convoy(db, path)
        return
    convoy = _value(repo, load.sources_of(repo, [new])[0])
    if not isinstance(convoy, Convoy) or (old is None and outline.is_taken(db, convoy.id, path)):
        raise Unusable("its id may be taken")
    outline.put_convoy(db, convoy, new.oid)
