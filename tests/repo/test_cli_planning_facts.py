"""`tidy` and `import`: facts of the ledger, and histories of beads, as ordinary commits (SPEC 1, 10)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


def finish(here: TownHelper) -> str:
    """A convoy of gt-a and gt-b that the ledger has seen to its end."""
    one = str(here.json("stage", "gt-a", "gt-b", "--launch")["convoy_id"])
    for bead in ("gt-a", "gt-b"):
        here.ok("--actor", "gt/polecat-1", "done", bead, "--no-code")
    return one


def test_tidy_writes_the_facts_as_one_commit(here: TownHelper) -> None:
    one = finish(here)
    head = here.repo.head()
    found = here.json("tidy")
    assert (found["beads"], found["convoys"]) == (["gt-a", "gt-b"], [one])
    assert here.repo.head("HEAD^") == head
    assert here.files() == [".convoy/beads/gt-a.yaml", ".convoy/beads/gt-b.yaml", f".convoy/convoys/{one}.yaml"]
    plan = here.state().plan
    assert {bead.status for bead in plan.beads.values()} == {"closed"}
    assert plan.convoys[one].status == "closed"
    assert plan.beads["gt-a"].data["closed_at"].endswith("Z")
    assert here.json("validate")["problems"] == []
    head = here.repo.head()
    assert here.json("tidy")["changed"] is False
    assert here.repo.head() == head


def test_tidy_keeps_outcomes(here: TownHelper) -> None:
    one = here.json("create", "Mountain", "gt-a", "--mountain")["id"]
    here.repo.write(".convoy/config.yaml", "prefix: gt\ndispatch: {max_attempts: 1}\n")
    here.commit()
    here.ok("launch", one)
    here.ok("--actor", "gt/polecat-1", "fail", "gt-a", "--reason", "cannot")
    assert here.json("bead", "show", "gt-a")["bead"]["outcome"] == "failed"
    here.ok("tidy")
    assert here.state().plan.beads["gt-a"].outcome == "failed"
    assert here.state().plan.convoys[one].data["outcome"] == "partial"


def test_tidy_goes_through_a_branch(here: TownHelper) -> None:
    one = finish(here)
    events = here.events()
    here.branch("tidy")
    here.ok("tidy")
    assert here.events() == events
    here.repo.git("switch", "--quiet", "main")
    assert here.state().plan.beads["gt-a"].status == "open"
    here.repo.git("merge", "--quiet", "tidy")
    here.ok("scan")
    assert here.json("status", one)["convoy"]["status"] == "closed"
    assert here.json("bead", "show", "gt-a")["bead"]["status_source"] == "file"


def test_tidy_archives_what_rests(here: TownHelper) -> None:
    here.bead("gt-e", type="epic")
    here.bead("gt-e1", parent="gt-e", status="closed")
    here.bead("gt-e2", parent="gt-e")
    here.bead("gt-late", depends_on=["gt-b"])
    here.commit()
    finish(here)
    head = here.repo.head()
    found = here.json("tidy", "--archive")
    assert (found["beads"], found["archived"]) == (["gt-a", "gt-b"], ["gt-a", "gt-b"])
    assert here.repo.head("HEAD^") == head
    assert {".convoy/archive/gt-a.yaml", ".convoy/beads/gt-a.yaml"} <= set(here.files())
    assert here.repo.status() == []
    assert here.json("validate")["problems"] == []
    assert here.json("bead", "show", "gt-late")["bead"]["blocked_by"] == []
    shown = here.json("bead", "show", "gt-a")["bead"]
    assert (shown["archived"], shown["status"]) == (True, "closed")
    here.ok("bead", "reopen", "gt-a")
    assert sorted(here.files()) == [".convoy/archive/gt-a.yaml", ".convoy/beads/gt-a.yaml"]


def test_tidy_without_a_ledger(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    answer = here.run("tidy")
    assert (answer.code, "no ledger" in answer.err) == (0, True)


def _link(holder: str, target: str, kind: str) -> dict[str, str]:
    return {"issue_id": holder, "depends_on_id": target, "type": kind}


RECORDS: tuple[dict[str, Any], ...] = (
    {"id": "bd-1", "title": "First", "status": "closed", "priority": 1, "issue_type": "task"},
    {
        "id": "bd-2",
        "title": "Second",
        "status": "open",
        "priority": 0,
        "issue_type": "patrol",
        "dependencies": [_link("bd-2", "bd-1", "blocks"), _link("bd-2", "bd-9", "blocks")],
    },
    {"id": "bd-3", "title": "Gone", "status": "tombstone", "issue_type": "task"},
    {
        "id": "hq-cv-old",
        "title": "Old convoy",
        "status": "open",
        "issue_type": "convoy",
        "dependencies": [_link("hq-cv-old", "bd-2", "tracks")],
    },
)
LINES = tuple(json.dumps(record) for record in RECORDS)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    file = tmp_path / "issues.jsonl"
    file.write_text("\n".join(LINES) + "\n")
    return file


def test_import_is_one_commit_with_counts(here: TownHelper, history: Path) -> None:
    head = here.repo.head()
    found = here.json("import", str(history))
    assert [found[key] for key in ("created", "updated", "unchanged", "tombstones")] == [3, 0, 0, 1]
    assert found["kept_links"]["dangling"] == 1
    assert found["warnings"]
    assert here.repo.head("HEAD^") == head
    assert here.repo.status() == []
    plan = here.state().plan
    assert plan.archive["bd-3"].tombstone
    assert plan.convoys["hq-cv-old"].status == "staged_warnings"
    assert plan.config.slingable("patrol") is False
    assert plan.config.rig_of("bd-1") is not None
    assert ".convoy/plans/hq-cv-old.yaml" in here.files()
    assert here.events() == []
    assert [problem["severity"] for problem in here.json("validate")["problems"]] == ["warning"]


def test_import_again_changes_nothing_and_a_newer_file_what_it_brings(here: TownHelper, history: Path) -> None:
    here.ok("import", str(history))
    head = here.repo.head()
    found = here.json("import", str(history))
    assert (found["changed"], found["unchanged"], found["commit"]) == (False, 3, None)
    assert here.repo.head() == head
    history.write_text(history.read_text().replace('"Second"', '"Second, better"'))
    found = here.json("import", str(history))
    assert (found["updated"], found["unchanged"]) == (1, 2)
    assert here.files() == [".convoy/beads/bd-2.yaml"]


def test_import_of_a_bad_line_changes_nothing(here: TownHelper, history: Path) -> None:
    history.write_text("\n".join((*LINES[:2], "{not json", '{"title":"no id"}')) + "\n")
    head = here.repo.head()
    error = here.error("import", str(history), code=3)
    assert [problem["line"] for problem in error["problems"]] == [3, 4]
    assert (here.repo.head(), here.repo.status()) == (head, [])


def test_import_needs_a_file_and_a_town(here: TownHelper, history: Path, tmp_path: Path) -> None:
    assert here.error("import", str(tmp_path / "nope.jsonl"))["code"] == "not-found"
    here.repo.git("rm", "-r", "--quiet", ".convoy")
    here.commit()
    assert here.error("import", str(history))["code"] == "no-plan"


def test_progress_is_silent_without_a_terminal(here: TownHelper, history: Path) -> None:
    answer = here.run("import", str(history), "--json")
    assert answer.code == 0
    assert answer.err == ""
