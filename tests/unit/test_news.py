"""One line about an event."""

from __future__ import annotations

import pytest

from gitconvoy.engine.news import of
from gitconvoy.model.ledger import Event


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event("pause", convoy="hq-cv-1"), "paused hq-cv-1"),
        (Event("pause", reason="too hot"), "paused everything: too hot"),
        (Event("reopen", bead="gt-a"), "reopened gt-a"),
        (Event("init"), None),
    ],
)
def test_a_reason_stands_there_where_there_is_one(event: Event, line: str | None) -> None:
    assert of(event) == line
