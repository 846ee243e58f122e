"""SPEC 3.4: plan files are a pure function of links, types and `tracks`."""

from __future__ import annotations

import hashlib

from builders import bead, config, convoy, epic, ledger, plan
from desks import bead_files, convoy_file, plan_of, settled
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.model.plan import Plan
from gitconvoy.planning.affected import affected
from gitconvoy.planning.planfile import blob_id, plan_files, stale

PATH = ".convoy/plans/hq-cv-1.yaml"
GOLDEN = """\
# yaml-language-server: $schema=../schemas/plan.schema.json
convoy: hq-cv-1
waves:
  - - gt-a
    - gt-b
  - - gt-c
gates:
  gt-c:
    - gt-d
outside:
  gt-c:
    - gt-d
critical_path:
  - gt-a
  - gt-c
"""
BEADS = bead_files(gt_a="", gt_b="", gt_c="depends_on: [gt-a, gt-d]", gt_d="type: decision")
FILES = BEADS | convoy_file("hq-cv-1", "gt-a", "gt-b", "gt-c")


def test_a_plan_file() -> None:
    assert plan_files(plan_of(FILES))["hq-cv-1"].decode() == GOLDEN


def test_what_is_missing_or_differs_is_written_and_what_is_right_is_not() -> None:
    assert stale(plan_of(FILES)) == {PATH: GOLDEN.encode()}
    assert stale(plan_of({**FILES, PATH: b"convoy: hq-cv-1\n"})) == {PATH: GOLDEN.encode()}
    assert stale(plan_of({**FILES, PATH: GOLDEN.encode()})) == {}


def test_closing_beads_never_touches_it() -> None:
    closed = FILES | bead_files(gt_a="status: closed; outcome: failed")
    assert stale(plan_of({**closed, PATH: GOLDEN.encode()})) == {}


def test_links_types_and_tracks_do() -> None:
    for change in (
        bead_files(gt_b="depends_on: [gt-a]"),
        bead_files(gt_b="type: decision"),
        convoy_file("hq-cv-1", "gt-a", "gt-b"),
    ):
        assert list(stale(plan_of({**FILES, PATH: GOLDEN.encode(), **change}))) == [PATH]


def test_the_plan_of_a_deleted_convoy_goes() -> None:
    assert stale(plan_of({**BEADS, PATH: GOLDEN.encode()})) == {PATH: None}


def test_a_name_that_is_no_id_is_left_alone() -> None:
    assert stale(plan(plan_blobs={"a..b": "0"})) == {}


def test_plans_of_closed_convoys_are_frozen_by_effective_status() -> None:
    old = {PATH: b"convoy: hq-cv-1\n"}
    assert stale(plan_of({**BEADS, **old, **convoy_file("hq-cv-1", "gt-a", status="closed")})) == {}
    ended = ledger(ConvoyRecord("hq-cv-1", status="closed", file_status="staged_ready"))
    assert stale(plan_of({**FILES, **old}), ended) == {}
    assert list(stale(plan_of({**FILES, **old}))) == [PATH]


