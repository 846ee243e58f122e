"""SPEC 3.2, 8: edits of beads and their links."""

from __future__ import annotations

import pytest
from builders import NOW, fact, ledger
from desks import applied, bead_files, convoy_file, desk_of, plan_of, settled, yaml

from gitconvoy.errors import BadFiles, NotFound, Refused, UsageError
from gitconvoy.model.clock import iso
from gitconvoy.model.plan import Link
from gitconvoy.planning.bead_edits import add_bead, close_beads, comment_bead, defer_beads, reopen_beads
from gitconvoy.planning.link_edits import add_link, remove_link
from gitconvoy.yamlio.reader import load

A = ".convoy/beads/gt-a.yaml"
FILES = settled(
    bead_files(gt_a="", gt_b="depends_on: [gt-a]", gt_c="") | convoy_file("hq-cv-1", "gt-a", "gt-b", "gt-c")
)
CONFIG = ".convoy/config.yaml"


class TestAdd:
    def test_a_bead_with_a_random_id(self) -> None:
        changes = add_bead(desk_of(FILES), "Do it", {"labels": ["ui"], "priority": 0})
        (path,) = changes.files
        one = changes.ids[0]
        assert path == f".convoy/beads/{one}.yaml"
        assert (changes.files[path] or b"").decode() == (
            "# yaml-language-server: $schema=../schemas/bead.schema.json\n"
            f"id: {one}\ntitle: Do it\npriority: 0\nlabels:\n  - ui\n"
            f"created_at: {iso(NOW)}\ncreated_by: ada\n"
        )
        assert changes.message == f"Add {one}: Do it"
        applied(FILES, changes)

    def test_a_bead_with_links_and_a_convoy_rewrites_its_plan_at_once(self) -> None:
        links = [Link("gt-b"), Link("gt-a", "related")]
        changes = add_bead(desk_of(FILES), "Do it", links=links, bead_id="gt-n", convoy="hq-cv-1")
        after = applied(FILES, changes)
        assert load(after[".convoy/beads/gt-n.yaml"], "")["depends_on"] == [{"id": "gt-a", "type": "related"}, "gt-b"]
        assert load(after[".convoy/plans/hq-cv-1.yaml"], "")["waves"] == [["gt-a", "gt-c"], ["gt-b"], ["gt-n"]]

    def test_children_get_the_prefix_of_their_parent(self) -> None:
        files = {**bead_files(web_e="type: epic"), CONFIG: b"rigs:\n  gt: {}\n  web: {}\n"}
        changes = add_bead(desk_of(files), "Part", {"parent": "web-e"})
        assert changes.ids[0].startswith("web-")
        assert add_bead(desk_of(files), "Part", {"parent": "web-e"}, prefix="gt").ids[0].startswith("gt-")

    def test_the_fanout_layout(self) -> None:
        changes = add_bead(desk_of({CONFIG: b"layout: fanout\n"}), "Do it", bead_id="gt-abcde")
        (path,) = changes.files
        assert path.count("/") == 3
        assert (changes.files[path] or b"").startswith(b"# yaml-language-server: $schema=../../schemas/")

    @pytest.mark.parametrize("one", ["gt-a", "GT-A", "hq-cv-1", "gt-gone"])
    def test_an_id_that_was_ever_used_is_refused(self, one: str) -> None:
        with pytest.raises(Refused, match="was used before"):
            add_bead(desk_of(FILES, ledger(fact("gt-gone"))), "Do it", bead_id=one)

    def test_what_the_schema_refuses_is_named(self) -> None:
        with pytest.raises(BadFiles, match="priority must be between 0 and 4, is 7") as caught:
            add_bead(desk_of(FILES), "Do it", {"priority": 7})
        assert caught.value.problems[0].line > 0

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"parent": "gt-x"}, "parent of .*gt-x, does not exist"),
            ({"type": "taks"}, "unknown type 'taks'"),
            ({"depends_on": ["gt-x"]}, "depends on gt-x"),
        ],
    )
    def test_what_pre_commit_would_refuse_is_refused_at_once(self, fields: dict[str, object], words: str) -> None:
        with pytest.raises(Refused, match=words):
            add_bead(desk_of(FILES), "Do it", fields)

    def test_a_closed_convoy_takes_no_more_beads(self) -> None:
        files = bead_files(gt_a="") | convoy_file("hq-cv-1", "gt-a", status="closed")
        with pytest.raises(Refused, match="hq-cv-1 is closed"):
            add_bead(desk_of(files), "Do it", convoy="hq-cv-1")


