"""Reading the strict YAML subset: values, refusals and their places (SPEC 3.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml_data import NASTY, characters

from gitconvoy.errors import BadFiles, Exit, Problem
from gitconvoy.yamlio.reader import load, locate
from gitconvoy.yamlio.scalars import plain, resolve
from gitconvoy.yamlio.strict import MAX_PROBLEMS

CASES = Path(__file__).parents[1] / "cases" / "yaml"
BAD = sorted(path.stem for path in (CASES / "bad").glob("*.yaml"))
GOOD = sorted(path.stem for path in (CASES / "good").glob("*.yaml"))
MIB = 1 << 20


def problems(data: bytes) -> list[tuple[int, int, str]]:
    with pytest.raises(BadFiles) as caught:
        load(data, "f.yaml")
    assert caught.value.exit == Exit.BAD_FILES
    return [(problem.line, problem.column, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_places(name: str) -> None:
    expected = (CASES / "bad" / f"{name}.expect").read_text().splitlines()
    path = f".convoy/beads/{name}.yaml"
    with pytest.raises(BadFiles) as caught:
        load((CASES / "bad" / f"{name}.yaml").read_bytes(), path)
    found = caught.value.problems
    assert [f"{problem.line}:{problem.column} {problem.code}" for problem in found] == expected
    for problem in found:
        assert problem.path == path
        assert problem.severity == "error"
        assert problem.message.isprintable()
        assert problem.hint.isprintable()
        assert problem.hint.endswith((".", "'", ")"))


@pytest.mark.parametrize("name", GOOD)
def test_good_files_are_read_under_the_core_schema(name: str) -> None:
    read = load((CASES / "good" / f"{name}.yaml").read_bytes(), "f.yaml")
    assert json.dumps(read) == json.dumps(json.loads((CASES / "good" / f"{name}.json").read_text()))


def test_every_bad_case_has_an_expectation() -> None:
    assert sorted(path.stem for path in (CASES / "bad").glob("*.expect")) == BAD
    assert len(BAD) > 60


@pytest.mark.parametrize(
    ("unit", "end", "codes"),
    [
        ("[", "", {"yaml-depth"}),
        ("{", "", {"yaml-key"}),
        ("{a: ", "", {"yaml-depth"}),
        ("- ", "", {"yaml-depth", "yaml-syntax"}),
        ("&a [", "", {"yaml-anchor"}),
        ("*a ", "", {"yaml-alias", "yaml-syntax"}),
        ("!", "", {"yaml-tag", "yaml-syntax"}),
        ("9", "", {"yaml-number"}),
        ("[a:b,", "", {"yaml-depth", "yaml-syntax"}),
    ],
)
def test_bombs_are_refused(unit: str, end: str, codes: set[str]) -> None:
    data = ("a: " + unit * (MIB // len(unit)))[: MIB - 10] + end
    found = problems(data.encode())
    assert {code for _, _, code in found} <= codes
    assert len(found) <= MAX_PROBLEMS


def test_the_size_is_checked_first() -> None:
    assert problems(b"\xff" * (MIB + 1)) == [(0, 0, "yaml-size")]
    assert load(b"a: " + b"x" * (MIB - 3), "f.yaml") == {"a": "x" * (MIB - 3)}


def test_aliases_never_expand() -> None:
    layers = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    found = problems("\n".join(["a0: &a0 [lol]", *layers]).encode())
    assert len(found) == MAX_PROBLEMS
    assert {code for _, _, code in found} == {"yaml-anchor", "yaml-alias"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("nULL", "nULL"), ("True", True), ("tRUE", "tRUE"),
        ("yes", "yes"), ("0", 0), ("-0", 0), ("010", 10), ("0o10", 8), ("0x10", 16), ("+0x10", "+0x10"),
        ("1_0", "1_0"), ("190:20", "190:20"), ("1.", 1.0), (".5", 0.5), (".", "."), ("1e3", 1000.0), ("1e", "1e"),
        (".inf", float("inf")), ("-.INF", float("-inf")), ("+.Inf", float("inf")), (".iNF", ".iNF"),
        ("2024-01-01", "2024-01-01"), ("0b1", "0b1"), ("\u0661", "\u0661"),
    ],
)  # fmt: skip
def test_core_schema(text: str, value: Any) -> None:
    result = resolve(text)
    assert (type(result), result) == (type(value), value)


def test_nan() -> None:
    assert repr(load(b"a: [.nan, .NaN, .NAN, -.nan]\n", "p")["a"]) == "[nan, nan, nan, '-.nan']"


@settings(deadline=None)
@given(st.one_of(st.sampled_from(NASTY), st.text(characters, max_size=30)).filter(lambda text: len(text) < 500))
def test_what_may_stand_plain_reads_as_itself(text: str) -> None:
    if plain(text):
        data = f"- k: {text}\n- {text}: v\n- {text}\n".replace("\n", "\n  ")
        assert load(f"a:\n  {data}\n".encode(), "p") == {"a": [{"k": text}, {text: "v"}, text]}
    if plain(text, flow=True):
        assert load(f"k: {{{text}: [{text}, {text}]}}\n".encode(), "p") == {"k": {text: [text, text]}}


def outcome(data: bytes) -> tuple[dict[str, Any] | None, tuple[Problem, ...]]:
    try:
        return load(data, "p"), ()
    except BadFiles as error:
        return None, error.problems


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes) -> None:
    read, found = outcome(data)
    assert (read is None) == bool(found)
    assert all(1 <= problem.line <= data.count(b"\n") + 2 for problem in found)


@settings(deadline=None, max_examples=400)
@given(st.text(st.sampled_from("ab:-,[]{}#&*!|>'\"%@`?<~ \n\t\\01.x"), max_size=40))
def test_texts_of_yaml_characters_are_read_or_refused(text: str) -> None:
    read, found = outcome(text.encode())
    assert (read is None) == bool(found)
    assert all(problem.hint for problem in found)
    if read:
        assert all(isinstance(key, str) for key in read)
        assert locate(text.encode(), ()) != (0, 0)


DOCUMENT = """\
# comment
id: gt-1
depends_on:
  - gt-2
  - {id: gt-3, type: waits-for}
  -
    id: gt-4
