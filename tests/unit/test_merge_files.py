"""Three versions of one plan file, merged field by field (SPEC 3, docs/merging-files.md)."""

from __future__ import annotations

import pytest

from gitconvoy.merge.files import WHOLE, Markers, Merged, merge_files
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, PLAN, Kind
from gitconvoy.yamlio.reader import load

BEAD_HEAD, CONVOY_HEAD = "id: gt-a\ntitle: A\n", "id: hq-cv-1\ntitle: C\n"


def finished(status: str) -> bool:
    return status in ("closed", "shipped")


def merge(base: str | None, ours: str, theirs: str, kind: Kind = BEAD) -> Merged | None:
    old = None if base is None else base.encode()
    return merge_files(old, ours.encode(), theirs.encode(), kind, finished)


def fields(base: str, ours: str, theirs: str, kind: Kind, head: str) -> object:
    """The merged fields; where there are conflicts, the names of those. Both ways have to give the same."""
    found, other = (
        merge(head + base, head + ours, head + theirs, kind),
        merge(head + base, head + theirs, head + ours, kind),
    )
    assert found is not None
    assert other is not None
    if found.conflicts:
        assert found.conflicts == other.conflicts
        return found.conflicts
    assert found.data == other.data
    return {key: value for key, value in load(found.data, "f").items() if key not in ("id", "title")}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("", "", "", {}),
        ("", "priority: 1\n", "notes: x\n", {"priority": 1, "notes": "x"}),
        ("priority: 1\n", "", "priority: 1\nnotes: x\n", {"notes": "x"}),
        ("notes: x\n", "notes: x\n", "", {}),
        ("", "owner: x\n", "owner: x\n", {"owner": "x"}),
        ("", "owner: x\n", "owner: y\n", ("owner",)),
        ("owner: x\n", "", "owner: y\n", ("owner",)),
        # what is written and what it means
        ("", "type: task\n", "type: bug\n", {"type": "bug"}),
        ("type: bug\n", "type: task\n", "", {"type": "task"}),
        # priority, times
        ("", "priority: 1\n", "priority: 4\n", {"priority": 1}),
        ("priority: 1\n", "", "priority: 3\n", {}),
        ("updated_at: 2025-01-01\n", "updated_at: 2025-01-03\n", "updated_at: 2025-01-02\n",
         {"updated_at": "2025-01-03"}),
        ("updated_at: 2025-01-01\n", "updated_at: 2025-01-02T01:00:00+02:00\n", "updated_at: 2025-01-02T00:30:00Z\n",
         {"updated_at": "2025-01-02T00:30:00Z"}),
        ("updated_at: 2025-01-01\n", "updated_at: 2025-01-02T00:00:00.500Z\n", "updated_at: 2025-01-02T00:00:00Z\n",
         {"updated_at": "2025-01-02T00:00:00.500Z"}),
        ("due_at: 2025-01-01\n", "due_at: 2025-01-03\n", "due_at: 2025-01-02\n", ("due_at",)),
        # sets
        ("labels: [a, b]\n", "labels: [a, c]\n", "labels: [a, b, d]\n", {"labels": ["a", "c", "d"]}),
        ("labels: [a]\n", "labels: [b]\n", "", {"labels": ["b"]}),
        ("", "labels: [a]\n", "labels: [b]\n", {"labels": ["a", "b"]}),
        ("labels: [a, b]\n", "labels: [a]\n", "labels: [b]\n", {"labels": []}),
        # links: removal wins
        ("depends_on: [b]\n", "", "depends_on: [{id: b, type: related}]\n", {}),
        ("depends_on: [b]\n", "depends_on: [b, c]\n", "depends_on: [d]\n", {"depends_on": ["c", "d"]}),
        ("depends_on: [b]\n", "depends_on: [{id: b, type: related}]\n", "depends_on: [b, c]\n",
         {"depends_on": [{"id": "b", "type": "related"}, "c"]}),
        ("depends_on: [b]\n", "depends_on: [{id: b, type: related}]\n", "depends_on: [{id: b, type: waits-for}]\n",
         ("depends_on",)),
        ("", "depends_on: [{id: b, type: related}]\n", "depends_on: [{id: b, type: waits-for}]\n",
         {"depends_on": [{"id": "b", "type": "related"}, {"id": "b", "type": "waits-for"}]}),
        # text
        ("description: |\n  a\n  b\n  c\n", "description: |\n  A\n  b\n  c\n", "description: |\n  a\n  b\n  C\n",
         {"description": "A\nb\nC\n"}),
        ("description: a\n", "description: b\n", "description: c\n", ("description",)),
        ("", "description: b\n", "description: c\n", ("description",)),
        ("notes: |\n  a\n", "notes: |\n  a\n  b\n", "notes: |\n  a\n  c\n", {"notes": "a\nb\nc\n"}),
        ("", "notes: x\n", "notes: y\n", {"notes": "x\ny\n"}),
        ("notes: a\n", "", "notes: b\n", {"notes": "b"}),
        # comments
        ("comments: [{text: a}]\n", "comments: [{text: a}, {text: b}]\n", "comments: [{text: a}, {text: c}]\n",
         {"comments": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}),
        ("", "comments: [{text: z, created_at: 2025-01-01}]\n", "comments: [{text: a, created_at: 2025-01-02}]\n",
         {"comments": [{"text": "z", "created_at": "2025-01-01"}, {"text": "a", "created_at": "2025-01-02"}]}),
        ("", "comments: [{id: 1, text: x, created_at: 2030-01-01}]\n",
         "comments: [{id: 1, text: x}, {id: 2, text: y, created_at: 2031-01-01}]\n",
         {"comments": [{"id": 1, "text": "x", "created_at": "2030-01-01"},
                       {"id": 2, "text": "y", "created_at": "2031-01-01"}]}),
        ("comments: [{id: 1, text: a}]\n", "comments: [{id: 1, text: b}]\n",
         "comments: [{id: 1, text: a, author: me}]\n",
         {"comments": [{"id": 1, "text": "b", "author": "me"}]}),
        ("comments: [{id: 1, text: a}]\n", "comments: [{id: 1, text: b}]\n", "comments: [{id: 1, text: c}]\n",
         ("comments",)),
        ("", "comments: [{text: a}, {text: a}]\n", "comments: [{text: a}]\n",
         {"comments": [{"text": "a"}, {"text": "a"}]}),
        # the ending
        ("status: open\n", "status: in_progress\nassignee: mia\n", "status: closed\nclosed_at: 2025-11-26\n",
         {"status": "closed", "closed_at": "2025-11-26", "assignee": "mia"}),
        ("status: open\n", "status: closed\noutcome: failed\n", "status: deferred\n",
         {"status": "closed", "outcome": "failed"}),
        ("status: open\n", "status: closed\nclose_reason: b\nclosed_at: 2025-01-02\n",
         "status: closed\nclose_reason: a\nclosed_at: 2025-01-01\n",
         {"status": "closed", "close_reason": "a\nb\n", "closed_at": "2025-01-01"}),
        ("status: open\n", "status: closed\noutcome: failed\n", "status: closed\n", ("outcome",)),
        ("status: open\n", "status: closed\noutcome: done\n", "status: closed\n",
         {"status": "closed", "outcome": "done"}),
        ("status: open\n", "status: open\n", "status: blocked\n", {"status": "blocked"}),
        ("status: open\n", "status: blocked\n", "status: deferred\n", ("status",)),
        ("", "status: open\n", "status: shipped\n", {"status": "shipped"}),
        ("status: closed\n", "status: open\n", "status: closed\nnotes: x\n", {"status": "open", "notes": "x"}),
        ("status: closed\n", "status: open\n", "status: closed\noutcome: skipped\n", ("outcome", "status")),
        ("status: closed\nclose_reason: a\n", "status: open\n", "status: closed\nclose_reason: b\n",
         ("close_reason", "status")),
        # what gitconvoy does not read
        ("", "x-a: 1\n", "x-b: 2\n", {"x-a": 1, "x-b": 2}),
        ("x-a: {b: 1, c: 1}\n", "x-a: {b: 2, c: 1}\n", "x-a: {b: 1}\n", {"x-a": {"b": 2}}),
        ("x-a: 1\n", "x-a: 2\n", "x-a: 3\n", ("x-a",)),
        ("metadata: {a: {b: 1}}\n", "metadata: {a: {b: 2}}\n", "metadata: {a: {b: 3}, d: 1}\n", ("metadata.a.b",)),
        ("", "metadata: {list: [1]}\n", "metadata: {list: [2]}\n", ("metadata.list",)),
    ],
)  # fmt: skip
def test_beads(base: str, ours: str, theirs: str, expected: object) -> None:
    assert fields(base, ours, theirs, BEAD, BEAD_HEAD) == expected


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("tracks: [a]\n", "tracks: [a, c]\n", "tracks: [a, b]\n", {"tracks": ["a", "b", "c"]}),
        ("tracks: [a, b]\n", "tracks: [a]\n", "tracks: [a, b, c]\n", {"tracks": ["a", "c"]}),
        ("", "status: open\n", "status: staged_warnings\n", {"status": "open"}),
        ("status: open\n", "status: closed\noutcome: done\n", "status: staged_ready\n",
         {"status": "closed", "outcome": "done"}),
        ("status: open\n", "status: staged_ready\n", "status: open\nlabels: [a]\n",
         {"status": "staged_ready", "labels": ["a"]}),
        ("status: open\n", "status: staged_ready\n", "status: staged_warnings\n", {"status": "staged_warnings"}),
        ("status: open\n", "status: closed\noutcome: partial\n", "status: closed\noutcome: cancelled\n", ("outcome",)),
        ("", "paused: true\n", "paused: false\n", {"paused": True}),
        ("notify: mia\n", "notify: [mia, bo]\n", "notify: [al, mia]\n", {"notify": ["al", "mia", "bo"]}),
        ("", "notify: bo\n", "notify: al\n", {"notify": ["al", "bo"]}),
        ("", "merge: mr\n", "merge: direct\n", ("merge",)),
    ],
)  # fmt: skip
def test_convoys(base: str, ours: str, theirs: str, expected: object) -> None:
    assert fields(base, ours, theirs, CONVOY, CONVOY_HEAD) == expected


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("rigs: {a: {}}\n", "rigs: {a: {}, b: {}}\n", "rigs: {a: {parked: true}, c: {}}\n",
         {"rigs": {"a": {"parked": True}, "b": {}, "c": {}}}),
        ("rigs: {a: {}}\n", "rigs: {b: {}}\n", "rigs: {a: {parked: true}, c: {}}\n", ("rigs.a",)),
        ("rigs: {a: {workers: [p, q]}}\n", "rigs: {a: {workers: [p, q, r]}}\n", "rigs: {a: {workers: [n, q]}}\n",
         {"rigs": {"a": {"workers": ["n", "q", "r"]}}}),
        ("rigs: {a: {workers: [p, q, r]}}\n", "rigs: {a: {workers: [q, p, r]}}\n", "rigs: {a: {workers: [p, r, q]}}\n",
         ("rigs.a.workers",)),
        ("", "rigs: {a: {prefixes: [x]}}\n", "rigs: {b: {prefixes: [x]}}\n", (WHOLE,)),
        ("dispatch: {lease: 1m}\n", "dispatch: {lease: 2m}\n", "dispatch: {lease: 3m, paused: true}\n",
         ("dispatch.lease",)),
        ("", "statuses: {a: done}\n", "statuses: {b: wip}\n", {"statuses": {"a": "done", "b": "wip"}}),
    ],
)  # fmt: skip
def test_settings(base: str, ours: str, theirs: str, expected: object) -> None:
    assert fields(base, ours, theirs, CONFIG, "") == expected


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "kind"),
    [
        (BEAD_HEAD, BEAD_HEAD + "notes: [\n", BEAD_HEAD, BEAD),
        (BEAD_HEAD, BEAD_HEAD, BEAD_HEAD + "titel: x\n", BEAD),
        ("<<<<<<< a\n" + BEAD_HEAD, BEAD_HEAD, BEAD_HEAD + "notes: x\n", BEAD),
        ("", "format: 2\n", "prefix: gt\n", CONFIG),
        ("", "prefix: gt\n", "rigs: {a: {prefixes: [x]}, b: {prefixes: [x]}}\n", CONFIG),
    ],
)
def test_what_only_lines_can_merge(base: str, ours: str, theirs: str, kind: Kind) -> None:
    assert merge(base, ours, theirs, kind) is None
    assert merge(base, theirs, ours, kind) is None


