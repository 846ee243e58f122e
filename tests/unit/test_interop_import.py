"""What an import makes of a plan that is already there: ids, merges, tombstones, convoys, layout."""

from __future__ import annotations

import json
from typing import Any

import pytest
from interop_help import Town, issue, line, link

from gitconvoy.errors import BadFiles
from gitconvoy.interop.importer import plan_import
from gitconvoy.model.imported import imported_links
from gitconvoy.model.kinds import CONFIG_PATH

OWN = "gt-aaaaa"


def town_with(*records: dict[str, Any]) -> Town:
    town = Town()
    town.bring(line(record) for record in records)
    return town


def exported(town: Town, own: str) -> dict[str, Any]:
    records = [json.loads(raw) for raw in town.export()]
    (record,) = [record for record in records if record["id"] == own]
    return dict(record)


# -- fields and links


def test_the_model_sees_imported_links() -> None:
    town = town_with(issue(OWN, dependencies=[link(OWN, "gt-p", "parent-child"), link(OWN, "gt-b")]))
    bead = town.plan().beads[OWN]
    assert bead.imported_links == {("parent", "gt-p"), ("blocks", "gt-b")}
    assert bead.parent == "gt-p"
    assert [(entry.type, entry.target) for entry in bead.links] == [("blocks", "gt-b")]


def test_a_missing_priority_is_the_highest() -> None:
    town = town_with({"id": OWN, "title": "x"})
    assert town.plan().beads[OWN].priority == 0
    assert "priority" not in exported(town, OWN)


@pytest.mark.parametrize("spelling", ["blocked-by", "Waits For", "", None, 7, "parent"])
def test_only_known_link_types_block(spelling: object) -> None:
    town = town_with(issue(OWN, dependencies=[{**link(OWN, "gt-b"), "type": spelling}]))
    (entry,) = town.plan().beads[OWN].links
    assert entry.blocking is (spelling in ("", None))
    assert town.plan().beads[OWN].parent is None


def test_a_link_without_a_type_blocks() -> None:
    town = town_with(issue(OWN, dependencies=["gt-b", {"depends_on_id": "gt-c"}]))
    assert sorted(entry.target for entry in town.plan().beads[OWN].links if entry.blocking) == ["gt-b", "gt-c"]


def test_waits_for_keeps_its_gate() -> None:
    entry = {**link(OWN, "gt-b", "waits-for"), "metadata": '{"gate":"any-children"}'}
    assert town_with(issue(OWN, dependencies=[entry])).plan().beads[OWN].links[0].gate == "any-children"


def test_long_titles_are_cut_and_control_characters_are_taken_out() -> None:
    town = town_with(issue(OWN, title="x" * 600), issue("gt-bbbbb", title="\n\na\x07b \u202ec\nd"))
    assert town.bead(OWN)["title"] == "x" * 500
    assert town.bead("gt-bbbbb")["title"] == "a b  c"
    assert exported(town, OWN)["title"] == "x" * 600


# -- ids


def test_an_id_that_a_convoy_has_gets_another_and_links_follow() -> None:
    town = Town()
    town.files[".convoy/convoys/gt-aaaaa.yaml"] = b"id: gt-aaaaa\ntitle: A convoy\n"
    lines = [line(issue(OWN)), line(issue("gt-bbbbb", dependencies=[link("gt-bbbbb", OWN)]))]
    found = town.bring(lines)
    (target,) = [entry.target for entry in town.plan().beads["gt-bbbbb"].links]
    assert target.startswith("gt-aaaaa-")
    assert town.bead(target)["x-beads"]["id"] == OWN
    assert any(OWN in warning and target in warning for warning in found.warnings)
    assert town.bring(lines).files == {}
    assert [json.loads(raw)["id"] for raw in town.export()][:2] == [OWN, "gt-bbbbb"]


def test_a_convoy_whose_id_a_bead_has_gets_another() -> None:
    town = Town()
    town.files[".convoy/beads/hq-cv-aaaaa.yaml"] = b"id: hq-cv-aaaaa\ntitle: A bead\n"
    town.bring([line(issue("hq-cv-aaaaa", issue_type="convoy"))])
    assert list(town.plan().convoys) != ["hq-cv-aaaaa"]
    assert town.bead("hq-cv-aaaaa")["title"] == "A bead"


def test_ids_stay_the_same_when_the_file_grows() -> None:
    town = Town()
    town.bring([line(issue("gt-CASE1")), line(issue("gt-case1"))])
    before = set(town.plan().beads)
    town.bring([line(issue("gt-Case1")), line(issue("gt-case1")), line(issue("gt-CASE1"))])
    assert before < set(town.plan().beads)
    assert len(town.plan().beads) == 3
    assert town.complaints() == []


