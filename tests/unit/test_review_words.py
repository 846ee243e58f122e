"""Values of fields in a few words."""

from __future__ import annotations

import pytest

from gitconvoy.review.words import values

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
