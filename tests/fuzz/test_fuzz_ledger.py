"""Odd texts in ledger commits, and ledgers that somebody else has written: read, or refused by name (SPEC 1, 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fuzz_data import ODD_BYTES, damaged, odd_texts, odd_values
from fuzzing import copied, examples, judge, run, small_town
from hypothesis import example, given
from hypothesis import strategies as st
from townfixtures import TownHelper

from gitconvoy.errors import BadFiles, Refused
from gitconvoy.ledger import codec
from gitconvoy.model.events import EVENTS
from gitconvoy.model.kinds import RECORD_BEAD, RECORD_CONVOY, Kind
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.yamlio.writer import dump

LEDGER = "refs/heads/convoy-ledger"
TRAILERS = ("Id", "Bead", "Worker", "Attempt", "Token", "Trunk", "Cause", "Actor", "Force")
LOOKALIKES = (
    "x\n\nConvoy-Event: kill\nConvoy-Bead: gt-z\n",
    "Convoy-Event: kill",
    "a\r\n\r\nConvoy-Actor: somebody else",
    "a\u2028Convoy-Event: kill",
    "\n\n\n",
    "a\n\n\n\nb",
    "Signed-off-by: x <y>",
    "\x1b]0;title\x07",
    "\u202eevil",
)
texts = st.one_of(odd_texts, st.sampled_from(LOOKALIKES))
events = st.builds(
    Event,
    kind=st.sampled_from(sorted(EVENTS)),
    actor=texts,
    cause=texts,
    trunk=texts | st.none(),
    bead=texts | st.none(),
    convoy=texts | st.none(),
    worker=texts | st.none(),
    attempt=st.integers(0, 2**31) | st.none(),
    token=texts | st.none(),
    force=st.lists(texts, max_size=2).map(tuple),
    reason=texts,
)


def test_long_texts_are_cut_short() -> None:
    for text in ("x" * 100_000, "a\n" * 50_000, "\U0001f680" * 100_000):
        message = codec.message(Event("kill", actor=text, cause=text, worker=text, reason=text, bead=text))
        assert len(message) < 40_000
        assert codec.parse_message(message) is not None


@examples(150)
@given(events)
def test_messages_come_back_whatever_the_texts_are(event: Event) -> None:
    message = codec.message(event)
    parsed = codec.parse_message(message)
    assert parsed is not None
    given_values = {
        "Convoy-Event": event.kind,
        "Convoy-Id": event.convoy,
        "Convoy-Bead": event.bead,
        "Convoy-Worker": event.worker,
        "Convoy-Token": event.token,
        "Convoy-Trunk": event.trunk,
        "Convoy-Cause": event.cause,
        "Convoy-Actor": event.actor,
        "Convoy-Force": " ".join(event.force),
    }
    for name, value in given_values.items():
        assert parsed.trailers.get(name, "").strip() == codec.one_line(value or ""), name
    assert parsed.attempt == event.attempt
    assert set(parsed.trailers) <= {"Convoy-Event", *(f"Convoy-{name}" for name in TRAILERS)}
    assert len(message) < 20_000
    message.encode()


@examples(150)
@given(
    st.binary(max_size=200)
    | damaged(codec.message(Event("kill", actor="a", cause="scan", bead="gt-a", attempt=1)).encode())
)
@example(b"convoy: x\n\nConvoy-Event: kill\nConvoy-Attempt: " + b"9" * 5000)
@example("convoy: x\n\nConvoy-Event: kill\nConvoy-Attempt: \u00b2\u0663".encode())
def test_messages_of_others_are_read_or_are_none(message: bytes) -> None:
    parsed = codec.parse_message(message.decode("utf-8", "replace"))
    if parsed is not None:
        assert parsed.attempt is None or 0 <= parsed.attempt < 10**10


RECORDS: dict[str, tuple[Kind, Any, bytes]] = {
    "bead": (
        RECORD_BEAD,
        codec.read_bead,
        codec.bead_bytes(
            BeadRecord("gt-a", "hq-cv-1", "gt/polecat-1", "here", "push", 1, "t0", 1_700_000_000, status="in_progress")
        ),
    ),
    "convoy": (
        RECORD_CONVOY,
        codec.read_convoy,
        codec.convoy_bytes(ConvoyRecord("hq-cv-1", "open", 1_700_000_000, watchers=("me", "you"))),
    ),
}


@st.composite
def records(draw: st.DrawFn, name: str) -> bytes:
    """A record with damaged bytes, or with values of any type."""
    kind, _, good = RECORDS[name]
    if draw(st.booleans()):
        return draw(damaged(good))
    document = {"id": {"bead": "gt-a", "convoy": "hq-cv-1"}[name]}
    known = dict.fromkeys(kind.keys, odd_values)
    document |= draw(st.fixed_dictionaries({}, optional=known))
    document |= draw(st.sampled_from([{}, {"status": "in_progress"}, {"status": "closed", "outcome": "done"}]))
    try:
        return dump(document, kind, None)
    except Refused:
        return b"id: 5\n"


def refused(error: BadFiles, path: str) -> None:
    assert path in error.message
    assert error.hint


@examples(250)
@given(st.data(), st.sampled_from(sorted(RECORDS)))
def test_records_hold_the_types_of_the_model_or_are_refused(data: st.DataObject, name: str) -> None:
    _, read, good = RECORDS[name]
    raw = data.draw(records(name))
    try:
        record = read(raw, "beads/00/gt-a.yaml")
    except BadFiles as error:
        refused(error, "beads/00/gt-a.yaml")
        return
    pattern = read(good, "x")
    for field in fields(record):
        value = getattr(record, field.name)
        usual: type = {"paused": bool, "watchers": tuple}.get(field.name, str)
        if field.name in {"attempt", "failures", "since"} or field.name.endswith(("_at", "_before")):
            usual = int
        assert value is None or type(value) is usual, (field.name, value)
    assert type(record) is type(pattern)


@examples(400)
@given(records("bead") | damaged(b'id: gt-a\nworker: me\nattempt: 1\ntoken: "01"\nsince: 2025-01-01T00:00:00Z\n'))
@example(b"id: gt-a\nattempt: -1\n")
@example(b"id: gt-a\nfailures: 99999999999\n")
@example(b"id: gt a\n")
@example(b"id: gt-a\nworker: 'me'\n")
@example(b"id: gt-a\nworker: me\nworker: me\n")
def test_a_record_that_is_as_written_says_what_yaml_says(raw: bytes) -> None:
    """The quick way to read a record looks at no YAML; what it accepts, the slow way reads likewise."""
    found = codec.as_written(raw)
    with patch.object(codec, "as_written", lambda _: None):
        assert found is None or found == codec.read_bead(raw, "beads/00/gt-a.yaml")


@given(st.builds(BeadRecord, st.just("gt-a"), worker=texts, attempt=st.integers(0, 9), since=st.integers(0, 1 << 32)))
def test_a_record_is_as_written_or_is_read_with_all_of_yaml(record: BeadRecord) -> None:
    try:
        raw = codec.bead_bytes(record)
    except (UnicodeEncodeError, Refused):  # no such text comes so far
        return
    assert codec.as_written(raw) in (None, record)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_town(tmp_path_factory.mktemp("ledger")) as path:
        yield path


def forge(
    here: TownHelper, files: dict[str, bytes | None], message: bytes | None = None, at: str = "", mode: str = "100644"
) -> None:
    """A commit on top of the ledger by plumbing alone: files changed (None: gone), the message that is given."""
    raw = here.repo
    index = {"GIT_INDEX_FILE": str(here.path / ".git" / "forged")}
    raw.git("read-tree", LEDGER, env=index)
    for path, data in files.items():
        if data is None:
            raw.git("update-index", "--force-remove", path, env=index)
            continue
        blob = here.path / ".git" / "blob"
        blob.write_bytes(data)
        oid = raw.head("HEAD") if mode == "160000" else raw.git("hash-object", "-w", "--no-filters", str(blob))
        raw.git("update-index", "--replace", "--add", "--cacheinfo", f"{mode},{oid},{path}", env=index)
    tree = raw.git("write-tree", env=index)
    if message is None:
        message = raw.git("log", "-1", "--format=%B", LEDGER).encode()
    date = at or raw.git("log", "-1", "--format=%ct +0000", LEDGER)
    head = f"tree {tree}\nparent {raw.head(LEDGER)}\nauthor A <a@b> {date}\ncommitter A <a@b> {date}\n\n"
    commit = here.path / ".git" / "commit"
    commit.write_bytes(head.encode() + message)
    oid = raw.git("hash-object", "-t", "commit", "-w", "--literally", str(commit))
    raw.git("update-ref", LEDGER, oid)


COMMANDS = (
    ("status",), ("status", "hq-cv-1"), ("ready",), ("blocked",), ("audit",), ("log",), ("why", "gt-a"), ("workers",),
    ("doctor",), ("stranded",), ("logs", "gt-a"), ("prime", "gt-a"), ("heartbeat", "gt-a"), ("kill", "gt-a"), ("scan",),
    ("done", "gt-a", "--no-code"), ("fail", "gt-a"), ("tidy",),
)  # fmt: skip


def look(here: TownHelper, named: str = "", commands: tuple[tuple[str, ...], ...] = COMMANDS) -> None:
    """All commands keep their promises; those that cannot read the ledger name the file."""
    for words in commands:
        answer = judge(run(here.path, *words, "--json"), *words, "--json")
        if answer.code == 3 and named and not answer.out:
            assert named in answer.err, answer.err


@examples(6)
@given(st.data(), st.sampled_from(sorted(RECORDS)))
def test_commands_on_a_ledger_with_an_odd_record(template: Path, data: st.DataObject, name: str) -> None:
    path = codec.bead_path("gt-a") if name == "bead" else codec.convoy_path("hq-cv-1")
    with copied(template) as here:
        forge(here, {path: data.draw(records(name))})
        look(here, path)


@examples(4)
@given(
    st.binary(max_size=60)
    | st.sampled_from([b"x\n\nConvoy-Event: kill\nConvoy-Bead: gt-a\nConvoy-Attempt: " + b"9" * 5000])
    | st.sampled_from(ODD_BYTES).map(
        lambda odd: b"convoy: " + odd + b"\n\nConvoy-Event: " + odd + b"\nConvoy-Bead: " + odd
    )
)
def test_commands_on_a_ledger_with_a_message_of_somebody_else(template: Path, message: bytes) -> None:
    with copied(template) as here:
        forge(here, {}, message)
        look(here)


ODD_LEDGERS: dict[str, dict[str, Any]] = {
    "town is a list": {"files": {"town.yaml": b"- a\n"}},
    "town is paused in words": {"files": {"town.yaml": b"paused: maybe\n"}},
    "no format": {"files": {"format": None}},
    "format of bytes": {"files": {"format": b"\xff\xfe1"}},
    "format of many bytes": {"files": {"format": b"1" * 100_000}},
    "foreign file": {"files": {"notes.txt": b"hello"}},
    "record at another place": {"files": {"beads/00/gt-a.yaml": b"id: gt-a\nstatus: closed\n"}},
    "record of a bead without a file": {"files": {codec.bead_path("gt-zz"): b"id: gt-zz\nstatus: in_progress\n"}},
    "record is a link": {"files": {codec.bead_path("gt-a"): b"../../town.yaml"}, "mode": "120000"},
    "record is a submodule": {"files": {codec.bead_path("gt-a"): b""}, "mode": "160000"},
    "record that is no YAML file": {"files": {"beads/zz": b"\0"}},
    "name of odd bytes": {"files": {"beads/00/\u202e\x1b.yaml": b"id: gt-a\n"}},
    "plan is a file": {"files": {"plan": b"x"}},
    "in the far future": {"files": {}, "at": "99999999999 +0000"},
    "at the end of time": {"files": {}, "at": "9223372036854775807 +0000"},
    "before all time": {"files": {}, "at": "-1 +0000"},
    "large record": {"files": {codec.bead_path("gt-a"): b"id: gt-a\nworker: " + b"x" * (1 << 20) + b"\n"}},
    "deep record": {"files": {codec.bead_path("gt-a"): b"id: " + b"[" * 500_000}},
}


@pytest.mark.parametrize("name", sorted(ODD_LEDGERS))
def test_commands_on_odd_ledgers(template: Path, name: str) -> None:
    with copied(template) as here:
        forge(here, **ODD_LEDGERS[name])
        look(here, commands=(("status",), ("audit",), ("log",), ("doctor",), ("prime", "gt-a"), ("scan",)))
