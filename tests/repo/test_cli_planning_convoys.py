"""`create`, `add`, `remove`, `set`, `stage`, `plan`: convoys and their waves (SPEC 3.3, 3.4, 5, 6, 8)."""

from __future__ import annotations

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """An epic gt-e of gt-1 <- gt-2 <- gt-4, gt-1 <- gt-3 and the gate gt-g before gt-4; gt-x is outside of it."""
    made = town(repo)
    made.bead("gt-e", type="epic", title="The epic")
    made.bead("gt-1", parent="gt-e")
    made.bead("gt-2", parent="gt-e", depends_on=["gt-1"])
    made.bead("gt-3", parent="gt-e", depends_on=["gt-1"])
    made.bead("gt-g", type="gate", parent="gt-e")
    made.bead("gt-4", parent="gt-e", depends_on=["gt-2", "gt-g"])
    made.bead("gt-x")
    made.commit("plan")
    return made


def test_create_with_flags(here: TownHelper) -> None:
    made = here.json(
        "create", "Fair", "gt-1", "gt-2", "--owner", "ada", "--notify", "bob", "--watch", "cy", "--owned", "--merge",
        "direct", "--base-branch", "main", "--molecule", "mol-1", "-p", "1", "--max-workers", "2", "--mountain",
    )  # fmt: skip
    one = made["id"]
    assert one.startswith("hq-cv-")
    assert here.files() == [f".convoy/convoys/{one}.yaml", f".convoy/plans/{one}.yaml"]
    convoy = here.state().plan.convoys[one]
    assert (convoy.tracks, convoy.status, convoy.owned, convoy.mountain) == (
        ("gt-1", "gt-2"),
        "staged_ready",
        True,
        True,
    )
    assert (convoy.owner, convoy.merge, convoy.base_branch, convoy.max_workers) == ("ada", "direct", "main", 2)
    assert (convoy.data["notify"], convoy.data["watchers"], convoy.data["molecule"]) == ("bob", ["cy"], "mol-1")
    assert here.events() == []
    assert here.json("validate")["problems"] == []


def test_create_from_an_epic(here: TownHelper) -> None:
    one = here.json("create", "--from-epic", "gt-e")["id"]
    convoy = here.state().plan.convoys[one]
    assert (convoy.title, convoy.epic) == ("The epic", "gt-e")
    assert convoy.tracks == ("gt-1", "gt-2", "gt-3", "gt-4")
    assert here.error("create", "--from-epic", "gt-1")["code"] == "not-an-epic"
    assert here.error("create", code=2)["hint"]


def test_a_bead_is_in_one_unfinished_convoy(here: TownHelper) -> None:
    first = here.json("create", "First", "gt-1")["id"]
    second = here.json("create", "Second", "gt-x")["id"]
    for words in (("create", "Third", "gt-1"), ("add", second, "gt-1"), ("stage", "gt-1", "gt-2")):
        error = here.error(*words)
        assert (error["code"], first in error["message"]) == ("tracked", True)
    here.ok("set", first, "status=closed")
    here.ok("add", second, "gt-1")


def test_add_and_remove(here: TownHelper) -> None:
    one = here.json("create", "Fair", "gt-1")["id"]
    here.ok("add", one, "gt-3", "gt-2")
    assert here.state().plan.convoys[one].tracks == ("gt-1", "gt-2", "gt-3")
    here.ok("remove", one, "gt-1")
    assert here.state().plan.convoys[one].tracks == ("gt-2", "gt-3")
    assert here.json("plan", one)["outside"] == {"gt-2": ["gt-1"], "gt-3": ["gt-1"]}
    assert here.error("remove", one, "gt-1")["code"] == "not-found"
    assert here.error("add", one, "gt-nope")["code"] == "not-found"
    assert here.error("add", "gt-1", "gt-2")["message"].endswith("is a bead, not a convoy")


def test_add_to_an_open_convoy_begins_what_is_ready(here: TownHelper) -> None:
    one = here.json("create", "Fair", "gt-1")["id"]
    here.ok("launch", one)
    done = here.json("add", one, "gt-x")
    assert [each["bead"] for each in done["dispatched"]] == ["gt-x"]


def test_set_refuses_illegal_transitions(here: TownHelper) -> None:
    one = here.json("create", "Fair", "gt-1")["id"]
    here.ok("set", one, "priority=0", "labels+=fair", "owned=yes")
    convoy = here.state().plan.convoys[one]
    assert (convoy.priority, convoy.owned, convoy.data["labels"]) == (0, True, ["fair"])
    assert [each["bead"] for each in here.json("set", one, "status=open")["dispatched"]] == ["gt-1"]
    error = here.error("set", one, "status=staged_ready")
    assert error["code"] == "convoy-transition"
    assert error["hint"]
    assert here.error("set", "gt-1", "priority=0")["message"].endswith("is a bead, not a convoy")


