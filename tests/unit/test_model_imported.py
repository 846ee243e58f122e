"""What documents tell of the import that brought them."""

from __future__ import annotations

from typing import Any

import pytest

from gitconvoy.model.imported import imported_links, is_tombstone


def test_links_are_told_by_type_and_target_and_the_first_parent_is_the_parent() -> None:
    records = [
        {"id": "gt-a"},
        {"id": "gt-a", "created_by": "ann"},
        {"id": "gt-p", "type": "parent-child"},
        {"id": "gt-q", "type": "parent-child"},
        {"id": "gt-p", "type": "parent-child"},
        {"id": "gt-b", "type": "waits-for"},
        {"raw": 7},
    ]
    assert imported_links({"x-beads": {"dependencies": records}}) == {
        ("blocks", "gt-a"),
        ("parent", "gt-p"),
        ("parent-child", "gt-q"),
        ("waits-for", "gt-b"),
    }


@pytest.mark.parametrize(
    "block",
    [None, 7, [], {}, {"dependencies": None}, {"dependencies": "x"}, {"dependencies": ["x", {"id": 7}, {"type": "x"}]}],
)
def test_a_block_that_a_person_broke_brings_no_links(block: Any) -> None:
    assert imported_links({"x-beads": block}) == frozenset()
    assert not is_tombstone({"x-beads": block})


def test_documents_that_were_never_imported_have_none() -> None:
    assert imported_links({"depends_on": ["gt-a"]}) == frozenset()
    assert not is_tombstone({"status": "closed"})


def test_a_tombstone_is_marked() -> None:
    assert is_tombstone({"x-beads": {"tombstone": True}})
    assert not is_tombstone({"x-beads": {"tombstone": "true"}})
