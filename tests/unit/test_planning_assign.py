"""SPEC 8: `bead set` and `set` take KEY=VALUE for any key of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from desks import applied, bead_files, convoy_file, desk_of, settled

from gitconvoy.errors import BadFiles, Refused, UsageError
from gitconvoy.model import kinds
from gitconvoy.planning.assign import parse_pairs, set_fields
from gitconvoy.yamlio.reader import load

DATA: dict[str, Any] = {
    "id": "gt-a",
    "title": "t",
    "labels": ["a", "b"],
    "depends_on": ["gt-b", {"id": "gt-c", "type": "related"}],
    "metadata": {"k": "v"},
}


@pytest.mark.parametrize(
    ("pairs", "changes"),
    [
        (["title=New title = better"], {"title": "New title = better"}),
        (["priority=0"], {"priority": 0}),
        (["estimate_minutes=90", "estimate-minutes=91"], {"estimate_minutes": 91}),
        (["assignee="], {"assignee": None}),
        (["type=bug", "status=blocked"], {"type": "bug", "status": "blocked"}),
        (["description=one\ntwo"], {"description": "one\ntwo"}),
        (["defer_until=2030-01-31"], {"defer_until": "2030-01-31"}),
        (["labels=x, y"], {"labels": ["x", "y"]}),
        (["labels="], {"labels": None}),
        (["labels+=c,a"], {"labels": ["a", "b", "c"]}),
        (["labels-=a"], {"labels": ["b"]}),
        (["labels-=a,b"], {"labels": None}),
        (["labels-=a", "labels+=z"], {"labels": ["b", "z"]}),
        (["touches+=src/**"], {"touches": ["src/**"]}),
        (["depends_on-=gt-c"], {"depends_on": ["gt-b"]}),
        (["depends_on+=gt-c,gt-d"], {"depends_on": [*DATA["depends_on"], "gt-d"]}),
        (["x-mine=1"], {"x-mine": "1"}),
        (["metadata.n=1", "metadata.k="], {"metadata": {"n": "1"}}),
        (["metadata.k="], {"metadata": None}),
    ],
)
def test_pairs(pairs: list[str], changes: dict[str, Any]) -> None:
    assert parse_pairs(kinds.BEAD, DATA, pairs) == changes


@pytest.mark.parametrize(
    ("pairs", "changes"),
    [
        (["owned=yes", "mountain=false"], {"owned": True, "mountain": False}),
        (["max_workers=2"], {"max_workers": 2}),
        (["merge=direct"], {"merge": "direct"}),
        (["tracks+=gt-b"], {"tracks": ["gt-b"]}),
        (["notify=mayor,deacon"], {"notify": ["mayor", "deacon"]}),
    ],
)
def test_pairs_of_convoys(pairs: list[str], changes: dict[str, Any]) -> None:
    assert parse_pairs(kinds.CONVOY, {}, pairs) == changes


@pytest.mark.parametrize(
    ("pair", "words", "hint"),
    [
        ("priority", "no KEY=VALUE", "priority=1"),
        ("prioritee=1", "a bead has no key 'prioritee'", "did you mean priority?"),
        ("zzz=1", "a bead has no key 'zzz'", "x-"),
        ("priority=high", "takes a whole number", ""),
        ("title+=x", "title is no list", "title=VALUE"),
        ("id=gt-z", "id cannot be set", "never change"),
        ("comments=x", "comments cannot be set", "bead comment"),
        ("metadata=x", "metadata is a mapping", "metadata.NAME"),
        ("metadata.a+=x", "no list", "metadata.a=VALUE"),
    ],
)
def test_what_cannot_be_meant(pair: str, words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse_pairs(kinds.BEAD, DATA, [pair])
    assert hint in caught.value.hint


def test_booleans_are_words() -> None:
    with pytest.raises(UsageError, match="true or false"):
        parse_pairs(kinds.CONVOY, {}, ["owned=perhaps"])


FILES = settled(bead_files(gt_a="", gt_b="") | convoy_file("hq-cv-1", "gt-a", "gt-b", status="open"))


def test_a_bead_set_by_pairs_rewrites_the_plan_where_links_or_types_change() -> None:
    changes = set_fields(desk_of(FILES), "gt-b", ["depends_on=gt-a", "priority=1"])
    assert changes.message == "Set gt-b: depends_on, priority"
    after = applied(FILES, changes)
    assert load(after[".convoy/plans/hq-cv-1.yaml"], "")["waves"] == [["gt-a"], ["gt-b"]]
    assert list(set_fields(desk_of(FILES), "gt-b", ["priority=1"]).files) == [".convoy/beads/gt-b.yaml"]
    assert ".convoy/plans/hq-cv-1.yaml" in set_fields(desk_of(FILES), "gt-b", ["type=decision"]).files


def test_setting_what_is_set_changes_nothing() -> None:
    assert set_fields(desk_of(FILES), "gt-b", ["title=Title of gt-b", "labels="]).files == {}


def test_the_schema_and_the_graph_have_the_last_word() -> None:
    desk = desk_of(FILES)
    with pytest.raises(BadFiles, match="priority must be between 0 and 4, is 9"):
        set_fields(desk, "gt-a", ["priority=9"])
    with pytest.raises(UsageError, match="the title is empty"):
        set_fields(desk, "gt-a", ["title="])
    with pytest.raises(BadFiles, match="defer_until"):
        set_fields(desk, "gt-a", ["defer_until=soon"])
    with pytest.raises(Refused, match="unknown status 'opne'"):
        set_fields(desk, "gt-a", ["status=opne"])
    with pytest.raises(Refused, match="unknown type 'taks'"):
        set_fields(desk, "gt-a", ["type=taks"])
    with pytest.raises(Refused, match="gt-a -> gt-a"):
        set_fields(desk, "gt-a", ["depends_on=gt-a"])


def test_a_convoy_set_by_pairs_keeps_to_the_transitions() -> None:
    after = applied(FILES, set_fields(desk_of(FILES), "hq-cv-1", ["max_workers=2", "status=closed"]))
    with pytest.raises(Refused, match="cannot go from closed to staged_ready"):
        set_fields(desk_of(after), "hq-cv-1", ["status=staged_ready"])


def test_a_bead_cannot_get_a_second_convoy_by_pairs_either() -> None:
    files = FILES | convoy_file("hq-cv-2", status="open")
    with pytest.raises(Refused, match="gt-a is tracked by hq-cv-1 and hq-cv-2"):
        set_fields(desk_of(files, desk_of(files).view().state.ledger), "hq-cv-2", ["tracks+=gt-a"])
