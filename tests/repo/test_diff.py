"""`gitconvoy diff`: the meaning of a change, from commits, a merge in memory, index and worktree (SPEC 6, 8)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b, and gt-c, gt-d <- gt-c, all in the open convoy hq-cv-1; nothing was dispatched."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.bead("gt-c")
    made.bead("gt-d", depends_on=["gt-c"])
    made.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", "gt-d", status="open")
    made.commit("plan")
    return made


def on(here: TownHelper, branch: str, bead: str, *targets: str, **fields: Any) -> None:
    """A branch off main on which a bead waits for these."""
    here.repo.git("switch", "--quiet", "-c", branch, "main")
    here.bead(bead, depends_on=list(targets), **fields)
    here.commit(branch)


def codes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["severity"], row["code"]) for row in found["findings"]]


def test_one_link(here: TownHelper) -> None:
    on(here, "topic", "gt-c", "gt-b")
    found = here.json("diff", "main..topic")
    assert found["ok"] is True
    assert found["findings"] == []
    assert [row["id"] for row in found["beads"]["changed"]] == ["gt-c"]
    assert found["links"] == {
        "added": [{"bead": "gt-c", "target": "gt-b", "type": "blocks", "gate": None, "blocking": True}],
        "cut": [],
    }
    (convoy,) = found["convoys"]
    assert convoy["waves"] == {
        "before": [["gt-a", "gt-c"], ["gt-b", "gt-d"]],
        "after": [["gt-a"], ["gt-b"], ["gt-c"], ["gt-d"]],
    }
    assert [(row["bead"], row["before"], row["after"]) for row in convoy["moves"]] == [("gt-c", 1, 3), ("gt-d", 2, 4)]
    assert convoy["critical_path"]["after"] == ["gt-a", "gt-b", "gt-c", "gt-d"]
    assert convoy["longest_chain"] == {"before": 2, "after": 4}
    assert [(row["id"], row["reason"]) for row in found["ready"]["removed"]] == [("gt-c", "gt-b is not closed")]


def test_nothing_changes(here: TownHelper) -> None:
    here.repo.write("code.txt", "code\n")
    here.commit("code")
    answer = here.run("diff", "HEAD~1")
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "no change of the plan")
    assert here.json("diff", "HEAD~1")["changed"] is False


def test_fields_convoys_and_settings(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "-c", "topic")
    here.bead("gt-a", title="Another", priority=0, description="More words")
    here.bead("gt-e", depends_on=["gt-d", {"id": "gt-a", "type": "relates-to"}])
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-b.yaml")
    here.convoy("hq-cv-1", "gt-a", "gt-c", "gt-d", "gt-e", status="open", priority=1)
    config = here.repo.read(".convoy/config.yaml")
    here.repo.write(".convoy/config.yaml", config + "\ndispatch:\n  max_workers: 1\n")
    here.commit("much")
    found = here.json("diff", "main")
    assert {kind: [row["id"] for row in rows] for kind, rows in found["beads"].items() if rows} == {
        "added": ["gt-e"],
        "removed": ["gt-b"],
        "changed": ["gt-a"],
    }
    assert {row["field"]: (row["before"], row["after"]) for row in found["beads"]["changed"][0]["fields"]} == {
        "title": ("Title of gt-a", "Another"),
        "priority": (None, 0),
        "description": (None, "More words"),
    }
    assert [(row["bead"], row["target"], row["type"]) for row in found["links"]["added"]] == [
        ("gt-e", "gt-a", "relates-to"),
        ("gt-e", "gt-d", "blocks"),
    ]
    assert [(row["bead"], row["target"]) for row in found["links"]["cut"]] == [("gt-b", "gt-a")]
    (convoy,) = found["convoys"]
    assert (convoy["change"], convoy["tracks"]) == ("changed", {"added": ["gt-e"], "removed": ["gt-b"]})
    assert convoy["fields"] == [{"field": "priority", "before": None, "after": 1}]
    assert found["settings"] == [{"field": "dispatch.max_workers", "before": 4, "after": 1}]


def test_what_would_be_dispatched_in_which_order_and_where(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "-c", "topic")
    here.bead("gt-c", status="closed")
    here.bead("gt-x", priority=0)
    here.bead("gt-y")
    here.bead("gt-z", touches=["src/"])
    here.convoy("hq-cv-2", "gt-x", "gt-y", "gt-z", status="open", priority=1, max_workers=2)
    here.commit("close, and a new convoy")
    found = here.json("diff", "main")
    assert [(row["order"], row["id"], row["rig"], row["worker"], row["new"]) for row in found["dispatch"]] == [
        (1, "gt-x", "gt", "gt/polecat-1", True),
        (2, "gt-y", "gt", "gt/polecat-2", True),
        (3, "gt-a", "gt", "gt/polecat-3", False),
        (4, "gt-d", "gt", "gt/polecat-4", True),
    ]
    assert [(row["id"], row["reason"]) for row in found["waiting"]] == [
        ("gt-z", "convoy hq-cv-2 is full: 2 of 2 in flight")
    ]
    assert [row["id"] for row in found["ready"]["added"]] == ["gt-x", "gt-y", "gt-z", "gt-d"]
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--ff-only", "topic")
    here.ok("scan")
    dispatched = [event.split()[1] for event in here.events() if event.startswith("dispatch ")]
    assert dispatched == ["gt-x", "gt-y", "gt-a", "gt-d"]


def test_two_clean_branches_that_make_a_cycle_together(here: TownHelper) -> None:
    on(here, "one", "gt-c", "gt-b")
    on(here, "two", "gt-a", "gt-d")
    assert here.json("diff", "main..one")["findings"] == []
    assert here.json("diff", "main..two")["findings"] == []
    before = here.repo.git("count-objects", "-v")
    found = here.json("diff", "main..one", "--merge", "two", code=1)
    (cycle,) = found["findings"]
    assert (cycle["severity"], cycle["code"], cycle["ids"]) == ("error", "cycle", ["gt-a", "gt-b", "gt-c", "gt-d"])
    assert cycle["together"] is True
    assert (cycle["path"], cycle["line"]) == (".convoy/beads/gt-b.yaml", 4)
    assert found["dispatch"] == []
    assert found["convoys"][0]["in_cycle"] == ["gt-a", "gt-b", "gt-c", "gt-d"]
    answer = here.run("diff", "main..one", "--merge", "two")
    assert "neither side has this alone: the merge makes it" in answer.out
    assert here.repo.git("count-objects", "-v") == before
    assert here.repo.status() == []


def test_a_merge_queue_keeps_what_the_trunk_got_meanwhile(here: TownHelper) -> None:
    on(here, "one", "gt-c", "gt-b")
    on(here, "two", "gt-a", title="Else")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-m")
    here.convoy("hq-cv-m", "gt-m", status="open")
    here.commit("meanwhile")
    before = here.repo.git("count-objects", "-v")
    for words in (["main..one", "--merge", "two"], ["main..two", "--merge", "one"]):
        found = here.json("diff", *words)
        assert {kind: [row["id"] for row in rows] for kind, rows in found["beads"].items() if rows} == {
            "changed": ["gt-a", "gt-c"]
        }
        assert [row["id"] for row in found["convoys"]] == ["hq-cv-1"]
    here.repo.git("switch", "--quiet", "one")
    assert [row["id"] for row in here.json("diff", "--merge", "two")["beads"]["changed"]] == ["gt-a", "gt-c"]
    said = here.run("diff", "main..one", "--merge", "two").out.splitlines()[0]
    assert said.endswith(f"{here.repo.git('rev-parse', 'two')[:10]}), both merged into it")
    markdown = here.run("diff", "main..one", "--merge", "two", "--format", "markdown").out
    assert re.search(r"From `main` \(\w+\) to `one` \(\w+\) and `two` \(\w+\), both merged into it\.", markdown)
    assert here.json("diff", "main..one", "--merge", "main~1")["beads"]["removed"] == []
    assert here.repo.git("count-objects", "-v") == before, "nothing of the merges is left"


def test_what_the_base_did_meanwhile_is_not_the_changes_fault(here: TownHelper) -> None:
    """The trunk has closed and deleted a convoy that older branches, and an older checkout, still have open."""
    opened = here.repo.head()
    on(here, "topic", "gt-a", title="Else")
    here.repo.git("switch", "--quiet", "main")
    here.convoy("hq-cv-1", "gt-a", "gt-b", "gt-c", "gt-d", status="closed")
    here.commit("closed")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-1.yaml")
    here.commit("gone")
    assert here.json("diff", "main..topic", "--merge", "main")["findings"] == []
    here.repo.git("switch", "--quiet", "topic")
    assert here.json("diff")["findings"] == []
    here.repo.git("switch", "--quiet", "--detach", opened)
    assert here.json("diff")["changed"] is False


def test_a_merge_queue_of_three_that_conflict(here: TownHelper) -> None:
    on(here, "one", "gt-a", title="One")
    on(here, "two", "gt-d", title="Two")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", title="Main")
    here.bead("gt-d", title="Main")
    here.commit("meanwhile")
    found = here.json("diff", "main..one", "--merge", "two", code=1)
    assert sorted(row["path"] for row in found["findings"] if row["code"] == "conflict") == [
        ".convoy/beads/gt-a.yaml",
        ".convoy/beads/gt-d.yaml",
    ]


def test_files_that_could_not_be_read_and_go(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-bad.yaml", "id: [\n")
    here.repo.write(".convoy/convoys/hq-cv-bad.yaml", "id: [\n")
    here.repo.git("add", "-A")
    here.repo.git("commit", "--quiet", "--no-verify", "-m", "broken")
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-bad.yaml", ".convoy/convoys/hq-cv-bad.yaml")
    here.commit("gone")
    found = here.json("diff", "HEAD~1")
    assert [row["id"] for row in found["beads"]["removed"]] == ["gt-bad"]
    assert [(row["id"], row["change"]) for row in found["convoys"]] == [("hq-cv-bad", "removed")]
    assert len(found["mended"]) == 2
    said = here.run("diff", "HEAD~1").out
    assert "1 bead removed, 1 convoy removed, 2 findings mended" in said
    assert here.run("diff", "HEAD~1", "--format", "markdown").out.startswith("### Plan: 1 bead removed")


def test_without_revisions_it_is_the_merge_into_the_trunk(here: TownHelper) -> None:
    on(here, "one", "gt-c", "gt-b")
    here.repo.git("switch", "--quiet", "main")
    here.bead("gt-a", depends_on=["gt-d"])
    here.commit("meanwhile")
    here.repo.git("switch", "--quiet", "one")
    found = here.json("diff", code=1)
    assert (found["base"]["rev"], found["head"]["rev"], found["merge"]["rev"]) == ("main", "HEAD", "main")
    assert codes(found) == [("error", "cycle")]
    assert [row["bead"] for row in found["links"]["added"]] == ["gt-c"]
    assert codes(here.json("diff", "main...one")) == []


def test_a_merge_that_conflicts(here: TownHelper) -> None:
    on(here, "one", "gt-b", "gt-a", title="One")
    here.repo.write("code.txt", "one\n")
    here.commit("code")
    on(here, "two", "gt-b", "gt-a", title="Two")
    here.repo.write("code.txt", "two\n")
    here.commit("code")
    found = here.json("diff", "main..one", "--merge", "two", code=1)
    assert [(row["code"], row["path"]) for row in found["findings"]] == [("conflict", ".convoy/beads/gt-b.yaml")]
    assert "1 file outside of .convoy/ cannot be merged either" in found["notes"]


def test_plan_files_never_conflict(here: TownHelper) -> None:
    here.ok("tidy")
    here.repo.git("commit", "--quiet", "--amend", "--no-edit", "--allow-empty")
    on(here, "one", "gt-c", "gt-b")
    here.ok("tidy")
    on(here, "two", "gt-d", "gt-b")
    here.ok("tidy")
    assert here.repo.run("merge-tree", "--write-tree", "one", "two").returncode == 1
    found = here.json("diff", "main..one", "--merge", "two")
    assert codes(found) == []
    assert [row["bead"] for row in found["links"]["added"]] == ["gt-c", "gt-d"]


def test_warnings_count_where_they_are_asked_to(here: TownHelper) -> None:
    on(here, "topic", "gt-c", "external:somewhere")
    assert codes(here.json("diff", "main")) == [("warning", "outside-blocker")]
    assert here.json("diff", "main", "--fail-on", "warning", code=1)["ok"] is True
    assert here.run("diff", "topic..topic", "--fail-on", "warning").code == 0


def test_what_is_mended_is_said(here: TownHelper) -> None:
    on(here, "topic", "gt-c", "gt-nowhere")
    assert codes(here.json("diff", "main", code=1)) == [("error", "dangling")]
    assert [row["code"] for row in here.json("diff", "topic..main")["mended"]] == ["dangling"]


def test_an_illegal_transition(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "-c", "topic")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-1.yaml")
    here.commit("gone")
    found = here.json("diff", "main", code=1)
    assert codes(found) == [("error", "convoy-transition")]
    assert found["convoys"][0]["status"] == {"before": "open", "after": None}


def test_attempts_that_it_concerns(repo: GitRepo) -> None:
    here = chain(repo)
    here.branch("topic")
    effects = {}
    changes: dict[str, dict[str, Any]] = {
        "text": {"description": "Something else"},
        "closed": {"status": "closed"},
        "blocked": {"depends_on": ["gt-x"]},
    }
    for name, change in changes.items():
        here.bead("gt-a", **change)
        here.commit(name)
        (row,) = here.json("diff", "main")["attempts"]
        assert (row["bead"], row["attempt"], row["worker"]) == ("gt-a", 1, "gt/polecat-1")
        effects[name] = row["effects"]
        here.repo.git("reset", "--quiet", "--hard", "main")
    assert effects == {
        "text": ["the change alters what its bead says: description"],
        "closed": ["the change closes its bead, which ends it as done"],
        "blocked": ["it would not be dispatched now: gt-x is not closed"],
    }
    here.repo.git("rm", "--quiet", ".convoy/beads/gt-a.yaml")
    here.commit("gone")
    assert here.json("diff", "main", code=1)["attempts"][0]["effects"] == ["its bead is removed"]


def test_a_convoy_that_cannot_be_read_is_not_told_as_gone(repo: GitRepo) -> None:
    here = chain(repo)
    here.branch("topic")
    here.repo.write(".convoy/convoys/hq-cv-1.yaml", "id: hq-cv-1\ntitle: [\n")
    here.commit("a slip")
    found = here.json("diff", "main", code=1)
    assert found["attempts"][0]["effects"][0] == "the file of its convoy hq-cv-1 cannot be read any more"
    assert [row["tracks"] for row in found["convoys"] if row["id"] == "hq-cv-1"] == [{"added": [], "removed": []}]


def test_an_attempt_that_ends_on_merge_makes_room(repo: GitRepo) -> None:
    here = chain(repo)
    config = here.repo.read(".convoy/config.yaml")
    here.repo.write(".convoy/config.yaml", config + "\ndispatch:\n  max_workers: 1\n")
    here.commit("one worker")
    here.branch("topic")
    here.bead("gt-a", status="closed")
    here.commit("done")
    found = here.json("diff", "main")
    assert [(row["id"], row["worker"]) for row in found["dispatch"]] == [("gt-b", "gt/polecat-1")]


def test_convoys_that_pause_close_or_let_go(repo: GitRepo) -> None:
    here = chain(repo)
    here.branch("topic")
    told = {}
    changes: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
        "paused": (("gt-a", "gt-b", "gt-c"), {"status": "open", "paused": True}),
        "closed": (("gt-a", "gt-b", "gt-c"), {"status": "closed"}),
        "let go": (("gt-b", "gt-c"), {"status": "open"}),
    }
    for name, (tracks, fields) in changes.items():
        here.convoy("hq-cv-1", *tracks, **fields)
        here.commit(name)
        told[name] = [effect for row in here.json("diff", "main")["attempts"] for effect in row["effects"]]
        here.repo.git("reset", "--quiet", "--hard", "main")
    assert told == {
        "paused": ["its convoy hq-cv-1 is paused: it may finish, and is not tried again"],
        "closed": ["its convoy hq-cv-1 closes: it may finish, and is not tried again"],
        "let go": ["convoy hq-cv-1 no longer tracks its bead: it may finish, and is not tried again"],
    }


def test_files_that_are_not_committed(here: TownHelper) -> None:
    here.bead("gt-c", depends_on=["gt-b"])
    assert here.json("diff", "--staged")["changed"] is False
    assert [row["bead"] for row in here.json("diff", "--worktree")["links"]["added"]] == ["gt-c"]
    here.repo.git("add", "--all")
    found = here.json("diff", "--staged")
    assert (found["head"], found["convoys"][0]["longest_chain"]["after"]) == ({"rev": "the index", "commit": None}, 4)
    assert here.error("diff", "main..HEAD", "--staged", code=2)["code"] == "options-clash"
    assert here.error("diff", "--worktree", "--staged", code=2)["code"] == "options-clash"


def test_files_that_cannot_be_read_on_either_side(here: TownHelper) -> None:
    here.repo.git("switch", "--quiet", "-c", "topic")
    here.repo.write(".convoy/beads/gt-c.yaml", "id: gt-c\ntitle: [\n")
    here.commit("broken")
    there = here.json("diff", "main..topic", code=1)
    assert [row["id"] for row in there["beads"]["unreadable"]] == ["gt-c"]
    assert there["findings"][0]["path"] == ".convoy/beads/gt-c.yaml"
    back = here.json("diff", "topic..main")
    assert [row["id"] for row in back["beads"]["changed"]] == ["gt-c"]
    here.repo.write(".convoy/config.yaml", "format: 99\n")
    here.commit("worse")
    assert here.json("diff", "main..HEAD", code=1)["dispatch"] == []


def test_a_merge_that_stopped_removes_nothing(here: TownHelper) -> None:
    for branch in ("one", "two"):
        here.repo.git("switch", "--quiet", "-c", branch, "main")
        here.bead("gt-a", title=branch)
        here.repo.write(".convoy/config.yaml", here.repo.read(".convoy/config.yaml") + f"prefix: {branch}\n")
        here.commit(branch)
    assert here.repo.run("merge", "--quiet", "one").returncode == 1
    found = here.json("diff", "--staged", code=1)
    assert codes(found) == [("error", "conflict"), ("error", "conflict")]
    assert {row["hint"] for row in found["findings"]} == {"resolve it, then `git add` it"}
    assert [row["id"] for row in found["beads"]["unreadable"]] == ["gt-a"]
    assert (found["beads"]["removed"], found["settings"]) == ([], [])
    assert {row["code"] for row in here.json("validate", "--staged", code=3)["problems"]} == {"conflict"}


def test_settings_that_cannot_be_read_are_no_new_settings(here: TownHelper) -> None:
    here.branch("topic")
    here.repo.write(".convoy/config.yaml", here.repo.read(".convoy/config.yaml") + "dispatch: [\n")
    here.commit("broken")
    for found in (here.json("diff", "main..topic", code=1), here.json("diff", "topic..main")):
        assert found["settings"] == []
    assert [row["id"] for row in here.json("diff", "main..topic", code=1)["ready"]["removed"]] == ["gt-a", "gt-c"]


def test_a_finding_about_a_whole_file_has_no_line(here: TownHelper) -> None:
    here.branch("topic")
    here.repo.git("rm", "--quiet", ".convoy/convoys/hq-cv-1.yaml")
    here.commit("gone")
    said = here.run("diff", "main..topic").out.splitlines()
    assert (
        ".convoy/convoys/hq-cv-1.yaml: error: convoy hq-cv-1 is open and cannot be deleted [convoy-transition]" in said
    )


def test_a_trunk_that_is_not_here(here: TownHelper) -> None:
    here.repo.git("branch", "--quiet", "--move", "main", "topic")
    said = here.run("diff")
    assert said.code == 1
    assert "the trunk (main) has no commit here" in said.err
    assert "gitconvoy.trunk" in said.err


def test_a_bare_clone_reads_the_ledger_of_the_remote(repo: GitRepo, tmp_path: Path) -> None:
    here = chain(repo)
    here.branch("topic")
    here.bead("gt-a", description="New words")
    here.commit("words")
    fresh = TownHelper(here.repo.clone(tmp_path / "fresh"))
    found = fresh.json("diff", "origin/main..HEAD")
    assert (found["ledger"]["source"], len(found["attempts"])) == ("remote", 1)
    bare = TownHelper(here.repo.clone(tmp_path / "bare.git", "--bare"))
    found = bare.json("diff", "main..topic")
    assert (found["ledger"]["source"], len(found["attempts"])) == ("local", 1)
    assert bare.error("diff", "--staged")["code"] == "bare"
    bare.repo.git("update-ref", "-d", "refs/heads/convoy-ledger")
    answer = bare.run("diff", "main..topic")
    assert "there is no ledger here" in answer.err
    assert bare.json("diff", "main..topic")["attempts"] == []


def test_a_shallow_clone_says_what_it_lacks(here: TownHelper, tmp_path: Path) -> None:
    on(here, "topic", "gt-c", "gt-b")
    on(here, "other", "gt-a", title="Else")
    clone = TownHelper(here.repo.clone(tmp_path / "shallow", "--depth", "1", "--branch", "topic"))
    said = clone.error("diff", "main..HEAD")
    assert (said["code"], "git fetch --unshallow" in said["hint"], "fetch-depth: 0" in said["hint"]) == (
        "not-found",
        True,
        True,
    )
    clone.repo.git("fetch", "--quiet", "--depth", "1", "origin", "other")
    for words in (["FETCH_HEAD...HEAD"], ["HEAD..HEAD", "--merge", "FETCH_HEAD"]):
        said = clone.error("diff", *words)
        assert (said["code"], "git fetch --unshallow" in said["hint"]) == ("no-merge-base", True)
    assert clone.json("diff", "FETCH_HEAD..HEAD")["changed"] is True


def test_revisions_that_mean_nothing(here: TownHelper) -> None:
    for words in (["nowhere"], ["main..nowhere"], ["--merge", "nowhere"], ["--merge=--upload-pack=x"]):
        assert here.error("diff", *words)["code"] == "not-found"
    assert '"code": "not-found"' in here.run("diff", "nowhere", "--format", "json").err
    assert "there is no commit '--output=x'" in here.run("diff", "--", "--output=x").err
    here.repo.git("switch", "--quiet", "--orphan", "apart")
    here.repo.git("commit", "--quiet", "--allow-empty", "-m", "apart")
    assert here.error("diff", "main...apart")["code"] == "no-merge-base"
    assert here.error("diff", "apart..apart")["code"] == "no-plan"
    assert [row["id"] for row in here.json("diff", "apart..main")["convoys"]] == ["hq-cv-1"]


def test_a_plan_behind_a_link_is_no_removed_plan(here: TownHelper) -> None:
    here.branch("linked")
    here.repo.git("mv", ".convoy", "elsewhere")
    (here.path / ".convoy").symlink_to("elsewhere")
    here.commit("a link")
    for words in ((), ("main..linked",), ("main..main", "--merge", "linked"), ("main", "--worktree")):
        error = here.error("diff", *words)
        assert (error["code"], "no folder in" in error["message"]) == ("not-a-file", True)
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "linked")
    assert [each["code"] for each in here.json("validate", code=3)["problems"]] == ["not-a-file"]
    assert "not-a-file" in here.run("validate", "--at", "HEAD").out
    assert here.json("diff", "main..main~1")["beads"]["added"], "mended, it can be told"