def test_of_plan_files_ours_stays() -> None:
    assert merge("a\n", "b\n", "c\n", PLAN) == Merged(b"b\n")


def text(base: str | None, ours: str, theirs: str) -> str:
    found, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert found is not None
    assert other is not None
    assert found == other
    return found.data.decode()


def test_each_entry_keeps_the_layout_of_the_side_that_changed_it() -> None:
    base = "# why\nid: gt-a\n\nnotes: n # a remark\ntitle: A\nlabels: [b,  a]\nstatus: open\n"
    ours = base.replace("title: A\n", "title: 'A'  # quoted\n").replace("# why\n", "# why\n# because\n")
    theirs = base.replace("status: open\n", "# at last\nstatus: closed\n# end\n")
    assert text(base, ours, theirs) == (
        "# why\n# because\nid: gt-a\n\nnotes: n # a remark\ntitle: 'A'  # quoted\nlabels: [b,  a]\n"
        "# at last\nstatus: closed\n# end\n"
    )


def test_a_comment_and_a_value_on_one_line() -> None:
    base = BEAD_HEAD + "status: open\n"
    ours = BEAD_HEAD + "status: open # for now\n"
    assert text(base, ours, BEAD_HEAD + "status: closed\n") == BEAD_HEAD + "status: closed # for now\n"


