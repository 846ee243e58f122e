"""SPEC 3.3, 4, 5: findings about a plan as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from builders import bead, config, convoy, epic, fact, ledger, plan

from gitconvoy.checks.plan_checks import check_plan
from gitconvoy.errors import Problem
from gitconvoy.model.ledger import ConvoyRecord, Ledger
from gitconvoy.model.plan import Plan, Rig

NO_LEDGER = Ledger()


def found(tested: Plan, known: Ledger | None = NO_LEDGER) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(problem.code, problem.severity, problem.ids) for problem in check_plan(tested, known)]


def only(tested: Plan) -> Problem:
    (problem,) = check_plan(tested, NO_LEDGER)
    return problem


def test_nothing_to_say_of_a_sound_plan() -> None:
    sound = plan(epic("gt-e"), bead("gt-a", parent="gt-e"), bead("gt-b", "gt-a"), convoy("hq-cv-1", "gt-a", "gt-b"))
    assert check_plan(sound, NO_LEDGER) == []


def test_a_dangling_link_is_an_error_at_its_entry() -> None:
    problem = only(plan(bead("gt-a"), bead("gt-b", "gt-a", ("related", "gt-x"))))
    assert (problem.code, problem.severity, problem.ids) == ("dangling", "error", ("gt-b", "gt-x"))
    assert (problem.path, problem.at) == (".convoy/beads/gt-b.yaml", ("depends_on", 1))


@pytest.mark.parametrize(
    ("imported", "severity"), [([("blocks", "gt-x")], "warning"), ([("related", "gt-x")], "error"), ([], "error")]
)
def test_a_dangling_link_that_stands_as_imported_is_a_warning(imported: list[Any], severity: str) -> None:
    assert found(plan(bead("gt-b", "gt-x", imported_links=frozenset(imported)))) == [
        ("dangling", severity, ("gt-b", "gt-x"))
    ]


@pytest.mark.parametrize("imported", [False, True])
def test_dangling_parents_go_by_the_same_rule(imported: bool) -> None:
    links = frozenset([("parent", "gt-x")] if imported else [])
    problem = only(plan(bead("gt-b", parent="gt-x", imported_links=links)))
    assert (problem.code, problem.at, problem.ids) == ("parent-dangling", ("parent",), ("gt-b", "gt-x"))
    assert problem.severity == ("warning" if imported else "error")


def test_external_archived_deleted_and_unreadable_targets_do_not_dangle() -> None:
    tested = plan(
        bead("gt-a", "external:jira-1", "gt-old", "gt-gone", "gt-bad", parent="external:other"),
        bead("gt-old", archived=True, status="closed"),
        bead("gt-gone", archived=True, tombstone=True),
        broken=["gt-bad"],
    )
    assert check_plan(tested, NO_LEDGER) == []


def test_hints_name_what_was_meant() -> None:
    assert "did you mean gt-A" in only(plan(bead("gt-A"), bead("gt-b", "gt-a"))).hint
    hints = {p.code: p.hint for p in check_plan(plan(bead("gt-b", "hq-cv-1"), convoy("hq-cv-1", "gt-b")), NO_LEDGER)}
    assert "is a convoy" in hints["dangling"]


def test_the_archive_is_not_checked() -> None:
    assert check_plan(plan(bead("gt-a", "gt-x", archived=True, type="odd")), NO_LEDGER) == []


def test_a_cycle_is_one_finding_with_all_ids_the_shortest_path_and_the_entry_to_cut() -> None:
    tested = plan(bead("gt-a", "gt-c", "gt-b"), bead("gt-b", "gt-a"), bead("gt-c", "gt-d"), bead("gt-d", "gt-a"))
    problem = only(tested)
    assert (problem.code, problem.severity) == ("cycle", "error")
    assert problem.ids == ("gt-a", "gt-b", "gt-c", "gt-d")
    assert problem.message.endswith("gt-a -> gt-b -> gt-a")
    assert problem.path == ".convoy/beads/gt-b.yaml"
    assert problem.at == ("depends_on", 0)


def test_a_self_link_is_a_cycle_and_a_diamond_is_not() -> None:
    assert found(plan(bead("gt-a", "gt-a"))) == [("cycle", "error", ("gt-a",))]
    assert not found(plan(bead("gt-a", "gt-b", "gt-c"), bead("gt-b", "gt-d"), bead("gt-c", "gt-d"), bead("gt-d")))


def imported(*links: str, parent: str | None = None) -> frozenset[tuple[str, str]]:
    return frozenset([*(("blocks", one) for one in links), *([("parent", parent)] if parent else [])])


def test_a_cycle_is_a_warning_while_all_its_links_stand_as_imported() -> None:
    a, b = bead("gt-a", "gt-b", imported_links=imported("gt-b")), bead("gt-b", "gt-a", imported_links=imported("gt-a"))
    assert found(plan(a, b)) == [("cycle", "warning", ("gt-a", "gt-b"))]
    assert found(plan(a, bead("gt-b", "gt-a"))) == [("cycle", "error", ("gt-a", "gt-b"))]
    aside = bead("gt-b", "gt-a", "gt-c", imported_links=imported("gt-a"))
    assert found(plan(a, aside, bead("gt-c"))) == [("cycle", "warning", ("gt-a", "gt-b"))]


@pytest.mark.parametrize("parent_imported", [False, True])
def test_a_parent_set_by_hand_that_closes_an_imported_chain_makes_the_cycle(parent_imported: bool) -> None:
    tested = plan(
        epic("gt-e", "gt-x", imported_links=imported("gt-x")),
        bead("gt-x", "gt-c", imported_links=imported("gt-c")),
        bead("gt-c", parent="gt-e", imported_links=imported(parent="gt-e") if parent_imported else frozenset()),
    )
    severities = {problem.severity for problem in check_plan(tested, NO_LEDGER) if problem.code == "cycle"}
    assert severities == {"warning" if parent_imported else "error"}


def test_parents_in_a_circle() -> None:
    problem = only(plan(epic("gt-a", parent="gt-b"), epic("gt-b", parent="gt-a")))
    assert (problem.code, problem.severity, problem.ids) == ("parent-cycle", "error", ("gt-a", "gt-b"))
    assert problem.message.endswith("gt-a -> gt-b -> gt-a")
    assert problem.at == ("parent",)


def test_parents_in_a_circle_as_imported_are_a_warning() -> None:
    links = {"gt-a": imported(parent="gt-b"), "gt-b": imported(parent="gt-a")}
    beads = [epic(one, parent=other, imported_links=links[one]) for one, other in (("gt-a", "gt-b"), ("gt-b", "gt-a"))]
    assert found(plan(*beads)) == [("parent-cycle", "warning", ("gt-a", "gt-b"))]


TWO = (bead("gt-a"), convoy("hq-cv-1", "gt-a", status="staged_ready"), convoy("hq-cv-2", "gt-a"))


def test_a_bead_is_tracked_by_at_most_one_convoy_that_is_not_closed() -> None:
    problem = only(plan(*TWO))
    assert (problem.code, problem.severity) == ("tracked-twice", "error")
    assert problem.ids == ("gt-a", "hq-cv-1", "hq-cv-2")
    assert (problem.path, problem.at) == (".convoy/convoys/hq-cv-2.yaml", ("tracks", 0))


def test_without_a_ledger_at_hand_tracked_twice_is_a_warning() -> None:
    assert found(plan(*TWO), None) == [("tracked-twice", "warning", ("gt-a", "hq-cv-1", "hq-cv-2"))]


def test_closed_convoys_do_not_count_by_effective_status() -> None:
    assert not found(plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", status="closed"), convoy("hq-cv-2", "gt-a")))
    assert not found(plan(*TWO), ledger(ConvoyRecord("hq-cv-2", status="closed", file_status="open")))
    assert found(plan(*TWO), ledger(ConvoyRecord("hq-cv-2", status="closed", file_status="staged_ready")))


def test_a_tracked_bead_must_exist_while_the_convoy_is_not_closed() -> None:
    problem = only(plan(bead("gt-a"), convoy("hq-cv-1", "gt-a", "gt-x")))
    assert (problem.code, problem.severity, problem.ids) == ("missing-tracked", "error", ("hq-cv-1", "gt-x"))
    assert problem.at == ("tracks", 1)
    assert not found(plan(convoy("hq-cv-1", "gt-x", status="closed")))
    assert not found(plan(convoy("hq-cv-1", "gt-x"), broken=["gt-x"]))


@pytest.mark.parametrize(
    ("fields", "code", "hint"),
    [
        ({"type": "taks"}, "unknown-type", "did you mean task?"),
        ({"status": "opne"}, "unknown-status", "did you mean open?"),
        ({"type": "zzz"}, "unknown-type", "add it under `types:`"),
        ({"status": "zzz"}, "unknown-status", "add it under `statuses:`"),
    ],
)
def test_words_that_the_config_does_not_know(fields: dict[str, str], code: str, hint: str) -> None:
    problem = only(plan(bead("gt-a", **fields)))
    assert (problem.code, problem.severity) == (code, "error")
    assert hint in problem.hint


def test_words_are_not_judged_while_the_config_cannot_be_read() -> None:
    assert not check_plan(plan(bead("gt-a", type="own"), config_broken=True), NO_LEDGER)


def test_a_bead_without_a_rig_is_a_warning_until_it_is_closed() -> None:
    rigs = config(Rig("web", ("web",)))
    assert found(plan(bead("gt-a"), config=rigs)) == [("no-rig", "warning", ("gt-a",))]
    assert not found(plan(bead("gt-a", status="closed"), config=rigs))


def test_problems_come_in_the_order_of_files_and_entries() -> None:
    tested = plan(bead("gt-b", *(f"gt-x{n}" for n in range(12))), bead("gt-a", "gt-x"))
    places = [(problem.path[-9:], problem.at) for problem in check_plan(tested, NO_LEDGER)]
    assert places == [("gt-a.yaml", ("depends_on", 0)), *(("gt-b.yaml", ("depends_on", n)) for n in range(12))]


def test_facts_of_beads_change_nothing() -> None:
    tested = plan(bead("gt-a", "gt-b"), bead("gt-b", "gt-a"))
    assert check_plan(tested, ledger(fact("gt-a"))) == check_plan(tested, None)
