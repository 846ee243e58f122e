"""Values of fields in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from gitconvoy.review.words import headline, link_type, values

LONG = "Read the notes of the last release before you begin, they say it all. "


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, "x", ("not set", "x")),
        (["a", "b"], [], ("a, b", "none")),
        (True, False, ("true", "false")),
        ({"a": 1}, "x\n", ('{"a": 1}', "x")),
        ("x" * 40, "x" * 41, ("…" + "x" * 20, "…" + "x" * 21)),
        (
            f"{LONG}Use the old API.",
            f"{LONG}Delete production.",
            ("…n, they say it all. Use the old API.", "…n, they say it all. Delete production."),
        ),
    ],
)
def test_what_differs_is_shown(before: object, after: object, told: tuple[str, str]) -> None:
    found = values({"before": before, "after": after}, 40)
    assert found == told
    assert max(map(len, found)) <= 40


NOTHING: dict[str, Any] = {
    "beads": {},
    "links": {"added": [], "cut": []},
    **dict.fromkeys(("settings", "convoys", "dispatch", "findings", "mended", "attempts"), ()),
    "ready": {"added": [], "removed": []},
    "changed": True,
}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"changed": False}, "no change"),
        ({"mended": [{}]}, "1 finding mended"),
        ({"attempts": [{}, {}]}, "2 attempts concerned"),
        ({"ready": {"added": [], "removed": [{}]}}, "1 bead no longer ready"),
        ({"convoys": [{"change": "none", "moves": []}]}, "1 convoy concerned"),
    ],
)
def test_a_change_is_never_called_none(data: dict[str, Any], told: str) -> None:
    assert headline({**NOTHING, **data}) == told


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ({"type": "blocks", "gate": None, "blocking": True}, "blocks"),
        ({"type": "waits-for", "gate": "any-children", "blocking": True}, "waits-for, any-children"),
        ({"type": "related", "gate": None, "blocking": False}, "related (blocks nothing)"),
    ],
)
def test_links_say_what_they_do(link: dict[str, Any], told: str) -> None:
    assert link_type(link) == told
