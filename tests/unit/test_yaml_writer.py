"""Writing and editing YAML: byte-stable, and always read back as the same data (SPEC 3.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml_data import NASTY, beads, changes, characters, values

from gitconvoy.errors import BadFiles, Refused
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, PLAN, RECORD_BEAD, RECORD_TOWN
from gitconvoy.yamlio.canonical import canonical, same
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.writer import dump, edit

CASES = Path(__file__).parents[1] / "cases" / "yaml"
EDITS = sorted(path.name for path in (CASES / "edit").iterdir())
relaxed = settings(deadline=None, max_examples=150)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("key", ["title", "description", "x-own"])
def test_every_text_reads_back(key: str, text: str) -> None:
    document = {"id": "gt-1", key: text, "labels": [text], "metadata": {text: [text, {"k": text}]}, "status": "open"}
    written = dump(document, BEAD, None)
    assert load(written, "p") == document
    assert written.endswith(b"status: open\n")


@relaxed
@given(beads())
def test_a_document_reads_back_and_its_bytes_do_not_depend_on_the_order_of_keys(bead: dict[str, Any]) -> None:
    written = dump(bead, BEAD, "../schemas/bead.schema.json")
    assert same(load(written, "p"), canonical(bead, BEAD))
    assert dump(load(written, "p"), BEAD, "../schemas/bead.schema.json") == written
    assert dump(dict(reversed(bead.items())), BEAD, "../schemas/bead.schema.json") == written
    assert written.split(b"\n", 1)[0] == b"# yaml-language-server: $schema=../schemas/bead.schema.json"


@relaxed
@given(st.dictionaries(st.text(characters), values, max_size=4))
def test_nested_mappings_keep_their_order(metadata: dict[str, Any]) -> None:
    read = load(dump({"id": "a", "metadata": metadata}, BEAD, None), "p")
    assert json.dumps(read["metadata"]) == json.dumps(metadata)


@relaxed
@given(beads(), changes)
def test_an_edit_of_canonical_bytes(bead: dict[str, Any], change: dict[str, Any]) -> None:
    original = dump(bead, BEAD, "s.json")
    edited = edit(original, change, BEAD)
    wanted = {key: value for key, value in {**bead, **change}.items() if change.get(key, ...) is not None}
    assert same(load(edited, "p"), canonical(wanted, BEAD))
    assert edited.startswith(b"# yaml-language-server: $schema=s.json\n")
    assert edit(edited, change, BEAD) == edited


@relaxed
@given(beads(), changes, st.data())
def test_an_edit_keeps_comments_blank_lines_and_order(
    bead: dict[str, Any], change: dict[str, Any], data: st.DataObject
) -> None:
    blocks = [dump({key: value}, BEAD, None).decode() for key, value in bead.items()]
    gaps = [data.draw(st.sampled_from(("", "\n", "\n\n"))) for _ in blocks]
    commented = (
        f"# about {number}\n{block}{gap}" for number, (block, gap) in enumerate(zip(blocks, gaps, strict=True))
    )
    original = "".join(commented).encode()
    before = load(original, "p")
    edited = edit(original, change, BEAD)
    after = load(edited, "p")
    wanted = {key: value for key, value in {**bead, **change}.items() if change.get(key, ...) is not None}
    assert same(canonical(after, BEAD), canonical(wanted, BEAD))
    kept = [key for key in before if key in after]
    assert [key for key in after if key in before] == kept
    comments = [line for line in edited.decode().split("\n") if line.startswith("# about ")]
    assert comments == [f"# about {number}" for number in range(len(blocks))]
    assert edit(edited, change, BEAD) == edited
    assert edit(original, {key: value for key, value in before.items() if value is not None}, BEAD) is original


@pytest.mark.parametrize("name", EDITS)
def test_edit_cases(name: str) -> None:
    """before.yaml with changes.json gives after.yaml, to the byte."""
    folder = CASES / "edit" / name
    kind = {"bead": BEAD, "convoy": CONVOY, "config": CONFIG}[name.split("-")[0]]
    change = json.loads((folder / "changes.json").read_text())
    edited = edit((folder / "before.yaml").read_bytes(), change, kind)
    assert edited.decode() == (folder / "after.yaml").read_bytes().decode()
    assert edit(edited, change, kind) is edited


def test_the_canonical_layout() -> None:
    document = {
        "status": "open",
        "x-zeta": 1,
        "x-alpha": {"z": [], "a": {}},
        "comments": [{"author": "nux", "text": "one\ntwo\n"}],
        "depends_on": [
            "gt-b",
            {"type": "waits-for", "id": "gt-a", "gate": "any-children"},
            "gt-b",
            {"id": "external:x:y", "type": "blocks"},
        ],
        "labels": ["b", "a", "b"],
        "description": "First\n\n  indented\n",
        "design": "no end",
        "notes": "a\r\nb\x1b[0m\n c",
        "priority": 0,
        "title": "Fix: the #1 thing",
        "id": "gt-1",
        "created_at": "2025-01-01T00:00:00Z",
    }
    assert dump(document, BEAD, "../schemas/bead.schema.json") == (CASES / "canonical-bead.yaml").read_bytes()


def test_a_plan_has_one_id_a_line() -> None:
    document = {"convoy": "hq-cv-1", "waves": [["gt-a", "gt-b"], ["gt-c"]], "gates": {}, "critical_path": ["gt-a"]}
    assert dump(document, PLAN, None).decode() == (
        "convoy: hq-cv-1\nwaves:\n  - - gt-a\n    - gt-b\n  - - gt-c\ngates: {}\ncritical_path:\n  - gt-a\n"
    )


def test_records_have_no_schema_line_and_the_kinds_order() -> None:
    assert dump({"failures": 0, "token": "12345", "id": "gt-1"}, RECORD_BEAD, None) == (
        b'id: gt-1\ntoken: "12345"\nfailures: 0\n'
    )
    assert dump({}, RECORD_TOWN, None) == b""
    assert dump({"paused": True}, RECORD_TOWN, None) == b"paused: true\n"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("half \ud83d", "unwritable"),
        ({1: "x"}, "unwritable"),
        ({"a": object()}, "unwritable"),
        (10**400, "unwritable"),
        ("x" * (1 << 20), "yaml-size"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(value: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        dump({"id": "a", "x-v": value}, BEAD, None)
    assert caught.value.code == code
    with pytest.raises(Refused):
        edit(b"id: a\n", {"x-v": value}, BEAD)


def test_depth_is_the_readers() -> None:
    nested: Any = "leaf"
    for _ in range(31):
        nested = [nested]
    written = dump({"id": "a", "x-v": nested}, BEAD, None)
    assert load(written, "p")["x-v"] == nested
    with pytest.raises(Refused):
        dump({"id": "a", "x-v": [nested]}, BEAD, None)


def test_an_unreadable_file_is_not_edited() -> None:
    with pytest.raises(BadFiles):
        edit(b"id: &a x\n", {"title": "x"}, BEAD)


@pytest.mark.parametrize(
    "original",
    [
        b"",
        b"# only a comment\n",
        b"{id: gt-1, title: x}\n",
        b"{id: gt-1, title: x}",
        b"--- \nid: gt-1\n...\n",
        b"? id\n: gt-1\n? title\n: |\n  x\n",
        b'"id" : gt-1\n"title"   :   x   # why\n',
        b"id: gt-1\ntitle: |\n  no end",
        b"id: gt-1\ntitle:\n",
        b"id: gt-1\ntitle:",
        b"id: gt-1\ntitle: >-\n  folded\n  text\n\n\n# end\n",
        b"id: gt-1\ntitle: a\n  b\n  c\n   # deeper\n",
        b'id: gt-1\ntitle: "a\n  b"   # c\n',
        b"id: gt-1\nlabels: [b,   # one\n  a]  # two\n",
        b"id: gt-1\nlabels:\n- b\n- a\nmetadata:\n    deep:\n        deeper: 1\n",
        b"id: gt-1\nmetadata: {a: 1, b: [x, y]}\n",
        b"id: gt-1\ndepends_on:\n  -\n    id: gt-2\n  - {id: gt-3,\n     type: blocks}\n  - # odd\n    gt-4\n",
        b"id: gt-1\nlabels: [area:ui, what?]\n",
        b"id: gt-1\ndescription: |+\n  a\n\n\nstatus: open\n",
        b"id: gt-1\ndescription: |1\n  a\n b\nstatus: open\n",
    ],
)
def test_edits_of_odd_layouts(original: bytes) -> None:
    before = load(original, "p")
    many: tuple[dict[str, Any], ...] = (
        {"title": "new: title", "status": "closed"},
        {"title": None, "labels": None, "metadata": None, "depends_on": None},
        {"title": "many\nlines\n\n", "description": "x\ny", "labels": ["z", "a"]},
        {"metadata": {"deep": {"deeper": 2, "more": [1]}, "a": 1}, "depends_on": ["gt-0", {"id": "gt-2"}, "gt-4"]},
        {"design": " x\n\n\n", "notes": "a\r\nb", "x-new": None, "x-other": [[["a"], "b"], {"c": [{"d": 1}]}]},
    )
    for change in many:
        edited = edit(original, change, BEAD)
        wanted = {key: value for key, value in {**before, **change}.items() if change.get(key, ...) is not None}
        assert same(canonical(load(edited, "p"), BEAD), canonical(wanted, BEAD)), edited.decode()
        assert edit(edited, change, BEAD) is edited
    given_values = {key: value for key, value in before.items() if value is not None}
    assert edit(original, given_values, BEAD) is original
