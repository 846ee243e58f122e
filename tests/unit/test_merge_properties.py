"""What holds of every merge of plan files: no side is the first, nothing added is lost, the result is valid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from merge_data import documents, versions

from gitconvoy.merge.fields import Clash, merge_documents
from gitconvoy.merge.files import WHOLE, Merged, merge_files
from gitconvoy.merge.lines import merged_text
from gitconvoy.model.kinds import BEAD, CONFIG, CONVOY, DEFAULTS, Kind
from gitconvoy.schema import validate
from gitconvoy.yamlio.canonical import canonical, fingerprint
from gitconvoy.yamlio.reader import load

KINDS = (BEAD, CONVOY, CONFIG)
_ENDING = {"status", "outcome", "closed_at", "close_reason"}


def finished(status: str) -> bool:
    return status == "closed"


def merged(kind: Kind, base: str | None, ours: str, theirs: str) -> Merged | None:
    old = None if base is None else base.encode()
    return merge_files(old, ours.encode(), theirs.encode(), kind, finished)


def document(text: str | bytes | None, kind: Kind) -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text or b""
    return canonical(load(data, "f"), kind)


def chosen(data: bytes, *, ours: bool) -> bytes:
    """The file once one side was chosen in each conflict."""
    lines, side = [], None
    for line in data.decode().splitlines():
        if line.startswith("<<<<<<< "):
            side = True
        elif line == "=======":
            side = False
        elif line.startswith(">>>>>>> "):
            side = None
        elif side in (None, ours):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=30)
@given(data=st.data())
def test_the_result_is_valid_and_the_same_whichever_side_is_first(kind: Kind, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(versions(kind))
    found, other = merged(kind, base, ours, theirs), merged(kind, base, theirs, ours)
    assert (found is None) == (other is None)
    if found is None or other is None:
        # only for what is not valid by itself
        assert any(validate(kind, document(text, kind), "f") for text in (ours, theirs)) or kind is CONFIG
        return
    assert found.conflicts == other.conflicts or WHOLE in found.conflicts
    if not found.conflicts:
        assert found.data == other.data
        assert validate(kind, document(found.data, kind), "f") == []
    elif WHOLE not in found.conflicts:
        assert document(chosen(found.data, ours=True), kind) == document(chosen(other.data, ours=False), kind)
        for side in (True, False):
            assert validate(kind, document(chosen(found.data, ours=side), kind), "f") == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=30)
@given(data=st.data())
def test_what_one_side_alone_changed_is_taken_and_nothing_added_is_lost(kind: Kind, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(versions(kind))
    found = merged(kind, base, ours, theirs)
    assume(found is not None and WHOLE not in found.conflicts)
    assert found is not None
    old, mine, other = (document(text, kind) for text in (base, ours, theirs))
    sides = [document(chosen(found.data, ours=True), kind), document(chosen(found.data, ours=False), kind)]
    for key in {*old, *mine, *other} - _ENDING:
        was, one, two = old.get(key), mine.get(key), other.get(key)
        if one in (was, two) or two == was:
            default = DEFAULTS.get(kind.name, {}).get(key)
            expected = two if one == was else one
            for side in sides:
                assert side.get(key, default) == (default if expected is None else expected), key
    for key in kind.sets:
        known = {fingerprint(item) for item in old.get(key, [])}
        for each, theirs_ in ((mine, other), (other, mine)):
            new = {fingerprint(item) for item in each.get(key, [])} - known
            there = {fingerprint(item) for side in sides for item in side.get(key, [])}
            gone = {target(item) for item in old.get(key, [])} - {target(item) for item in theirs_.get(key, [])}
            assert {print_ for print_ in new if target(as_item(print_)) not in gone} <= there, key


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=200)
@given(data=st.data())
def test_values_are_merged_the_same_whichever_side_is_first(kind: Kind, data: st.DataObject) -> None:
    base, ours, theirs = (canonical(data.draw(documents(kind)), kind) for _ in range(3))
    found = merge_documents(base, ours, theirs, kind, finished)
    assert swapped(found) == merge_documents(base, theirs, ours, kind, finished)
    assert merge_documents(base, ours, ours, kind, finished) == ours
    assert merge_documents(base, ours, base, kind, finished) == ours


def swapped(value: Any) -> Any:
    if isinstance(value, Clash):
        return Clash(value.theirs, value.ours)
    if isinstance(value, dict):
        return {key: swapped(inner) for key, inner in value.items()}
    return [swapped(item) for item in value] if isinstance(value, list) else value


def as_item(print_: str) -> Any:
    return json.loads(print_)


def target(item: Any) -> str:
    return str(item["id"] if isinstance(item, dict) else item)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=25)
@given(data=st.data())
def test_comments_that_a_side_added_are_kept(kind: Kind, data: st.DataObject) -> None:
    base, ours, theirs = data.draw(versions(kind))
    found = merged(kind, base, ours, theirs)
    assume(found is not None)
    assert found is not None
    text = found.data.decode()
    for side in (ours, theirs):
        for mark in ("# a", "# b", "# c", "# d", "# e", "# f", "# inside"):
            if mark in side and mark not in (base or ""):
                assert mark in text


@settings(max_examples=300)
@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abcd"), max_size=6),
       st.lists(st.sampled_from("abce"), max_size=6))  # fmt: skip
def test_lines(base: list[str], ours: list[str], theirs: list[str]) -> None:
    texts = ["\n".join(each) for each in (base, ours, theirs)]
    joined = merged_text(texts[0], texts[1], texts[2], join=True)
    assert joined == merged_text(texts[0], texts[2], texts[1], join=True)
    strict = merged_text(texts[0], texts[1], texts[2], join=False)
    assert strict in (None, joined)
    assert merged_text(texts[0], texts[1], texts[0], join=False) == texts[1]
    assert joined is not None
    assert {"d", "e"} & {*ours, *theirs} <= {*joined.split("\n")}
