"""Beads in one folder or spread over many, and convoys and beads in the archive: wherever they stand, they count."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper
from townfixtures import town as begin

from gitconvoy.model.places import bead_path

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
IDS = tuple(f"gt-{name}" for name in ("a", "b", "c", "d", "e", "f"))


def fan(bead: str) -> str:
    """Where the layout fanout has a bead."""
    return bead_path(bead, fanned=True)


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """Six beads in a row, tracked by an open convoy; one more in a folder of one's own."""
    town = begin(repo)
    line = "Some more words, as beads have them, so that git recognises a file that has moved."
    for before, one in zip((None, *IDS), IDS, strict=False):
        town.bead(one, description=line, depends_on=[before] if before else [])
    town.bead("gt-own", "mine/")
    town.convoy("hq-cv-1", *IDS, status="open")
    town.commit("plan")
    town.ok("tidy")
    town.ok("scan")
    return town


def told(town: TownHelper) -> list[object]:
    """What people are told of hq-cv-1 and its beads, but for when and by which commit."""
    status = town.json("status", "hq-cv-1")
    kept = {key: status[key] for key in ("progress", "waves", "ready", "blocked", "skipped")}
    return [town.json("list", "--all"), kept, town.json("plan", "hq-cv-1"), town.json("dep", "tree", "gt-f")]


def beads_of(town: TownHelper) -> list[str]:
    listed = town.repo.git("ls-tree", "-r", "--name-only", "HEAD", ".convoy/beads").splitlines()
    return [path for path in listed if path.endswith(".yaml")]


def test_there_and_back_in_one_commit_each_that_history_follows(here: TownHelper) -> None:
    before = here.repo.head("HEAD:.convoy")
    answers = told(here)
    events = here.events()
    done = here.json("tidy", "--layout", "fanout")
    assert done["commit"] == here.repo.head()
    assert beads_of(here) == sorted([*(fan(one) for one in IDS), ".convoy/beads/mine/gt-own.yaml"])
    assert "layout: fanout\n" in here.repo.read(".convoy/config.yaml")
    assert here.repo.git("status", "--porcelain") == ""
    assert told(here) == answers
    assert here.events() == events
    renames = here.repo.git("show", "--format=", "--name-status", "-M", "HEAD").splitlines()
    assert sorted(line[0] for line in renames) == ["M", *"RRRRRR"]
    for one in IDS:
        commits = here.repo.git("log", "--follow", "--format=%s", "--", fan(one)).splitlines()
        assert len(commits) == 2
        assert commits[1] == "plan"
    assert here.json("validate") == {"schema_version": 1, "ok": True, "problems": []}
    assert here.json("tidy", "--layout", "fanout")["changed"] is False
    here.ok("bead", "add", "One more", "--id", "gt-g")
    assert fan("gt-g") in beads_of(here)
    here.ok("bead", "close", "gt-g")
    here.ok("tidy", "--layout", "flat")
    assert "layout" not in here.repo.read(".convoy/config.yaml").replace("# ", "")
    (here.path / ".convoy/beads/gt-g.yaml").unlink()
    here.commit("one less")
    assert here.repo.head("HEAD:.convoy") == before
    assert here.json("audit")["ok"]


def test_a_file_so_short_that_git_would_not_recognise_it_keeps_its_bytes(here: TownHelper) -> None:
    line = "# yaml-language-server: $schema=../schemas/bead.schema.json\n"
    here.repo.write(".convoy/beads/gt-s.yaml", line + "id: gt-s\ntitle: S\n")
    here.commit("short")
    here.ok("tidy", "--layout", "fanout")
    assert here.repo.read(fan("gt-s")).startswith(line)
    assert "short" in here.repo.git("log", "--follow", "--format=%s", "--", fan("gt-s"))
    here.ok("bead", "set", "gt-s", "priority=1")
    first = here.repo.read(fan("gt-s")).splitlines()[0]
    schema = (here.path / fan("gt-s")).parent / first.partition("$schema=")[2]
    assert schema.resolve() == here.path / ".convoy/schemas/bead.schema.json"


