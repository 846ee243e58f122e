"""New values in the text of a JSON object, and no other byte changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.interop.splice import splice

TEXT = '{ "a" : 1.50,"b":[1, 2] , "c":"\\u0041"\t}'
OLD = json.loads(TEXT)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, TEXT),
        ({**OLD, "b": [1]}, '{ "a" : 1.50,"b":[1] , "c":"\\u0041"\t}'),
        ({"a": 1.5, "new": 2, "b": [1, 2], "c": "A"}, '{ "a" : 1.50,"new" : 2,"b":[1, 2] , "c":"\\u0041"\t}'),
        ({**OLD, "z": None}, '{ "a" : 1.50,"b":[1, 2] , "c":"\\u0041","z" : null\t}'),
        ({"a": 1.5, "c": "A"}, '{ "a" : 1.50 , "c":"\\u0041"\t}'),
        ({"b": [1, 2], "c": "B"}, '{"b":[1, 2] , "c":"B"\t}'),
    ],
)
def test_only_what_differs_is_written_anew(new: dict[str, Any], expected: str) -> None:
    found = splice(TEXT, OLD, new, json.dumps)
    assert (json.loads(found), found) == (new, expected)


def test_an_empty_object_takes_keys_and_a_full_one_can_lose_all() -> None:
    assert splice("{}", {}, {"a": 1}, json.dumps) == '{"a":1}'
    assert json.loads(splice(TEXT, OLD, {}, json.dumps)) == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", 'c"', "d}", "é"]), VALUES)


@settings(deadline=None, derandomize=True)
@given(OBJECTS, OBJECTS, st.sampled_from([None, 1]), st.booleans())
def test_the_result_is_the_new_object_whatever_the_spelling(
    old: dict[str, Any], new: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(old, indent=indent, ensure_ascii=ascii_only)
    assert json.loads(splice(text, old, new, json.dumps)) == new
    assert splice(text, old, old, json.dumps) == text
