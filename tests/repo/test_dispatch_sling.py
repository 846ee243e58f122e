"""`sling` and `launch` of beads: convoys made on the way, named workers, what is refused (SPEC 7, 8)."""

from __future__ import annotations

from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

CONFIG = ".convoy/config.yaml"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b, gt-c, the epic gt-e with gt-f, gt-g; no convoy."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.bead("gt-c")
    made.bead("gt-e", type="epic")
    made.bead("gt-f", parent="gt-e")
    made.bead("gt-g", parent="gt-e", depends_on=["gt-f"])
    made.commit("plan")
    return made


def pairs(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["bead"], row["worker"]) for row in answer["dispatched"]]


def convoys(here: TownHelper) -> list[dict[str, Any]]:
    return list(here.json("list", "--all")["convoys"])


def test_a_lone_bead_gets_a_convoy(here: TownHelper) -> None:
    answer = here.json("sling", "gt-a")
    assert pairs(answer) == [("gt-a", "gt/polecat-1")]
    assert answer["dispatched"][0]["commit"] in here.repo.git("rev-list", "convoy-ledger")
    convoy = answer["convoy_id"]
    assert [(row["id"], row["title"], row["status"]) for row in convoys(here)] == [
        (convoy, "Work: Title of gt-a", "open")
    ]
    assert here.files() == [f".convoy/convoys/{convoy}.yaml", f".convoy/plans/{convoy}.yaml"]
    assert "status" not in here.repo.show("HEAD", f".convoy/convoys/{convoy}.yaml"), (
        "the file is staged, launched by event"
    )
    assert here.events() == ["init town", f"launch {convoy}", "dispatch gt-a to gt/polecat-1 (attempt 1)"]
    assert here.repo.status() == []
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert here.events()[-1] == f"complete {convoy}"


def test_several_beads_share_one_convoy_and_blocked_ones_wait(here: TownHelper) -> None:
    answer = here.json("sling", "gt-a", "gt-b", "gt-c")
    assert pairs(answer) == [("gt-a", "gt/polecat-1"), ("gt-c", "gt/polecat-2")]
    assert [(row["bead"], row["rule"]) for row in answer["waiting"]] == [("gt-b", "links")]
    assert answer["convoy_title"] == "Work: Title of gt-a and 2 more"
    assert len(convoys(here)) == 1
    assert pairs(here.json("--actor", "gt/polecat-1", "done", "gt-a")) == [("gt-b", "gt/polecat-1")]


@pytest.mark.parametrize(("word", "worker"), [("gastown/nux", "gastown/nux"), ("nux", "gt/nux")])
def test_the_last_word_names_a_worker(here: TownHelper, word: str, worker: str) -> None:
    assert pairs(here.json("sling", "gt-a", word)) == [("gt-a", worker)]
    assert [row["id"] for row in here.json("--actor", worker, "mine")["beads"]] == ["gt-a"]


def test_words_that_look_like_beads_are_no_workers(here: TownHelper) -> None:
    assert here.error("sling", "gt-a", "gt-typo")["code"] == "not-found"
    assert here.error("sling", "gt-typo")["code"] == "not-found"
    assert here.error("sling", "gastown/nux")["code"] == "not-found"
    assert here.error("sling", "gt-a", "a/\x07", code=2)["code"] == "worker"
    assert convoys(here) == []


def test_the_named_worker_gets_it_in_spite_of_hooks(here: TownHelper) -> None:
    """The convoy's commit runs the hooks, which feed what is ready: the staged convoy is inert to them."""
    here.ok("hooks", "install")
    answer = here.json("sling", "gt-a", "gt-c", "gastown/nux")
    assert ("gt-a", "gastown/nux") in pairs(answer)
    assert here.ledger().bead("gt-a").worker == "gastown/nux"


def test_a_named_worker_holds_one_pushed_bead(here: TownHelper) -> None:
    here.ok("sling", "gt-a", "gastown/nux")
    assert here.error("sling", "gt-c", "gastown/nux")["code"] == "worker-busy"
    assert len(convoys(here)) == 1, "nothing was made for the refused one"


def test_a_message_is_kept(here: TownHelper) -> None:
    here.ok("sling", "gt-a", "--message", "the small one first")
    assert here.json("log", "--event", "dispatch")["entries"][0]["reason"] == "the small one first"


def test_dry_run_does_nothing(here: TownHelper) -> None:
    head, events = here.repo.head(), here.events()
    answer = here.json("sling", "gt-a", "gt-b", "--dry-run")
    assert pairs(answer) == [("gt-a", "gt/polecat-1")]
    assert answer["dispatched"][0]["commit"] is None
    assert [row["bead"] for row in answer["waiting"]] == ["gt-b"]
    assert answer["convoy_title"].startswith("Work: ")
    assert (here.repo.head(), here.events()) == (head, events)
    assert "would make" in here.ok("sling", "gt-a", "--dry-run")


