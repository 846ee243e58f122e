"""Ids, durations, times, revisions and patterns: any text is taken or refused, in bounded work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from fuzz_data import odd_texts
from fuzzing import copied, examples, judge, run, small_town
from hypothesis import example, given
from hypothesis import strategies as st

from gitconvoy.dispatch.logs import parse_size
from gitconvoy.git import refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.clock import FIRST, LAST, duration, iso, parse_duration, parse_iso
from gitconvoy.model.ids import is_id
from gitconvoy.rules import touches


@examples(200)
@given(odd_texts)
@example("9" * 5000 + "s")
@example("\u0663m")
def test_durations_sizes_times_and_ids(text: str) -> None:
    for read_it in (parse_duration, parse_size, parse_iso):
        try:
            value = read_it(text)
        except ValueError:
            continue
        assert isinstance(value, int)
        assert value >= 0
        if read_it is parse_duration and value < 86400 * 10**6:
            assert parse_duration(duration(value)) == value
        if read_it is parse_iso:
            assert parse_iso(iso(value)) == value
    if is_id(text):
        assert text.isascii()
        assert not set(text) & set("/\\\n\0 ")
        assert len(text) <= 64


@given(st.integers())
@examples(50)
def test_every_number_of_seconds_has_a_time(seconds: int) -> None:
    assert FIRST <= parse_iso(iso(seconds)) <= LAST


patterns = st.lists(
    st.sampled_from(["**", "*", "a", "a*", "?", "[a-z]", "[!a]", "[", "]", "\\", "!", ".", "..", "", " ",
    "[[:alpha:]]", "\u00e9"]),
    max_size=8,
).map("/".join) | odd_texts  # fmt: skip


@examples(300)
@given(st.lists(patterns, max_size=2), st.lists(patterns, max_size=2))
def test_overlap_is_symmetric(left: list[str], right: list[str]) -> None:
    assert touches.overlaps(left, right) == touches.overlaps(right, left)


HARD = [
    ("**/" * length + "a", "**/" * length + "b", "a/" * length + "b", "*a" * length, "*b" * length + "c", "?*" * length)
    for length in (20, 40)
]


def test_hard_patterns_take_polynomial_work() -> None:
    """Steps are counted, not seconds: twice the length takes at most sixteen times the steps."""
    counts = []
    for hard in HARD:
        touches._segments.cache_clear()
        touches._segments_meet.cache_clear()
        with mock.patch.object(touches, "_skip", wraps=touches._skip) as steps:
            for one in hard:
                for other in hard:
                    touches.overlaps([one], [other])
        counts.append(steps.call_count)
    assert counts[1] <= 16 * counts[0]
    assert counts[1] < 50_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("words")) as path:
        yield path


REVS = (
    "", " ", "-", "-x", "--help", "--all", "@", "@{", "@{0}", "@{-1}", "@{u}", "HEAD@{99999999999999999999}",
    "HEAD~99999999999",
    "HEAD^99999", "a..b", "main..main", "main...main", "^main", ":/", ":/foo", ":/(",
    ":/" + "(a+)+" * 20, "main^{/(}", ":", ":.convoy",
    "main:.convoy", "HEAD^{tree}", "HEAD^{blob}", "convoy-ledger", "convoy-ledger~1", "convoy-ledger^{tree}",
    "0" * 40, "f" * 40,
    "refs/heads/", "refs/heads/main\n", "main\0", "\udcff", "\u202e", "*", "main@{yesterday}",
    "x" * 5000, "--output=/tmp/x",
)  # fmt: skip


@pytest.mark.parametrize("rev", REVS, ids=range(len(REVS)))
def test_revisions(template: Path, rev: str) -> None:
    with copied(template) as here:
        for words in (("status",), ("plan", "hq-cv-1"), ("log",)):
            judge(run(here.path, *words, f"--at={rev}", "--json"), *words, "--json")
        before = here.repo.git("for-each-ref")
        found = refs.resolve(Repo.discover(here.path), rev)
        assert found is None or here.repo.exists(found)
        assert here.repo.git("for-each-ref") == before
        judge(run(here.path, "done", "gt-a", "--merged", rev, "--json"), "--json")
        judge(run(here.path, "create", "T", "gt-x", "--base-branch", rev, "--json"), "--json")
