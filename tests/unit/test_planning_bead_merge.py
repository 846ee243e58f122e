"""Two versions of one bead's file, merged field by field (SPEC 7)."""

from __future__ import annotations

import pytest

from gitconvoy.model.plan import Config
from gitconvoy.planning.bead_merge import merge_beads
from gitconvoy.yamlio.reader import load

BASE = "id: gt-a\ntitle: A\n"
PATH = ".convoy/beads/gt-a.yaml"


def merge(base: str, ours: str, theirs: str) -> dict[str, object] | None:
    old, mine, other = ((BASE + each).encode() for each in (base, ours, theirs))
    merged = merge_beads(old, mine, other, PATH, Config())
    return (
        None
        if merged is None
        else {key: value for key, value in load(merged, PATH).items() if key not in ("id", "title")}
    )


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("", "", "", {}),
        ("", "priority: 1\n", "notes: x\n", {"priority": 1, "notes": "x"}),
        ("priority: 1\n", "", "priority: 1\nnotes: x\n", {"notes": "x"}),
        ("notes: x\n", "notes: x\n", "", {}),
        ("", "notes: x\n", "notes: x\n", {"notes": "x"}),
        ("", "notes: x\n", "notes: y\n", None),
        ("labels: [a, b]\n", "labels: [a, c]\n", "labels: [a, b, d]\n", {"labels": ["a", "c", "d"]}),
        ("labels: [a]\n", "labels: [b]\n", "", {"labels": ["b"]}),
        ("", "labels: [a]\n", "labels: [b]\n", {"labels": ["a", "b"]}),
        ("comments: [{text: a}]\n", "comments: [{text: a}, {text: b}]\n", "comments: [{text: a}, {text: c}]\n",
         {"comments": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}),
        ("status: open\n", "status: in_progress\nassignee: mia\n", "status: closed\nclosed_at: 2025-11-26\n",
         {"status": "closed", "closed_at": "2025-11-26", "assignee": "mia"}),
        ("status: open\n", "status: closed\nclose_reason: ours\n", "status: closed\nclose_reason: theirs\n",
         {"status": "closed", "close_reason": "ours"}),
        ("status: open\n", "status: closed\noutcome: failed\n", "status: deferred\n",
         {"status": "closed", "outcome": "failed"}),
        ("status: open\n", "status: open\n", "status: blocked\n", {"status": "blocked"}),
        ("status: open\n", "status: blocked\n", "status: open\n", {"status": "blocked"}),
        ("status: open\n", "status: blocked\n", "status: deferred\n", None),
        ("", "x-a: 1\n", "x-b: 2\n", {"x-a": 1, "x-b": 2}),
        ("", "notes: [\n", "", None),
    ],
)  # fmt: skip
def test_merged(base: str, ours: str, theirs: str, expected: dict[str, object] | None) -> None:
    assert merge(base, ours, theirs) == expected


def test_comments_and_order_of_our_file_stay() -> None:
    ours = b"# why\nid: gt-a\nnotes: n # a remark\ntitle: A\nstatus: open # for now\n"
    merged = merge_beads(
        b"id: gt-a\ntitle: A\nstatus: open\n", ours, b"id: gt-a\ntitle: A\nstatus: closed\n", PATH, Config()
    )
    assert merged == b"# why\nid: gt-a\nnotes: n # a remark\ntitle: A\nstatus: closed # for now\n"


def test_own_statuses_count_by_their_category() -> None:
    config = Config(statuses={"open": "active", "shipped": "done"})
    merged = merge_beads(
        b"id: gt-a\ntitle: A\n",
        b"id: gt-a\ntitle: A\nstatus: shipped\n",
        b"id: gt-a\ntitle: A\nstatus: open\n",
        PATH,
        config,
    )
    assert merged is not None
    assert load(merged, PATH)["status"] == "shipped"