@pytest.mark.parametrize("own", [OWN, "gt/odd id"])
def test_a_file_that_cannot_be_read_stops_the_import(own: str) -> None:
    town = town_with(issue(own))
    (path,) = [path for path in town.files if path != CONFIG_PATH]
    town.files[path] = b"id: gt-aaaaa\ntitle: [\n"
    with pytest.raises(BadFiles) as error:
        town.bring([line(issue(own, title="New"))])
    assert "cannot be read" in error.value.problems[0].message


def test_what_no_file_can_hold_is_named_and_nothing_is_imported() -> None:
    town = Town()
    with pytest.raises(BadFiles) as error:
        town.bring([line(issue("gt-bbbbb")), line(issue(OWN, description="x" * (1 << 20)))])
    assert [problem.line for problem in error.value.problems] == [2]
    assert town.plan().beads == {}


# -- importing again


def test_an_unchanged_line_leaves_an_edited_file_alone() -> None:
    town = town_with(issue(OWN))
    town.edit(OWN, "title: Title", "title: Another title # by hand:")
    found = town.bring([line(issue(OWN))])
    assert (found.unchanged, found.files) == (1, {})


def test_changes_of_both_sides_are_merged_field_by_field() -> None:
    town = town_with(issue(OWN, description="old"))
    town.edit(OWN, "status: open", "# mine\nstatus: in_progress\nassignee: ann\ntouches:\n  - src/")
    found = town.bring([line(issue(OWN, title="New title", description="new", labels=["ui"]))])
    bead = town.bead(OWN)
    assert (bead["title"], bead["description"], bead["labels"]) == ("New title", "new", ["ui"])
    assert (bead["status"], bead["assignee"], bead["touches"]) == ("in_progress", "ann", ["src/"])
    assert b"# mine" in town.files[town.plan().beads[OWN].path]
    assert (found.updated, found.warnings) == (1, ())
    assert exported(town, OWN)["assignee"] == "ann"
    assert town.complaints() == []


def test_where_both_changed_the_same_field_the_file_stays_and_it_is_told() -> None:
    town = town_with(issue(OWN))
    town.edit(OWN, "status: open", "status: closed\noutcome: failed")
    found = town.bring([line(issue(OWN, status="in_progress"))])
    assert (town.bead(OWN)["status"], town.bead(OWN)["outcome"]) == ("closed", "failed")
    assert [(each.id, each.key, each.here, each.there) for each in found.conflicts] == [
        (OWN, "status", "closed", "in_progress")
    ]
    assert town.bring([line(issue(OWN, status="in_progress"))]).files == {}


def test_closing_fields_follow_the_status() -> None:
    town = town_with(issue(OWN, status="closed", closed_at="2025-12-01T00:00:00Z", close_reason="Done"))
    town.bring([line(issue(OWN))])
    assert town.bead(OWN)["status"] == "open"
    assert not {"closed_at", "close_reason"} & town.bead(OWN).keys()


def test_links_are_merged_one_by_one() -> None:
    first = [link(OWN, target) for target in ("gt-b", "gt-c", "gt-d")]
    town = town_with(issue(OWN, dependencies=[*first, link(OWN, "gt-p", "parent-child")]))
    town.edit(OWN, "  - gt-b\n", "  - gt-mine\n")
    second = [link(OWN, target) for target in ("gt-b", "gt-c", "gt-e")]
    town.bring([line(issue(OWN, dependencies=[*second, link(OWN, "gt-q", "parent-child")]))])
    bead = town.bead(OWN)
    assert bead["depends_on"] == ["gt-c", "gt-e", "gt-mine"]
    assert bead["parent"] == "gt-q"
    assert ("blocks", "gt-mine") not in imported_links(bead)


def test_a_parent_set_by_hand_stays() -> None:
    town = town_with(issue(OWN, dependencies=[link(OWN, "gt-p", "parent-child")]))
    town.edit(OWN, "parent: gt-p", "parent: gt-mine")
    town.bring([line(issue(OWN, dependencies=[link(OWN, "gt-q", "parent-child")]))])
    assert town.bead(OWN)["parent"] == "gt-mine"


