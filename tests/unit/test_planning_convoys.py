"""SPEC 3.3, 6, 8: edits of convoys, staging among them."""

from __future__ import annotations

import pytest
from builders import NOW, ledger, record
from desks import applied, bead_files, convoy_file, desk_of, settled

from gitconvoy.checks.selection import choose
from gitconvoy.checks.stage import analyse
from gitconvoy.errors import BadFiles, NotFound, Refused
from gitconvoy.model.clock import iso
from gitconvoy.model.ledger import ConvoyRecord
from gitconvoy.planning.convoy_edits import (
    close_convoy,
    create_convoy,
    delete_convoy,
    reopen_convoy,
    stage_convoy,
    track,
    untrack,
)
from gitconvoy.planning.desk import Changes, Desk
from gitconvoy.yamlio.reader import load

CV = ".convoy/convoys/hq-cv-1.yaml"
PLAN = ".convoy/plans/hq-cv-1.yaml"
BEADS = bead_files(
    gt_e="type: epic", gt_a="parent: gt-e", gt_b="parent: gt-e; depends_on: [gt-a]", gt_c="", gt_d="type: decision"
)
FILES = settled(BEADS | convoy_file("hq-cv-1", "gt-a", "gt-b"))


def staged(desk: Desk, *args: str, title: str | None = None) -> Changes:
    view = desk.view()
    return stage_convoy(desk, analyse(view, choose(view, args)), title)


class TestCreate:
    def test_convoy_and_plan_in_one(self) -> None:
        changes = create_convoy(desk_of(BEADS), "Batch", ["gt-b", "gt-a"], {"owner": "ada", "merge": "direct"})
        one = changes.ids[0]
        assert one.startswith("hq-cv-")
        assert list(changes.files) == [f".convoy/convoys/{one}.yaml", f".convoy/plans/{one}.yaml"]
        assert (changes.files[f".convoy/convoys/{one}.yaml"] or b"").decode() == (
            "# yaml-language-server: $schema=../schemas/convoy.schema.json\n"
            f"id: {one}\ntitle: Batch\ntracks:\n  - gt-a\n  - gt-b\nowner: ada\nmerge: direct\n"
            f"created_at: {iso(NOW)}\ncreated_by: ada\n"
        )
        assert changes.message == f"Create convoy {one}: Batch"
        applied(BEADS, changes)

    def test_a_convoy_may_begin_open_and_empty(self) -> None:
        changes = create_convoy(desk_of(BEADS), "Batch", status="open", convoy_id="hq-cv-9")
        assert load(applied(BEADS, changes)[".convoy/convoys/hq-cv-9.yaml"], "")["status"] == "open"

    def test_it_cannot_begin_closed(self) -> None:
        with pytest.raises(Refused, match="cannot begin as closed"):
            create_convoy(desk_of(BEADS), "Batch", status="closed")

    def test_a_bead_that_another_convoy_tracks_is_refused_naming_it(self) -> None:
        with pytest.raises(Refused, match="gt-a is tracked by convoy hq-cv-1") as caught:
            create_convoy(desk_of(FILES), "Batch", ["gt-a", "gt-c"])
        assert "gitconvoy remove hq-cv-1 gt-a" in caught.value.hint

    def test_missing_beads_and_used_ids(self) -> None:
        with pytest.raises(NotFound, match="no bead gt-x"):
            create_convoy(desk_of(FILES), "Batch", ["gt-x"])
        with pytest.raises(Refused, match="was used before"):
            create_convoy(desk_of(FILES), "Batch", convoy_id="gt-a")
        with pytest.raises(BadFiles, match="base_branch"):
            create_convoy(desk_of(FILES), "Batch", fields={"base_branch": "-x"})


class TestTracks:
    def test_add(self) -> None:
        changes = track(desk_of(FILES), "hq-cv-1", ["gt-c", "gt-a", "gt-d"])
        after = applied(FILES, changes)
        assert load(after[CV], "")["tracks"] == ["gt-a", "gt-b", "gt-c", "gt-d"]
        assert load(after[PLAN], "")["waves"] == [["gt-a", "gt-c"], ["gt-b"]]
        assert track(desk_of(after), "hq-cv-1", ["gt-c"]).files == {}

    def test_remove(self) -> None:
        after = applied(FILES, untrack(desk_of(FILES), "hq-cv-1", ["gt-b"]))
        assert load(after[PLAN], "")["waves"] == [["gt-a"]]
        empty = applied(after, untrack(desk_of(after), "hq-cv-1", ["gt-a"]))
        assert "tracks" not in load(empty[CV], "")

    def test_a_bead_that_is_gone_can_be_removed(self) -> None:
        files = settled(BEADS | convoy_file("hq-cv-1", "gt-a", "gt-x"))
        assert load(applied(files, untrack(desk_of(files), "hq-cv-1", ["gt-x"]))[CV], "")["tracks"] == ["gt-a"]

    def test_what_is_refused(self) -> None:
        files = FILES | convoy_file("hq-cv-2", "gt-c", status="closed") | convoy_file("hq-cv-3")
        with pytest.raises(NotFound, match="does not track gt-c"):
            untrack(desk_of(files), "hq-cv-1", ["gt-c"])
        with pytest.raises(Refused, match="gt-a is tracked by convoy hq-cv-1"):
            track(desk_of(files), "hq-cv-3", ["gt-a"])
        with pytest.raises(Refused, match="hq-cv-2 is closed"):
            track(desk_of(files), "hq-cv-2", ["gt-c"])
        with pytest.raises(Refused, match="hq-cv-2 is closed"):
            untrack(desk_of(files), "hq-cv-2", ["gt-c"])
        with pytest.raises(NotFound, match="is a bead, not a convoy"):
            track(desk_of(files), "gt-a", ["gt-c"])

    def test_a_bead_of_a_closed_convoy_is_free(self) -> None:
        ended = ledger(ConvoyRecord("hq-cv-1", status="closed", file_status="staged_ready"))
        files = settled(FILES | convoy_file("hq-cv-3"))
        changes = track(desk_of(files, ended), "hq-cv-3", ["gt-a"])
        assert list(changes.files) == [".convoy/convoys/hq-cv-3.yaml", ".convoy/plans/hq-cv-3.yaml"]


