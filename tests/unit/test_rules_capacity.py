"""Capacity within a batch, and the choice of workers (SPEC 4, Order)."""

from __future__ import annotations

from builders import bead, config, convoy, live, state

from gitconvoy.model.ledger import BeadRecord
from gitconvoy.model.plan import Bead, Config, Convoy, Dispatch, Rig
from gitconvoy.rules import Capacity, View

BEADS = tuple(bead(f"gt-{letter}") for letter in "abcdefgh")


def capacity(*items: Bead | Convoy | BeadRecord, config: Config | None = None, limit: int | None = None) -> Capacity:
    return Capacity(View(state(*BEADS, *items, config=config)), "here", limit)


def test_the_town_is_full_at_its_limit() -> None:
    room = capacity(*(live(f"gt-{letter}", f"gt/{letter}") for letter in "abc"))
    assert room.refusal("gt-d", None) is None
    room.take("gt-d", None, "gt/polecat-1")
    assert room.refusal("gt-e", None) == "the town is full: 4 of 4 in flight"
    assert room.refusal("gt-e", None, frozenset({"capacity"})) is None


def test_submitted_work_needs_no_room() -> None:
    room = capacity(*(live(f"gt-{letter}", f"gt/{letter}", submitted="c0ffee") for letter in "abcd"))
    assert room.refusal("gt-e", None) is None


def test_a_rig_is_full_by_its_limit_or_its_number_of_workers() -> None:
    limited = capacity(live("gt-a"), config=config(Rig("gt", ("gt",), max_workers=1)))
    assert limited.refusal("gt-b", None) == "rig gt is full: 1 of 1 in flight"
    named = capacity(live("gt-a"), config=config(Rig("gt", ("gt",), workers=("nux",))))
    assert named.refusal("gt-b", None) == "rig gt is full: 1 of 1 in flight"
    both = capacity(live("gt-a"), config=config(Rig("gt", ("gt",), workers=("nux",), max_workers=2)))
    assert both.refusal("gt-b", None) is None
    other = config(Rig("gt", ("gt",), max_workers=1), Rig("sub", ("gt-sub",), max_workers=1))
    room = capacity(bead("gt-sub-1"), live("gt-a"), config=other)
    assert room.refusal("gt-sub-1", None) is None


def test_a_convoy_is_full_at_its_own_limit() -> None:
    room = capacity(convoy("hq-cv-1", max_workers=2), convoy("hq-cv-2"), live("gt-a", convoy="hq-cv-1"))
    room.take("gt-b", "hq-cv-1", "gt/polecat-2")
    assert room.refusal("gt-c", "hq-cv-1") == "convoy hq-cv-1 is full: 2 of 2 in flight"
    assert room.refusal("gt-c", "hq-cv-2") is None
    assert room.refusal("gt-c", "hq-cv-gone") is None


def test_a_machine_counts_only_what_it_dispatched() -> None:
    room = capacity(live("gt-a", machine="there"), live("gt-b", machine="here"), limit=2)
    assert room.refusal("gt-c", None) is None
    room.take("gt-c", None, "gt/polecat-3")
    assert room.refusal("gt-d", None) == "this machine is full: 2 of 2 in flight"
    assert capacity(limit=0).refusal("gt-a", None) == "this machine is full: 0 of 0 in flight"


def test_workers_are_taken_in_their_order() -> None:
    room = capacity(live("gt-a", "gt/slit"), config=config(Rig("gt", ("gt",), workers=("nux", "slit", "rictus"))))
    assert room.held_by("gt/slit") == "gt-a"
    assert room.worker_for("gt-b") == "gt/nux"
    room.take("gt-b", None, "gt/nux")
    assert room.held_by("gt/nux") == "gt-b"
    assert room.worker_for("gt-c") == "gt/rictus"
    room.take("gt-c", None, "gt/rictus")
    assert room.worker_for("gt-d") is None


def test_polecats_are_numbered_up_to_the_limit() -> None:
    assert capacity().worker_for("gt-a") == "gt/polecat-1"
    room = capacity(live("gt-a", "gt/polecat-1"), live("gt-b", "gt/polecat-2", submitted="c0ffee"))
    assert room.worker_for("gt-c") == "gt/polecat-2"
    assert room.worker_for("xx-none") is None


def test_claims_need_room_but_occupy_nobody() -> None:
    room = capacity(live("gt-a", "gt/polecat-1", via="claim"), config=config(dispatch=Dispatch(max_workers=2)))
    assert room.worker_for("gt-b") == "gt/polecat-1"
    room.take("gt-b", None, "somebody", claim=True)
    assert room.held_by("somebody") is None
    assert room.refusal("gt-c", None) == "the town is full: 2 of 2 in flight"


def test_overlap_is_looked_at_bead_after_bead() -> None:
    items = (
        bead("gt-x", touches=("src/**",)),
        bead("gt-y", touches=("src/a.py",)),
        bead("gt-z", touches=("docs/",)),
        bead("gt-sub-1", touches=("src/a.py",)),
    )
    rigs = config(Rig("gt", ("gt",)), Rig("sub", ("gt-sub",)))
    room = capacity(*items, config=rigs)
    assert room.refusal("gt-y", None) is None
    room.take("gt-x", None, "gt/polecat-1")
    assert room.refusal("gt-y", None) == "it may change the same files as gt-x, which is dispatched first"
    assert room.refusal("gt-y", None, frozenset({"overlap"})) is None
    assert room.refusal("gt-z", None) is None
    assert room.refusal("gt-sub-1", None) is None
    room.take("gt-a", None, "gt/polecat-2", ("docs/b.md",))
    assert room.refusal("gt-z", None) == "it may change the same files as gt-a, which is dispatched first"
    assert room.refusal("gt-none", None) is None
