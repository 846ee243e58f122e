"""Facts outlive files that cannot be read for a while, and odd settings and branches are named (SPEC 1, 3.1, 7)."""

from __future__ import annotations

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

WORKER = ("--actor", "gt/polecat-1")
OPEN = "id: gt-a\ntitle: A\nstatus: open\n"


@pytest.fixture
def busy(repo: GitRepo) -> TownHelper:
    """One bead at work."""
    made = town(repo)
    made.bead("gt-a", status="open")
    made.convoy("hq-cv-one", "gt-a", status="open")
    made.commit("plan")
    made.ok("scan")
    return made


@pytest.mark.parametrize("bad", ["id: gt-a\ntitle: [\nstatus: open\n", OPEN + "colour: red\n", None])
def test_a_fact_stands_though_the_file_could_not_be_read_when_it_was_written(busy: TownHelper, bad: str | None) -> None:
    if bad is None:
        busy.repo.git("rm", "--quiet", ".convoy/beads/gt-a.yaml")
    else:
        busy.repo.write(".convoy/beads/gt-a.yaml", bad)
    busy.commit("the file is no good for a while")
    busy.ok(*WORKER, "done", "gt-a")
    busy.repo.write(".convoy/beads/gt-a.yaml", OPEN)
    busy.commit("mended")
    busy.ok("scan")
    assert [event.split()[0] for event in busy.events()] == ["init", "launch", "dispatch", "done", "complete"]


def test_the_lease_of_an_ended_claim_goes_with_it(busy: TownHelper) -> None:
    folder = busy.path / ".git" / "gitconvoy" / "leases"
    busy.ok(*WORKER, "heartbeat", "gt-a")
    assert [file.name for file in folder.glob("gt-*")] == ["gt-a"]
    busy.ok(*WORKER, "done", "gt-a")
    assert list(folder.glob("gt-*")) == []


def test_retry_never_reopens_what_succeeded_in_the_end(busy: TownHelper) -> None:
    busy.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  backoff: 0s\n")
    busy.commit("quick retries")
    busy.ok(*WORKER, "fail", "gt-a", "--reason", "not yet")
    busy.ok(*WORKER, "done", "gt-a")
    before = busy.events()
    assert busy.error("bead", "retry", "gt-a")["code"] == "closed"
    assert busy.events() == before


def test_a_lease_of_no_time_is_refused(busy: TownHelper) -> None:
    busy.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  lease: 0s\n")
    answer = busy.run("validate")
    assert answer.code == 3
    assert ".convoy/config.yaml:4:" in answer.out + answer.err


def test_a_persons_commit_on_the_ledger_is_named_with_the_way_back(busy: TownHelper) -> None:
    good = busy.repo.head("convoy-ledger")
    busy.repo.git("switch", "--quiet", "convoy-ledger")
    busy.repo.write("notes.txt", "hello\n")
    busy.repo.git("add", "notes.txt")
    busy.repo.git("commit", "--quiet", "--no-verify", "-m", "note")
    busy.repo.git("switch", "--quiet", "main")
    error = busy.error("scan", code=3)
    assert "no event" in error["message"]
    assert f"git update-ref --no-deref refs/heads/convoy-ledger {good}" in error["hint"]
    busy.repo.git("update-ref", "refs/heads/convoy-ledger", good)
    busy.ok("scan")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("command", "sh -c {nope}", "unknown placeholder {nope}"),
        ("command", "run {0}", "unknown placeholder {0}"),
        ("command", "run {prompt_file:>10}", "unknown placeholder"),
        ("command", "'unbalanced", "cannot be split"),
        ("command", "   ", "is empty"),
        ("kind", "bogus", "kind is 'bogus'"),
        ("timeout", "soon", "not a duration"),
        ("onExit", "bogus", "onExit is 'bogus'"),
    ],
)
def test_a_wrong_dispatcher_is_named_and_dispatches_nothing(busy: TownHelper, key: str, value: str, said: str) -> None:
    busy.bead("gt-b", status="open")
    busy.repo.config("gitconvoy.dispatcher", "ag")
    busy.repo.config("gitconvoy.dispatcher.ag.command", "true")
    busy.repo.config(f"gitconvoy.dispatcher.ag.{key}", value)
    busy.convoy("hq-cv-one", "gt-a", "gt-b", status="open")
    busy.commit("more work")
    busy.ok("scan")
    assert not [event for event in busy.events() if event.startswith("dispatch gt-b")]
    answer = busy.run("status")
    assert said in answer.out + answer.err
    assert f"gitconvoy.dispatcher.ag.{key}" in answer.out + answer.err


def test_a_late_done_names_its_own_attempt_though_the_next_is_dispatched_by_it(busy: TownHelper) -> None:
    words = (*WORKER, "done", "gt-a", "--no-code")
    assert busy.json(*words)["attempt"] == 1
    for status in ("closed", "open"):
        busy.bead("gt-a", status=status)
        busy.commit(f"{status} by hand")
    again = busy.json(*words)
    assert (again["again"], again["attempt"]) == (True, 1)
    assert busy.ledger().bead("gt-a").attempt == 2