class TestStage:
    def test_an_epic(self) -> None:
        changes = staged(desk_of(BEADS), "gt-e")
        after = applied(BEADS, changes)
        one = changes.ids[0]
        data = load(after[f".convoy/convoys/{one}.yaml"], "")
        assert (data["title"], data["epic"], data["tracks"]) == ("Title of gt-e", "gt-e", ["gt-a", "gt-b"])
        assert "status" not in data
        assert load(after[f".convoy/plans/{one}.yaml"], "")["waves"] == [["gt-a"], ["gt-b"]]

    def test_beads_with_warnings(self) -> None:
        changes = staged(desk_of(BEADS), "gt-c", "gt-b")
        data = load(applied(BEADS, changes)[f".convoy/convoys/{changes.ids[0]}.yaml"], "")
        assert (data["title"], data["status"]) == ("Title of gt-c and 1 more", "staged_warnings")
        assert "epic" not in data

    def test_with_errors_nothing_is_written(self) -> None:
        with pytest.raises(Refused, match="there is no bead gt-x") as caught:
            staged(desk_of(BEADS), "gt-a", "gt-x")
        assert caught.value.code == "missing-bead"

    def test_a_convoy_is_staged_again_in_place_and_no_field_is_lost(self) -> None:
        files = settled(BEADS | convoy_file("hq-cv-1", "gt-b", owner="ada", molecule="m"))
        files[CV] += b"# mine\nx-own: 1\n"
        after = applied(files, staged(desk_of(files), "hq-cv-1"))
        assert load(after[CV], "") == {**load(files[CV], ""), "status": "staged_warnings"}
        assert b"# mine\n" in after[CV]
        assert staged(desk_of(after), "hq-cv-1").files == {}
        renamed = applied(after, staged(desk_of(after), "hq-cv-1", title="New"))
        assert load(renamed[CV], "")["title"] == "New"


class TestStatus:
    def test_close_and_reopen(self) -> None:
        files = settled(BEADS | convoy_file("hq-cv-1", "gt-a", status="open"))
        closed = applied(files, close_convoy(desk_of(files), "hq-cv-1", "enough"))
        data = load(closed[CV], "")
        assert (data["status"], data["closed_at"], data["close_reason"]) == ("closed", iso(NOW), "enough")
        assert close_convoy(desk_of(closed), "hq-cv-1").files == {}
        again = applied(closed, reopen_convoy(desk_of(closed), "hq-cv-1"))
        assert load(again[CV], "") == load(files[CV], "")

    def test_plans_of_closed_convoys_are_frozen(self) -> None:
        files = settled(BEADS | convoy_file("hq-cv-1", "gt-a", status="open"))
        assert list(close_convoy(desk_of(files), "hq-cv-1").files) == [CV]

    def test_a_reopened_convoy_gets_the_plan_that_it_missed(self) -> None:
        frozen = settled(BEADS | convoy_file("hq-cv-1", "gt-a", "gt-c", status="open"))
        files = frozen | convoy_file("hq-cv-1", "gt-a", "gt-c", status="closed") | bead_files(gt_c="depends_on: [gt-a]")
        after = applied(files, reopen_convoy(desk_of(files), "hq-cv-1"))
        assert load(after[PLAN], "")["waves"] == [["gt-a"], ["gt-c"]]

    def test_reopen_of_what_only_the_ledger_closed_changes_no_file(self) -> None:
        ended = ledger(ConvoyRecord("hq-cv-1", status="closed", file_status="staged_ready"))
        assert reopen_convoy(desk_of(FILES, ended), "hq-cv-1").files == {}

    def test_reopen_is_refused_where_it_is_not_closed_or_its_beads_moved_on(self) -> None:
        with pytest.raises(Refused, match="is not closed, it is staged_ready"):
            reopen_convoy(desk_of(FILES), "hq-cv-1")
        files = BEADS | convoy_file("hq-cv-1", "gt-a", status="closed") | convoy_file("hq-cv-2", "gt-a")
        with pytest.raises(Refused, match="gt-a is tracked by convoy hq-cv-2"):
            reopen_convoy(desk_of(files), "hq-cv-1")

    def test_delete_takes_the_plan_along(self) -> None:
        changes = delete_convoy(desk_of(FILES), "hq-cv-1")
        assert changes.files == {CV: None, PLAN: None}
        applied(FILES, changes)

    def test_an_open_convoy_cannot_be_deleted(self) -> None:
        launched = ledger(ConvoyRecord("hq-cv-1", status="open", file_status="staged_ready"), record("gt-a"))
        with pytest.raises(Refused, match="is open and cannot be deleted"):
            delete_convoy(desk_of(FILES, launched), "hq-cv-1")
