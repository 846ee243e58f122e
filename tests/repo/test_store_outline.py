"""The outline of the trunk's plan: never the truth, right after damage, for nobody who did not ask for it (SPEC 1)."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.engine.town import Town
from gitconvoy.model.plan import Plan
from gitconvoy.model.state import Asked
from gitconvoy.rules.view import View
from gitconvoy.store import load

FLOW = "hq-cv-1"
BEADS = {
    "gt-a": "status: closed\n",
    "gt-b": "depends_on: [gt-a]\n",
    "gt-c": "depends_on: [gt-b]\n",
    "gt-old": "status: closed\n",
}


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    found = town(repo)
    (repo.path / ".git" / "gitconvoy").mkdir(exist_ok=True)
    for bead, more in BEADS.items():
        repo.write(f".convoy/beads/{bead}.yaml", f"id: {bead}\ntitle: Bead {bead}\n{more}")
    tracks = "".join(f"  - {bead}\n" for bead in ("gt-a", "gt-b", "gt-c"))
    repo.write(f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Flow\ntracks:\n{tracks}status: open\n")
    repo.commit("plan")
    return found


def outline(here: TownHelper) -> Path | None:
    found = sorted((here.path / ".git" / "gitconvoy").glob("outline-*.sqlite3"))
    return found[0] if found else None


def needed(here: TownHelper) -> Plan:
    return Town.open(here.path).state(Asked(all_open=True)).plan


def answers(here: TownHelper) -> dict[str, Any]:
    commands = [("ready",), ("ready", "--all"), ("list",), ("status",), ("status", FLOW), ("stranded",), ("blocked",)]
    commands += [("why", bead) for bead in BEADS]
    found = {" ".join(words): here.json(*words) for words in commands}
    return {name: {key: value for key, value in said.items() if key != "notes"} for name, said in found.items()}


def whole(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is answered where every bead is read."""
    with monkeypatch.context() as patch:
        patch.setattr(Town, "_needed", lambda *_: None)
        return answers(here)