def test_stage_an_epic(here: TownHelper) -> None:
    head = here.repo.head()
    found = here.json("stage", "gt-e")
    one = found["convoy_id"]
    assert here.repo.head("HEAD^") == head
    assert here.files() == [f".convoy/convoys/{one}.yaml", f".convoy/plans/{one}.yaml"]
    assert (found["status"], found["restaged"], found["errors"], found["launched"]) == (
        "staged_warnings", False, [], False,
    )  # fmt: skip
    assert [[bead["id"] for bead in wave["beads"]] for wave in found["waves"]] == [["gt-1"], ["gt-2", "gt-3"], ["gt-4"]]
    assert found["waves"][1]["beads"][0] == {
        "id": "gt-2", "title": "Title of gt-2", "type": "task", "rig": "gt", "blocked_by": ["gt-1"],
    }  # fmt: skip
    assert found["gates"] == {"gt-4": ["gt-g"]}
    assert found["outside"] == {"gt-4": ["gt-g"]}
    assert found["critical_path"] == ["gt-1", "gt-2", "gt-4"]
    assert [warning["category"] for warning in found["warnings"]] == ["gated", "outside-blocker"]
    assert [(node["id"], node["depth"], node["tracked"]) for node in found["tree"]][:2] == [
        ("gt-e", 0, False),
        ("gt-1", 1, True),
    ]
    assert here.repo.status() == []


def test_stage_for_people(here: TownHelper) -> None:
    said = here.ok("stage", "gt-e", "--title", "Fair")
    for part in (
        "gt-e",
        "2\tgt-3\ttask\tgt\tgt-1\tTitle of gt-3",
        "gate: gt-4 waits for gt-g",
        "[gated]",
        "launch hq-cv-",
    ):
        assert part in said
    assert "Fair" in here.ok("plan")


def test_stage_again_loses_no_field(here: TownHelper) -> None:
    one = here.json("stage", "gt-1", "gt-2", "--title", "Fair", "--base-branch", "main")["convoy_id"]
    path = f".convoy/convoys/{one}.yaml"
    here.repo.write(path, here.repo.read(path) + "x-mine: 1\n# kept\n")
    here.commit()
    before = here.repo.read(path)
    found = here.json("stage", one)
    assert (found["convoy_id"], found["restaged"], found["commit"]) == (one, True, None)
    assert here.repo.read(path) == before
    here.ok("dep", "add", "gt-2", "gt-x")
    found = here.json("stage", one)
    assert (found["status"], [warning["category"] for warning in found["warnings"]]) == (
        "staged_warnings", ["outside-blocker"],
    )  # fmt: skip
    after = here.repo.read(path)
    assert after.replace("status: staged_warnings\n", "") == before


@pytest.mark.parametrize("words", [("gt-e", "gt-1"), ("gt-e", "gt-e2"), ("hq-cv-1", "gt-1"), ("hq-cv-1", "hq-cv-2")])
def test_stage_refuses_mixed_kinds(here: TownHelper, words: tuple[str, ...]) -> None:
    here.bead("gt-e2", type="epic")
    here.convoy("hq-cv-1", "gt-x")
    here.convoy("hq-cv-2", "gt-3")
    here.commit()
    head = here.repo.head()
    error = here.error("stage", *words)
    for word in words:
        assert word in error["message"]
    assert here.repo.head() == head


def test_stage_refuses_open_and_closed_convoys(here: TownHelper) -> None:
    one = here.json("create", "Fair", "gt-1")["id"]
    here.ok("launch", one)
    assert "is open" in here.error("stage", one)["message"]
    here.ok("set", one, "status=closed")
    assert "is closed" in here.error("stage", one)["message"]


def test_stage_with_errors_writes_nothing_and_places_what_it_can(here: TownHelper) -> None:
    here.bead("gt-1", parent="gt-e", depends_on=["gt-2"])
    here.repo.git("commit", "--quiet", "-am", "a cycle")
    before = (here.repo.head(), here.repo.status())
    found = here.json("stage", "gt-e", code=1)
    assert (found["status"], found["convoy_id"]) == ("error", "")
    assert found["errors"][0]["category"] == "cycle"
    assert found["errors"][0]["bead_ids"] == ["gt-1", "gt-2"]
    assert found["errors"][0]["suggested_fix"]
    placed = {bead["id"] for wave in found["waves"] for bead in wave["beads"]}
    assert placed.isdisjoint({"gt-1", "gt-2"})
    assert (here.repo.head(), here.repo.status()) == before
    assert here.run("stage", "gt-e").code == 1


