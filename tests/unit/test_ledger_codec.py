"""Events as commit messages, records as YAML, and what the event table refuses (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import ledger
from hypothesis import given
from hypothesis import strategies as st

from gitconvoy.errors import BadFiles
from gitconvoy.ledger import codec
from gitconvoy.ledger.apply import apply, violations
from gitconvoy.model.kinds import RECORD_BEAD
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.yamlio.reader import load
from gitconvoy.yamlio.writer import dump

DISPATCH = Event(
    "dispatch",
    at=1_800_000_000,
    actor="mayor",
    cause="command",
    trunk="a" * 40,
    bead="gt-aaaaa",
    convoy="hq-cv-00001",
    worker="gt/polecat-1",
    attempt=2,
    token="0123456789abcdef",
    bead_changes={"status": "in_progress", "attempt": 2, "token": "0123456789abcdef"},
)

TIMES = st.none() | st.integers(1_000_000_000, 4_000_000_000)
WORDS = st.none() | st.text(min_size=1, max_size=30)
RECORDS = st.builds(
    BeadRecord,
    id=st.sampled_from(["gt-1", "null", "1e3", "true", "0x10"]),
    convoy=st.none() | st.just("hq-cv-1"),
    worker=WORDS,
    machine=WORDS,
    via=st.sampled_from([None, "push", "claim", "start"]),
    attempt=st.integers(0, 99),
    token=st.none() | st.just("1e10"),
    since=TIMES,
    failures=st.integers(0, 9),
    not_before=TIMES,
    status=st.sampled_from([None, "in_progress", "closed"]),
    outcome=st.sampled_from([None, "done", "failed"]),
    file_status=WORDS,
)


@given(RECORDS)
def test_bead_records_come_back(record: BeadRecord) -> None:
    assert codec.read_bead(codec.bead_bytes(record), "beads/00/x.yaml") == record


@given(RECORDS)
def test_bead_records_are_written_as_all_documents_are(record: BeadRecord) -> None:
    data = load(codec.bead_bytes(record), "x")
    assert codec.bead_bytes(record) == dump(data, RECORD_BEAD, None)


def test_convoy_records_come_back() -> None:
    record = ConvoyRecord("hq-cv-1", "closed", 1_800_000_000, True, 1_800_000_100, "said: so\n", "partial", "open")
    assert codec.read_convoy(codec.convoy_bytes(record), "convoys/hq-cv-1.yaml") == record
    assert codec.read_convoy(codec.convoy_bytes(ConvoyRecord("x")), "convoys/x.yaml") == ConvoyRecord("x")


def test_the_town_record_comes_back() -> None:
    assert codec.read_town(codec.town_bytes(True), "town.yaml") is True
    assert codec.read_town(codec.town_bytes(False), "town.yaml") is False


@pytest.mark.parametrize(
    "data", [b"id: 7\n", b"{}\n", b"id: gt-1\nsince: soon\n", b"id: gt-1\nattempt: many\n", b"\xff"]
)
def test_damaged_records_are_named(data: bytes) -> None:
    with pytest.raises(BadFiles):
        codec.read_bead(data, "beads/00/gt-1.yaml")


def test_a_dispatch_reads_as_the_specification_says() -> None:
    text = codec.message(DISPATCH)
    assert text.splitlines()[0] == "convoy: dispatch gt-aaaaa to gt/polecat-1 (attempt 2)"
    parsed = codec.parse_message(text)
    assert parsed is not None
    assert parsed.event == "dispatch"
    assert parsed.trailers == {
        "Convoy-Event": "dispatch",
        "Convoy-Id": "hq-cv-00001",
        "Convoy-Bead": "gt-aaaaa",
        "Convoy-Worker": "gt/polecat-1",
        "Convoy-Attempt": "2",
        "Convoy-Token": "0123456789abcdef",
        "Convoy-Trunk": "a" * 40,
        "Convoy-Cause": "command",
        "Convoy-Actor": "mayor",
    }


@given(st.text(max_size=400), st.text(max_size=60))
def test_no_text_can_forge_a_trailer(reason: str, actor: str) -> None:
    hostile = "x\n\nConvoy-Token: forged\nConvoy-Event: done\n" + reason
    text = codec.message(replace(DISPATCH, reason=hostile, actor=actor + "\nConvoy-Token: forged"))
    parsed = codec.parse_message(text)
    assert parsed is not None
    assert parsed.event == "dispatch"
    assert parsed.trailers["Convoy-Token"] == DISPATCH.token
    assert len([line for line in text.split("\n") if line.startswith("Convoy-Token:")]) == 1


def test_what_is_no_ledger_message_is_none() -> None:
    for text in ("", "Fix a bug", "convoy: dispatch x\n\nConvoy-Event:x", "a\n\nConvoy-Event: done\n\nafterwards"):
        assert codec.parse_message(text) is None


def test_an_event_changes_its_records_and_nothing_else() -> None:
    before = ledger(BeadRecord("gt-bbbbb", failures=1))
    after = apply(before, DISPATCH)
    assert after.bead("gt-aaaaa") == BeadRecord("gt-aaaaa", status="in_progress", attempt=2, token="0123456789abcdef")
    assert after.bead("gt-bbbbb") == before.bead("gt-bbbbb")
    assert (after.tip_time, after.trunk) == (DISPATCH.at, "a" * 40)
    assert before.beads.keys() == {"gt-bbbbb"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (replace(DISPATCH, kind="sing"), "there is no event 'sing'"),
        (replace(DISPATCH, token=None), "dispatch needs token"),
        (replace(DISPATCH, bead_changes={"failures": 0}), "dispatch may not change bead.failures"),
        (replace(DISPATCH, town_changes={"paused": True}), "dispatch may not change town.paused"),
        (Event("done", bead=None, bead_changes={"status": None}), "done needs bead"),
        (Event("reopen", convoy_changes={"status": "open"}), "reopen changes a convoy but names none"),
        (Event("reopen", bead_changes={"status": None}), "reopen changes a bead but names none"),
    ],
)
def test_the_event_table_refuses(event: Event, said: str) -> None:
    assert said in violations(event)
    with pytest.raises(ValueError, match=said.split(" ")[0]):
        apply(ledger(), event)


def test_long_texts_of_records_are_not_kept() -> None:
    """A ledger that somebody pushes may hold a megabyte in each record."""
    before = codec._short_text.cache_info().currsize  # type: ignore[attr-defined]
    for number in range(20):
        long = f"id: gt-1\nconflict: {'x' * 1000}{number}\n".encode()
        assert codec.read_bead(long, "x").conflict == f"{'x' * 1000}{number}"
    assert codec._short_text.cache_info().currsize <= before + 1  # type: ignore[attr-defined]


def test_a_record_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadFiles, match="allowed are"):
        codec.read_bead(codec.bead_bytes(BeadRecord("gt-1", conflict="a: b " * 300_000)), "beads/00/gt-1.yaml")