def test_a_bead_that_was_never_imported_gains_only_what_it_lacks() -> None:
    town = Town()
    path = f".convoy/beads/{OWN}.yaml"
    town.files[path] = b"id: gt-aaaaa\ntitle: Mine\ndepends_on:\n  - gt-b\n"
    town.bring([line(issue(OWN, status="closed", description="theirs", dependencies=[link(OWN, "gt-c")]))])
    bead = town.bead(OWN)
    assert (bead["title"], bead.get("status", "open"), bead["description"]) == ("Mine", "open", "theirs")
    assert bead["depends_on"] == ["gt-b", "gt-c"]


def test_what_was_exported_here_is_known() -> None:
    town = Town()
    town.files[f".convoy/beads/{OWN}.yaml"] = b"id: gt-aaaaa\ntitle: Mine\ndepends_on:\n  - gt-b\n"
    found = town.bring(town.export())
    assert (found.unchanged, found.files) == (1, {})


def test_lines_put_in_between_keep_the_order_without_touching_others() -> None:
    records = {own: issue(own) for own in ("gt-a", "gt-b", "gt-c", "gt-d", "gt-e")}
    town = town_with(records["gt-a"], records["gt-e"])
    lines = [line(record) for record in records.values()]
    found = town.bring(lines)
    assert sorted(found.files) == [f".convoy/beads/gt-{letter}.yaml" for letter in "bcd"]
    assert town.export() == lines


def test_an_archived_bead_is_updated_where_it_is_and_leaves_when_it_opens() -> None:
    town = town_with(issue(OWN, status="closed"))
    town.files[f".convoy/archive/{OWN}.yaml"] = town.files.pop(f".convoy/beads/{OWN}.yaml")
    town.bring([line(issue(OWN, status="closed", title="New"))])
    assert town.plan().archive[OWN].title == "New"
    town.bring([line(issue(OWN, title="Open again"))])
    assert town.plan().archive == {}
    assert town.plan().beads[OWN].path == f".convoy/beads/{OWN}.yaml"


# -- tombstones


def test_a_tombstone_is_kept_outside_the_active_set_and_never_comes_back() -> None:
    town = town_with(issue(OWN, status="tombstone", deleted_by="ann"))
    plan = town.plan()
    assert plan.beads == {}
    assert plan.archive[OWN].tombstone
    assert (plan.archive[OWN].status, plan.archive[OWN].outcome) == ("closed", "cancelled")
    found = town.bring([line(issue(OWN))])
    assert found.files == {}
    assert any(OWN in warning for warning in found.warnings)


def test_a_bead_that_is_deleted_there_moves_to_the_archive() -> None:
    town = town_with(issue(OWN))
    town.edit(OWN, "title: Title", "# a comment\ntitle: Title")
    found = town.bring([line(issue(OWN, status="tombstone", deleted_at="2026-01-01T00:00:00Z"))])
    assert found.files[f".convoy/beads/{OWN}.yaml"] is None
    assert town.plan().archive[OWN].tombstone
    content = town.files[f".convoy/archive/{OWN}.yaml"]
    assert content.startswith(b"# yaml-language-server: $schema=../schemas/bead.schema.json\n")
    assert b"# a comment" in content
    assert (found.tombstones, found.updated) == (1, 0)
    assert town.complaints() == []


def test_of_several_lines_with_one_id_a_tombstone_counts() -> None:
    lines = [line(issue(OWN, status="tombstone")), line(issue(OWN))]
    town = Town()
    town.bring(lines)
    assert town.plan().archive[OWN].tombstone
    assert town.export() == lines


# -- convoys


def convoy(own: str, *tracks: str, **fields: Any) -> dict[str, Any]:
    return issue(own, issue_type="convoy", dependencies=[link(own, target, "tracks") for target in tracks], **fields)


def test_an_import_launches_nothing() -> None:
    town = town_with(issue(OWN), convoy("hq-cv-aaaaa", OWN), convoy("hq-cv-bbbbb", status="staged_ready"))
    assert {own: found.status for own, found in town.plan().convoys.items()} == {
        "hq-cv-aaaaa": "staged_warnings",
        "hq-cv-bbbbb": "staged_ready",
    }
    assert town.plan().convoys["hq-cv-aaaaa"].tracks == (OWN,)
    assert town.complaints() == []


@pytest.mark.parametrize("there", ["closed", "staged_ready"])
def test_a_staged_convoy_follows_its_line(there: str) -> None:
    town = town_with(convoy("hq-cv-aaaaa"))
    town.bring([line(convoy("hq-cv-aaaaa", status=there))])
    assert town.plan().convoys["hq-cv-aaaaa"].status == there


