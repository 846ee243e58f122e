"""Whatever a file of JSON lines holds: it becomes valid files, comes back byte for byte, and imports only once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interop_help import Town, line

from gitconvoy.interop.fields import BEAD_FIELDS
from gitconvoy.interop.jsonl import STYLES
from gitconvoy.model.kinds import BEAD
from gitconvoy.yamlio.writer import edit

IDS = st.sampled_from(
    [
        "gt-aaaaa",
        "gt-AAAAA",
        "gt-bbbbb",
        "gt-bbbbb.1",
        "gt b/c",
        "x" * 80,
        "noprefix",
        "a..b",
        "hq-cv-cafe1",
        "-",
        "ü-1",
    ]
)
TARGETS = IDS | st.sampled_from(["external:x:y-1", "external:a b\n", "gt-gone1", ""])
WORDS = ["open", "closed", "tombstone", "In Review", "blocks", "parent-child", "tracks", "convoy", "task", "gt:owned"]
TEXTS = st.text(max_size=12) | st.sampled_from(
    [*WORDS, "", "two\nlines\n", "2025-11-26", "\ud800", "<&>", "\x00\x85", "  a", "a  ", "\u2028\u2029", "\x1b[31m\r",
     "7", "\udc80\xff", "\ufeff", "- a: [b]\t", "null", "~"]
)  # fmt: skip
SCALARS = TEXTS | st.integers(-5, 10**40) | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
LINKS = st.fixed_dictionaries(
    {"issue_id": IDS, "depends_on_id": TARGETS},
    optional={
        "type": st.sampled_from([*WORDS, "parent_child", "blocked-by", "waits-for"]),
        "metadata": TEXTS,
        "odd": VALUES,
    },
)
COMMENTS = st.fixed_dictionaries({"id": SCALARS, "issue_id": IDS, "author": TEXTS, "text": TEXTS, "created_at": TEXTS})
OURS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["touches", "outcome", "epic", "max_workers", "paused", "x"]),
    st.sampled_from([["src/", "!x", 7], "failed", "done", "gt-bbbbb", 3, True, False, None, {}]),
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {"id": IDS},
    optional={
        **{row.record: VALUES for row in BEAD_FIELDS},
        "title": TEXTS,
        "status": TEXTS,
        "issue_type": TEXTS,
        "labels": st.lists(TEXTS, max_size=3),
        "comments": st.lists(COMMENTS | VALUES, max_size=2),
        **dict.fromkeys(("dependency_count", "dependent_count", "comment_count"), st.integers(0, 3) | VALUES),
        "metadata": st.dictionaries(TEXTS | st.just("gitconvoy"), VALUES | OURS, max_size=3) | VALUES,
        "dependencies": st.lists(LINKS | VALUES, max_size=4) | VALUES,
        "unknown": VALUES,
    },
)


@st.composite
def spelled(draw: st.DrawFn) -> bytes:
    """A record in some spelling of JSON, its keys in any order."""
    record: dict[str, Any] = draw(RECORDS)
    keys = draw(st.permutations(list(record))) if draw(st.booleans()) else list(record)
    text = STYLES[draw(st.sampled_from(sorted(STYLES)))]({key: record[key] for key in keys})
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record).encode() + b"\n"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spelled(), max_size=6))
def test_any_lines_become_valid_files_and_come_back(lines: list[bytes]) -> None:
    town = Town()
    found = town.bring(lines)
    assert town.complaints() == []
    assert town.export() == lines
    assert found.created + found.tombstones == len({json.loads(raw)["id"] for raw in lines})
    before = dict(town.files)
    again = town.bring(lines)
    assert again.files == {}
    assert town.files == before


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spelled(), max_size=4), st.lists(spelled(), max_size=4))
def test_a_second_version_of_a_file_is_valid_too(old: list[bytes], new: list[bytes]) -> None:
    town = Town()
    town.bring(old)
    town.bring(new)
    assert town.complaints() == []
    assert town.bring(new).files == {}
    stay = {record["id"] for record in map(json.loads, [*old, *new]) if may_stay(record)}
    assert set(town.export()) >= {raw for raw in new if json.loads(raw)["id"] not in stay}


def may_stay(record: dict[str, Any]) -> bool:
    """Deleted beads stay deleted, and launched or closed convoys never go back."""
    return record.get("status") == "tombstone" or record.get("issue_type") == "convoy"


@given(RECORDS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_edited_documents_still_export_a_record(record: dict[str, Any]) -> None:
    town = Town()
    try:
        town.bring([line({**record, "id": "gt-aaaaa", "issue_type": "task", "status": "open"})])
    except UnicodeEncodeError:
        return
    town.edit("gt-aaaaa", "title: ", "title: Mended # ")
    (exported,) = town.export()
    assert json.loads(exported)["title"] == "Mended"


EDITS = {
    "title": "Mended",
    "priority": 3,
    "labels": ["mended"],
    "notes": "two\nlines",
    "due_at": "2030-01-31",
    "type": "chore",
    "owner": "ann",
    "comments": [{"text": "mended"}],
}


@given(spelled(), st.sampled_from(sorted(EDITS)))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_an_edit_changes_its_own_key_of_the_line_alone(raw: bytes, key: str) -> None:
    old = json.loads(raw)
    town = Town()
    town.bring([raw])
    bead = next(iter(town.plan().beads.values()), None)
    if bead is None or bead.data.get(key) == EDITS[key]:
        return
    town.files[bead.path] = edit(town.files[bead.path], {key: EDITS[key]}, BEAD)
    (exported,) = town.export()
    new = json.loads(exported)
    field = next(row.record for row in BEAD_FIELDS if row.key == key)
    differ = {name for name in old.keys() | new.keys() if name not in old or name not in new or old[name] != new[name]}
    assert differ - {"comment_count"} == {field} or (differ == set() and old.get(field) == EDITS[key])
    assert [name for name in new if name in old] == [name for name in old if name in new]
