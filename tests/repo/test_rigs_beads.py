"""Beads that live in the repository of their rig: read from its trunk, never written, waited for while it is away."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from rigtowns import CONFIG, FLOW, RigTown, rig_town, two_beads
from townfixtures import Answer, TownHelper

from gitconvoy.cli.main import run as run_command
from gitconvoy.engine.town import Town

MakeRepo = Callable[[str], GitRepo]
PLAN = f".convoy/plans/{FLOW}.yaml"


@pytest.fixture
def made(make_repo: MakeRepo) -> RigTown:
    return rig_town(make_repo)


def codes(here: TownHelper, *args: str, code: int = 0) -> list[tuple[str, str]]:
    """(code, severity) of everything that `validate` finds."""
    return [(each["code"], each["severity"]) for each in here.json("validate", *args, code=code)["problems"]]


def rules(here: TownHelper, bead: str) -> dict[str, str]:
    """The rules that a bead fails, with what they say."""
    return {each["rule"]: each["message"] for each in here.json("why", bead)["rules"] if not each["ok"]}


def test_beads_of_the_rigs_trunk(made: RigTown) -> None:
    two_beads(made)
    found = made.here.json("bead", "show", "web-a")["bead"]
    assert (found["title"], found["rig"]) == ("Title of web-a", "web")
    assert found["path"] == str(made.web.path / ".convoy/beads/web-a.yaml")
    assert Path(found["path"]).is_file()
    made.here.ok("scan")
    assert made.here.events()[1:] == [
        f"launch {FLOW}",
        "dispatch web-a to web/polecat-1 (attempt 1)",
    ]


def test_a_topic_branch_there_says_nothing(made: RigTown) -> None:
    two_beads(made)
    made.web.branch("topic")
    made.web.bead("web-new")
    made.web.bead("web-a", status="closed")
    made.web.commit("on a branch")
    assert made.here.run("bead", "show", "web-new").code == 1
    assert made.here.json("why", "web-a")["status"] == "open"
    made.there.git("switch", "--quiet", "main")
    made.there.git("merge", "--quiet", "topic")
    assert made.here.json("why", "web-a")["status"] == "closed"


def test_only_beads_of_the_rig_are_taken(made: RigTown) -> None:
    made.web.bead("web-a")
    made.web.bead("gt-x")
    made.web.bead("api-y")
    made.web.convoy("hq-cv-there", "web-a", status="open")
    made.there.write(".convoy/config.yaml", "format: 1\nprefix: web\ndispatch: {paused: true, max_workers: 1}\n")
    made.there.write(".convoy/plans/hq-cv-there.yaml", "convoy: hq-cv-there\n")
    made.there.write(".convoy/archive/web-old.yaml", "id: web-old\ntitle: Long ago\nstatus: closed\n")
    made.web.commit("much")
    plan = made.here.state().plan
    assert (sorted(plan.beads), sorted(plan.archive), sorted(plan.convoys)) == (["web-a"], ["web-old"], [])
    assert not plan.config.dispatch.paused
    assert not plan.plan_blobs
    assert codes(made.here) == []


def test_an_id_that_both_have(made: RigTown) -> None:
    made.web.bead("web-a", title="There")
    made.web.commit("there")
    made.here.bead("web-a", title="Here", status="closed")
    made.here.commit("here")
    assert made.here.state().plan.beads["web-a"].title == "Here"
    (problem,) = made.here.json("validate")["problems"]
    assert (problem["code"], problem["severity"]) == ("rig-duplicate", "warning")
    assert problem["path"] == str(made.web.path / ".convoy/beads/web-a.yaml")
    assert ".convoy/beads/web-a.yaml" in problem["message"].split("counts as it stands in")[1]


def test_a_broken_file_there(made: RigTown) -> None:
    two_beads(made)
    made.web.bead("web-b", priority=9)
    made.web.bead("web-c")
    made.here.convoy("hq-cv-other", "web-c", status="open")
    made.here.convoy("hq-cv-frozen", "web-b", status="open")
    made.here.commit("more")
    made.web.commit("wrong")
    found = made.here.json("validate", code=3)["problems"]
    (broken,) = [each for each in found if each["code"] == "schema"]
    assert (broken["path"], broken["line"]) == (str(made.web.path / ".convoy/beads/web-b.yaml"), 3)
    assert "readable" in rules(made.here, "web-b")
    assert made.here.json("status", "hq-cv-frozen")["convoy"]["frozen_by"] == ["web-b"]
    made.here.ok("scan")
    dispatched = {each.split()[1] for each in made.here.events() if each.startswith("dispatch ")}
    assert dispatched == {"web-a", "web-c"}
    made.here.bead("gt-y")
    assert made.here.hook("pre-commit").code == 0, "what is wrong there is not the fault of a commit here"


def test_findings_in_files_there_have_their_place(made: RigTown) -> None:
    made.web.bead("web-a", depends_on=["web-no"])
    made.web.commit("dangling")
    (found,) = made.here.json("validate", code=1)["problems"]
    assert (found["code"], found["line"]) == ("dangling", 4)
    assert found["path"] == str(made.web.path / ".convoy/beads/web-a.yaml")


def test_a_file_closed_there_by_hand(made: RigTown) -> None:
    two_beads(made)
    made.here.ok("scan")
    made.web.bead("web-a", status="closed")
    tip = made.web.commit("done by hand")
    made.here.ok("scan")
    assert made.here.events()[3:] == [
        "done web-a", "dispatch gt-b to gt/polecat-1 (attempt 1)"
    ]  # fmt: skip
    (done,) = made.here.json("log", "--event", "done")["entries"]
    assert done["cause"] == tip
    made.web.bead("web-a", status="open")
    made.web.commit("not yet")
    assert made.here.json("why", "web-a")["status"] == "open"


def test_a_fact_of_the_ledger_and_a_person_who_speaks_there(made: RigTown) -> None:
    two_beads(made)
    made.here.ok("scan")
    made.here.ok("--actor", "web/polecat-1", "done", "web-a", "--no-code")
    assert made.here.json("why", "web-a")["source"] == "ledger"
    made.web.bead("web-a", status="blocked")
    made.web.commit("no")
    made.here.ok("scan")
    assert made.here.json("why", "web-a")["status"] == "blocked"
    assert made.here.events()[-1] == "reopen web-a"


@pytest.mark.parametrize(
    "words",
    [
        ("bead", "set", "web-a", "priority=0"),
        ("bead", "close", "web-a"),
        ("bead", "comment", "web-a", "hm"),
        ("bead", "defer", "web-a", "--until", "2030-01-01"),
        ("dep", "add", "web-a", "gt-b"),
    ],
)
def test_files_there_are_not_written_from_here(made: RigTown, words: tuple[str, ...]) -> None:
    two_beads(made, status="staged_ready")
    before = (made.there.head(), made.here.repo.head())
    error = made.here.error(*words)
    assert error["code"] == "other-repository"
    assert f"gitconvoy -C {made.web.path} bead" in error["hint"]
    assert (made.there.head(), made.here.repo.head()) == before
    assert made.there.status() == made.here.repo.status() == []


def test_commands_that_write_only_the_ledger(made: RigTown) -> None:
    two_beads(made)
    made.here.ok("scan")
    made.here.ok("--actor", "web/polecat-1", "fail", "web-a", "--reason", "no")
    made.here.ok("bead", "retry", "web-a")
    made.here.ok("unsling", "web-a")
    made.here.ok("sling", "web-a", "nux")
    made.here.ok("--actor", "web/nux", "done", "web-a", "--no-code")
    before = made.there.head()
    made.here.ok("bead", "reopen", "web-a")
    assert made.here.events()[-2] == "reopen web-a"
    assert made.there.head() == before
    assert made.there.status() == []


def test_planning_with_beads_of_both(made: RigTown) -> None:
    two_beads(made, status="staged_ready")
    staged = made.here.json("stage", FLOW)
    assert [[bead["id"] for bead in wave["beads"]] for wave in staged["waves"]] == [["web-a"], ["gt-b"]]
    assert "web-a" in made.here.repo.read(PLAN)
    made.here.ok("bead", "add", "More", "--id", "gt-c", "--depends-on", "web-a")
    made.here.ok("dep", "add", "gt-b", "gt-c")
    made.here.ok("add", FLOW, "gt-c")
    assert codes(made.here) == []
    assert "used before" in made.here.error("bead", "add", "Again", "--id", "web-a")["message"]
    made.here.ok("launch", FLOW, "--force")
    made.here.ok("--actor", "web/polecat-1", "done", "web-a", "--no-code")
    made.here.ok("tidy", "--archive")
    assert made.here.json("why", "web-a")["source"] == "ledger", "tidy leaves what lives elsewhere alone"


def test_the_pre_commit_hook_counts_waves_with_them(made: RigTown) -> None:
    two_beads(made)
    made.web.bead("web-0")
    made.web.bead("web-a", depends_on=["web-0"])
    made.web.commit("one more")
    made.here.convoy(FLOW, "web-a", "web-0", "gt-b", status="open")
    made.here.repo.git("add", "--all")
    assert made.here.hook("pre-commit").code == 0
    assert made.here.repo.git("show", f":{PLAN}").split("critical_path:")[1].split() == [
        "-", "web-0", "-", "web-a", "-", "gt-b"
    ]  # fmt: skip
    made.here.bead("gt-b", depends_on=["web-no"])
    made.here.repo.git("add", "--all")
    assert [problem.code for problem in made.here.hook("pre-commit").problems] == ["dangling"]


def test_a_cycle_through_both_is_found(made: RigTown) -> None:
    two_beads(made, status="staged_ready")
    made.web.bead("web-a", depends_on=["gt-b"])
    made.web.commit("a cycle")
    assert ("cycle", "error") in codes(made.here, code=1)
    assert "readable" in rules(made.here, "gt-b")


def test_parked_and_mixed_convoys(made: RigTown) -> None:
    two_beads(made)
    made.here.repo.write(".convoy/config.yaml", CONFIG + "    parked: true\n")
    made.here.commit("parked")
    assert "parked" in rules(made.here, "web-a")
    made.here.ok("scan")
    assert not [each for each in made.here.events() if each.startswith("dispatch")]


def test_planning_in_a_worktree_of_the_rig(made: RigTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_beads(made)
    worker = made.there.worktree(tmp_path / "worker", "convoy/web-a-1")
    monkeypatch.setenv("GITCONVOY_TOWN", str(made.here.path))
    monkeypatch.chdir(worker.path)
    town = made.here.repo.head()
    found = command("bead", "add", "Another part", "--id", "web-part", "--parent", "web-a")
    assert found.code == 0, found.err
    assert worker.exists("convoy/web-a-1:.convoy/beads/web-part.yaml")
    assert (made.here.repo.head(), made.here.repo.status()) == (town, [])
    worker.git("rm", "-r", "--quiet", ".convoy")
    worker.git("commit", "--quiet", "-m", "no plan here")
    refused = command("bead", "add", "Another part", "--id", "web-part2")
    assert refused.code == 1
    assert str(made.here.path) in refused.err


def command(*words: str) -> Answer:
    """Run a command where this process stands, without `-C`."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run_command(list(words))
    return Answer(code, out.getvalue(), err.getvalue())