@pytest.mark.parametrize("here", ["open", "closed"])
@pytest.mark.parametrize("there", ["closed", "staged_ready", "open"])
def test_a_convoy_that_was_launched_or_closed_here_stays_so(here: str, there: str) -> None:
    town = town_with(convoy("hq-cv-aaaaa", status="staged_ready"))
    path = ".convoy/convoys/hq-cv-aaaaa.yaml"
    town.files[path] = town.files[path].replace(b"\nstatus: staged_ready", f"\nstatus: {here}".encode())
    assert town.plan().convoys["hq-cv-aaaaa"].status == here
    town.bring([line(convoy("hq-cv-aaaaa", status=there, title="New"))])
    assert (town.plan().convoys["hq-cv-aaaaa"].status, town.plan().convoys["hq-cv-aaaaa"].title) == (here, "New")


def test_a_convoy_that_was_closed_by_an_import_stays_closed() -> None:
    town = town_with(convoy("hq-cv-aaaaa", status="closed"))
    found = town.bring([line(convoy("hq-cv-aaaaa", status="open"))])
    assert town.plan().convoys["hq-cv-aaaaa"].status == "closed"
    assert [(each.id, each.key) for each in found.conflicts] == [("hq-cv-aaaaa", "status")]


def test_tracks_are_merged_with_what_people_added() -> None:
    town = town_with(issue(OWN), issue("gt-bbbbb"), issue("gt-mine1"), convoy("hq-cv-aaaaa", OWN))
    path = ".convoy/convoys/hq-cv-aaaaa.yaml"
    town.files[path] = town.files[path].replace(b"  - gt-aaaaa\n", b"  - gt-aaaaa\n  - gt-mine1\n", 1)
    town.bring([line(convoy("hq-cv-aaaaa", "gt-bbbbb"))])
    assert town.plan().convoys["hq-cv-aaaaa"].tracks == ("gt-bbbbb", "gt-mine1")


def test_a_bead_stays_with_the_open_convoy_that_tracks_it_already() -> None:
    town = town_with(issue(OWN))
    town.files[".convoy/convoys/hq-cv-mine1.yaml"] = (
        b"id: hq-cv-mine1\ntitle: Mine\ntracks:\n  - gt-aaaaa\nstatus: open\n"
    )
    found = town.bring([line(convoy("hq-cv-aaaaa", OWN))])
    assert town.plan().convoys["hq-cv-aaaaa"].tracks == ()
    assert any("hq-cv-mine1" in warning for warning in found.warnings)


# -- the whole


def test_many_beads_are_spread_over_folders() -> None:
    town = Town()
    lines = [line(issue(f"gt-{number:05}")) for number in range(2001)]
    town.bring(lines)
    assert town.data(CONFIG_PATH)["layout"] == "fanout"
    assert {path.count("/") for path in town.files if path.startswith(".convoy/beads/")} == {3}
    first = town.files[town.plan().beads["gt-00000"].path]
    assert first.startswith(b"# yaml-language-server: $schema=../../schemas/bead.schema.json\n")
    town.bring([line(issue("gt-new01"))])
    assert town.plan().beads["gt-new01"].path.count("/") == 3


def test_tombstones_alone_do_not_change_the_layout_of_beads() -> None:
    town = Town()
    town.bring(line(issue(f"gt-{number:05}", status="tombstone")) for number in range(2001))
    town.bring([line(issue("gt-new01"))])
    assert town.plan().beads["gt-new01"].path == ".convoy/beads/gt-new01.yaml"
    assert {path.count("/") for path in town.files if path.startswith(".convoy/archive/")} == {3}


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    lines = [line(issue(f"gt-{number:05}")) for number in range(120)]
    town = Town()
    plan_import(lines, town.plan(), {}, town.files, "issues.jsonl", lambda done, all_: told.append((done, all_)))
    assert told == [(50, 120), (100, 120), (120, 120)]


def test_a_config_is_made_where_there_is_none_and_its_comments_stay_where_there_is() -> None:
    town = Town()
    town.files[CONFIG_PATH] = b"format: 1 # keep me\nprefix: ab\n"
    town.bring([line(issue(OWN))])
    assert b"# keep me" in town.files[CONFIG_PATH]
    assert sorted(town.plan().config.rigs) == ["ab", "gt"]
    bare = plan_import([line(issue("web-aaaaa"))], Town({}).plan(), {}, {}, "issues.jsonl")
    content = bare.files[CONFIG_PATH]
    assert content is not None
    assert b"format: 1" in content


def test_an_empty_file_changes_nothing() -> None:
    found = Town().bring([])
    assert (found.files, found.created, found.warnings) == ({}, 0, ())