"título": x
metadata:
  a:
    - b: 1
"""


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ((), (2, 1)),
        (("id",), (2, 1)),
        (("depends_on",), (3, 1)),
        (("depends_on", 0), (4, 5)),
        (("depends_on", 0, "id"), (4, 5)),
        (("depends_on", 1), (5, 5)),
        (("depends_on", 1, "type"), (5, 16)),
        (("depends_on", 1, "gate"), (5, 5)),
        (("depends_on", 2, "id"), (7, 5)),
        (("depends_on", 3), (3, 1)),
        (("título",), (8, 1)),
        (("metadata", "a", 0, "b"), (11, 7)),
        (("metadata", "z", "y"), (9, 1)),
        (("missing",), (2, 1)),
    ],
)
def test_locate(at: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert locate(DOCUMENT.encode(), at) == place


@pytest.mark.parametrize("data", [b"", b"# only\n", b"a: [\n", b"\xff"])
def test_locate_in_what_holds_nothing(data: bytes) -> None:
    assert locate(data, ("a",)) == (0, 0)


def test_all_problems_are_collected() -> None:
    data = b"a: &x 1\na: !t 2\nb: {<<: *x}\n5: x\n"
    assert problems(data) == [
        (1, 4, "yaml-anchor"),
        (2, 1, "yaml-duplicate-key"),
        (2, 4, "yaml-tag"),
        (3, 5, "yaml-merge-key"),
        (3, 9, "yaml-alias"),
        (4, 1, "yaml-key"),
    ]
