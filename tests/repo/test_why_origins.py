"""`why` names the commit and author of each link that holds a bead up, wherever its file lay (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gitfixtures import NAME, GitRepo
from rigtowns import rig_town
from townfixtures import TownHelper, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a, and gt-b that waits for it."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b")
    made.commit("no links")
    made.bead("gt-b", depends_on=["gt-a"])
    made.commit("the link")
    return made


def introduced(here: TownHelper, bead: str, *at: str) -> dict[str, dict[str, Any] | None]:
    return {each["id"]: each["introduced"] for each in here.json("why", bead, *at)["blocked_by"]}


def subjects(here: TownHelper, bead: str, *at: str) -> dict[str, str | None]:
    return {one: each["subject"] if each is not None else None for one, each in introduced(here, bead, *at).items()}


def test_commit_author_and_date(here: TownHelper) -> None:
    written = here.repo.head()
    when = here.repo.git("log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", env={"TZ": "UTC"})
    assert introduced(here, "gt-b") == {"gt-a": {"commit": written, "at": when, "author": NAME, "subject": "the link"}}
    links = next(rule for rule in here.json("why", "gt-b")["rules"] if rule["rule"] == "links")
    assert links["commits"] == [written]
    assert f"gt-b -> gt-a: written by {NAME}, {when}, {written[:10]}: the link" in here.ok("why", "gt-b")


def test_edits_and_moves_change_nothing(here: TownHelper) -> None:
    here.bead("gt-b", title="Another title", depends_on=["gt-a"], labels=["ui"])
    here.commit("a title")
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-b.yaml")
    path = here.bead("gt-b", "deep/", title="Rewritten in full", description="Nothing is left of it.")
    here.repo.write(path, here.repo.read(path) + "depends_on: [gt-a] # on one line\n")
    here.commit("a move and another spelling")
    assert subjects(here, "gt-b") == {"gt-a": "the link"}


def test_a_link_that_went_and_came_back(here: TownHelper) -> None:
    here.bead("gt-b")
    here.commit("cut")
    here.bead("gt-b", depends_on=["gt-a"])
    here.commit("linked again")
    assert subjects(here, "gt-b") == {"gt-a": "linked again"}
    assert subjects(here, "gt-b", "--at", "main~2") == {"gt-a": "the link"}


def test_the_type_is_part_of_a_link(here: TownHelper) -> None:
    here.repo.write(
        ".convoy/beads/gt-b.yaml", "id: gt-b\ntitle: B\ndepends_on:\n  - {id: gt-a, type: related}\n  - gt-x\n"
    )
    here.commit("not blocking")
    here.repo.write(
        ".convoy/beads/gt-b.yaml", "id: gt-b\ntitle: B\ndepends_on:\n  - id: gt-a\n    type: merge-blocks\n  - gt-x\n"
    )
    here.commit("blocking")
    assert subjects(here, "gt-b") == {"gt-a": "blocking", "gt-x": "not blocking"}


def test_an_inherited_link_is_its_holders(here: TownHelper) -> None:
    here.bead("gt-e", type="epic", depends_on=["gt-a"])
    here.bead("gt-c", parent="gt-e", depends_on=["gt-b"])
    here.commit("an epic")
    found = here.json("why", "gt-c")["blocked_by"]
    assert [(each["holder"], each["id"], each["introduced"]["subject"]) for each in found] == [
        ("gt-c", "gt-b", "an epic"),
        ("gt-e", "gt-a", "an epic"),
    ]
    assert "gt-e -> gt-a: written by" in here.ok("why", "gt-c")


def test_of_a_merge_the_branch_that_wrote_it(here: TownHelper) -> None:
    here.branch("topic")
    here.bead("gt-b", depends_on=["gt-a", "gt-x"])
    here.commit("on a branch")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-b", priority=0, depends_on=["gt-a"])
    here.commit("meanwhile")
    here.repo.git("merge", "--quiet", "-m", "the merge", "-X", "theirs", "topic")
    assert subjects(here, "gt-b") == {"gt-a": "the link", "gt-x": "on a branch"}


def test_of_a_merge_that_wrote_it_itself(here: TownHelper) -> None:
    here.branch("topic")
    here.bead("gt-b", title="Of the branch", depends_on=["gt-a"])
    here.commit("on a branch")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", title="Of the trunk")
    here.commit("meanwhile")
    here.repo.git("merge", "--quiet", "--no-commit", "topic")
    here.bead("gt-b", depends_on=["gt-a", "gt-x"])
    here.commit("the merge")
    assert subjects(here, "gt-b") == {"gt-a": "the link", "gt-x": "the merge"}


def test_a_file_that_could_not_be_read_in_between(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-b.yaml", "id: gt-b\n<<<<<<< ours\ndepends_on: [gt-a]\n")
    here.commit("markers")
    here.bead("gt-b", depends_on=["gt-a", "gt-x"])
    here.commit("mended")
    assert subjects(here, "gt-b") == {"gt-a": "the link", "gt-x": "mended"}


def test_names_cannot_act_on_a_terminal(here: TownHelper) -> None:
    here.bead("gt-b", depends_on=["gt-a", "gt-x"])
    here.repo.git("add", "--all")
    here.repo.git("-c", "user.name=Eve\x1b[2J", "commit", "--quiet", "-m", "a \x1b[31mred\x1b[0m link")
    text = here.ok("why", "gt-b")
    assert "\x1b" not in text
    assert "Eve\\x1b[2J" in text


def test_somebody_without_a_name(here: TownHelper) -> None:
    here.bead("gt-b", depends_on=["gt-a", "gt-x"])
    here.repo.git("add", "--all")
    tree = f"tree {here.repo.git('write-tree')}\nparent {here.repo.head()}\n"
    raw = f"{tree}author  <> 1 +0000\ncommitter  <> 1 +0000\n\nx\n"
    commit = here.repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=raw)
    here.repo.git("reset", "--quiet", commit)
    assert "gt-b -> gt-x: written by somebody without a name, 1970" in here.ok("why", "gt-b")


def test_what_is_satisfied_costs_no_look_into_history(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitconvoy.reports.origins.versions", lambda *_: pytest.fail("history was read"))
    assert introduced(here, "gt-a") == {}


def test_a_link_in_the_repository_of_a_rig(make_repo: Callable[[str], GitRepo]) -> None:
    made = rig_town(make_repo)
    made.here.bead("gt-a")
    made.here.commit("the town's")
    made.web.bead("web-b", depends_on=["gt-a"])
    there = made.web.commit("the rig's")
    found = introduced(made.here, "web-b")["gt-a"]
    assert found is not None
    assert (found["commit"], found["subject"]) == (there, "the rig's")


def test_a_link_of_the_town_whose_work_is_elsewhere(make_repo: Callable[[str], GitRepo]) -> None:
    made = rig_town(make_repo)
    made.here.bead("gt-a")
    made.here.bead("web-b", depends_on=["gt-a"])
    made.here.commit("both in the town")
    assert subjects(made.here, "web-b") == {"gt-a": "both in the town"}
    made.away()
    assert subjects(made.here, "web-b") == {"gt-a": "both in the town"}