def test_comments_in_lists_stay_with_their_items() -> None:
    base = BEAD_HEAD + "labels:\n  # first\n  - a\n  - c\n"
    ours = base.replace("  - c\n", "  # between\n  - b\n  - c # third\n")
    theirs = base.replace("  - c\n", "  - c\n  # last\n  - d\n").replace("  # first\n  - a\n", "")
    assert text(base, ours, theirs) == (BEAD_HEAD + "labels:\n  # between\n  - b\n  - c # third\n  # last\n  - d\n")


def test_other_layouts_lose_no_comment() -> None:
    base = BEAD_HEAD + "labels: [a]\n"
    ours = BEAD_HEAD + "labels: # words\n- a\n# mine\n- b\n"
    assert text(base, base.replace("[a]", "[a, d] # d"), ours) == (
        BEAD_HEAD + "# d\n# mine\n# words\nlabels:\n  - a\n  - b\n  - d\n"
    )
    flow = text(base, ours, "# on top\n{id: gt-a, title: A, labels: [a, c]}\n")
    assert {"# on top", "# mine"} <= {*flow.splitlines()}
    assert load(flow.encode(), "f")["labels"] == ["a", "b", "c"]


def test_comments_stay_wherever_they_stood() -> None:
    base = BEAD_HEAD + "comments:\n  - text: |\n      t\n    author: mia\nx-a:\n  - b: 1\n    c: 1\nstatus: open\n"
    ours = base.replace("text: |", "text: |  # one").replace("  - b: 1", "  - b: 1  # two\n    # three")
    ours = ours.replace("status: open", "status: open  # four")
    theirs = base.replace("      t\n", "      T\n").replace("c: 1", "c: 2").replace("status: open", "status: closed")
    assert text(base, ours, theirs) == (
        BEAD_HEAD
        + "# one\ncomments:\n  - text: |\n      T\n    author: mia\n# three\n# two\nx-a:\n  - b: 1\n    c: 2\n"
        "status: closed  # four\n"
    )


