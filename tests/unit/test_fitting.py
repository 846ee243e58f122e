"""What surely fits a schema fits it, as jsonschema sees it (SPEC 3.1)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_data import FULL
from yaml_data import texts

from gitconvoy.fitting import compile_schema, fits, is_whole
from gitconvoy.schema import validator

_ODD: st.SearchStrategy[Any] = st.one_of(
    texts,
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            4,
            5,
            -1,
            1.0,
            1.5,
            10**30,
            [],
            {},
            [""],
            [None],
            {"id": "gt-1"},
            {"x-a": 1},
            {"a": 1},
            "gt-1",
            "a..b",
            "x.lock",
            "external:a",
            "closed",
            "2025-01-01",
            "2025-13-01",
            "9999-12-31T23:59:59-23:59",
            "1h",
            "a" * 64,
            "a" * 65,
            "a" * 501,
            "a" * 1001,
            [{"id": "gt-1", "type": "waits-for", "gate": "none"}],
            [{"text": 1}],
            ["gt-1", "gt-1"],
            [[]],
            [["gt-1"], []],
        ]
    ),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The key paths of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, Any]:
    """A kind, and a document of it in which up to three values, keys or items were changed."""
    kind, full = draw(st.sampled_from(FULL))
    data = copy.deepcopy(full)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(data)))
        if not place:
            data = {**data, draw(texts): copy.deepcopy(draw(_ODD))}
            continue
        holder = data
        for step in place[:-1]:
            holder = holder[step]
        if draw(st.booleans()):
            holder[place[-1]] = copy.deepcopy(draw(_ODD))
        else:
            del holder[place[-1]]
    return kind.name, data


@settings(max_examples=1500)
@given(changed())
def test_what_fits_has_no_complaint(given_: tuple[str, Any]) -> None:
    name, data = given_
    found = list(validator(name).iter_errors(data))
    assert not found or not fits(name, data)


@pytest.mark.parametrize(("kind", "data"), FULL, ids=lambda value: getattr(value, "name", ""))
def test_full_documents_surely_fit(kind: Any, data: dict[str, Any]) -> None:
    assert fits(kind.name, data)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "uniqueItems": True}, "a"),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"type": "object", "patternProperties": {"^x-": {"type": "string"}}}, {"x-a": "b"}),
        ({"$ref": "#/$defs/a"}, "a"),
        (False, "a"),
    ],
)
def test_keywords_that_it_does_not_know_are_never_sure(schema: Any, value: Any) -> None:
    assert not compile_schema(schema)(value)


def test_truth_values_are_no_numbers() -> None:
    assert not is_whole(True)
    assert not compile_schema({"type": "integer"})(True)
    assert not compile_schema({"const": 1})(True)
    assert not compile_schema({"type": "integer"})(1.0)