class TestClose:
    def test_status_last_and_comments_kept(self) -> None:
        files = {
            **FILES,
            A: yaml("""
            # mine
            id: gt-a
            title: Do it   # really
            """),
        }
        changes = close_beads(desk_of(files), ["gt-a"], outcome="failed", reason="too hard")
        assert list(changes.files) == [A]
        assert (changes.files[A] or b"").decode() == (
            "# mine\nid: gt-a\ntitle: Do it   # really\n"
            f"status: closed\noutcome: failed\nclosed_at: {iso(NOW)}\nclose_reason: too hard\n"
        )
        assert changes.message == "Close gt-a: too hard"

    def test_the_outcome_done_is_left_out(self) -> None:
        changes = close_beads(desk_of(FILES), ["gt-a", "gt-b", "gt-a"])
        after = applied(FILES, changes)
        assert [load(after[f".convoy/beads/{one}.yaml"], "").get("outcome", "-") for one in ("gt-a", "gt-b")] == [
            "-"
        ] * 2

    def test_closing_twice_changes_nothing_and_another_outcome_keeps_the_time(self) -> None:
        files = FILES | bead_files(gt_a="status: closed; closed_at: 2020-01-01")
        assert close_beads(desk_of(files), ["gt-a"]).files == {}
        after = applied(files, close_beads(desk_of(files), ["gt-a"], outcome="cancelled"))
        assert (load(after[A], "")["outcome"], load(after[A], "")["closed_at"]) == ("cancelled", "2020-01-01")
        assert close_beads(desk_of(after), ["gt-a"], outcome="cancelled").files == {}

    def test_unknown_outcomes_and_ids(self) -> None:
        with pytest.raises(UsageError, match="unknown outcome"):
            close_beads(desk_of(FILES), ["gt-a"], outcome="nice")
        with pytest.raises(NotFound, match="no bead gt-aa") as caught:
            close_beads(desk_of(FILES), ["gt-aa"])
        assert caught.value.hint == "did you mean gt-a?"
        with pytest.raises(NotFound, match="is a convoy, not a bead"):
            close_beads(desk_of(FILES), ["hq-cv-1"])

    def test_an_unreadable_bead_is_named_with_its_problems(self) -> None:
        with pytest.raises(BadFiles) as caught:
            close_beads(desk_of({**FILES, A: b"id: gt-a\ntitel: x\n"}), ["gt-a"])
        assert {problem.path for problem in caught.value.problems} == {A}