def test_what_cannot_be_read_leaves_plans_as_they_are() -> None:
    convoys = {"hq-cv-1": "0"}
    assert stale(plan(plan_blobs=convoys, broken=["hq-cv-1"])) == {}
    assert stale(plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", "gt-x"), broken=["gt-x"], plan_blobs=convoys)) == {}
    assert stale(plan(bead("gt-a"), convoy("hq-cv-1", "gt-a"), config_broken=True, plan_blobs=convoys)) == {}


def test_only_some_convoys() -> None:
    tested = plan(bead("gt-a"), convoy("hq-cv-1", "gt-a"), convoy("hq-cv-2"), plan_blobs={"hq-cv-3": "0"})
    assert list(stale(tested, only=["hq-cv-2"])) == [".convoy/plans/hq-cv-2.yaml"]
    assert stale(tested, only=["hq-cv-3"]) == {".convoy/plans/hq-cv-3.yaml": None}
    assert len(stale(tested)) == 3


def test_the_plan_of_an_empty_convoy() -> None:
    data = plan_files(plan(convoy("hq-cv-1")))["hq-cv-1"]
    assert data.decode().splitlines()[1:] == [
        "convoy: hq-cv-1",
        "waves: []",
        "gates: {}",
        "outside: {}",
        "critical_path: []",
    ]


def test_blob_ids_are_those_of_git() -> None:
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_id(b"x") == hashlib.sha1(b"blob 1\0x").hexdigest()


LINKS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(LINKS, st.sets(st.integers(0, 6)), st.permutations(range(7)))
def test_same_input_same_bytes_whatever_the_order(
    links: list[tuple[int, int]], tracked: set[int], order: list[int]
) -> None:
    beads = {n: bead(f"gt-{n}", *(f"gt-{to}" for at, to in links if at == n)) for n in range(6)}
    beads[6] = epic("gt-6", *(f"gt-{to}" for at, to in links if at == 6))
    tracks = [f"gt-{n}" for n in sorted(tracked)]
    one = plan_files(plan(*(beads[n] for n in range(7)), convoy("hq-cv-1", *tracks)))
    other = plan_files(plan(*(beads[n] for n in order), convoy("hq-cv-1", *tracks[::-1])))
    assert one == other


def test_settled_files_have_no_stale_plan() -> None:
    assert stale(plan_of(settled(FILES))) == {}


BEAD = st.tuples(
    st.sampled_from(["task", "epic", "decision"]),
    st.none() | st.integers(0, 6),
    st.lists(st.tuples(st.sampled_from(["blocks", "waits-for", "related"]), st.integers(0, 7)), max_size=2),
)
Spec = tuple[str, int | None, list[tuple[str, int]]]


def plan_from(beads: dict[int, Spec]) -> Plan:
    made = [
        bead(
            f"gt-{n}",
            *((kind, f"gt-{to}") for kind, to in links),
            type=type_,
            parent=None if up is None else f"gt-{up}",
        )
        for n, (type_, up, links) in beads.items()
    ]
    return plan(*made, convoy("hq-cv-1", "gt-0", "gt-1"), convoy("hq-cv-2", "gt-2"), convoy("hq-cv-3", "gt-3", "gt-4"))


@settings(max_examples=150)
@given(st.dictionaries(st.integers(0, 6), BEAD), st.dictionaries(st.integers(0, 6), st.none() | BEAD, max_size=2))
def test_a_change_of_beads_alters_no_plan_but_those_that_it_affects(
    beads: dict[int, Spec], changed: dict[int, Spec | None]
) -> None:
    old = plan_from(beads)
    new = plan_from({n: spec for n, spec in {**beads, **changed}.items() if spec is not None})
    before, after = plan_files(old), plan_files(new)
    assert {one for one in after if before[one] != after[one]} <= affected(old, new)


def test_only_the_convoys_concerned_are_affected() -> None:
    beads = [bead("gt-a"), bead("gt-b", "gt-a"), bead("gt-c"), epic("gt-e"), bead("gt-f", parent="gt-e")]
    convoys = [convoy("hq-cv-1", "gt-b"), convoy("hq-cv-2", "gt-c"), convoy("hq-cv-3", "gt-f")]
    old = plan(*beads, *convoys)
    assert affected(old, old) == frozenset()
    assert affected(old, plan(*beads[1:], bead("gt-a", "gt-c"), *convoys)) == {"hq-cv-1"}
    assert affected(old, plan(*beads, bead("gt-e", type="epic", parent="gt-c"), *convoys)) == {"hq-cv-3"}
    assert affected(old, plan(*beads, convoy("hq-cv-2", "gt-a"), *convoys[:1])) == {"hq-cv-2", "hq-cv-3"}
    assert affected(old, plan(*beads, *convoys, config=config(inherit_blockers=False))) == {c.id for c in convoys}