def test_a_comment_that_both_changed_is_there_twice_and_one_of_a_removed_entry_goes_to_the_next() -> None:
    base = BEAD_HEAD + "owner: x  # a\nmetadata:\n  k: 1\n  l: 2\n# below\n"
    ours = base.replace("# a", "# b").replace("  l: 2", "  l: 2  # of l")
    theirs = BEAD_HEAD + "owner: y  # c\n# below\n"
    found = text(base, ours, theirs).splitlines()
    assert found[2:] == ["# c", "owner: y  # b", "# below", "# of l"]


def test_keys_that_no_line_can_hold_are_written_the_same_both_ways() -> None:
    long = "k" * 600
    ours = BEAD_HEAD + f"metadata:\n  ? {long}\n  : 1\n  b: 1\n"
    merged = text(BEAD_HEAD, ours, BEAD_HEAD + "metadata:\n  z: 1\n  a: {d: 1, c: 1}\n")
    assert load(merged.encode(), "f")["metadata"] == {"a": {"c": 1, "d": 1}, "b": 1, long: 1, "z": 1}


def test_an_order_that_one_side_changed_is_kept() -> None:
    base = BEAD_HEAD + "owner: x\nnotes: n\nstatus: open\n"
    ours = "title: A\nid: gt-a\nstatus: open\nowner: x\nnotes: n\n"
    theirs = base.replace("notes: n\n", "notes: n\nassignee: mia\n")
    assert text(base, ours, theirs) == "title: A\nid: gt-a\nstatus: open\nowner: x\nnotes: n\nassignee: mia\n"


