"""The quick reader says what the strict one says, or nothing (SPEC 3.1)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fuzz_data import damaged
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml_data import beads

from gitconvoy.errors import BadFiles
from gitconvoy.model.kinds import BEAD
from gitconvoy.yamlio.quick import quick
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.strict import strict
from gitconvoy.yamlio.writer import dump

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "cases").rglob("*.yaml"))
USUAL = (
    "# yaml-language-server: $schema=../../schemas/bead.schema.json\nid: gt-a1b2c\ntitle: Fix (the) login:part, two\n"
    "type: bug\npriority: 1\nparent: gt-epic\ndepends_on:\n  - gt-b\n  - {id: gt-c, type: waits-for}\nlabels:\n"
    '  - "a: b"\n  - area:ui\ndescription: |-\n  First line.\n\n    indented: "x"\n  - a\nnotes: |\n  One.\n'
    "estimate_minutes: 90\ncreated_at: 2025-12-31T12:20:34.87314-08:00\nmetadata:\n  a:\n    b: 'it''s'\n  c: []\n"
    "comments:\n  - author: nux\n    text: |-\n      two\n      lines\n  - text: ~/x\nx-beads:\n  raw: {}\n  n: 1.5e3\n"
    "status: open\n"
)
PIECES = (
    "a: b\n", "b: 'c'\n", 'c: "d"\n', "a:\n", "  - x\n", "  - y: z\n", "    w: v\n", "  k: v\n", "  l:\n",
    "    - q\n", "d: |-\n", "e: |\n", "  text\n", "   text\n", "    text\n", "\n", " \n", "   \n", "# c\n", "  # c\n",
    "- x\n", "---\n", "...\n", "x: # c\n", "x: a # c\n", "x: a: b\n", "x: a:\n", "x: a#b\n", "x:  a\n", "x: a \n",
    "x: null\n", "null: a\n", "1: a\n", "true: x\n", "<<: a\n", "f: {a: b}\n", "  - {a: b, c: d}\n",
    "  - {a: b, a: d}\n", "g: []\n", "  - []\n", "  - - a\n", "h: >\n", "i: |2\n", "j: &a b\n", "k: *a\n",
    "l: !t x\n", "m: 0x1f\n", "n: .inf\n", "o: 9" + "9" * 400 + "\n", "p: a\tb\n", "\tq: r\n", "  - |-\n",
    "      deep\n", "  - a:\n", "      b: c\n", "r: -1\n", "s: 'a' b\n", 't: "a\\n"\n', "u:v\n", "u: v",
    "w: a\n  b\n", "y: \n", "é: ü\n", "x: é\n", "x: \u2028\n", "x: \x85\n", "x: \ufeff\n", "x: \x00\n", "? a\n",
    ": b\n", "%TAG\n", "x: a\r\n", "  - a:b\n", "  - a: |\n", "        t\n",
)  # fmt: skip


def agree(text: str) -> bool:
    """Whether the quick reader answers; AssertionError where the strict one answers otherwise."""
    known = quick(text)
    if known is None:
        return False
    assert json.dumps(strict(text, "f.yaml")) == json.dumps(known)
    return True


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_it_never_says_another_thing_of_a_case(file: Path) -> None:
    try:
        agree(file.read_bytes().decode())
    except UnicodeDecodeError:
        return


def test_it_reads_what_gitconvoy_writes() -> None:
    assert agree(USUAL)
    assert load(USUAL.encode(), "f.yaml")["depends_on"][1] == {"id": "gt-c", "type": "waits-for"}


@pytest.mark.parametrize(
    "text",
    ["", "# only\n", "a: b", "a: b\n\n", "a: b\na: c\n", "null: a\n", "a: |2-\n    b\n", "a:\n- b\n", "a: b\n  c\n",
     "a: {b: c}\n", "a: 1" + "0" * 400 + "\n", "a:\n", "\na: b\n", "a: &b c\n", "a: \ufeffb\n", "a: b # c\n"],
)  # fmt: skip
def test_it_leaves_to_the_strict_reader_what_it_does_not_know(text: str) -> None:
    assert quick(text) is None


def test_deep_data_is_left_to_the_strict_reader() -> None:
    def nested(levels: int) -> str:
        return "".join(f"{'  ' * level}a:\n" for level in range(levels)) + "  " * levels + "b: c\n"

    assert agree(nested(8))
    assert quick(nested(9)) is None
    assert quick(nested(40)) is None
    with pytest.raises(BadFiles):
        load(nested(40).encode(), "f.yaml")


@settings(max_examples=300)
@given(beads())
def test_it_agrees_on_whatever_is_written(bead: dict[str, object]) -> None:
    agree(dump(bead, BEAD, "../../schemas/bead.schema.json").decode())


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join))
def test_it_agrees_on_lines_put_together_at_random(text: str) -> None:
    if refused(text):
        assert quick(text) is None
    else:
        agree(text)


@settings(max_examples=1500)
@given(damaged(USUAL.encode(), *(file.read_bytes() for file in FILES if file.parent.name == "good")))
def test_it_agrees_on_damaged_files(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    if refused(text):
        assert quick(text) is None
    else:
        agree(text)


def refused(text: str) -> bool:
    """Whether the strict reader refuses a text."""
    try:
        strict(text, "f.yaml")
    except BadFiles:
        return True
    return False
