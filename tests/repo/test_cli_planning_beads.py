"""`gitconvoy bead`: edits of bead files (SPEC 3.2, 8)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, chain, town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


@pytest.fixture
def planned(repo: GitRepo) -> TownHelper:
    return chain(repo)


def last_message(here: TownHelper) -> str:
    return here.repo.git("log", "-1", "--format=%s")


def test_add_commits_one_file_with_what_was_said(here: TownHelper) -> None:
    head = here.repo.head()
    made = here.json(
        "bead", "add", "Fix the login", "-t", "bug", "-p", "1", "-l", "ui", "-l", "api", "--touches", "src/**",
        "--description", "First line.\nSecond.", "--estimate", "30", "--due", "2030-01-31", "--assignee", "ada",
    )  # fmt: skip
    one = made["id"]
    assert here.repo.head("HEAD^") == head
    assert here.files() == [f".convoy/beads/{one}.yaml"]
    assert one in last_message(here)
    text = here.repo.read(f".convoy/beads/{one}.yaml")
    assert text.startswith("# yaml-language-server: $schema=../schemas/bead.schema.json\n")
    assert (here.path / ".convoy/beads" / "../schemas/bead.schema.json").resolve().is_file()
    bead = here.json("bead", "show", one)["bead"]
    assert (bead["type"], bead["priority"], bead["labels"]) == ("bug", 1, ["api", "ui"])
    assert (bead["description"], bead["estimate_minutes"], bead["assignee"]) == ("First line.\nSecond.", 30, "ada")
    assert here.repo.status() == []


def test_add_under_a_parent_with_links_and_a_convoy(here: TownHelper) -> None:
    epic = here.json("bead", "add", "Epic", "-t", "epic", "--id", "gt-e")["id"]
    first = here.json("bead", "add", "First", "--parent", epic, "--id", "gt-1")["id"]
    here.ok("create", "Work", first, "--id", "hq-cv-1")
    second = here.json(
        "bead", "add", "Second", "--parent", epic, "-d", first, "-d", "waits-for:gt-e", "--convoy", "hq-cv-1"
    )["id"]
    assert sorted(here.files()) == sorted(
        [f".convoy/beads/{second}.yaml", ".convoy/convoys/hq-cv-1.yaml", ".convoy/plans/hq-cv-1.yaml"]
    )
    assert here.json("plan", "hq-cv-1")["waves"] == [{"wave": 1, "beads": [first]}, {"wave": 2, "beads": [second]}]
    assert here.json("validate")["problems"] == []


def test_description_from_stdin(here: TownHelper) -> None:
    here.ok("bead", "add", "Read", "--id", "gt-r", "--description", "-", stdin="from a pipe\n")
    assert here.json("bead", "show", "gt-r")["bead"]["description"] == "from a pipe\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--id", "gt-a"), 1),
        (("--id", "GT-A"), 1),
        (("--id", "../x"), 2),
        (("--parent", "gt-nope"), 1),
        (("-d", "gt-nope"), 1),
        (("-t", "nonsense"), 1),
        (("-p", "7"), 2),
        (("--due", "soon"), 3),
        (("--convoy", "hq-cv-nope"), 1),
    ],
)
def test_add_refuses_what_cannot_be_and_changes_nothing(here: TownHelper, words: tuple[str, ...], code: int) -> None:
    here.ok("bead", "add", "There", "--id", "gt-a")
    head = here.repo.head()
    error = here.error("bead", "add", "New", *words, code=code)
    assert error["hint"] or error["code"] == "not-found"
    assert error["message"]
    assert (here.repo.head(), here.repo.status()) == (head, [])


def test_title_is_one_line_of_at_most_500_characters(here: TownHelper) -> None:
    here.bead("gt-a")
    here.commit("a bead")
    for title in ("two\nlines", "tab\there"):
        assert here.error("bead", "add", title, code=3)["problems"]
    for title, told in (("x" * 501, "has 501 characters, allowed are 1 to 500"), ("", "is empty"), ("  ", "is empty")):
        for words in (["bead", "add", title], ["bead", "set", "gt-a", f"title={title}"], ["create", title or " "]):
            error = here.error(*words, code=2)
            assert (error["code"], told in error["message"]) == ("bad-title", True), error
    assert here.repo.status() == []


def test_layouts_prefixes_types_and_statuses_of_the_config(here: TownHelper) -> None:
    here.repo.write(
        ".convoy/config.yaml",
        "prefix: gt\nlayout: fanout\nrigs: {gt: {}, web: {prefixes: [web, ui]}}\n"
        "types: {patrol: false, chore2: true}\nstatuses: {review: wip, shelved: frozen}\n",
    )
    here.commit()
    made = here.json("bead", "add", "Spread", "--prefix", "ui", "-t", "chore2")
    assert re.fullmatch(r"\.convoy/beads/[0-9a-f]{2}/ui-[0-9a-z]{5}\.yaml", made["files"][0])
    bead = here.json("bead", "show", made["id"])["bead"]
    assert (bead["rig"], bead["type"]) == ("web", "chore2")
    assert here.repo.read(made["files"][0]).startswith("# yaml-language-server: $schema=../../schemas/bead")
    here.ok("bead", "set", made["id"], "status=review")
    assert here.json("bead", "list", "--status", "review")["total"] == 1
    assert here.error("bead", "set", made["id"], "status=reviewed")["code"] == "unknown-status"
    child = here.json("bead", "add", "Child", "--parent", made["id"])["id"]
    assert child.startswith("ui-")


def test_set_changes_values_and_keeps_comments(here: TownHelper) -> None:
    here.repo.write(".convoy/beads/gt-s.yaml", "# why\nid: gt-s\ntitle: S  # short\nlabels: [b]\nx-mine: 1\n")
    here.commit()
    here.ok("bead", "set", "gt-s", "priority=0", "labels+=a", "metadata.team=red", "owner=ada")
    text = here.repo.read(".convoy/beads/gt-s.yaml")
    assert text.startswith("# why\nid: gt-s\ntitle: S  # short\n")
    bead = here.json("bead", "show", "gt-s")["bead"]
    assert (bead["priority"], bead["labels"], bead["metadata"], bead["x-mine"]) == (0, ["a", "b"], {"team": "red"}, 1)
    head = here.repo.head()
    assert here.json("bead", "set", "gt-s", "priority=0")["changed"] is False
    assert here.repo.head() == head
    assert here.error("bead", "set", "gt-s", "prority=0", code=2)["hint"] == "did you mean priority?"
    assert here.error("bead", "set", "gt-s", "priority=9", code=3)["problems"][0]["code"] == "schema"


def test_close_feeds_the_next_bead_without_hooks(planned: TownHelper) -> None:
    assert planned.json("bead", "show", "gt-a")["bead"]["status"] == "in_progress"
    done = planned.json("bead", "close", "gt-a", "--reason", "easy")
    assert [each["bead"] for each in done["dispatched"]] == ["gt-b"]
    assert planned.json("bead", "show", "gt-a")["bead"]["close_reason"] == "easy"
    assert planned.events()[-2:] == ["done gt-a", "dispatch gt-b to gt/polecat-1 (attempt 1)"]
    assert planned.repo.status() == []


def test_close_as_failed_blocks(planned: TownHelper) -> None:
    planned.ok("bead", "close", "gt-a", "--outcome", "failed")
    bead = planned.json("bead", "show", "gt-b")["bead"]
    assert bead["ready"] is False
    assert bead["blocked_by"][0]["id"] == "gt-a"
    assert planned.error("bead", "close", "gt-b", "--outcome", "great", code=2)["hint"]


def test_planning_needs_no_role(planned: TownHelper) -> None:
    planned.repo.config("gitconvoy.dispatch", "off")
    events = planned.events()
    done = planned.json("bead", "close", "gt-a")
    assert done["commit"] == planned.repo.head()
    assert planned.events() == events


def test_reopen_in_the_file_takes_the_closing_keys_away(planned: TownHelper) -> None:
    planned.ok("bead", "close", "gt-x", "--outcome", "duplicate", "--reason", "seen before")
    planned.ok("bead", "set", "gt-x", "assignee=ada")
    planned.ok("bead", "reopen", "gt-x")
    text = planned.repo.read(".convoy/beads/gt-x.yaml")
    for key in ("assignee", "outcome", "closed_at", "close_reason"):
        assert f"{key}:" not in text
    assert planned.json("bead", "show", "gt-x")["bead"]["status"] == "open"


def test_reopen_where_only_the_ledger_closed_it(planned: TownHelper) -> None:
    planned.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    assert planned.json("bead", "show", "gt-a")["bead"]["status"] == "closed"
    head = planned.repo.head()
    found = planned.json("bead", "reopen", "gt-a")
    assert planned.repo.head() == head
    assert "reopen" in [event["event"] for event in found["events"]]
    assert planned.json("bead", "show", "gt-a")["bead"]["status"] != "closed"


def test_reopen_in_the_ledger_needs_the_role(planned: TownHelper) -> None:
    planned.ok("--actor", "gt/polecat-1", "done", "gt-a", "--no-code")
    planned.repo.config("gitconvoy.dispatch", "off")
    error = planned.error("bead", "reopen", "gt-a")
    assert (error["code"], "gitconvoy.dispatch" in error["hint"]) == ("role", True)


def test_reopen_refuses_open_beads(planned: TownHelper) -> None:
    assert "not closed" in planned.error("bead", "reopen", "gt-x")["message"]


def test_retry_forgets_failures(planned: TownHelper) -> None:
    planned.ok("--actor", "gt/polecat-1", "fail", "gt-a", "--reason", "no")
    bead = planned.json("bead", "show", "gt-a")["bead"]
    assert (bead["failures"], bead["status"]) == (1, "open")
    head = planned.repo.head()
    found = planned.json("bead", "retry", "gt-a")
    assert [each["bead"] for each in found["dispatched"]] == ["gt-a"]
    assert planned.repo.head() == head
    assert planned.json("bead", "show", "gt-a")["bead"]["failures"] == 0
    assert planned.error("bead", "retry", "gt-x")["code"] == "no-failures"


def test_defer_and_back(planned: TownHelper) -> None:
    planned.ok("bead", "defer", "gt-x", "--until", "2999-01-01")
    bead = planned.json("bead", "show", "gt-x")["bead"]
    assert (bead["defer_until"], bead["status"]) == ("2999-01-01", "open")
    planned.ok("bead", "defer", "gt-x")
    assert planned.json("bead", "show", "gt-x")["bead"]["status"] == "deferred"
    planned.ok("bead", "defer", "gt-x", "--clear")
    bead = planned.json("bead", "show", "gt-x")["bead"]
    assert ("defer_until" in bead, bead["status"]) == (False, "open")
    assert planned.error("bead", "defer", "gt-x", "--until", "soon", code=2)["hint"]
    assert planned.error("bead", "defer", "gt-x", "--until", "2999-01-01", "--clear", code=2)["hint"]


def test_comment_keeps_who_said_what(planned: TownHelper) -> None:
    planned.ok("--actor", "ada", "bead", "comment", "gt-x", "Seen on staging too")
    planned.ok("bead", "comment", "gt-x", "-", stdin="two\nlines\n")
    comments = planned.json("bead", "show", "gt-x")["bead"]["comments"]
    assert [comment["text"] for comment in comments] == ["Seen on staging too", "two\nlines\n"]
    assert comments[0]["author"] == "ada"
    assert planned.error("bead", "comment", "gt-x", " ", code=2)["message"]


def editor(here: TownHelper, body: str) -> None:
    script = here.path.parent / "editor.sh"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    here.repo.config("core.editor", str(script))


def test_edit_commits_what_the_editor_made(planned: TownHelper) -> None:
    editor(planned, 'sed -i "s/Title of gt-x/A better title/" "$1"')
    planned.ok("bead", "edit", "gt-x")
    assert planned.json("bead", "show", "gt-x")["bead"]["title"] == "A better title"
    assert planned.files() == [".convoy/beads/gt-x.yaml"]
    editor(planned, ":")
    head = planned.repo.head()
    planned.ok("bead", "edit", "gt-x")
    assert planned.repo.head() == head


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ('echo "prio: 1" >>"$1"', 3),
        ('sed -i "s/^id: .*/id: gt-other/" "$1"', 3),
        ('printf "\\tx: 1\\n" >>"$1"', 3),
        ('echo "depends_on: [gt-x]" >>"$1"', 1),
    ],
)
def test_edit_that_cannot_stay_is_refused_and_kept(
    planned: TownHelper, change: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    editor(planned, change)
    before = planned.repo.read(".convoy/beads/gt-x.yaml")
    error = planned.error("bead", "edit", "gt-x", code=code)
    kept = Path(error["hint"].rpartition("kept in ")[2])
    assert kept.name == "gt-x.yaml"
    assert kept.read_text() != before
    assert planned.repo.read(".convoy/beads/gt-x.yaml") == before
    assert planned.repo.status() == []


def test_edit_with_an_editor_that_fails(planned: TownHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    editor(planned, "exit 3")
    assert planned.error("bead", "edit", "gt-x")["code"] == "editor"
    assert planned.repo.status() == []