def test_the_hint_for_editors_stays_the_first_line() -> None:
    hint = "# yaml-language-server: $schema=../schemas/bead.schema.json\n"
    assert text(None, hint + BEAD_HEAD, "# mine\n" + BEAD_HEAD) == hint + "# mine\n" + BEAD_HEAD


def test_conflicts_are_marked_in_their_fields_with_gits_names() -> None:
    base = BEAD_HEAD + "metadata:\n  team: a\n  size: 1\ndepends_on:\n  - gt-b\n"
    ours = base.replace("team: a", "team: b").replace("gt-b", "{id: gt-b, type: related}")
    theirs = (
        base.replace("team: a", "team: c # new").replace("size: 1", "size: 2").replace("gt-b", "{id: gt-b, type: x}")
    )
    found = merge_files(base.encode(), ours.encode(), theirs.encode(), BEAD, finished, Markers("HEAD", "topic", 9))
    assert found is not None
    assert found.conflicts == ("depends_on", "metadata.team")
    assert found.data.decode() == (
        BEAD_HEAD + "metadata:\n<<<<<<<<< HEAD\n  team: b\n=========\n  team: c # new\n>>>>>>>>> topic\n  size: 2\n"
        "depends_on:\n<<<<<<<<< HEAD\n  - {id: gt-b, type: related}\n=========\n  - {id: gt-b, type: x}\n"
        ">>>>>>>>> topic\n"
    )


def test_long_texts_cost_no_quadratic_time() -> None:
    lines = "".join(f"  line {number % 3}\n" for number in range(9000))
    base = BEAD_HEAD + "notes: |\n" + lines
    assert text(base, base + "  ours\n", base + "  theirs\n") == base + "  ours\n  theirs\n"
    ours, theirs = (base.replace(f"line {number}", word) for number, word in ((1, "one"), (2, "two")))
    merged = text(base, ours, theirs)
    assert "  one\n" in merged
    assert "  two\n" in merged


def test_a_conflict_shows_the_base_where_git_would() -> None:
    versions = [(BEAD_HEAD + f"owner: {name}\n").encode() for name in ("x", "y", "z")]
    found = merge_files(versions[0], versions[1], versions[2], BEAD, finished, Markers(with_base=True))
    assert found is not None
    shown = "<<<<<<< ours\nowner: y\n||||||| base\nowner: x\n=======\nowner: z\n>>>>>>> theirs\n"
    assert found.data.decode() == BEAD_HEAD + shown


def test_large_files_are_left_to_lines() -> None:
    large = BEAD_HEAD + "notes: |\n" + "  a\n" * 70000
    assert merge(BEAD_HEAD, large, BEAD_HEAD + "notes: b\n") is None


def test_lines_that_are_everywhere_cost_no_cubic_time() -> None:
    """Few bytes, in which every line is there hundreds of times."""
    sides = [("x", ("a", "b")), ("y", ("b", "a")), ("z", ("a", "a", "b"))]
    texts = ["".join(f"  {line}\n" for line in (first, *pair * (980 // len(pair)))) for first, pair in sides]
    base, ours, theirs = (f"{BEAD_HEAD}notes: |\n{each}" for each in texts)
    assert {"y", "z"} <= {*load(text(base, ours, theirs).encode(), "f")["notes"].split("\n")}
    changed = base.replace("  x\n", "  x\n  new\n"), base + "  end\n"
    assert load(text(base, *changed).encode(), "f")["notes"].endswith("b\nend\n")
