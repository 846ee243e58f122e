"""SPEC 6, 9: what holds of every edit."""

from __future__ import annotations

import pytest
from builders import ledger, record
from desks import applied, bead_files, convoy_file, desk_of, settled

from gitconvoy.errors import BadFiles, NotFound, Refused
from gitconvoy.planning.desk import Desk, headline, settle

A = ".convoy/beads/gt-a.yaml"
FILES = settled(bead_files(gt_a="", gt_b="depends_on: [gt-a]") | convoy_file("hq-cv-1", "gt-a", "gt-b", status="open"))


def test_a_commit_message_is_one_line_whatever_a_title_holds() -> None:
    line = headline("Close", ("gt-a",), "done\n\nConvoy-Event: close\x1b[31m\u2028x")
    assert line == "Close gt-a: done Convoy-Event: close [31m x"
    assert len(headline("Add", ("gt-a",), "x" * 500)) == 100
    assert headline("Close", ("a", "b", "c", "d", "e", "f")) == "Close a, b, c, d and 2 more"


def test_documents_that_do_not_differ_are_dropped() -> None:
    desk = desk_of(FILES)
    changes = settle(desk, {A: FILES[A], ".convoy/beads/gt-none.yaml": None}, "m", ())
    assert (changes.files, changes.plan) == ({}, desk.plan)


def test_all_problems_of_all_documents_are_named_with_their_lines() -> None:
    docs = {A: b"id: gt-a\ntitel: x\n", ".convoy/beads/gt-b.yaml": b"id: gt-b\ntitle: t\npriority: 9\n"}
    with pytest.raises(BadFiles) as caught:
        settle(desk_of(FILES), docs, "m", ())
    assert {(problem.path[-9:], problem.line) for problem in caught.value.problems} >= {
        ("gt-a.yaml", 2),
        ("gt-b.yaml", 3),
    }


def test_a_document_keeps_the_id_of_its_file() -> None:
    with pytest.raises(BadFiles, match="holds the id gt-z"):
        settle(desk_of(FILES), {A: b"id: gt-z\ntitle: t\n"}, "m", ())


def test_a_deleted_bead_that_others_need_is_refused() -> None:
    with pytest.raises(Refused, match="which does not exist") as caught:
        settle(desk_of(FILES), {A: None}, "m", ())
    assert "and 1 more" in caught.value.message


def test_several_documents_are_judged_together() -> None:
    docs = bead_files(gt_a="depends_on: [gt-n]", gt_n="")
    applied(FILES, settle(desk_of(FILES), docs, "m", ()))


def test_transitions_are_checked_on_the_ledger_at_hand() -> None:
    docs = convoy_file("hq-cv-1", "gt-a", "gt-b", status="staged_ready")
    assert settle(desk_of(FILES), docs, "m", ()).files
    dispatched = ledger(record("gt-a", convoy="hq-cv-1", attempt=1))
    with pytest.raises(Refused, match="work on it was dispatched"):
        settle(desk_of(FILES, dispatched), docs, "m", ())


def test_problems_that_stood_before_forbid_nothing() -> None:
    files = FILES | bead_files(gt_x="depends_on: [gt-missing]; type: odd")
    applied(files, settle(desk_of(files), bead_files(gt_x="depends_on: [gt-missing, gt-a]; type: odd"), "m", ()))


def test_a_file_that_vanished_is_named() -> None:
    desk = desk_of(FILES)
    gone = Desk(desk.plan, lambda _: None, None, desk.now, desk.actor)
    with pytest.raises(NotFound, match=r"gt-a.yaml is not there"):
        gone.bytes_of(desk.plan.beads["gt-a"])