@pytest.mark.parametrize("layout", ["flat", "fanout"])
def test_files_in_the_wrong_place_count_and_are_named(here: TownHelper, layout: str) -> None:
    if layout == "fanout":
        here.ok("tidy", "--layout", "fanout")
    right = bead_path("gt-b", fanned=layout == "fanout")
    wrong = bead_path("gt-b", fanned=layout != "fanout")
    (here.path / wrong).parent.mkdir(exist_ok=True)
    here.repo.git("mv", right, wrong)
    if layout == "fanout":  # in the folder of another bead, too
        (here.path / ".convoy/beads/00").mkdir()
        here.repo.git("mv", fan("gt-c"), ".convoy/beads/00/gt-c.yaml")
    here.commit("by hand")
    problems = here.json("validate")["problems"]
    assert {(each["code"], each["severity"]) for each in problems} == {("misplaced", "warning")}
    assert wrong in {each["path"] for each in problems}
    assert all(f"tidy --layout={layout}" in each["hint"] for each in problems)
    here.ok("bead", "close", "gt-a")
    assert here.state().ledger.bead("gt-b").live
    here.ok("tidy", "--layout", layout)
    assert here.json("validate")["problems"] == []
    assert right in beads_of(here)


def test_one_id_in_both_layouts_is_refused(here: TownHelper) -> None:
    here.ok("tidy", "--layout", "fanout")
    here.bead("gt-b")
    here.repo.git("add", "--all")
    assert "the id gt-b stands in two files" in here.run("validate", "--staged").out


@pytest.mark.parametrize("side", ["move first", "edit first"])
def test_moving_and_editing_on_two_branches_merge(here: TownHelper, side: str) -> None:
    here.branch("topic")
    here.ok("bead", "set", "gt-f", "priority=0")
    here.ok("bead", "close", "gt-e", "--outcome", "skipped")
    here.ok("bead", "add", "New there", "--id", "gt-n")
    here.repo.git("switch", "--quiet", "main")
    here.ok("tidy", "--layout", "fanout")
    if side == "move first":
        here.repo.git("merge", "--no-edit", "topic")
    else:
        here.repo.git("switch", "--quiet", "topic")
        here.repo.git("merge", "--no-edit", "main")
    assert "priority: 0" in here.repo.read(fan("gt-f"))
    assert "outcome: skipped" in here.repo.read(fan("gt-e"))
    codes = {(each["code"], each["path"]) for each in here.json("validate")["problems"]}
    assert codes <= {("misplaced", ".convoy/beads/gt-n.yaml")}  # git may, or may not, take it along with the others


def test_layout_does_nothing_else(here: TownHelper) -> None:
    assert here.error("tidy", "--layout", "fanout", "--archive", code=2)["code"] == "options-clash"
    here.repo.write(".convoy/beads/gt-a.yaml", here.repo.read(".convoy/beads/gt-a.yaml") + "notes: not done\n")
    assert here.error("tidy", "--layout", "fanout")["code"] == "uncommitted"
    assert here.repo.git("status", "--porcelain") == " M .convoy/beads/gt-a.yaml"


def test_layout_on_a_branch_of_its_own(here: TownHelper) -> None:
    done = here.json("tidy", "--layout", "fanout", "--branch", "spread")
    assert done["branch"] == "spread"
    assert ".convoy/beads/gt-a.yaml" in beads_of(here)
    here.repo.git("merge", "--quiet", "spread")
    assert fan("gt-a") in beads_of(here)


# The archive


@pytest.fixture
def ended(here: TownHelper) -> TownHelper:
    """The same, all of it done; gt-x waits for the last one."""
    here.bead("gt-x", depends_on=["gt-f"])
    here.convoy("hq-cv-2", "gt-x", status="open")
    here.commit("more")
    here.ok("tidy")
    for one in IDS:
        here.ok("bead", "close", one, *(["--outcome", "skipped"] if one == "gt-f" else []))
    return here


ARCHIVED = ".convoy/archive/convoys/hq-cv-1.yaml"


