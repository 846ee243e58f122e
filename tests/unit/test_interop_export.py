"""Documents as lines of JSON: imported ones, edited ones, ones that were made here."""

from __future__ import annotations

import json

import pytest
from interop_help import Town, issue, line, link

from gitconvoy.interop.beads import encode
from gitconvoy.interop.jsonl import STYLES
from gitconvoy.model.kinds import CONVOY

OWN = "gt-aaaaa"


def test_a_bead_made_here_becomes_a_usual_record() -> None:
    document = {
        "id": OWN,
        "title": "Mine",
        "parent": "gt-p",
        "depends_on": ["gt-b", {"id": "gt-w", "type": "waits-for", "gate": "any-children"}],
        "labels": ["ui"],
        "estimate_minutes": 30,
        "comments": [{"author": "ann", "text": "Hm."}],
        "assignee": "ben",
    }
    assert json.loads(encode(document)) == {
        "id": OWN,
        "title": "Mine",
        "status": "open",
        "priority": 2,
        "issue_type": "task",
        "assignee": "ben",
        "estimated_minutes": 30,
        "labels": ["ui"],
        "dependencies": [
            {"issue_id": OWN, "depends_on_id": "gt-p", "type": "parent-child"},
            {"issue_id": OWN, "depends_on_id": "gt-b", "type": "blocks"},
            {"issue_id": OWN, "depends_on_id": "gt-w", "type": "waits-for", "metadata": '{"gate": "any-children"}'},
        ],
        "comments": [{"issue_id": OWN, "author": "ann", "text": "Hm."}],
    }


def test_a_convoy_made_here_tracks_by_links() -> None:
    record = json.loads(encode({"id": "hq-cv-aaaaa", "title": "Mine", "tracks": [OWN]}, CONVOY))
    assert (record["issue_type"], record["status"]) == ("convoy", "staged_ready")
    assert record["dependencies"] == [{"issue_id": "hq-cv-aaaaa", "depends_on_id": OWN, "type": "tracks"}]


def test_a_failure_can_be_told_from_a_success() -> None:
    closed = {"id": OWN, "title": "x", "status": "closed"}
    assert json.loads(encode({**closed, "outcome": "failed"}))["close_reason"] == "failed"
    assert "close_reason" not in json.loads(encode({**closed, "outcome": "done"}))


@pytest.mark.parametrize("spell", ["dense", "ascii", "html-safe"])
def test_a_line_of_258_kilobytes_comes_back(spell: str) -> None:
    text = "\u2028é<b>\x00\x07 \t\n" * 15_000
    raw = STYLES[spell](issue(OWN, description=text, notes="  trailing  \n\n")).encode() + b"\n"
    assert len(raw) > 258_000
    town = Town()
    town.bring([raw])
    assert town.export() == [raw]
    town.edit(OWN, f"title: Title of {OWN}", "title: New")
    assert town.export() == [raw.replace(f"Title of {OWN}".encode(), b"New")]


def test_an_edited_field_changes_and_all_else_stays() -> None:
    record = {"zebra": 1, **issue(OWN, status="tombstone", labels=["b", "a"]), "priority": 9, "assignee": ""}
    town = Town()
    town.bring([line(record)])
    town.edit(OWN, f"title: Title of {OWN}", "title: New")
    (raw,) = town.export()
    assert raw == line({**record, "title": "New"})


def test_links_removed_and_added_here_show() -> None:
    first, second = link(OWN, "gt-b"), link(OWN, "gt-c")
    town = Town()
    town.bring([line(issue(OWN, dependencies=[second, first, first]))])
    town.edit(OWN, "  - gt-c\n", "  - gt-new\n")
    (raw,) = town.export()
    added = {"issue_id": OWN, "depends_on_id": "gt-new", "type": "blocks", "created_at": "2025-11-26T22:13:53Z"}
    assert json.loads(raw)["dependencies"] == [first, first, added]


def test_new_links_use_the_ids_that_the_other_tool_knows() -> None:
    town = Town()
    town.bring([line(issue("gt/odd")), line(issue(OWN))])
    (odd,) = [own for own in town.plan().beads if own != OWN]
    town.edit(OWN, "status: open", f"depends_on:\n  - {odd}\nstatus: open")
    assert json.loads(town.export()[1])["dependencies"][0]["depends_on_id"] == "gt/odd"


def test_a_line_that_is_kept_whole_changes_with_its_document() -> None:
    town = Town()
    town.bring([b'{"id":"gt-aaaaa","title":"\\u0041","extra":1.50,"status":"open"}\n'])
    assert town.export() == [b'{"id":"gt-aaaaa","title":"\\u0041","extra":1.50,"status":"open"}\n']
    town.edit(OWN, "title: A", "title: B")
    assert town.export() == [b'{"id":"gt-aaaaa","title":"B","extra":1.50,"status":"open"}\n']


def test_a_line_that_a_person_broke_is_made_anew() -> None:
    document = {"id": OWN, "title": "x", "x-beads": {"file": "f", "line": 1, "line_raw": "{"}}
    assert json.loads(encode(document))["title"] == "x"


def test_imported_lines_come_first_in_their_order_and_then_the_others() -> None:
    town = Town()
    town.bring([line(issue("gt-z")), line(issue("gt-b"))])
    town.files[".convoy/beads/gt-a.yaml"] = b"id: gt-a\ntitle: Mine\n"
    assert [json.loads(raw)["id"] for raw in town.export()] == ["gt-z", "gt-b", "gt-a"]