def test_status_says_so_in_a_note(made: RigTown) -> None:
    two_beads(made)
    made.away()
    note = "the repository of the rig web cannot be used, so nothing of it is dispatched"
    assert any(each.startswith(note) for each in made.here.json("status")["notes"])


# --- the repository is away ------------------------------------------------------------------------------------------


def test_while_it_is_away(made: RigTown) -> None:
    two_beads(made)
    made.here.bead("gt-free")
    made.here.convoy("hq-cv-free", "gt-free", status="open")
    made.here.commit("another one")
    made.here.ok("scan")
    made.away()
    reason = f"the repository of the rig web cannot be used: there is no folder {made.web.path}"
    before = made.here.events()
    made.here.ok("scan")
    assert made.here.events() == before, "the attempt goes on, and nothing else is decided"
    assert rules(made.here, "web-a") == {"rig": reason}
    assert rules(made.here, "gt-b") == {"links": f"web-a cannot be seen: {reason}"}
    assert [each["bead"] for each in made.here.json("status", FLOW)["active"]] == ["web-a"]
    assert made.here.json("status", FLOW)["convoy"]["frozen_by"] == []
    assert "web-a" not in [each["id"] for each in made.here.json("ready")["beads"]]
    assert "gt-b" in [each["id"] for each in made.here.json("blocked")["beads"]]
    made.here.ok("--actor", "gt/polecat-1", "done", "gt-free", "--no-code")
    assert made.here.events()[-1] == "complete hq-cv-free"
    made.here.ok("--actor", "web/polecat-1", "done", "web-a", "--no-code")
    assert "links" in rules(made.here, "gt-b"), "nobody knows what its file says now"
    made.back()
    made.here.ok("scan")
    assert made.here.events()[-1] == "dispatch gt-b to gt/polecat-1 (attempt 1)"


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", FLOW), ("list", "--tree"), ("ready", "--all"), ("blocked",), ("stranded",),
        ("why", "web-a"), ("why", "gt-b"), ("bead", "list", "--all"), ("log",), ("logs", "web-a"), ("scan",),
        ("plan", FLOW), ("doctor",), ("validate",), ("mine",), ("dep", "tree", "gt-b"), ("feed",), ("tidy",),
        ("bead", "show", "web-a"), ("bead", "close", "web-a"), ("sling", "web-a"), ("unsling", "web-a"),
        ("bead", "retry", "web-a"), ("kill", "web-a"), ("land", FLOW), ("prime", "web-a"), ("workers",), ("check",),
        ("stage", FLOW), ("remove", FLOW, "web-a"), ("next", "--claim"), ("close", FLOW, "--force"),
        ("bead", "add", "x"), ("hooks", "install", "--rigs"), ("bead", "reopen", "web-a"),
        ("--actor", "web/polecat-1", "done", "web-a", "--no-code"), ("--actor", "web/polecat-1", "heartbeat", "web-a"),
        ("--actor", "web/polecat-1", "fail", "web-a", "--reason", "no"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_command_stumbles_over_it(made: RigTown, words: tuple[str, ...]) -> None:
    two_beads(made)
    made.here.ok("scan")
    made.away()
    answer = made.here.run(*words)
    assert answer.code in (0, 1, 5), answer.err
    assert "Traceback" not in answer.err
    assert "bug" not in answer.err


def test_completed_convoys_stay_complete(made: RigTown) -> None:
    two_beads(made)
    made.here.ok("scan")
    made.here.ok("--actor", "web/polecat-1", "done", "web-a", "--no-code")
    made.here.ok("--actor", "gt/polecat-1", "done", "gt-b", "--no-code")
    assert made.here.events()[-1] == f"complete {FLOW}"
    before = made.here.events()
    made.away()
    made.here.ok("scan")
    made.back()
    made.here.ok("scan")
    assert made.here.events() == before


def test_an_epic_waits_for_children_that_cannot_be_seen(made: RigTown) -> None:
    made.here.bead("gt-epic", type="epic")
    made.here.bead("gt-own", parent="gt-epic")
    made.here.bead("gt-lone", type="epic")
    made.here.bead("gt-only", parent="gt-lone", status="closed")
    made.here.bead("gt-after", depends_on=["gt-epic"])
    made.here.convoy(FLOW, "gt-own", "gt-after", status="open")
    made.here.commit("plan")
    made.web.bead("web-part", parent="gt-epic")
    made.web.commit("a part of it")
    made.here.ok("scan")
    made.away()
    made.here.ok("--actor", "gt/polecat-1", "done", "gt-own", "--no-code")
    assert made.here.json("why", "gt-epic")["status"] == "open"
    assert made.here.json("why", "gt-lone")["status"] == "closed", "it never had children there"
    assert "links" in rules(made.here, "gt-after")
    made.back()
    made.web.bead("web-part", parent="gt-epic", status="closed")
    made.web.commit("done")
    made.here.ok("scan")
    assert made.here.events()[-1] == "dispatch gt-after to gt/polecat-1 (attempt 1)"


def test_a_child_of_a_bead_that_cannot_be_seen(made: RigTown) -> None:
    made.web.bead("web-epic", type="epic", depends_on=["web-first"])
    made.web.bead("web-first")
    made.web.commit("there")
    made.here.bead("gt-a", parent="web-epic")
    made.here.convoy(FLOW, "gt-a", status="open")
    made.here.commit("here")
    assert "links" in rules(made.here, "gt-a")
    made.away()
    assert "web-epic" in rules(made.here, "gt-a")["readable"]


@pytest.mark.parametrize("state", ["empty", "no repository", "a folder inside of one", "no trunk", "sha256"])
def test_what_cannot_be_a_rigs_repository(made: RigTown, tmp_path: Path, state: str) -> None:
    two_beads(made)
    place = tmp_path / "odd"
    place.mkdir()
    odd = GitRepo(place)
    if state in ("empty", "no trunk"):
        odd.git("init", "--quiet")
        odd.config("gitconvoy.trunk", "main")
    if state == "no trunk":
        odd.commit("x")
        odd.git("branch", "--move", "other")
    if state == "sha256":
        odd.git("init", "--quiet", "--object-format=sha256")
    if state == "a folder inside of one":
        (made.web.path / "sub").mkdir()
        place = made.web.path / "sub"
    made.here.repo.config("gitconvoy.rig.web.path", str(place))
    assert "the repository of the rig web cannot be used" in rules(made.here, "web-a")["rig"]
    assert made.here.run("scan").code == 0
    assert codes(made.here) == [("elsewhere", "warning")] * 2


def test_a_path_that_leads_to_the_town_is_none(made: RigTown) -> None:
    made.here.repo.config("gitconvoy.rig.web.path", ".")
    made.here.bead("web-a")
    made.here.convoy(FLOW, "web-a", status="open")
    made.here.commit("plan")
    assert made.here.json("ready")["beads"][0]["id"] == "web-a"


def test_a_bare_repository_and_a_worktree(make_repo: MakeRepo, tmp_path: Path) -> None:
    made = rig_town(make_repo)
    two_beads(made)
    made.there.clone(tmp_path / "bare.git", "--bare")
    made.here.repo.config("gitconvoy.rig.web.path", str(tmp_path / "bare.git"))
    assert "web-a" in made.here.state().plan.beads
    made.there.worktree(tmp_path / "linked", "topic")
    made.here.repo.config("gitconvoy.rig.web.path", str(tmp_path / "linked"))
    assert made.here.state().plan.beads["web-a"].path == str(made.web.path / ".convoy/beads/web-a.yaml")


def test_a_rig_whose_repository_is_a_town_itself(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo)
    made.there.config("gitconvoy.wake", "false")
    made.web.ok("init", "--prefix", "web", "--no-hooks")
    made.web.bead("web-own")
    made.web.convoy("hq-cv-there", "web-own", status="open")
    two_beads(made)
    made.web.ok("scan")
    made.here.ok("scan")
    assert "dispatch web-own to web/polecat-1 (attempt 1)" in made.web.events()
    assert "dispatch web-a to web/polecat-1 (attempt 1)" in made.here.events()
    assert not [each for each in made.here.events() if "web-own" in each]


# --- clones that do not have it --------------------------------------------------------------------------------------


@pytest.fixture
def clone(make_repo: MakeRepo, tmp_path: Path) -> TownHelper:
    """A clone of a town whose rig is declared to be elsewhere, on a machine that does not have that."""
    made = rig_town(make_repo, elsewhere=True)
    two_beads(made, status="staged_ready")
    made.here.ok("stage", FLOW)
    made.here.bead("gt-x")
    made.here.bead("gt-y", depends_on=["gt-x"])
    made.here.convoy("hq-cv-own", "gt-x", "gt-y")
    made.here.commit("one without the rig")
    made.here.ok("tidy")
    assert codes(made.here) == []
    return TownHelper(made.here.repo.clone(tmp_path / "clone"))


def test_a_clone_without_it_warns(clone: TownHelper) -> None:
    found = clone.json("validate")["problems"]
    assert {(each["code"], each["severity"]) for each in found} == {("elsewhere", "warning")}
    assert {each["path"] for each in found} == {".convoy/beads/gt-b.yaml", f".convoy/convoys/{FLOW}.yaml"}
    assert all("git config gitconvoy.rig.web.path is not set" in each["message"] for each in found)
    assert codes(clone, "--at", "HEAD") == codes(clone, "--staged") == codes(clone)
    assert rules(clone, "web-a") == {
        "rig": "the repository of the rig web cannot be used: git config gitconvoy.rig.web.path is not set"
    }


def test_a_clone_without_it_leaves_plan_files_alone(clone: TownHelper) -> None:
    before = clone.repo.read(PLAN)
    clone.bead("gt-b", depends_on=["web-a", "gt-x"])
    clone.bead("gt-y", depends_on=[])
    clone.repo.git("add", "--all")
    result = clone.hook("pre-commit")
    assert result.code == 0
    assert result.lines == ("gitconvoy: rewrote .convoy/plans/hq-cv-own.yaml",)
    clone.ok("bead", "set", "gt-x", "priority=0")
    clone.ok("add", FLOW, "web-more")
    clone.commit("rest")
    clone.ok("tidy")
    assert clone.repo.read(PLAN) == before
    assert {code for code, _ in codes(clone)} == {"elsewhere"}


def test_without_the_declaration_it_is_an_error(clone: TownHelper) -> None:
    clone.repo.write(".convoy/config.yaml", CONFIG)
    assert {code for code, _ in codes(clone, code=1)} == {"dangling", "missing-tracked", "stale-plan"}


def test_other_prefixes_are_missing_all_the_same(clone: TownHelper) -> None:
    clone.bead("gt-b", depends_on=["gt-no", "web-a"])
    assert ("dangling", "error") in codes(clone, code=1)


def test_a_committed_file_names_no_path(made: RigTown) -> None:
    made.here.repo.write(".convoy/config.yaml", CONFIG + "    path: /etc\n")
    made.here.repo.git("add", "--all")
    refused = made.here.hook("pre-commit")
    assert refused.code == 1
    assert [problem.code for problem in refused.problems] == ["unknown-key"]
    made.here.repo.git("commit", "--quiet", "--no-verify", "-m", "hostile")
    made.here.repo.git("config", "--unset", "gitconvoy.rig.web.path")
    plan = made.here.state().plan
    assert plan.config_broken
    assert not plan.homes


def test_nothing_is_paid_where_no_rig_has_one(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo)
    made.here.repo.git("config", "--unset", "gitconvoy.rig.web.path")
    town: Any = Town.open(made.here.path)
    plan = town.plan()
    assert town.joined(plan) is plan