class TestReopen:
    CLOSED = "assignee: bob; status: closed; outcome: failed; closed_at: 2020-01-01; close_reason: no"

    def test_assignee_outcome_time_and_reason_go(self) -> None:
        files = FILES | bead_files(gt_a=self.CLOSED)
        after = applied(files, reopen_beads(desk_of(files), ["gt-a"]))
        assert load(after[A], "") == {"id": "gt-a", "title": "Title of gt-a", "status": "open"}

    def test_where_only_the_ledger_closed_it_no_file_changes(self) -> None:
        assert reopen_beads(desk_of(FILES, ledger(fact("gt-a"))), ["gt-a"]).files == {}

    def test_an_open_bead_is_refused(self) -> None:
        with pytest.raises(Refused, match="gt-a is not closed, it is open"):
            reopen_beads(desk_of(FILES), ["gt-a"])

    def test_a_status_that_is_computed_cannot_be_reopened(self) -> None:
        files = bead_files(gt_e="type: epic", gt_a="parent: gt-e; status: closed")
        with pytest.raises(Refused, match="not by itself"):
            reopen_beads(desk_of(files), ["gt-e"])

    def test_an_archived_bead_comes_back(self) -> None:
        old = ".convoy/archive/2020/gt-o.yaml"
        line = b"# yaml-language-server: $schema=../../schemas/bead.schema.json\n"
        files = {**FILES, old: line + bead_files(gt_o=self.CLOSED)[".convoy/beads/gt-o.yaml"]}
        changes = reopen_beads(desk_of(files), ["gt-o"])
        assert changes.files[old] is None
        after = applied(files, changes)
        assert after[".convoy/beads/gt-o.yaml"].startswith(b"# yaml-language-server: $schema=../schemas/bead")
        assert "gt-o" in plan_of(after).beads

    def test_a_deleted_bead_does_not(self) -> None:
        gone = b"id: gt-o\ntitle: t\nstatus: closed\nx-beads:\n  tombstone: true\n"
        with pytest.raises(Refused, match="deleted before it was imported"):
            reopen_beads(desk_of({**FILES, ".convoy/archive/gt-o.yaml": gone}), ["gt-o"])

    def test_other_edits_of_archived_beads_are_refused(self) -> None:
        files = {**FILES, ".convoy/archive/gt-o.yaml": b"id: gt-o\ntitle: t\nstatus: closed\n"}
        with pytest.raises(Refused, match="is archived") as caught:
            defer_beads(desk_of(files), ["gt-o"], "2030-01-01")
        assert "gitconvoy bead reopen gt-o" in caught.value.hint


class TestDefer:
    def test_the_status_stays_unless_asked(self) -> None:
        after = applied(FILES, defer_beads(desk_of(FILES), ["gt-a"], "2030-01-31"))
        assert load(after[A], "").get("status") is None
        assert plan_of(after).beads["gt-a"].defer_until == 1_896_048_000
        frozen = applied(FILES, defer_beads(desk_of(FILES), ["gt-a"], "2030-01-31", status=True))
        assert load(frozen[A], "")["status"] == "deferred"

    def test_and_back(self) -> None:
        frozen = applied(FILES, defer_beads(desk_of(FILES), ["gt-a"], "2030-01-31", status=True))
        back = load(applied(frozen, defer_beads(desk_of(frozen), ["gt-a"], None, status=True))[A], "")
        assert (back.get("defer_until"), back["status"]) == (None, "open")

    def test_a_date_must_be_one(self) -> None:
        with pytest.raises(UsageError, match="'soon' is no date"):
            defer_beads(desk_of(FILES), ["gt-a"], "soon")


class TestComment:
    def test_at_the_end(self) -> None:
        first = applied(FILES, comment_bead(desk_of(FILES), "gt-a", "one\ntwo"))
        second = applied(first, comment_bead(desk_of(first), "gt-a", "three"))
        author = {"author": "ada", "created_at": iso(NOW)}
        assert load(second[A], "")["comments"] == [{**author, "text": "one\ntwo"}, {**author, "text": "three"}]

    def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(UsageError, match="empty"):
            comment_bead(desk_of(FILES), "gt-a", " \n")


