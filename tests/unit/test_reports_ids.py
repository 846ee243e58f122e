"""Ids may be shortened to a unique prefix for reading; what does not exist names the nearest (SPEC 8)."""

from __future__ import annotations

import pytest
from builders import bead, convoy, plan

from gitconvoy.errors import NotFound, Refused
from gitconvoy.reports.ids import find_bead, find_convoy

PLAN = plan(
    bead("gt-abc"),
    bead("gt-abcd"),
    bead("gt-xyz"),
    bead("gt-old", archived=True),
    convoy("hq-cv-one"),
    convoy("hq-cv-other"),
    broken={"gt-torn", "hq-cv-one"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("gt-abc", "gt-abc"), ("gt-abcd", "gt-abcd"), ("gt-x", "gt-xyz"), ("gt-o", "gt-old"), ("gt-t", "gt-torn")],
)
def test_beads(text: str, expected: str) -> None:
    assert find_bead(PLAN, text) == expected


def test_convoys() -> None:
    assert find_convoy(PLAN, "hq-cv-on") == "hq-cv-one"


def test_ambiguous() -> None:
    with pytest.raises(Refused) as caught:
        find_bead(PLAN, "gt-ab")
    assert caught.value.code == "ambiguous"
    assert "gt-abc, gt-abcd" in caught.value.message
    with pytest.raises(Refused):
        find_convoy(PLAN, "hq-cv-o")


@pytest.mark.parametrize("text", ["", "nothing-like-it"])
def test_unknown(text: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_bead(PLAN, text)
    assert "gitconvoy bead list" in caught.value.hint


def test_near_misses() -> None:
    with pytest.raises(NotFound) as caught:
        find_bead(PLAN, "gt-xzy")
    assert "gt-xyz" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        find_convoy(PLAN, "hq-cv-ones")
    assert "hq-cv-one" in caught.value.hint


def test_the_other_kind() -> None:
    with pytest.raises(NotFound) as caught:
        find_bead(PLAN, "hq-cv-one")
    assert "gitconvoy status hq-cv-one" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        find_convoy(PLAN, "gt-abc")
    assert "gitconvoy why gt-abc" in caught.value.hint
