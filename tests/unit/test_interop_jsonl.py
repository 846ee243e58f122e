"""Reading JSON lines strictly, and writing them in the spellings of other tools."""

from __future__ import annotations

import json

import pytest
from interop_help import FILE, Town, issue, line

from gitconvoy.errors import BadFiles, Exit
from gitconvoy.interop.jsonl import STYLES, keepable, parse, read_lines, write

GOOD = line(issue("gt-aaaaa"))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"id":"gt-a","id":"gt-b"}', "'id' stands twice"),
        (b'{"id":"gt-a","x":{"y":1,"y":2}}', "'y' stands twice"),
        (b'{"id":"gt-a","x":NaN}', "NaN is no JSON value"),
        (b'{"id":"gt-a","x":1e999}', "too large"),
        (b'{"id":"gt-a"} {"id":"gt-b"}', "Extra data"),
        (b'{"id":"gt-\xff"}', "not UTF-8 at byte 11"),
        (b'\xef\xbb\xbf{"id":"gt-a"}', "byte order mark"),
        (b"<<<<<<< HEAD", "conflict marker"),
        (b"=======", "conflict marker"),
        (b">>>>>>> topic\r", "conflict marker"),
        (b'{"id":"gt-a","x":' + b"[" * 201 + b"]" * 201 + b"}", "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"id":"gt-a","x":' + b"9" * 5000 + b"}", "not readable"),
    ],
)
def test_a_line_that_holds_no_object_is_refused_and_says_why(raw: bytes, said: str) -> None:
    with pytest.raises(ValueError) as error:
        parse(raw)
    assert said in str(error.value)


def test_all_bad_lines_are_named_with_their_numbers() -> None:
    with pytest.raises(BadFiles) as error:
        read_lines([GOOD, b"\n", b"{\n", GOOD, b"null\n"], FILE, lambda _: None)
    assert [(problem.path, problem.line, problem.code) for problem in error.value.problems] == [
        (FILE, 3, "jsonl"),
        (FILE, 5, "jsonl"),
    ]
    assert all(problem.hint for problem in error.value.problems)
    assert error.value.exit is Exit.BAD_FILES


def test_blank_lines_are_passed_over_but_counted() -> None:
    found = read_lines([b"\n", GOOD, b"  \n", GOOD.rstrip(b"\n")], FILE, lambda _: None)
    assert [(entry.number, entry.raw) for entry in found] == [(2, GOOD.rstrip()), (4, GOOD.rstrip())]


@pytest.mark.parametrize(
    "record",
    [{"title": "no id"}, {"id": "", "title": "x"}, {"id": 7}, {"id": None}, {"_type": "issue", "title": "no id"}, {}],
)
def test_a_record_without_an_id_is_a_bad_line_and_nothing_is_imported(record: dict[str, object]) -> None:
    town = Town()
    before = dict(town.files)
    with pytest.raises(BadFiles) as error:
        town.bring([GOOD, line(record)])
    assert [problem.line for problem in error.value.problems] == [2]
    assert town.files == before


def test_the_usual_style_escapes_what_html_reads() -> None:
    assert write({"a": "<&>\u2028é"}) == '{"a":"\\u003c\\u0026\\u003e\\u2028é"}'.encode()


@pytest.mark.parametrize("style", sorted(STYLES))
def test_each_style_is_json_of_the_same_data(style: str) -> None:
    record = {"id": "gt-a", "text": "<é\n\u2029", "list": [1, 2.5, None, True]}
    assert json.loads(write(record, style)) == record


def test_half_a_surrogate_pair_is_written_escaped() -> None:
    assert write({"a": "\ud83d"}) == b'{"a":"\\ud83d"}'


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": [1, "é", None, 1.5, True]}, True),
        ("\ud800", False),
        ({"\ud800": 1}, False),
        ([[["\ud800"]]], False),
        (2**600, False),
    ],
)
def test_what_yaml_can_hold(value: object, kept: bool) -> None:
    assert keepable(value) is kept


def test_depth_is_bounded() -> None:
    deep: object = 1
    for _ in range(30):
        deep = [deep]
    assert not keepable(deep)
