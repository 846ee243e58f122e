"""`bead list`, `bead show`, `dep`: what the trunk says, and links (SPEC 3.2, 5, 8)."""

from __future__ import annotations

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


@pytest.fixture
def planned(repo: GitRepo) -> TownHelper:
    return chain(repo)


def test_reading_never_writes(planned: TownHelper) -> None:
    before = (planned.repo.git("for-each-ref"), planned.repo.status())
    for words in (("bead", "list"), ("bead", "show", "gt-a"), ("dep", "tree", "gt-c"), ("plan",), ("validate",)):
        planned.ok(*words)
    assert (planned.repo.git("for-each-ref"), planned.repo.status()) == before


def test_list_filters_and_effective_statuses(planned: TownHelper) -> None:
    def ids(*words: str) -> list[str]:
        return [bead["id"] for bead in planned.json("bead", "list", *words)["beads"]]

    assert ids() == ["gt-c", "gt-a", "gt-b", "gt-x"]
    assert ids("--status", "in_progress") == ["gt-a"]
    assert ids("--type", "bug") == ["gt-x"]
    assert ids("--label", "ui") == ["gt-c"]
    assert ids("--convoy", "hq-cv") == ["gt-c", "gt-a", "gt-b"]
    assert ids("--assignee", "gt/polecat-1") == ["gt-a"]
    assert ids("--rig", "gt", "--limit", "2") == ["gt-c", "gt-a"]
    assert ids("--rig", "other") == []
    planned.ok("bead", "close", "gt-x")
    assert "gt-x" not in ids()
    assert ids("--status", "closed") == ["gt-x"]
    assert "gt-x" in ids("--all")
    assert "gt-a\t2\ttask\tin_progress\tgt/polecat-1\tTitle of gt-a" in planned.ok("bead", "list")


def test_show_takes_a_unique_beginning_for_reading_only(planned: TownHelper) -> None:
    assert planned.json("bead", "show", "gt-x")["bead"]["id"] == "gt-x"
    planned.bead("gt-xylophone")
    planned.bead("gt-xylitol")
    planned.commit()
    assert planned.json("bead", "show", "gt-xylo")["bead"]["id"] == "gt-xylophone"
    assert planned.json("bead", "show", "gt-x")["bead"]["id"] == "gt-x"
    assert planned.error("bead", "show", "gt-xyl")["code"] == "ambiguous"
    assert planned.error("bead", "close", "gt-xylo")["code"] == "not-found"
    assert planned.error("bead", "show", "zzz")["code"] == "not-found"


def test_show_for_people(planned: TownHelper) -> None:
    said = planned.ok("bead", "show", "gt-b")
    assert "gt-a is not closed" in said
    assert "waited for by gt-c" in said
    assert "hq-cv-1" in said


def test_show_of_an_unreadable_file_names_the_problem(planned: TownHelper) -> None:
    planned.repo.write(".convoy/beads/gt-bad.yaml", "id: gt-bad\ntitel: x\n")
    planned.commit()
    error = planned.error("bead", "show", "gt-bad", code=3)
    assert {problem["code"] for problem in error["problems"]} == {"schema", "unknown-key"}


def test_reading_is_of_the_trunk_and_falls_back_on_a_topic_branch(planned: TownHelper) -> None:
    planned.branch("topic")
    made = planned.run("bead", "add", "Planned here", "--id", "gt-new")
    assert "merged into the trunk (main)" in made.err
    assert "gt-new" not in planned.ok("bead", "list")
    shown = planned.run("bead", "show", "gt-new")
    assert shown.code == 0
    assert "plan of the worktree" in shown.err
    assert planned.json("bead", "show", "gt-new", "--at", "topic")["bead"]["title"] == "Planned here"
    assert planned.error("bead", "show", "gt-new", "--at", "main")["code"] == "not-found"


def test_reading_where_the_trunk_has_no_plan(repo: GitRepo) -> None:
    here = TownHelper(repo)
    repo.git("branch", "trunk")
    here.ok("init", "--trunk", "trunk", "--no-hooks")
    here.ok("bead", "add", "Planned here", "--id", "gt-new")
    answer = here.run("bead", "list")
    assert "gt-new" in answer.out
    assert "no .convoy folder yet" in answer.err


def test_dep_add_and_rm(planned: TownHelper) -> None:
    planned.ok("dep", "add", "gt-x", "gt-c", "--type", "waits-for", "--gate", "any-children")
    planned.ok("dep", "add", "gt-x", "external:jira/1")
    assert planned.json("bead", "show", "gt-x")["bead"]["depends_on"] == [
        "external:jira/1",
        {"id": "gt-c", "type": "waits-for", "gate": "any-children"},
    ]
    assert planned.json("dep", "add", "gt-x", "external:jira/1")["changed"] is False
    planned.ok("dep", "rm", "gt-x", "gt-c")
    assert planned.json("bead", "show", "gt-x")["bead"]["depends_on"] == ["external:jira/1"]
    assert planned.error("dep", "rm", "gt-x", "gt-c")["code"] == "not-found"


def test_dep_add_refuses_cycles_and_rewrites_the_plan(planned: TownHelper) -> None:
    planned.ok("add", "hq-cv-1", "gt-x")
    error = planned.error("dep", "add", "gt-a", "gt-c")
    assert error["code"] == "cycle"
    assert "gt-a -> gt-c -> gt-b -> gt-a" in error["message"]
    planned.ok("dep", "add", "gt-x", "gt-c")
    assert sorted(planned.files()) == [".convoy/beads/gt-x.yaml", ".convoy/plans/hq-cv-1.yaml"]
    assert planned.json("plan")["waves"][-1]["beads"] == ["gt-x"]


def test_dep_tree(planned: TownHelper) -> None:
    tree = planned.json("dep", "tree", "gt-c")["tree"]
    assert [(line["id"], line["depth"], line["satisfied"]) for line in tree] == [
        ("gt-c", 0, True),
        ("gt-b", 1, False),
        ("gt-a", 2, False),
    ]
    assert [line["id"] for line in planned.json("dep", "tree", "gt-a", "--reverse")["tree"]] == ["gt-a", "gt-b", "gt-c"]
    assert planned.json("dep", "tree", "gt-c", "--depth", "1")["tree"][-1]["id"] == "gt-b"
    assert planned.ok("dep", "tree", "gt-c").splitlines()[2].startswith("    gt-a  in_progress")


def test_dep_tree_opens_a_bead_once_and_names_inherited_links(here: TownHelper) -> None:
    here.bead("gt-root")
    here.bead("gt-l", depends_on=["gt-root"])
    here.bead("gt-r", depends_on=["gt-root", "gt-l"])
    here.bead("gt-e", type="epic", depends_on=["gt-r", "gt-l"])
    here.bead("gt-k", parent="gt-e")
    here.commit()
    tree = here.json("dep", "tree", "gt-k")["tree"]
    assert [line["id"] for line in tree][:3] == ["gt-k", "gt-r", "gt-root"]
    assert tree[1]["holder"] == "gt-e"
    assert [line["id"] for line in tree if line["again"]] == ["gt-l"]
    here.bead("gt-root", depends_on=["gt-k"])
    here.commit("a cycle, without hooks")
    assert [line["id"] for line in here.json("dep", "tree", "gt-k")["tree"]].count("gt-root") == 2
    assert "a link of gt-e" in here.ok("dep", "tree", "gt-k")
