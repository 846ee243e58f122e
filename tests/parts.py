"""States with no more of their plan than is needed for what is asked, for tests that compare both."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from gitconvoy.graph import Graph
from gitconvoy.model.kinds import CONFIG_PATH
from gitconvoy.model.plan import Bead
from gitconvoy.model.state import Asked, State
from gitconvoy.store import outline
from gitconvoy.store.digest import undigested, undigested_convoys
from gitconvoy.store.part import Reader, Rest, gathered


def part(whole: State, asked: Asked | None = None) -> State:
    """The same state with no more of its plan than is needed; for each bead that is not closed where None is asked."""
    plan = whole.plan
    beads = [replace(each, path=_place(each)) for each in (*plan.beads.values(), *plan.archive.values())]
    shape = Graph.build(plan).shape
    reader = Reader(
        lambda _: plan.config,
        lambda found: undigested(found, lambda _: {}),
        lambda found: undigested_convoys(found, lambda _: {}),
    )
    with sqlite3.connect(":memory:", isolation_level=None) as db:
        db.executescript(outline.TABLES)
        convoys = [(each, "") for each in plan.convoys.values()]
        outline.begin_anew(db, "tree", [(each, "") for each in beads], convoys, {CONFIG_PATH: ""}, plan.config, shape)
        assert outline.tree_of(db) == "tree"
        found = gathered(db, "tree", reader, asked or Asked(all_open=True), whole.ledger)
        again = outline.shape(db)
    assert isinstance(found.rest, Rest)
    return replace(whole, plan=replace(found, rest=replace(found.rest, read=plan.bead, chains=again.remaining)))


def _place(each: Bead) -> str:
    return f".convoy/{'archive' if each.archived else 'beads'}/{each.id}.yaml"


def in_files(whole: State) -> State:
    """As it would be read from files, where the folder says what is archived."""
    archive = {one: replace(each, archived=True) for one, each in whole.plan.archive.items()}
    return replace(whole, plan=replace(whole.plan, archive=archive))


def sound(whole: State) -> bool:
    """Only such plans are outlined."""
    graph = Graph.build(whole.plan)
    return not whole.plan.broken and not graph.hierarchy.cyclic and not graph.in_cycle
