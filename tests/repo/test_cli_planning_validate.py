"""`gitconvoy validate` and `schema`: every complaint with its place and remedy, and the right exit code (SPEC 3, 8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.commit("plan")
    return made


def codes(here: TownHelper, *words: str, code: int = 0) -> list[str]:
    found = here.json("validate", *words, code=code)
    assert found["ok"] is (not any(problem["severity"] == "error" for problem in found["problems"]))
    return [problem["code"] for problem in found["problems"]]


def test_all_is_well(here: TownHelper) -> None:
    assert here.json("validate") == {"schema_version": 1, "ok": True, "problems": []}
    assert here.ok("validate") == "all is well\n"


def test_places_messages_and_hints(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\npriorty: 1\nlabels:\n  - ok\n  - 7\n")
    found = here.json("validate", code=3)["problems"]
    assert [(p["line"], p["column"], p["code"]) for p in found] == [(3, 1, "unknown-key"), (6, 5, "schema")]
    assert set(found[0]) == {"path", "line", "column", "severity", "code", "message", "hint"}
    assert "priority" in found[0]["message"] + found[0]["hint"]
    lines = here.run("validate").out.splitlines()
    assert lines[0].startswith(".convoy/beads/gt-a.yaml:3:1: error: ")
    assert lines[0].endswith(" [unknown-key]")
    assert lines[1].startswith("  hint: ")
    assert lines[-1] == "2 errors"


def test_graph_errors_end_with_1_and_point_at_the_link(here: TownHelper) -> None:
    here.bead("gt-a", depends_on=["gt-b"])
    found = here.json("validate", code=1)["problems"]
    assert [(p["code"], p["path"], p["line"]) for p in found] == [("cycle", ".convoy/beads/gt-b.yaml", 4)]
    here.bead("gt-a", depends_on=["gt-nope"], parent="gt-gone")
    assert codes(here, code=1) == ["dangling", "parent-dangling"]


def test_warnings_alone_end_with_0(here: TownHelper) -> None:
    here.bead("zz-1")
    assert codes(here) == ["no-rig"]
    assert here.ok("validate").splitlines()[-1] == "1 warning"


def test_tracked_twice(here: TownHelper) -> None:
    here.convoy("hq-cv-1", "gt-a")
    here.convoy("hq-cv-2", "gt-a")
    here.ok("tidy", "--no-commit")
    assert codes(here, code=1) == ["tracked-twice"]
    here.convoy("hq-cv-1", "gt-a", status="closed")
    here.repo.git("add", ".")
    assert "tracked-twice" not in codes(here, code=1)


def test_tracked_twice_without_a_ledger_at_hand_is_a_warning(here: TownHelper, tmp_path: Path) -> None:
    here.convoy("hq-cv-1", "gt-a")
    here.convoy("hq-cv-2", "gt-a")
    here.commit()
    clone = TownHelper(here.repo.clone(tmp_path / "ci"))
    found = clone.json("validate")["problems"]
    assert ("tracked-twice", "warning") in [(p["code"], p["severity"]) for p in found]


def test_tracked_twice_goes_by_the_ledger(here: TownHelper) -> None:
    here.ok("create", "One", "gt-a", "--id", "hq-cv-1")
    here.ok("launch", "hq-cv-1")
    here.ok("close", "hq-cv-1", "--force")
    here.ok("create", "Two", "gt-a", "--id", "hq-cv-2")
    assert here.state().plan.convoys["hq-cv-1"].status == "staged_ready"
    assert codes(here) == []


def test_stale_plan_files_are_warnings_with_a_remedy(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-a", "gt-b")["id"]
    path = f".convoy/plans/{one}.yaml"
    fresh = here.repo.read(path)
    here.repo.write(path, "waves: []\n")
    found = here.json("validate")["problems"]
    assert [(p["code"], p["path"], p["severity"]) for p in found] == [("stale-plan", path, "warning")]
    assert "gitconvoy tidy" in found[0]["hint"]
    (here.path / path).unlink()
    assert "missing" in here.json("validate")["problems"][0]["message"]
    here.repo.write(path, fresh)
    here.repo.write(".convoy/plans/hq-cv-gone.yaml", fresh)
    assert "gone" in here.json("validate")["problems"][0]["message"]


def test_transitions_against_head(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-a", "gt-b")["id"]
    here.ok("set", one, "status=open")
    path = f".convoy/convoys/{one}.yaml"
    here.repo.write(path, here.repo.read(path).replace("status: open", "status: staged_ready"))
    found = here.json("validate", code=1)["problems"]
    assert [p["code"] for p in found] == ["convoy-transition"]
    assert found[0]["line"] == here.repo.read(path).splitlines().index("status: staged_ready") + 1
    assert codes(here, "--staged") == []
    here.repo.git("add", path)
    assert codes(here, "--staged", code=1) == ["convoy-transition"]
    here.commit("in spite of it")
    assert codes(here) == []


def test_staged_worktree_and_revision_are_three_things(here: TownHelper) -> None:
    good = here.repo.head()
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\n")
    here.repo.git("add", ".")
    here.bead("gt-a")
    assert codes(here) == []
    assert codes(here, "--staged", code=3) == ["schema"]
    here.repo.git("commit", "--quiet", "-m", "bad")
    assert codes(here, "--at", "HEAD", code=3) == ["schema"]
    assert codes(here, "--at", good) == []
    assert here.error("validate", "--at", "nope")["code"] == "not-found"
    assert here.error("validate", "--at", "--all")["code"] == "not-found"
    assert here.error("validate", "--at", "HEAD", "--staged", code=2)["hint"]


def test_ledger_commit_is_validated_by_the_plan_that_it_holds(here: TownHelper) -> None:
    here.convoy("hq-cv-1", "gt-a", status="open")
    here.ok("tidy", "--no-commit")
    here.commit()
    here.ok("scan")
    assert codes(here, "--at", "convoy-ledger") == []
    here.bead("gt-a", depends_on=["gt-nope"])
    here.commit()
    here.ok("unsling", "gt-a")
    found = here.json("validate", "--at", "convoy-ledger", code=1)["problems"]
    assert [(problem["code"], problem["path"]) for problem in found] == [
        ("dangling", ".convoy/beads/gt-a.yaml"),
        ("stale-plan", ".convoy/plans/hq-cv-1.yaml"),
    ]
    assert found[0]["line"] == 4


def test_conflicts_in_the_index_are_named(here: TownHelper) -> None:
    here.branch("side")
    here.bead("gt-a", title="Side")
    here.commit()
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", title="Main")
    here.commit()
    assert here.repo.run("merge", "side").returncode != 0
    assert "conflict" in codes(here, "--staged", code=3)
    found = here.json("validate", code=3)["problems"]
    assert (found[0]["code"], found[0]["line"]) == ("yaml-conflict", 2)


def test_a_merge_is_compared_with_each_parent(here: TownHelper) -> None:
    one = here.json("create", "One", "gt-a", "gt-b")["id"]
    here.branch("side")
    here.ok("bead", "add", "Beside")
    here.repo.git("switch", "--quiet", "main")
    here.ok("set", one, "status=open")
    assert here.repo.run("merge", "--no-commit", "--no-ff", "side").returncode == 0
    assert codes(here) == []
    path = f".convoy/convoys/{one}.yaml"
    here.repo.write(path, here.repo.read(path).replace("status: open", "status: staged_ready"))
    here.repo.git("add", path)
    assert codes(here, "--staged", code=1) == ["convoy-transition"]


def test_bare_repository_is_validated_at_its_trunk(here: TownHelper, tmp_path: Path) -> None:
    here.bead("gt-a", depends_on=["gt-nope"])
    here.commit()
    bare = TownHelper(here.repo.clone(tmp_path / "bare.git", "--bare"))
    assert codes(bare, code=1) == ["dangling"]


def test_validate_without_a_plan(repo: GitRepo) -> None:
    """A green check of the wrong place would be worse than none."""
    here = TownHelper(repo)
    for words in ([], ["--staged"], ["--at", "HEAD"]):
        error = here.error("validate", *words)
        assert (error["code"], "nothing was checked" in error["message"]) == ("no-plan", True)
        assert "gitconvoy init" in error["hint"]


def test_built_in_names_that_the_config_redefines_are_errors(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\nstatuses:\n  mine: wip\n  open: done\ntypes:\n  task: false\n")
    found = here.json("validate", code=3)["problems"]
    assert [(problem["line"], problem["column"], problem["severity"]) for problem in found] == [
        (4, 3, "error"),
        (6, 3, "error"),
    ]
    assert all("cannot be redefined" in problem["message"] for problem in found)


def test_a_lease_of_nothing_is_an_error(here: TownHelper) -> None:
    here.repo.write(".convoy/config.yaml", "format: 1\ndispatch:\n  lease: 0s\n")
    [problem] = here.json("validate", code=3)["problems"]
    assert (problem["line"], "at least 1s" in problem["message"]) == (3, True)


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00"])
def test_times_that_cannot_be_counted_are_errors_and_stop_no_command(here: TownHelper, time: str) -> None:
    here.bead("gt-a", defer_until=time)
    here.commit("a time")
    [problem] = [each for each in here.json("validate", code=3)["problems"] if each["code"] == "schema"]
    assert (problem["line"], "1970 and 9999" in problem["message"]) == (3, True)
    assert problem["hint"]
    for words in (["status"], ["ready", "--all"], ["blocked"], ["bead", "list"], ["scan"], ["list"], ["log"]):
        assert here.run(*words).code == 0, words
    assert here.error("bead", "defer", "gt-b", "--until", time, code=2)["code"] == "bad-time"


@pytest.mark.parametrize("char", ["\uffff", "\x07"])
def test_the_remedy_for_a_control_character_names_it_as_one_writes_it(here: TownHelper, char: str) -> None:
    here.repo.write(".convoy/beads/gt-a.yaml", f"id: gt-a\ntitle: a{char}b\n")
    [problem] = [each for each in here.json("validate", code=3)["problems"] if each["code"] == "yaml-control"]
    assert f'"{ascii(char)[1:-1]}"' in problem["hint"]


def test_schemas_are_printed(here: TownHelper) -> None:
    assert json.loads(here.ok("schema", "bead"))["title"] == "Bead"
    assert here.json("schema", "convoy")["schema"]["title"] == "Convoy"
    assert {"bead", "convoy", "plan", "config"} <= set(here.json("schema", "--list")["schemas"])
    assert here.error("schema", "nope")["code"] == "not-found"
    assert here.ok("schema", "bead") == here.repo.read(".convoy/schemas/bead.schema.json")


def test_a_file_that_an_editor_saved_with_crlf_is_as_git_stores_it(here: TownHelper) -> None:
    file = here.path / ".convoy/beads/gt-a.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    here.repo.git("add", "--renormalize", ".")
    [problem] = here.json("validate")["problems"]
    assert (problem["code"], problem["severity"], problem["line"]) == ("yaml-crlf", "warning", 1)
    assert "eol=lf" in problem["hint"]
    here.ok("bead", "set", "gt-a", "priority=1")
    assert b"\r" not in file.read_bytes()
    assert here.json("validate")["problems"] == []
    assert here.repo.status() == []
