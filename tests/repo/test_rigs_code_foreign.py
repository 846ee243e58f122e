"""Work on beads that live in the repository of their rig: they are closed there, with the code (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from gitfixtures import GitRepo
from handing import status
from rigfixtures import FLOW, Rigs, rigs
from townfixtures import TownHelper

MakeRepo = Callable[[str], GitRepo]


@pytest.fixture
def place(make_repo: MakeRepo) -> Rigs:
    """A town with the rigs api and ui, whose beads only claims take."""
    return rigs(make_repo, "api", "ui", auto="false")


def bead(repo: GitRepo, bead_id: str, **fields: Any) -> str:
    """Commit a bead's file in the repository of its rig; its path."""
    path = TownHelper(repo).bead(bead_id, **fields)
    repo.commit(f"plan {bead_id}")
    return path


def test_direct_brings_code_and_closed_bead_in_one_merge(place: Rigs) -> None:
    path = bead(place["api"], "api-a")
    place.plan("api-a!")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    assert worker.done()["status"] == "closed"
    api = place["api"]
    assert api.git("diff", "--name-only", "main^1", "main").splitlines() == [path, "code.py"]
    assert "status: closed" in api.show("main", path)
    assert api.status() == []
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]
    assert place.here.ledger().bead("api-a").status is None, "the file says it"
    assert status(place.here, "api-a") == ("closed", "done")


def test_across_two_repositories_in_which_the_beads_live(place: Rigs) -> None:
    bead(place["api"], "api-a")
    bead(place["ui"], "ui-a", depends_on=["api-a"])
    place.plan("api-a!", "ui-a!", "gt-a<ui-a")
    for wanted in ("api-a", "ui-a", "gt-a"):
        worker = place.claim(f"for-{wanted}")
        assert worker.bead == wanted
        assert place.here.json("--actor", "eve", "next", "--claim")["bead"] is None
        worker.edit("code.py", f"{wanted}\n")
        assert worker.done()["status"] == "closed"
    assert place.here.events()[-1] == f"complete {FLOW}"


def test_its_file_is_merged_field_by_field(place: Rigs) -> None:
    path = bead(place["api"], "api-a", priority=2)
    place.plan("api-a!")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    bead(place["api"], "api-a", priority=0, labels=["urgent"])
    assert worker.done()["status"] == "closed"
    text = place["api"].show("main", path)
    assert "status: closed" in text
    assert "priority: 0" in text


def test_a_person_takes_the_code_without_the_commit_that_closes_it(place: Rigs) -> None:
    bead(place["api"], "api-a")
    place.plan("api-a!", merge="mr")
    worker = place.claim()
    commit = worker.edit("code.py", "x = 1\n")
    worker.done()
    assert worker.tree.head() != commit
    place["api"].commit("something else")
    place["api"].git("cherry-pick", commit)
    place.here.ok("scan")
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]
    assert status(place.here, "api-a") == ("closed", "done")


def test_closed_by_hand_there(place: Rigs) -> None:
    path = bead(place["api"], "api-a")
    place.plan("api-a!", merge="mr")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    worker.done()
    place["api"].write(path, place["api"].read(path) + "status: closed\n")
    place["api"].commit("done in another way")
    place.here.ok("scan")
    assert place.here.events()[-2:] == ["merged api-a", f"complete {FLOW}"]


def test_open_boxes_are_those_of_the_branch(place: Rigs) -> None:
    path = bead(place["api"], "api-a", acceptance_criteria='"- [ ] it works"')
    place.plan("api-a!")
    worker = place.claim()
    worker.edit("code.py", "x = 1\n")
    assert worker.refused()["code"] == "unchecked"
    worker.edit(path, worker.tree.read(path).replace("[ ]", "[x]"))
    assert worker.done()["status"] == "closed"


def test_a_worker_adds_a_child_on_its_own_branch(place: Rigs, monkeypatch: pytest.MonkeyPatch) -> None:
    bead(place["api"], "api-a")
    place.here.bead("gt-z")
    place.plan("api-a!")
    worker = place.claim()
    monkeypatch.setenv("GITCONVOY_TOWN", str(place.here.path))
    worker.edit("code.py", "x = 1\n")
    worker.edit(
        ".convoy/beads/api-a.1.yaml",
        "id: api-a.1\ntitle: More\nparent: api-a\ndepends_on:\n  - gt-z\n",
    )
    assert worker.done()["status"] == "closed"
    assert place.here.json("why", "api-a.1")["bead"] == "api-a.1"


def test_other_changes_of_the_plan_there_are_refused(place: Rigs) -> None:
    bead(place["api"], "api-a")
    path = bead(place["api"], "api-b")
    place.plan("api-a!")
    worker = place.claim()
    worker.edit(path, worker.tree.read(path) + "status: closed\n")
    assert worker.refused()["code"] == "foreign-changes"


LOOKS = [
    ("scan",), ("status",), ("status", FLOW), ("why", "api-a"), ("why", "gt-a"), ("ready",), ("blocked",),
    ("stranded",), ("workers",), ("doctor",), ("validate",), ("prime", "api-a"), ("land", FLOW), ("logs", "api-a"),
    ("plan", FLOW),
]  # fmt: skip


def test_while_it_is_away_the_beads_are_missing_and_nothing_of_them_ends(place: Rigs) -> None:
    bead(place["api"], "api-a")
    bead(place["api"], "api-b")
    place.plan("api-a!", "api-b!", "gt-a<api-a", "ui-a")
    worker = place.claim()
    assert worker.bead == "api-a"
    worker.edit("code.py", "x = 1\n")
    events = place.here.events()
    back = place.move("api")
    for words in LOOKS:
        answer = place.here.run(*words)
        assert "Traceback" not in answer.out + answer.err, words
    assert place.here.error(*worker.words())["code"] == "rig-away"
    for one in ("api-b", "gt-a"):
        assert "the repository of the rig api cannot be used" in json.dumps(place.here.json("why", one)), one
    other = place.claim("bob")
    assert other.bead == "ui-a"
    other.edit("code.py", "x = 1\n")
    assert other.done()["status"] == "closed"
    assert not [event for event in place.here.events()[len(events) :] if "api-" in event or "complete" in event]
    assert place.here.ledger().bead("api-a").live
    back()
    assert worker.done()["status"] == "closed"
    assert {place.claim("cid").bead, place.claim("dan").bead} == {"api-b", "gt-a"}
