"""Real workers on rigs with repositories of their own: worktrees, merging, death, a repository moved away (SPEC 7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from doctoring import what_is_left
from gitfixtures import GitRepo
from rigfixtures import FLOW, Rigs, rigs
from townfixtures import TownHelper, town
from waiting import until
from workshops import Workshop, alive, close_workshop, end

MakeRepo = Callable[[str], GitRepo]
WORK = """
commit(bead + ".txt", bead)
note("seen-" + bead, json.dumps([os.getcwd(), os.environ["GITCONVOY_TOWN"], os.environ["GITCONVOY_BRANCH"]]))
sys.exit(gitconvoy("done"))
"""


@pytest.fixture
def place(make_repo: MakeRepo) -> Rigs:
    """A town with the rigs api and ui."""
    return rigs(make_repo, "api", "ui")


@pytest.fixture
def shop(place: Rigs, tmp_path: Path) -> Iterator[Workshop]:
    """The workers of that town."""
    out = tmp_path / "out"
    out.mkdir()
    made = Workshop(place.here, out)
    yield made
    close_workshop(made)


def quiet(place: Rigs, shop: Workshop) -> None:
    """All processes are gone, and with them the worktrees."""
    shop.quiet()
    place.here.ok("scan")
    for repo in (place.here.repo, *place.repos.values()):
        assert len(repo.git("worktree", "list").splitlines()) == 1


def test_across_two_repositories_wave_after_wave(place: Rigs, shop: Workshop) -> None:
    shop.worker(WORK)
    place.plan("api-a", "api-b", "ui-a<api-a", "gt-a<ui-a", "api-c<ui-a,api-b")
    shop.event(f"complete {FLOW}")
    quiet(place, shop)
    for bead in ("api-a", "api-b", "api-c", "ui-a"):
        repo = place[bead.partition("-")[0]]
        assert repo.read(f"{bead}.txt") == bead
        assert place.here.ledger().bead(bead).merged_as in repo.git("rev-list", "--merges", "main").split()
    assert place.here.repo.read("gt-a.txt") == "gt-a"
    assert "status: closed" in place.here.repo.read(".convoy/beads/gt-a.yaml")
    seen = json.loads(shop.note("seen-ui-a"))
    assert seen == [str(place.worktree("ui-a")), str(place.here.path), "convoy/ui-a-1"]
    events = place.here.events()
    assert events.index("merged api-a") < events.index("dispatch ui-a to ui/polecat-1 (attempt 1)")
    assert sum(event.startswith("dispatch ") for event in events) == 5
    assert what_is_left(place.here.json("doctor")) == []
    for repo in place.repos.values():
        assert repo.status() == []
        repo.git("fsck", "--strict")


def test_settings_of_the_worktree_are_those_of_the_repository(place: Rigs, shop: Workshop, tmp_path: Path) -> None:
    api = place["api"]
    api.write(".env", "of the rig")
    api.write(".gitignore", ".env\nset-up\n")
    api.git("add", ".gitignore")
    api.git("commit", "--quiet", "-m", "ignore")
    place.here.repo.write(".git/info/exclude", ".env\n")
    place.here.repo.write(".env", "of the town")
    place.here.repo.config("gitconvoy.copy", ".gitattributes")
    for key, value in {
        "copy": ".env",
        "setup": "touch set-up",
        "branchPrefix": "bots/",
        "worktrees": "../trees",
    }.items():
        api.config(f"gitconvoy.{key}", value)
    shop.worker(
        'note("found", json.dumps([os.getcwd(), pathlib.Path(".env").read_text(), os.path.exists("set-up")]))\n' + WORK
    )
    place.plan("api-a")
    shop.event("merged api-a")
    assert json.loads(shop.note("found")) == [str(tmp_path / "trees" / "api-a-1"), "of the rig", True]
    assert place.here.ledger().bead("api-a").branch == "bots/api-a-1"
    quiet(place, shop)
    assert not (tmp_path / "trees" / "api-a-1").exists()


def test_a_bare_repository(place: Rigs, shop: Workshop, tmp_path: Path) -> None:
    bare = place["api"].clone(tmp_path / "api.git", "--bare")
    bare.git("remote", "remove", "origin")
    place.here.repo.config("gitconvoy.rig.api.path", str(bare.path))
    shop.worker(WORK)
    place.plan("api-a")
    shop.event("merged api-a")
    shop.quiet()
    assert bare.show("main", "api-a.txt") == "api-a"
    assert json.loads(shop.note("seen-api-a"))[0] == str(bare.path / "gitconvoy" / "worktrees" / "api-a-1")


def test_mr_is_proven_whoever_merges_it_there(place: Rigs, shop: Workshop) -> None:
    shop.worker(WORK)
    place.plan("api-a", "ui-a", "gt-a<ui-a", merge="mr")
    shop.event("submit api-a")
    shop.event("submit ui-a")
    shop.quiet()
    place["api"].git("merge", "--quiet", "--squash", "convoy/api-a-1")
    place["api"].git("commit", "--quiet", "-m", "squashed")
    place["ui"].git("merge", "--quiet", "--no-ff", "--no-edit", "convoy/ui-a-1")
    place.here.ok("scan")
    shop.event("merged api-a")
    shop.event("merged ui-a")
    shop.event("submit gt-a")
    assert not [event for event in place.here.events() if event.endswith("(attempt 2)")]
    quiet_rigs = [len(repo.git("worktree", "list").splitlines()) for repo in place.repos.values()]
    assert quiet_rigs == [1, 1]


def test_beads_that_live_there_are_closed_there_and_get_children(place: Rigs, shop: Workshop) -> None:
    for rig, needs in (("api", ()), ("ui", ("api-a",))):
        TownHelper(place[rig]).bead(f"{rig}-a", depends_on=needs)
        place[rig].commit("plan")
    shop.worker(
        dedent("""
        if bead == "api-a":
            note("child", gitconvoy("bead", "add", "Look again", "--parent", bead))
        """)
        + WORK
    )
    place.plan("api-a!", "ui-a!", "gt-a<ui-a")
    shop.event(f"complete {FLOW}")
    quiet(place, shop)
    assert shop.note("child") == "0"
    for rig in ("api", "ui"):
        assert "status: closed" in place[rig].show("main", f".convoy/beads/{rig}-a.yaml")
        assert place[rig].read(f"{rig}-a.txt") == f"{rig}-a"
        assert place[rig].status() == []
    (child,) = [bead for bead in place.here.state().plan.beads if bead.startswith("api-") and bead != "api-a"]
    assert "Look again" in place["api"].show("main", f".convoy/beads/{child}.yaml")
    assert place.here.repo.git("log", "--format=%s", "main").splitlines()[0] == "Merge gt-a: Title of gt-a"
    assert place.here.json("why", child)["status"] == "open"


def test_killed_in_a_worktree_of_a_rig_it_is_dispatched_once_more(place: Rigs, shop: Workshop) -> None:
    shop.worker(
        dedent("""
        if attempt == "1":
            commit("half.txt", "half")
            note("begun")
            time.sleep(600)
        """)
        + WORK
    )
    place.dispatch |= {"backoff": "1s"}
    place.plan("api-a")
    shop.note("begun")
    worker = int(shop.note("api-a-1"))
    end(shop.supervisor("api-a"))
    shop.let_the_lease_run_out("api-a")
    shop.scan_for("expire api-a")
    until(lambda: not alive(worker), "the end of the orphaned worker")
    until(lambda: place.here.ok("scan") is not None and "merged api-a" in place.here.events(), "the second attempt")
    shop.quiet()
    dispatches = [event[-11:] for event in place.here.events() if event.startswith("dispatch ")]
    assert dispatches == ["(attempt 1)", "(attempt 2)"]
    assert place["api"].git("log", "-1", "--format=%s", "convoy/api-a-1") == "work on api-a", "the old branch is kept"
    assert "half.txt" not in place["api"].git("ls-tree", "--name-only", "main")


def test_a_repository_that_is_moved_away_and_comes_back(place: Rigs, shop: Workshop) -> None:
    shop.worker(
        dedent("""
        if bead == "api-a":
            commit("early.txt", "early")
            note("begun")
            while not (out / "go").exists():
                time.sleep(0.05)
            while gitconvoy("done"):
                note("refused")
                time.sleep(0.2)
            sys.exit(0)
        """)
        + WORK
    )
    place.plan("api-a", "api-b<ui-a", "ui-a", "ui-b<ui-a", "ui-c<api-a")
    shop.note("begun")
    back = place.move("api")
    shop.event("merged ui-b")
    place.here.ok("scan")
    found = place.here.json("why", "api-b")
    assert [row["ok"] for row in found["rules"] if row["rule"] == "rig"] == [False]
    assert "the repository of the rig api cannot be used: there is no folder" in json.dumps(found)
    assert "cannot be used" in place.here.ok("status")
    (shop.out / "go").write_text("")
    shop.note("refused")
    assert place.here.ok("logs", "api-a").count("the repository of the rig api cannot be used") >= 1
    for words in (("ready",), ("scan",), ("workers",), ("stranded",), ("logs", "api-a")):
        assert "Traceback" not in "".join(map(str, place.here.run(*words)))
    record = place.here.ledger().bead("api-a")
    assert (record.in_flight, record.attempt) == (True, 1), "the live attempt is left alone"
    assert not [event for event in place.here.events() if event.startswith(("expire", "fail", "requeue", "dispatch-f"))]
    back()
    place.here.ok("scan")
    shop.event(f"complete {FLOW}")
    quiet(place, shop)
    assert place["api"].read("early.txt") == "early"
    assert place["api"].read("api-b.txt") == "api-b"
    assert not [event for event in place.here.events() if event.endswith("(attempt 2)")]


def test_a_worker_that_ends_well_while_it_is_away_is_not_at_fault(place: Rigs, shop: Workshop) -> None:
    shop.worker(
        """
        commit("early.txt", "early")
        note("begun")
        while not (out / "go").exists():
            time.sleep(0.05)
        """,
        onExit="done",
    )
    place.plan("api-a")
    shop.note("begun")
    back = place.move("api")
    (shop.out / "go").write_text("")
    until(lambda: "asks" in [row["state"] for row in place.here.json("workers")["workers"]], "the question")
    shop.quiet()
    record = place.here.ledger().bead("api-a")
    assert record.in_flight
    back()
    place.here.ok("done", "api-a", "--token", record.token or "")
    assert place["api"].read("early.txt") == "early"


@pytest.mark.parametrize("how", ["refused by done", "during the check"])
def test_a_worker_that_cannot_hand_in_while_it_is_away_is_not_at_fault(
    place: Rigs, shop: Workshop, tmp_path: Path, how: str
) -> None:
    go = shop.out / "go"
    waiting = f"touch {shop.out}/begun; while [ ! -e {go} ]; do sleep 0.05; done"
    if how == "during the check":
        check = tmp_path / "check.sh"
        check.write_text(f"{waiting}\n")
        place.here.repo.config("gitconvoy.rig.api.verify", f"sh {check}")
        shop.worker(WORK)
    else:
        shop.worker(WORK.replace("note(", f"subprocess.run({waiting!r}, shell=True)\nnote(", 1))
    place.plan("api-a")
    shop.note("begun")
    back = place.move("api")
    go.write_text("")
    until(lambda: "asks" in [row["state"] for row in place.here.json("workers")["workers"]], "the question")
    shop.quiet()
    assert "the repository of the rig api cannot be used: there is no folder" in place.here.ok("logs", "api-a")
    back()
    (said,) = [row["note"] for row in place.here.json("workers")["workers"] if row["state"] == "asks"]
    assert "exit code 1 and the repository of the rig api cannot be used" in said
    record = place.here.ledger().bead("api-a")
    assert (record.in_flight, record.failures) == (True, 0)
    place.here.ok("done", "api-a", "--token", record.token or "")
    assert place["api"].read("api-a.txt") == "api-a"


def test_kill_and_land_while_it_is_away(place: Rigs, shop: Workshop, tmp_path: Path) -> None:
    place["api"].config("gitconvoy.worktrees", str(tmp_path / "trees"))
    shop.worker('commit("early.txt", "early"); note("begun"); time.sleep(600)')
    place.here.convoy(FLOW)
    place.plan("api-a")
    shop.note("begun")
    back = place.move("api")
    place.here.ok("kill", "api-a")
    shop.event("kill api-a")
    shop.quiet()
    assert (tmp_path / "trees" / "api-a-1").exists(), "nobody can tell what would be lost with it"
    answer = place.here.run("close", FLOW, "--force")
    assert "Traceback" not in answer.out + answer.err
    assert any(row["check"] == "rig" for row in place.here.json("doctor", "--fix", code=1)["findings"])
    back()
    assert place["api"].exists("convoy/api-a-1")
    found = what_is_left(place.here.json("doctor"))
    assert [row["severity"] for row in found] == ["note"], "its commit is merged nowhere"


def test_worktrees_of_another_town_in_the_same_repository_are_none_of_ours(
    place: Rigs, shop: Workshop, make_repo: MakeRepo, tmp_path: Path
) -> None:
    shop.worker('note("begun"); time.sleep(600)')
    place.plan("api-a")
    shop.note("begun")
    there = place.worktree("api-a")
    own = town(place["api"], prefix="api")
    other = town(make_repo("other"))
    other.repo.config("gitconvoy.rig.api.path", str(place["api"].path))
    other.repo.write(
        ".convoy/config.yaml", "format: 1\nprefix: gt\nrigs:\n  gt:\n    prefixes: [gt]\n  api:\n    prefixes: [api]\n"
    )
    other.commit("plan")
    for helper in (own, other):
        assert [row["subject"] for row in what_is_left(helper.json("doctor", "--fix"))] == []
    assert there.is_dir()
    place.here.ok("kill", "api-a")