@pytest.mark.parametrize(
    ("words", "category"), [(("gt-1", "gt-nope"), "missing-bead"), (("gt-g",), "nothing-slingable")]
)
def test_stage_errors(here: TownHelper, words: tuple[str, ...], category: str) -> None:
    found = here.json("stage", *words, code=1)
    assert category in [error["category"] for error in found["errors"]]


def test_stage_warns_of_a_missing_branch(here: TownHelper) -> None:
    found = here.json("stage", "gt-1", "--base-branch", "release/9")
    assert [warning["category"] for warning in found["warnings"]] == ["missing-branch"]
    here.repo.git("branch", "release/9")
    assert here.json("stage", found["convoy_id"])["status"] == "staged_ready"


def test_stage_and_launch(here: TownHelper) -> None:
    found = here.json("stage", "gt-1", "gt-2", "--launch")
    assert found["launched"] is True
    assert [each["bead"] for each in found["dispatched"]] == ["gt-1"]
    assert here.state().plan.convoys[found["convoy_id"]].status == "staged_ready"
    assert here.events()[1] == f"launch {found['convoy_id']}"
    assert here.repo.status() == []


def test_stage_and_launch_with_warnings_needs_force(here: TownHelper) -> None:
    found = here.json("stage", "gt-e", "--launch", code=5)
    assert (found["launched"], found["launch_refused"]["code"]) == (False, "staged-warnings")
    assert "--force" in found["launch_refused"]["hint"]
    assert here.events() == []
    assert here.json("launch", found["convoy_id"], "--force")["dispatched"][0]["bead"] == "gt-1"


def test_stage_and_launch_asks_before_it_writes(here: TownHelper) -> None:
    head = here.repo.head()
    here.repo.config("gitconvoy.dispatch", "off")
    assert here.error("stage", "gt-1", "--launch")["code"] == "role"
    here.repo.config("gitconvoy.dispatch", "local")
    here.branch("topic")
    assert here.error("stage", "gt-1", "--launch")["code"] == "not-on-trunk"
    assert here.repo.head() == head
    assert here.error("stage", "gt-1", "--launch", "--no-commit", code=2)["hint"]
    assert here.error("stage", "gt-1", "--force", code=2)["hint"]
    assert here.json("stage", "gt-1")["launched"] is False


def test_plan_is_a_function_of_links_types_and_tracks(here: TownHelper) -> None:
    one = here.json("stage", "gt-e")["convoy_id"]
    path = f".convoy/plans/{one}.yaml"
    before = here.repo.read(path)
    here.ok("bead", "close", "gt-1")
    here.ok("bead", "set", "gt-2", "priority=0")
    assert here.repo.read(path) == before
    here.ok("dep", "add", "gt-3", "gt-4")
    assert here.repo.read(path) != before
    assert [wave["beads"] for wave in here.json("plan")["waves"]] == [["gt-1"], ["gt-2"], ["gt-4"], ["gt-3"]]


def test_plan_without_an_id_takes_the_only_unfinished_convoy(here: TownHelper) -> None:
    assert here.error("plan", code=2)["hint"]
    one = here.json("create", "One", "gt-1")["id"]
    assert here.json("plan")["convoy_id"] == one
    here.json("create", "Two", "gt-x")
    assert one in here.error("plan", code=2)["message"]
    assert here.json("plan", one[:-1])["convoy_id"] == one


def test_plan_of_another_commit(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-1")["id"]
    here.ok("add", one, "gt-2")
    assert len(here.json("plan", one)["waves"]) == 2
    assert len(here.json("plan", one, "--at", "HEAD^")["waves"]) == 1


def test_an_edit_on_one_convoy_leaves_stale_plans_of_others_alone(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-1")["id"]
    two = here.json("create", "Two", "gt-2", "gt-3")["id"]
    here.bead("gt-3", parent="gt-e", depends_on=["gt-1", "gt-2"])
    here.commit("by hand, no hooks: the plan of Two is stale now")
    here.ok("add", one, "gt-x")
    assert f".convoy/plans/{two}.yaml" not in here.files()
    assert [problem["code"] for problem in here.json("validate")["problems"]] == ["stale-plan"]
    here.ok("tidy")
    assert here.files() == [f".convoy/plans/{two}.yaml"]
    assert here.json("validate")["problems"] == []


def test_committed_alone_although_the_worktree_says_more(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-1", "gt-2")["id"]
    here.bead("gt-1", parent="gt-e", depends_on=["gt-x"])  # not committed
    here.ok("add", one, "gt-x")
    assert here.json("plan", one)["waves"][0]["beads"] == ["gt-1", "gt-x"]
    assert here.repo.status() == [" M .convoy/beads/gt-1.yaml"]
    assert here.json("validate", "--at", "HEAD")["problems"] == []