def test_what_has_ended_leaves_the_active_folders(ended: TownHelper) -> None:
    # the status of the files themselves changes when the ledger's facts are written into them
    ended.ok("tidy")
    before, why = told(ended), ended.json("why", "gt-x")
    export = TIME.sub("T", ended.ok("export"))
    done = ended.json("tidy", "--archive")
    assert (done["archived"], done["archived_convoys"]) == (list(IDS), ["hq-cv-1"])
    assert {path for path in beads_of(ended) if "/mine/" not in path} == {".convoy/beads/gt-x.yaml"}
    tree = ended.repo.git("ls-tree", "-r", "--name-only", "HEAD", ".convoy").splitlines()
    assert ARCHIVED in tree
    assert not any("hq-cv-1" in path for path in tree if path.startswith((".convoy/convoys", ".convoy/plans")))
    assert told(ended) == before
    verdicts = [
        [(rule["rule"], rule["ok"], rule["message"]) for rule in each["rules"]]
        for each in (why, ended.json("why", "gt-x"))
    ]
    assert verdicts[0] == verdicts[1]
    assert TIME.sub("T", ended.ok("export")) == export  # when a file was changed last is when it was moved
    assert ended.json("bead", "show", "gt-b")["bead"]["archived"] is True
    said = [entry["event"] for entry in ended.json("log", "--bead", "gt-b")["entries"]]
    assert "dispatch" in said
    assert ended.json("log", "--convoy", "hq-cv-1")["entries"]
    assert ended.state().ledger.bead("gt-x").live
    assert ended.json("validate")["problems"] == []
    assert ended.json("tidy", "--archive")["changed"] is False
    assert ended.json("audit")["ok"]
    followed = ended.repo.git("log", "--follow", "--format=%s", "--", ".convoy/archive/gt-b.yaml").splitlines()
    assert "plan" in followed


def test_reopening_a_bead_brings_it_back(ended: TownHelper) -> None:
    ended.ok("tidy", "--archive")
    ended.ok("bead", "reopen", "gt-f")
    assert sorted(ended.files()) == [".convoy/archive/gt-f.yaml", ".convoy/beads/gt-f.yaml"]
    assert ended.json("validate")["problems"] == []
    assert ended.json("audit")["ok"]


def test_reopening_a_convoy_brings_its_file_and_its_plan_back(ended: TownHelper) -> None:
    plan = ended.repo.read(".convoy/plans/hq-cv-1.yaml")
    ended.ok("tidy", "--archive")
    ended.ok("reopen", "hq-cv-1")
    assert {ARCHIVED, ".convoy/convoys/hq-cv-1.yaml", ".convoy/plans/hq-cv-1.yaml"} <= set(ended.files())
    assert ended.repo.read(".convoy/plans/hq-cv-1.yaml") == plan
    first = ended.repo.read(".convoy/convoys/hq-cv-1.yaml").splitlines()[0]
    assert not first.startswith("# yaml-language-server") or "../schemas/convoy.schema.json" in first
    assert ended.json("audit")["ok"]


def test_ids_of_the_archive_are_never_used_again(ended: TownHelper) -> None:
    ended.ok("tidy", "--archive")
    ended.convoy("hq-cv-1", "gt-x")
    ended.repo.git("add", "--all")
    assert "the id hq-cv-1 stands in two files" in ended.run("validate", "--staged").out


def test_an_open_convoy_in_the_archive_is_named_and_goes_on(here: TownHelper) -> None:
    (here.path / ".convoy/archive/convoys").mkdir(parents=True)
    here.repo.git("mv", ".convoy/convoys/hq-cv-1.yaml", ARCHIVED)
    here.commit("too early")
    (problem,) = here.json("validate")["problems"]
    assert (problem["code"], problem["severity"], problem["path"]) == ("misplaced", "warning", ARCHIVED)
    assert problem["hint"] == f"git mv {ARCHIVED} .convoy/convoys/hq-cv-1.yaml"
    here.ok("bead", "close", "gt-a")
    assert here.state().ledger.bead("gt-b").live
    assert here.json("tidy", "--archive")["archived_convoys"] == []


def test_a_convoy_of_which_something_is_left_stays(here: TownHelper) -> None:
    here.ok("close", "hq-cv-1", "--force")
    done = here.json("tidy", "--archive")
    assert (done["convoys"], done["archived_convoys"]) == (["hq-cv-1"], [])
    assert Path(here.path, ".convoy/convoys/hq-cv-1.yaml").exists()