def test_only_what_is_needed_is_read_the_second_time(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    said = whole(here, monkeypatch)
    assert needed(here).rest is None  # nobody has made an outline yet
    again = needed(here)
    assert (set(again.beads), set(again.settled)) == ({"gt-b", "gt-c"}, {"gt-a", "gt-old"})
    found = again.bead("gt-old")
    assert found is not None
    assert found.title == "Bead gt-old"
    assert found.data["title"] == "Bead gt-old"
    least = Town.open(here.path).state(Asked()).plan
    assert (set(least.beads), set(least.left())) == (set(), set(BEADS))
    assert least.bead("gt-b") == again.bead("gt-b")
    assert answers(here) == said


@pytest.mark.parametrize("damage", [b"", b"no database at all, but some text\n" * 200])
def test_a_damaged_outline_is_made_anew(here: TownHelper, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    needed(here)
    file = outline(here)
    assert file is not None
    file.write_bytes(damage)
    assert answers(here) == whole(here, monkeypatch)
    assert needed(here).rest is not None


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM beads WHERE id = 'gt-b'",
        "DELETE FROM contents WHERE id = 'gt-b'",
        "UPDATE contents SET said = '[]' WHERE id = 'gt-b'",
        "UPDATE outline SET parts = 'gt-b'",
        "UPDATE outline SET before = x'0000'",
        "DELETE FROM files",
        "DROP TABLE beads",
        "DELETE FROM outline",
        "UPDATE contents SET blob = 'ffffffffffffffffffffffffffffffffffffffff'",
        "UPDATE outline SET tree = 'ffffffffffffffffffffffffffffffffffffffff'",
    ],
)
def test_an_outline_that_is_not_whole_is_not_believed(
    here: TownHelper, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed(here)
    file = outline(here)
    assert file is not None
    with sqlite3.connect(file) as db:
        db.execute(change)
    assert answers(here) == whole(here, monkeypatch)
    assert needed(here).rest is not None


def test_an_outline_of_another_version_is_not_looked_at(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    needed(here)
    monkeypatch.setattr("gitconvoy.store.outline.generation", lambda _: "another")
    assert needed(here).rest is None
    assert needed(here).rest is not None


def test_caches_of_other_versions_go_after_a_month(here: TownHelper) -> None:
    folder = here.path / ".git" / "gitconvoy"
    old, young = folder / "outline-old.sqlite3", folder / "index-young.sqlite3"
    for file, days in ((old, 31), (young, 29)):
        file.touch()
        os.utime(file, (time.time() - days * 86400,) * 2)
    needed(here)
    assert needed(here).rest is not None
    assert not old.exists()
    assert young.exists()


def test_a_name_that_no_database_takes_is_no_fault(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.path / ".convoy/plans").mkdir(exist_ok=True)
    os.close(os.open(os.fsencode(here.path) + b"/.convoy/plans/\xff.yaml", os.O_CREAT | os.O_WRONLY))
    here.repo.git("add", "--all")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "an odd name")
    assert answers(here) == whole(here, monkeypatch)


def test_a_document_that_is_gone_is_told_as_such(here: TownHelper) -> None:
    here.convoy("hq-cv-old", "gt-old", status="closed", outcome="done")
    here.commit("a closed convoy")
    needed(here)
    oid = here.repo.head("main:.convoy/convoys/hq-cv-old.yaml")
    (here.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    for cache in (here.path / ".git/gitconvoy").glob("index*"):
        cache.unlink()
    assert needed(here).rest is not None
    assert here.error("list", "--all")["code"] == "missing-object"
    here.ok("list")


def test_another_process_that_holds_the_file_is_not_waited_for(
    here: TownHelper, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed(here)
    file = outline(here)
    assert file is not None
    with sqlite3.connect(file, isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert here.json("ready") == {**here.json("ready"), "beads": whole(here, monkeypatch)["ready"]["beads"]}
        assert needed(here).rest is None
        db.execute("ROLLBACK")
    assert needed(here).rest is not None


def test_two_readers_of_two_trees_each_get_theirs(here: TownHelper) -> None:
    needed(here)
    first = Town.open(here.path)
    plan = first.state(Asked()).plan
    here.repo.write(".convoy/beads/gt-old.yaml", "id: gt-old\ntitle: Bead new\nstatus: closed\n")
    here.repo.commit("another title")
    found = needed(here).bead("gt-old")
    assert found is not None
    assert found.title == "Bead new"
    before = plan.bead("gt-old")
    assert before is not None
    assert before.title == "Bead gt-old"


def test_a_repository_that_is_only_read_gets_no_outline(repo: GitRepo) -> None:
    repo.write(".convoy/config.yaml", "format: 1\n")
    repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\n")
    repo.commit("plan")
    assert Town.open(repo.path).state(Asked()).plan.beads.keys() == {"gt-a"}
    assert not (repo.path / ".git" / "gitconvoy").exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("beads/gt-b.yaml", "id: gt-b\ntitle: B\nstatus: closed\n"),
        ("beads/gt-c.yaml", "id: gt-c\ntitle: C\ndepends_on: [gt-b]\nstatus: in_progress\n"),
        ("beads/gt-old.yaml", "id: gt-old\ntitle: Old\nstatus: open\n"),
        ("beads/gt-a.yaml", "id: gt-a\ntitle: A\ndepends_on: [gt-c]\n"),
        ("beads/gt-new.yaml", "id: gt-new\ntitle: New\n"),
        ("beads/GT-B.yaml", "id: GT-B\ntitle: Twice\n"),
        ("beads/gt-b.yaml", "id: gt-b\ntitle: [\n"),
        ("beads/gt-b.yaml", "id: gt-b\ntitle: B\nstatus: of-nowhere\n"),
        ("convoys/hq-cv-2.yaml", "id: hq-cv-2\ntitle: Two\ntracks: [gt-old]\nstatus: staged_ready\n"),
        ("convoys/hq-cv-1.yaml", "id: hq-cv-1\ntitle: One\ntracks: [gt-b]\nstatus: open\n"),
        ("convoys/gt-OLD.yaml", "id: gt-OLD\ntitle: Taken\n"),
        ("config.yaml", "format: 1\nstatuses: {of-nowhere: done}\n"),
        ("archive/gt-x.yaml", "id: gt-x\ntitle: X\nstatus: closed\n"),
        ("beads/gt-y.yml", "id: gt-y\ntitle: Y\n"),
    ],
)
def test_the_outline_follows_what_changes(
    here: TownHelper, path: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed(here)
    assert needed(here).rest is not None
    here.repo.write(f".convoy/{path}", text)
    here.repo.git("add", "--all")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "a change")
    said = whole(here, monkeypatch)
    assert answers(here) == said
    assert answers(here) == said
    town_ = Town.open(here.path)
    full = load.from_commit(town_.repo, town_.trunk())
    assert {*full.beads, *full.archive} == {*(plan := needed(here)).beads, *plan.archive, *plan.settled}


@pytest.mark.parametrize(
    ("new", "followed"),
    [
        ({"gt-n": ""}, True),
        ({"gt-n": "depends_on: [gt-c, gt-none]\n"}, True),
        ({"gt-n": "depends_on: [gt-a, {id: gt-c, type: waits-for}]\ntype: epic\n"}, True),
        ({"gt-n": "depends_on: [gt-e]\n"}, False),
        ({"gt-n": "parent: gt-e\n"}, False),
        ({"gt-later": ""}, False),
        ({"gt-C": ""}, False),
        ({"gt-n": "depends_on: [gt-m]\n", "gt-m": ""}, True),
        ({"gt-n": "", "gt-m": "depends_on: [gt-n]\n"}, False),
        ({"gt-n": "status: nonsense\n"}, True),
        ({"gt-n": "depends_on: 7\n"}, False),
        ({"gt-n": "depends_on: [gt-n]\n"}, False),
    ],
)
def test_a_bead_that_nothing_depends_on_is_put_behind_all_others(
    here: TownHelper, new: dict[str, str], followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = {"gt-e": "type: epic\n", "gt-child": "parent: gt-e\n", "gt-waits": "depends_on: [gt-later]\n"}
    for bead, more in family.items():
        here.repo.write(f".convoy/beads/{bead}.yaml", f"id: {bead}\ntitle: Bead {bead}\n{more}")
    here.repo.commit("a family")
    needed(here)
    for bead, more in new.items():
        here.repo.write(f".convoy/beads/{bead}.yaml", f"id: {bead}\ntitle: Bead {bead}\n{more}")
    here.repo.git("add", "--all")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "a new bead")
    assert (needed(here).rest is not None) is followed
    less, all_ = View(Town.open(here.path).state(Asked(all_open=True))), View(Town.open(here.path).state())
    ids = [*all_.plan.beads, *all_.plan.broken]
    assert [(one, less.remaining(one), less.verdicts(one)) for one in ids] == [
        (one, all_.remaining(one), all_.verdicts(one)) for one in ids
    ]
    assert answers(here) == whole(here, monkeypatch)
