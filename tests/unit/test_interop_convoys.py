"""Convoys of Gas Town and convoy files: description fields, labels, statuses, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from interop_help import Town, issue, line, link

from gitconvoy.interop.convoys import described, spoken

OWN = "hq-cv-aaaaa"
PATH = f".convoy/convoys/{OWN}.yaml"
TEXT = (
    "Convoy tracking 2 issues\nOwner: mayor/\nNotify: gastown/nux\nMerge: direct\nMolecule: gt-mol-1\n"
    "base_branch: feat/x\nWatchers: gastown/crew/tom, gastown/crew/mel\nnudge_watchers: mayor/"
)


def record(**fields: Any) -> dict[str, Any]:
    return {**issue(OWN, issue_type="convoy", description=TEXT, **fields), "status": "open"}


def exported(town: Town) -> dict[str, Any]:
    return next(found for found in map(json.loads, town.export()) if found["id"] == OWN)


def test_a_description_gives_the_fields() -> None:
    town = Town()
    town.bring([line(record(labels=["gt:owned", "mountain"], owner="ann@example.org"))])
    found = town.convoy(OWN)
    assert {key: found[key] for key in ("owner", "notify", "merge", "molecule", "base_branch", "watchers")} == {
        "owner": "mayor/",
        "notify": "gastown/nux",
        "merge": "direct",
        "molecule": "gt-mol-1",
        "base_branch": "feat/x",
        "watchers": ["gastown/crew/mel", "gastown/crew/tom"],
    }
    assert (found["owned"], found["mountain"], found["status"]) == (True, True, "staged_warnings")
    assert town.complaints() == []


def test_what_changed_here_changes_its_line_of_the_description_alone() -> None:
    town = Town()
    town.bring([line(record())])
    town.files[PATH] = town.files[PATH].replace(b"\nmerge: direct\n", b"\nmerge: mr\n")
    assert exported(town) == {**record(), "description": TEXT.replace("Merge: direct", "Merge: mr")}


def test_what_was_taken_out_here_is_no_longer_said() -> None:
    town = Town()
    town.bring([line(record(owner="ann@example.org", labels=["gt:owned"]))])
    text = town.files[PATH].replace(b"\nowner: mayor/\n", b"\n").replace(b"\nowned: true\n", b"\n")
    town.files[PATH] = text
    found = exported(town)
    assert "Owner" not in found["description"]
    assert "nudge_watchers: mayor/" in found["description"]
    assert not {"owner", "labels"} & found.keys()


def test_a_convoy_made_here_goes_there_and_back() -> None:
    town = Town()
    town.files[".convoy/beads/gt-a.yaml"] = b"id: gt-a\ntitle: A\ntouches:\n  - src/\n"
    town.files[PATH] = (
        b"id: hq-cv-aaaaa\ntitle: Mine\ntracks:\n  - gt-a\nepic: gt-e\nowner: mayor/\nnotify:\n  - ann\n  - ben\n"
        b"watchers:\n  - tom\nmerge: local\nbase_branch: main\nowned: true\nmolecule: m\n"
        b"max_workers: 2\nmountain: true\nlabels:\n  - ui\npaused: true\nmetadata:\n  k: v\n"
    )
    found = exported(town)
    assert found["description"].splitlines() == [
        "Owner: mayor/", "Notify: ann,ben", "Merge: local", "Molecule: m", "base_branch: main", "Watchers: tom",
    ]  # fmt: skip
    assert found["labels"] == ["gt:owned", "mountain", "ui"]
    other = Town()
    other.bring(town.export())
    assert other.complaints() == town.complaints()
    mine, theirs = town.convoy(OWN), other.convoy(OWN)
    for key in mine.keys() - {"labels"}:
        assert theirs[key] == mine[key], key
    assert other.plan().beads["gt-a"].touches == ("src/",)
    assert other.export() == town.export()


@pytest.mark.parametrize("here", ["staged_ready", "open", "closed"])
def test_a_status_goes_as_it_is_and_comes_back_unlaunched(here: str) -> None:
    town = Town()
    town.files[PATH] = f"id: {OWN}\ntitle: Mine\ntracks: []\nstatus: {here}\n".encode()
    assert exported(town)["status"] == here
    other = Town()
    other.bring(town.export())
    assert other.convoy(OWN)["status"] == {"open": "staged_warnings"}.get(here, here)
    assert other.export() == town.export()


def test_external_targets_are_tracked_where_the_bead_is_here() -> None:
    entries = [link(OWN, "external:ab:ab-1", "tracks"), link(OWN, "external:ab:ab-2", "tracks")]
    lines = [line(record(dependencies=entries)), line(issue("ab-1"))]
    town = Town()
    town.bring(lines)
    assert town.convoy(OWN)["tracks"] == ["ab-1"]
    assert town.export() == lines


@pytest.mark.parametrize(
    "said", ["Merge: sideways", "base_branch: ../x", "Owner: ;|", "Watchers: ,", "no word", "Owner:", "own er: x"]
)
def test_what_cannot_be_a_field_is_none(said: str) -> None:
    assert spoken({"description": said}) == {}


def test_a_word_that_stands_twice_is_said_once_after_a_change() -> None:
    assert described("Owner: a\nx\nowner: b", {"owner": "c"}) == "Owner: c\nx"
