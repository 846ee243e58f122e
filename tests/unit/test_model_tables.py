"""The tables of kinds and events agree with the values they speak of (SPEC 3, 7)."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gitconvoy.model import kinds
from gitconvoy.model.events import EVENTS
from gitconvoy.model.ledger import BeadRecord, ConvoyRecord, Event
from gitconvoy.model.plan import Config, Dispatch, Rig

SPEC_EVENTS = {
    *("init", "launch", "dispatch", "dispatch-failed", "submit", "merged", "done", "fail", "requeue", "expire"),
    *("unsling", "retry", "reopen", "pause", "resume", "complete", "close", "land", "kill", "watch", "notify"),
}


def test_the_event_table_has_the_events_of_the_specification() -> None:
    assert set(EVENTS) == SPEC_EVENTS


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_events_change_fields_that_exist_and_never_an_id(kind: str) -> None:
    row = EVENTS[kind]
    assert row.name == kind
    assert row.about
    assert row.bead <= {field.name for field in fields(BeadRecord)} - {"id"}
    assert row.convoy <= {field.name for field in fields(ConvoyRecord)} - {"id"}
    assert row.town <= {"paused"}
    assert row.needs <= {field.name for field in fields(Event)}


def test_records_are_written_with_every_field() -> None:
    assert set(kinds.RECORD_BEAD.keys) == {field.name for field in fields(BeadRecord)}
    assert set(kinds.RECORD_CONVOY.keys) == {field.name for field in fields(ConvoyRecord)}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".convoy/beads/gt-1.yaml", "bead"),
        (".convoy/beads/a/b/gt-1.yaml", "bead"),
        (".convoy/archive/gt-1.yaml", "bead"),
        (".convoy/convoys/hq-cv-1.yaml", "convoy"),
        (".convoy/plans/hq-cv-1.yaml", "plan"),
        (".convoy/config.yaml", "config"),
        (".convoy/beads/gt-1.yml", None),
        (".convoy/README.md", None),
        ("beads/gt-1.yaml", None),
        (".convoy/schemas/bead.schema.json", None),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_path(path: str, name: str | None) -> None:
    kind = kinds.kind_of(path)
    assert (kind.name if kind else None) == name


def test_backoff_doubles_up_to_its_maximum() -> None:
    settings = Dispatch(backoff=60, backoff_max=3600)
    assert [settings.delay(n) for n in (1, 2, 3, 6, 7, 8, 500)] == [60, 120, 240, 1920, 3600, 3600, 3600]


def test_workers_have_addresses() -> None:
    config = Config(dispatch=Dispatch(max_workers=2))
    assert config.workers_of(Rig("web", ("web",))) == ("web/polecat-1", "web/polecat-2")
    assert config.workers_of(Rig("web", ("web",), max_workers=1)) == ("web/polecat-1",)
    assert config.workers_of(Rig("web", ("web",), workers=("nux", "ace"))) == ("web/nux", "web/ace")


def test_unknown_types_and_statuses_are_never_taken_for_work() -> None:
    config = Config()
    assert not config.slingable("mystery")
    assert config.category("mystery") == "frozen"
