"""Overlap of `touches` (SPEC 4)."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.rules import overlaps


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/a.py", "src/a.py"),
        ("src/*.py", "src/a.py"),
        ("src/**", "src/a/b.py"),
        ("src/**/b.py", "src/b.py"),
        ("src/**/b.py", "src/x/y/b.py"),
        ("**/b.py", "src/b.py"),
        ("src", "src/a/b.py"),
        ("src/", "src/a.py"),
        ("src/", "*.py"),
        ("b*", "a/bc/c.py"),
        ("/src", "src/a.py"),
        ("*.py", "src/deep/a.py"),
        ("a.py", "*.py"),
        ("*.py", "src/**"),
        ("src/*/b", "src/a/*"),
        ("a*c", "ab*"),
        ("a?c", "*bc"),
        ("[a-c]x", "[c-e]x"),
        ("[!a]x", "bx"),
        ("[^a]x", "[!b]x"),
        ("[[:alpha:]]", "q"),
        ("[]a]x", "]x"),
        ("[!]]x", "ax"),
        (r"[\]]x", "]x"),
        ("[a", "?a"),
        ("[]", "[]"),
        (r"\*x", "*"),
        ("[", "["),
        ("a/**/c/**/e", "a/b/c/d/e"),
        ("**", "x"),
        ("[一-龥]", "[b]"),
    ],
)
def test_overlap(one: str, other: str) -> None:
    assert overlaps([one], [other])
    assert overlaps([other], [one])
    assert not overlaps(["!" + one], [other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/a.py", "src/b.py"),
        ("src/*.py", "src/a.md"),
        ("src/*.py", "src/x/a.py"),
        ("/a.py", "src/a.py"),
        ("docs/**", "src/**"),
        ("src/**/b.py", "src/x/c.py"),
        ("a?c", "ac"),
        ("[a-c]x", "[d-e]x"),
        ("[!a]x", "ax"),
        (r"\*x", "ax"),
        ("[", "a"),
        ("[]a]x", "bx"),
        ("[a", "a"),
        ("src/a.py", "*.md"),
        ("README.md", "src/**"),
        ("docs/", "src/**"),
        ("a.py", "src/a.py"),
        ("*.py", "*.md"),
        ("src/x", "docs"),
        ("!src/a.py", "src/a.py"),
        ("", "src/a.py"),
        ("/", "src/a.py"),
        ("Src/a", "src/a"),
    ],
)
def test_no_overlap(one: str, other: str) -> None:
    assert not overlaps([one], [other])
    assert not overlaps([other], [one])


def test_none_given_is_no_overlap() -> None:
    assert not overlaps([], ["**"])
    assert not overlaps(["**"], [])
    assert not overlaps([], [])


def test_any_pair_overlaps_the_lists() -> None:
    assert overlaps(["docs/**", "src/a.py"], ["tests/**", "src/*"])


def test_many_stars_are_no_trouble() -> None:
    assert not overlaps(["a*" * 40 + "b"], ["*a" * 40 + "c"])
    assert overlaps(["**/a/" * 30 + "x"], ["a/**/" * 30 + "x"])


NAMES = ["".join(letters) for length in range(1, 5) for letters in product("ab", repeat=length)]
PATHS = ["/".join(parts) for length in range(1, 6) for parts in product(["a", "b"], repeat=length)]


@settings(max_examples=200, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=3), st.text("ab*?", min_size=1, max_size=3))
def test_wildcards_overlap_when_one_name_matches_both(one: str, other: str) -> None:
    def matching(pattern: str) -> set[str]:
        regex = re.compile(re.sub(r"\*+", ".*", pattern).replace("?", "."))
        return {name for name in NAMES if regex.fullmatch(name)}

    if "**" not in (one, other):
        assert overlaps(["/" + one], ["/" + other]) == bool(matching(one) & matching(other))


@settings(max_examples=200, deadline=None)
@given(*[st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=3)] * 2)
def test_deep_wildcards_stand_for_any_number_of_segments(one: list[str], other: list[str]) -> None:
    def matching(parts: list[str], below: str = "") -> set[str]:
        text = "".join("(?:[ab]/)*" if part == "**" else part.replace("*", "[ab]") + "/" for part in parts)
        regex = re.compile(text + below)
        return {path for path in PATHS if regex.fullmatch(path + "/")}

    found = overlaps(["/" + "/".join(one)], ["/" + "/".join(other)])
    inside = "(?:[ab]/)*"
    assert found or not matching(one) & matching(other)
    assert not found or matching(one, inside) & matching(other) or matching(one) & matching(other, inside)
