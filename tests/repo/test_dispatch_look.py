"""What the looking commands answer, now and at a commit; and what workers need not say (SPEC 8)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

FLOW = "hq-cv-flow"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b <- gt-c launched, gt-a done, gt-b in flight."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.bead("gt-c", depends_on=["gt-b"])
    made.convoy(FLOW, "gt-a", "gt-b", "gt-c")
    made.commit("plan")
    made.ok("launch", FLOW)
    made.ok("--actor", "gt/polecat-1", "done", "gt-a", "--reason", "all green")
    return made


def parts(here: TownHelper, *at: str) -> dict[str, str]:
    status = here.json("status", FLOW, *at)
    return {bead["id"]: bead["part"] for wave in status["waves"] for bead in wave["beads"]}


def ledger_commit(here: TownHelper, subject: str) -> str:
    return here.repo.git("log", "-1", f"--grep=^convoy: {subject}", "--format=%H", "convoy-ledger")


def test_status_of_one_convoy(here: TownHelper) -> None:
    status = here.json("status", FLOW)
    assert status["progress"] == {"total": 3, "closed": 1}
    active = status["active"]
    assert [(row["bead"], row["worker"], row["attempt"]) for row in active] == [("gt-b", "gt/polecat-1", 1)]
    assert [row["id"] for row in status["blocked"]] == ["gt-c"]
    assert parts(here) == {"gt-a": "closed", "gt-b": "active", "gt-c": "blocked"}
    assert here.json("status", "hq-cv-f")["convoy"]["id"] == FLOW, "a unique prefix is enough for reading"
    assert here.error("status", "hq-cv-x")["code"] == "not-found"
    assert here.error("status", "gt-a")["code"] == "not-found"


def test_for_people(here: TownHelper) -> None:
    text = here.ok("status", FLOW)
    assert "Wave 1  1/1" in text
    assert "gt/polecat-1, attempt 1" in text
    assert "gt-b is not closed" in text
    overview = here.ok("status")
    assert "] 1/3" in overview
    assert "Active:" in overview
    assert here.ok("list") == f"{FLOW}\topen\t1/3\tTitle of {FLOW}\n"
    assert "gt-c" in here.ok("list", "--tree")
    assert here.ok("blocked").startswith("gt-c\tTitle of gt-c\tgt-b is not closed")
    assert "nothing is ready" in here.ok("ready")
    assert "no convoy is stranded" in here.ok("stranded")
    why = here.ok("why", "gt-c")
    assert "NO\tlinks\tgt-b is not closed" in why
    assert "Next: see what holds up gt-b" in why
    assert "\x1b" not in text + overview + why, "colour is for terminals"


def test_titles_cannot_act_on_a_terminal(here: TownHelper) -> None:
    here.bead("gt-a", title='"red \\e[31m"')
    here.commit("a nasty title")
    for words in (["status", FLOW], ["list", "--tree"], ["why", "gt-a"], ["status"]):
        assert "\x1b" not in here.ok(*words)


def test_at_a_trunk_commit(here: TownHelper) -> None:
    planned = here.repo.head()
    here.bead("gt-b", depends_on=["gt-a"], status="closed")
    here.commit("closed by hand")
    here.ok("scan")
    assert parts(here) == {"gt-a": "closed", "gt-b": "closed", "gt-c": "active"}
    assert parts(here, "--at", planned) == {"gt-a": "closed", "gt-b": "active", "gt-c": "blocked"}
    assert parts(here, "--at", "main~1") == parts(here, "--at", planned)
    assert here.error("status", FLOW, "--at", "main~2")["code"] == "not-found", "that commit has no such convoy"
    assert here.error("status", "--at", "no-such-branch")["code"] == "not-found"


def test_at_a_ledger_commit(here: TownHelper) -> None:
    launched = ledger_commit(here, f"launch {FLOW}")
    assert parts(here, "--at", launched) == {"gt-a": "ready", "gt-b": "blocked", "gt-c": "blocked"}
    assert [row["id"] for row in here.json("ready", "--at", launched)["beads"]] == ["gt-a"]
    assert parts(here, "--at", f"{launched}~0") == parts(here, "--at", launched)
    dispatched = ledger_commit(here, "dispatch gt-a")
    assert parts(here, "--at", dispatched)["gt-a"] == "active"
    assert here.json("why", "gt-a", "--at", dispatched)["ledger"] == dispatched
    assert here.json("list", "--at", launched)["convoys"][0]["status"] == "open"
    begun = here.repo.git("rev-list", "--max-parents=0", "convoy-ledger")
    assert here.json("list", "--at", begun)["convoys"][0]["status"] == "staged_ready"
    mine = here.json("--actor", "gt/polecat-1", "mine", "--at", dispatched)
    assert [row["id"] for row in mine["beads"]] == ["gt-a"]


def test_at_any_other_commit(here: TownHelper) -> None:
    here.branch("topic")
    here.bead("gt-d")
    here.convoy(FLOW, "gt-a", "gt-b", "gt-c", "gt-d")
    here.commit("one more")
    assert parts(here, "--at", "topic")["gt-d"] == "ready", "its plan with today's ledger"
    assert parts(here, "--at", "topic")["gt-b"] == "active"
    assert "gt-d" not in parts(here)


def test_reading_writes_nothing(here: TownHelper) -> None:
    tip, refs = here.repo.head("convoy-ledger"), here.repo.git("for-each-ref")
    for words in (
        ["status"], ["status", FLOW], ["list", "--all", "--tree"], ["ready", "--all"], ["blocked"], ["stranded"],
        ["why", "gt-c"], ["log"], ["mine"], ["next"], ["status", "--at", tip],
    ):  # fmt: skip
        here.json(*words)
    assert here.repo.git("for-each-ref") == refs
    assert here.repo.status() == []


def test_log(here: TownHelper) -> None:
    entries = here.json("log")["entries"]
    assert [(entry["event"], entry["bead"], entry["from"], entry["to"]) for entry in entries] == [
        ("dispatch", "gt-b", None, "in_progress"),
        ("done", "gt-a", "in_progress", "closed"),
        ("dispatch", "gt-a", None, "in_progress"),
        ("launch", None, None, "open"),
        ("init", None, None, None),
        ("file", None, None, "staged_ready"),
    ]
    keys = {"commit", "at", "event", "convoy", "bead", "worker", "attempt", "cause", "actor", "from", "to"}
    assert all(keys <= set(entry) for entry in entries)
    done = entries[1]
    assert (done["actor"], done["attempt"], done["reason"]) == ("gt/polecat-1", 1, "all green")
    lines = here.ok("log").splitlines()
    assert lines[1].split("  ", 2)[2] == f"{'done':<9}  {'gt-a':<{len(FLOW)}}  gt/polecat-1  all green"
    assert lines[-1].endswith("Test Person  - -> staged_ready: plan")


def test_log_filters(here: TownHelper) -> None:
    def events(*words: str) -> list[str]:
        return [entry["event"] for entry in here.json("log", *words)["entries"]]

    assert events("--bead", "gt-a") == ["done", "dispatch"]
    assert events("--convoy", FLOW) == ["dispatch", "done", "dispatch", "launch", "file"]
    assert events("--convoy", "hq-cv-fl", "--limit", "1") == ["dispatch"]
    assert events("--event", "launch", "--event", "done") == ["done", "launch"]
    assert events("--event", "file") == ["file"]
    assert len(events("--since", "1h")) == len(events("--until", "now")) == 6
    assert len(events("--since", "yesterday", "--until", "2 days ago")) == len(events("--until", "1 hour ago")) == 0
    assert events("--reverse") == events()[::-1]
    assert events("--reverse", "-n", "2") == events()[1::-1], "the newest two, the older one first"
    assert events("--since", "2030-01-31") == ([] if time.time() < 1896048000 else events())
    assert here.error("log", "--event", "explosion", code=2)["code"] == "bad-value"
    assert here.error("log", "--since", "yesterday-ish", code=2)["code"] == "bad-time"
    assert here.error("log", "--until", "soon", code=2)["code"] == "bad-time"
    assert here.error("log", "--bead", "gt-")["code"] == "ambiguous"
    assert events("--bead", "gt-gone") == []


def test_log_tells_of_statuses_set_in_files(here: TownHelper) -> None:
    here.bead("gt-c", depends_on=["gt-b"], status="blocked")
    first = here.commit("wait for the vendor")
    here.bead("gt-c", depends_on=["gt-b"])
    second = here.commit("go on")
    found = here.json("log", "--bead", "gt-c")["entries"]
    assert [(entry["commit"], entry["event"], entry["from"], entry["to"]) for entry in found] == [
        (second, "file", "blocked", "open"),
        (first, "file", "open", "blocked"),
    ]
    assert (found[1]["actor"], found[1]["reason"], found[1]["convoy"]) == ("Test Person", "wait for the vendor", FLOW)
    assert [entry["commit"] for entry in here.json("log", "--bead", "gt-c", "--at", "main~1")["entries"]] == [first]


def test_why_names_the_commits(here: TownHelper) -> None:
    why = here.json("why", "gt-b")
    commits = {rule["rule"]: rule["commits"] for rule in why["rules"]}
    assert commits["live"] == [ledger_commit(here, "dispatch gt-b")]
    assert commits["tracked"] == [ledger_commit(here, f"launch {FLOW}")]
    assert [entry["event"] for entry in why["history"]] == ["dispatch"]
    assert here.error("why", "gt-x")["code"] == "not-found"
    assert here.error("why", "gt-")["code"] == "ambiguous"


def test_next_shows_and_claims(here: TownHelper) -> None:
    here.bead("gt-n", description="Do it well.", labels=["ui"])
    here.convoy("hq-cv-more", "gt-n", status="open")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n")
    here.commit("more")
    shown = here.json("next")
    assert (shown["bead"]["id"], shown["bead"]["labels"]) == ("gt-n", ["ui"])
    assert [shown[key] for key in ("worker", "attempt", "token", "commit")] == [None] * 4
    assert not here.ledger().bead("gt-n").live
    taken = here.json("--actor", "ada", "next", "--claim")
    assert (taken["bead"]["description"], taken["worker"], taken["attempt"]) == ("Do it well.", "ada", 1)
    assert taken["commit"] == here.repo.head("convoy-ledger")
    assert taken["token"] == here.ledger().bead("gt-n").token
    assert here.json("--actor", "ada", "next", "--claim")["bead"] is None
    assert "nothing is ready for you" in here.ok("next", "--claim")
    mine = here.json("--actor", "ada", "mine")["beads"]
    assert [(row["id"], row["token"]) for row in mine] == [("gt-n", taken["token"])]
    assert mine[0]["lease_until"]


def test_a_started_worker_need_not_name_itself(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    token = here.ledger().bead("gt-b").token or ""
    monkeypatch.setenv("GITCONVOY_BEAD", "gt-b")
    monkeypatch.setenv("GITCONVOY_TOKEN", token)
    assert here.json("heartbeat")["bead"] == "gt-b"
    answer = here.json("done", "--no-code")
    assert (answer["bead"], answer["status"]) == ("gt-b", "closed")
    monkeypatch.setenv("GITCONVOY_TOKEN", "of another attempt")
    assert here.error("fail", "gt-c")["code"] == "stale-token"


def test_writing_needs_the_exact_id(here: TownHelper) -> None:
    for words in (
        ["launch", "hq-cv-f"],
        ["close", "hq-cv-f"],
        ["pause", "hq-cv-f"],
        ["sling", "gt-"],
        ["unsling", "gt-"],
    ):
        error = here.error(*words)
        assert error["code"] == "not-found", words
    assert FLOW in here.error("pause", "hq-cv-f")["hint"]


def test_logs_of_work_that_nobody_started(here: TownHelper) -> None:
    error = here.error("logs", "gt-b")
    assert error["code"] == "not-found"
    assert "started workers" in error["hint"]


def test_from_linked_worktrees_and_folders(here: TownHelper, tmp_path: Path) -> None:
    """The same town from everywhere; what is left behind waits in the main worktree, which stays."""
    linked = TownHelper(here.repo.worktree(tmp_path / "linked", "topic"))
    assert linked.json("status", FLOW)["progress"] == {"total": 3, "closed": 1}
    linked.ok("--actor", "gt/polecat-1", "done", "gt-b")
    assert here.ledger().bead("gt-c").live
    assert linked.open().home() == here.path
    inside = here.path / "some" / "folder"
    inside.mkdir(parents=True)
    assert here.json("-C", str(inside), "status", FLOW)["progress"]["closed"] == 2
    bare = TownHelper(here.repo.clone(tmp_path / "bare.git", "--bare"))
    assert bare.json("status", FLOW)["progress"]["closed"] == 2
    assert bare.open().home() == tmp_path / "bare.git"


def test_unknown_rigs(here: TownHelper) -> None:
    assert here.error("ready", "--rig", "webb", code=2)["code"] == "bad-value"
    assert here.error("next", "--rig", "webb", code=2)["code"] == "bad-value"
    assert here.error("next", "--claim", "--rig", "webb", code=2)["code"] == "bad-value"
    assert here.json("ready", "--rig", "gt")["beads"] == []