@pytest.mark.parametrize(("bead", "code"), [("gt-b", "links"), ("gt-e", "slingable"), ("gt-closed", "status")])
def test_what_may_not_be_dispatched_makes_no_convoy(here: TownHelper, bead: str, code: str) -> None:
    here.bead("gt-closed", status="closed")
    here.commit("one more")
    head = here.repo.head()
    for words in ([bead], [bead, "--force"], [bead, "--no-convoy"], *([["gt-a", bead]] if code != "links" else [])):
        assert here.error("sling", *words)["code"] == code, words
    assert here.repo.head() == head
    assert here.repo.status() == []


def test_no_convoy(here: TownHelper) -> None:
    answer = here.json("sling", "gt-a", "--no-convoy")
    assert (answer["convoy_id"], pairs(answer)) == (None, [("gt-a", "gt/polecat-1")])
    assert convoys(here) == []
    here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    assert here.json("bead", "show", "gt-a")["bead"]["status"] == "closed"


def test_without_the_trunk_checked_out_there_is_only_no_convoy(here: TownHelper) -> None:
    here.branch("topic")
    error = here.error("sling", "gt-a")
    assert error["code"] == "not-on-trunk"
    assert "--no-convoy" in error["hint"]
    assert here.repo.status() == []
    assert pairs(here.json("sling", "gt-a", "--no-convoy")) == [("gt-a", "gt/polecat-1")]


def test_a_bead_of_an_open_convoy_uses_that(here: TownHelper) -> None:
    here.repo.write(CONFIG, "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.convoy("hq-cv-one", "gt-a", status="open")
    here.commit("a convoy")
    answer = here.json("sling", "gt-a")
    assert (answer["convoy_id"], answer["dispatched"][0]["convoy"]) == (None, "hq-cv-one")
    assert len(convoys(here)) == 1


def test_a_bead_of_a_staged_convoy_names_it(here: TownHelper) -> None:
    here.convoy("hq-cv-one", "gt-a")
    here.commit("a convoy")
    error = here.error("sling", "gt-a")
    assert error["code"] == "tracked"
    assert "gitconvoy launch hq-cv-one" in error["hint"]
    assert pairs(here.json("sling", "gt-a", "--no-convoy")) == [("gt-a", "gt/polecat-1")]


def test_settings_of_the_convoy_that_is_made(here: TownHelper) -> None:
    made = here.json("sling", "gt-a", "--merge", "local", "--base-branch", "main")["convoy_id"]
    assert "merge: local\nbase_branch: main\n" in here.repo.read(f".convoy/convoys/{made}.yaml")
    assert here.run("sling", "gt-a", "--merge", "mr").code == 1


def test_capacity_can_be_forced(here: TownHelper) -> None:
    here.repo.write(CONFIG, "format: 1\nprefix: gt\ndispatch:\n  max_workers: 1\n")
    here.commit("one worker")
    here.ok("sling", "gt-a")
    assert here.error("sling", "gt-c")["code"] == "capacity"
    assert len(convoys(here)) == 1
    assert pairs(here.json("sling", "gt-c", "--force")) == [("gt-c", "gt/polecat-2")]
    forced = here.repo.git("log", "-1", "--format=%(trailers:key=Convoy-Force,valueonly)", "convoy-ledger")
    assert forced.strip() == "--force"


def test_launching_an_epic_stages_it_first(here: TownHelper) -> None:
    answer = here.json("launch", "gt-e")
    assert pairs(answer) == [("gt-f", "gt/polecat-1")]
    convoy = here.json("status", answer["convoy_id"])
    assert (convoy["convoy"]["epic"], convoy["convoy"]["status"]) == ("gt-e", "open")
    assert [[bead["id"] for bead in wave["beads"]] for wave in convoy["waves"]] == [["gt-f"], ["gt-g"]]
    assert here.repo.status() == []


def test_launching_beads(here: TownHelper) -> None:
    answer = here.json("launch", "gt-a", "gt-b", "--title", "Two of them")
    assert pairs(answer) == [("gt-a", "gt/polecat-1")]
    assert here.json("status", answer["convoy_id"])["convoy"]["title"] == "Two of them"


def test_launch_with_warnings_needs_force_and_writes_nothing_without(here: TownHelper) -> None:
    head = here.repo.head()
    error = here.error("launch", "gt-b")
    assert error["code"] == "warnings"
    assert "gt-a" in error["message"]
    assert here.repo.head() == head
    assert [warning["category"] for warning in here.json("launch", "gt-b", "--force")["warnings"]] == [
        "outside-blocker"
    ]


def test_launch_refuses_mixtures_and_strangers(here: TownHelper) -> None:
    here.convoy("hq-cv-one", "gt-c")
    here.commit("a convoy")
    assert here.error("launch", "gt-a", "gt-e")["code"] == "mixed-kinds"
    assert here.error("launch", "gt-c")["code"] == "tracked"
    assert "gt-a" in here.error("launch", "gt-aa")["hint"]
    here.branch("topic")
    assert here.error("launch", "gt-a")["code"] == "not-on-trunk"
    assert pairs(here.json("launch", "hq-cv-one")) == [("gt-c", "gt/polecat-1")], "a convoy of the trunk, from anywhere"