class TestLinks:
    def test_a_link_and_the_plan_of_the_convoy_in_one(self) -> None:
        changes = add_link(desk_of(FILES), "gt-c", Link("gt-b"))
        assert list(changes.files) == [".convoy/beads/gt-c.yaml", ".convoy/plans/hq-cv-1.yaml"]
        after = applied(FILES, changes)
        assert load(after[".convoy/plans/hq-cv-1.yaml"], "")["waves"] == [["gt-a"], ["gt-b"], ["gt-c"]]

    def test_plans_of_other_convoys_stay_even_if_stale(self) -> None:
        files = FILES | bead_files(gt_z="") | convoy_file("hq-cv-2", "gt-z")
        changes = add_link(desk_of(files), "gt-c", Link("gt-b"))
        assert ".convoy/plans/hq-cv-2.yaml" not in changes.files

    def test_links_that_do_not_block_change_no_plan(self) -> None:
        assert list(add_link(desk_of(FILES), "gt-c", Link("gt-b", "related")).files) == [".convoy/beads/gt-c.yaml"]

    def test_the_same_again_changes_nothing_and_another_type_is_another_link(self) -> None:
        assert add_link(desk_of(FILES), "gt-b", Link("gt-a")).files == {}
        after = applied(FILES, add_link(desk_of(FILES), "gt-b", Link("gt-a", "waits-for", "any-children")))
        entries = load(after[".convoy/beads/gt-b.yaml"], "")["depends_on"]
        assert entries == ["gt-a", {"id": "gt-a", "type": "waits-for", "gate": "any-children"}]

    def test_a_cycle_is_refused_and_named(self) -> None:
        with pytest.raises(Refused, match="gt-a -> gt-b -> gt-a") as caught:
            add_link(desk_of(FILES), "gt-a", Link("gt-b"))
        assert caught.value.code == "cycle"

    def test_a_cycle_that_stands_does_not_forbid_other_links(self) -> None:
        files = bead_files(gt_a="depends_on: [gt-b]", gt_b="depends_on: [gt-a]", gt_c="")
        applied(files, add_link(desk_of(files), "gt-c", Link("gt-a")))

    def test_a_link_to_itself_or_to_nothing_is_refused(self) -> None:
        with pytest.raises(Refused, match="cannot depend on itself"):
            add_link(desk_of(FILES), "gt-a", Link("gt-a", "related"))
        with pytest.raises(Refused, match="gt-x"):
            add_link(desk_of(FILES), "gt-a", Link("gt-x"))
        with pytest.raises(UsageError, match="is no id"):
            add_link(desk_of(FILES), "gt-a", Link("../x"))
        with pytest.raises(UsageError, match="has no gate"):
            add_link(desk_of(FILES), "gt-a", Link("gt-c", "blocks", "any-children"))

    def test_external_targets_may_be_linked(self) -> None:
        after = applied(FILES, add_link(desk_of(FILES), "gt-a", Link("external:jira-1")))
        assert load(after[A], "")["depends_on"] == ["external:jira-1"]

    def test_removing_one_link_keeps_the_comments_of_others(self) -> None:
        files = {**FILES, A: b"id: gt-a\ntitle: t\ndepends_on:\n  - gt-c  # why\n  - external:x\n"}
        changes = remove_link(desk_of(files), "gt-a", "external:x")
        assert changes.files[A] == b"id: gt-a\ntitle: t\ndepends_on:\n  - gt-c  # why\n"

    def test_removing_the_last_link_removes_the_key(self) -> None:
        after = applied(FILES, remove_link(desk_of(FILES), "gt-b", "gt-a"))
        assert "depends_on" not in load(after[".convoy/beads/gt-b.yaml"], "")
        assert load(after[".convoy/plans/hq-cv-1.yaml"], "")["waves"] == [["gt-a", "gt-b", "gt-c"]]

    def test_all_types_or_one(self) -> None:
        files = FILES | bead_files(gt_c="depends_on: [gt-a, {id: gt-a, type: related}]")
        assert load(applied(files, remove_link(desk_of(files), "gt-c", "gt-a"))[".convoy/beads/gt-c.yaml"], "") == {
            "id": "gt-c",
            "title": "Title of gt-c",
        }
        after = applied(files, remove_link(desk_of(files), "gt-c", "gt-a", "related"))
        assert load(after[".convoy/beads/gt-c.yaml"], "")["depends_on"] == ["gt-a"]

    def test_a_link_that_is_not_there(self) -> None:
        with pytest.raises(NotFound, match="gt-b has no link to gt-c") as caught:
            remove_link(desk_of(FILES), "gt-b", "gt-c")
        assert "gt-a" in caught.value.hint
        with pytest.raises(NotFound, match="no waits-for link"):
            remove_link(desk_of(FILES), "gt-b", "gt-a", "waits-for")
