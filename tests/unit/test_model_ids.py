"""Ids of beads and convoys (SPEC 3.1)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.model.ids import ID_PATTERN, is_id, longest_prefix, new_id


@pytest.mark.parametrize("text", ["gt-aaaaa", "A", "9.x_y-z", "a" * 64, "hq-cv-00000", "locker", "x.locked"])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-a",
        ".a",
        "_a",
        "a..b",
        "a.",
        "a.lock",
        "a" * 65,
        "a/b",
        "../a",
        "a b",
        "a\n",
        "ä",
        "a\x00",
        "٣٣",
        "a:b",
        "a@{",
    ],
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


@given(st.text(max_size=70))
def test_the_schema_pattern_says_the_same(text: str) -> None:
    """JSON Schema patterns know no anchor for the very end, so a final line feed is the one allowed difference."""
    assert is_id(text) == (re.search(ID_PATTERN, text) is not None and not text.endswith("\n"))


def test_new_ids_avoid_what_is_taken_ignoring_case() -> None:
    found = new_id("GT", set())
    assert re.fullmatch(r"GT-[0-9a-z]{5}", found)
    assert is_id(found)
    assert new_id("GT", {found.lower()}) != found


def test_the_longest_prefix_wins() -> None:
    assert longest_prefix("gt-web-1", ["gt", "gt-web", "g"]) == "gt-web"
    assert longest_prefix("gtx-1", ["gt"]) is None
    assert longest_prefix("gt", ["gt"]) is None
