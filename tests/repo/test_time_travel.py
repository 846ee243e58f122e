"""`--at` with dates: what the trunk, the ledger and the repositories of rigs held then (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from gitfixtures import GitRepo
from rigtowns import rig_town
from townfixtures import TownHelper, town

from gitconvoy.model.clock import iso

FLOW = "hq-cv-flow"
DAY = 86_400
START = 4_000_000_000
"""After all that this machine's own clock dates."""


@contextmanager
def clock(moment: int) -> Iterator[None]:
    """What the ledger's clock says."""
    with mock.patch("time.time", return_value=float(moment)):
        yield


def commit(repo: GitRepo, moment: int, message: str = "a commit") -> str:
    """Commit everything as somebody whose clock says `moment`."""
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "-m", message, env={"GIT_COMMITTER_DATE": f"@{moment} +0000"})
    return repo.head()


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """gt-a <- gt-b, launched on the first day; nothing else happened."""
    made = town(repo)
    made.bead("gt-a")
    made.bead("gt-b", depends_on=["gt-a"])
    made.convoy(FLOW, "gt-a", "gt-b")
    commit(repo, START)
    with clock(START + 10):
        made.ok("launch", FLOW)
    return made


def parts(here: TownHelper, moment: int | str) -> dict[str, str]:
    at = moment if isinstance(moment, str) else iso(moment)
    status = here.json("status", FLOW, "--at", at)
    return {bead["id"]: bead["part"] for wave in status["waves"] for bead in wave["beads"]}


def trunk_at(here: TownHelper, moment: int) -> str:
    return str(here.json("status", "--at", iso(moment))["trunk"]["commit"])


def test_each_day_has_its_own_state(here: TownHelper) -> None:
    with clock(START + DAY):
        here.ok("--actor", "gt/polecat-1", "done", "gt-a")
    here.bead("gt-c")
    here.convoy(FLOW, "gt-a", "gt-b", "gt-c")
    commit(here.repo, START + 2 * DAY)
    with clock(START + 3 * DAY):
        here.ok("scan")
    first, second = {"gt-a": "active", "gt-b": "blocked"}, {"gt-a": "closed", "gt-b": "active"}
    assert parts(here, START + 10) == parts(here, START + DAY - 1) == first
    assert parts(here, START + DAY) == parts(here, START + 2 * DAY - 1) == second
    assert parts(here, START + 2 * DAY) == {**second, "gt-c": "ready"}
    assert parts(here, START + 3 * DAY) == {**second, "gt-c": "active"}
    assert [row["status"] for row in here.json("list", "--at", iso(START))["convoys"]] == ["staged_ready"]


def test_a_date_may_be_written_as_git_prints_it_or_told_from_now(here: TownHelper) -> None:
    raw = here.repo.git("log", "-1", "--format=%cd", "main")
    for text in (raw, here.repo.git("log", "-1", "--format=%ci", "main"), f"@{START}"):
        assert here.json("list", "--at", text)["convoys"][0]["status"] == "staged_ready", text
    with clock(START + 3 * DAY):
        assert parts(here, "2 days ago") == parts(here, "1d") == {"gt-a": "active", "gt-b": "blocked"}
        assert here.json("list", "--at", "3.days.ago")["convoys"][0]["status"] == "staged_ready"


def test_the_time_is_that_date(here: TownHelper) -> None:
    here.bead("gt-d", defer_until=iso(START + 2 * DAY))
    here.convoy("hq-cv-late", "gt-d", status="open")
    commit(here.repo, START + 20)
    assert here.json("ready", "--at", iso(START + DAY))["beads"] == []
    assert [bead["id"] for bead in here.json("ready", "--at", iso(START + 2 * DAY))["beads"]] == ["gt-d"]
    assert here.json("next", "--at", iso(START + 2 * DAY))["bead"]["id"] == "gt-d"
    assert here.error("next", "--claim", "--at", "now", code=2)["code"] == "options-clash"


def test_what_is_wrong_then(here: TownHelper) -> None:
    here.bead("gt-a", depends_on=["gt-b"])
    commit(here.repo, START + DAY)
    problems = here.json("validate", "--at", iso(START + DAY), code=1)["problems"]
    assert [problem["code"] for problem in problems if problem["severity"] == "error"] == ["cycle"]
    assert here.json("validate", "--at", iso(START))["ok"]


def test_a_trunk_is_where_the_ledger_saw_it(here: TownHelper) -> None:
    """A branch that is merged by a fast-forward brings commits that were made long before they were on the trunk."""
    before = here.repo.head("main")
    here.branch("topic")
    here.bead("gt-c")
    topic = commit(here.repo, START + DAY)
    with clock(START + 2 * DAY):
        here.ok("pause", FLOW)
    here.repo.git("switch", "--quiet", "main")
    here.repo.git("merge", "--quiet", "--ff-only", "topic")
    with clock(START + 4 * DAY):
        here.ok("resume", FLOW)
    assert trunk_at(here, START + DAY + 5) == before, "a day later the ledger still saw the commit before"
    assert trunk_at(here, START + 3 * DAY) == topic, "from then on only its date says anything"
    assert trunk_at(here, START + 5 * DAY) == topic


def test_a_clock_that_was_wrong_hides_nothing_that_was_decided_on(here: TownHelper) -> None:
    here.bead("gt-c")
    ahead = commit(here.repo, START + 100 * DAY, "a clock far ahead")
    with clock(START + DAY):
        here.ok("pause", FLOW)
    assert trunk_at(here, START + 2 * DAY) == ahead


def test_a_trunk_that_was_rewritten_since_is_read_from_the_ledger(here: TownHelper) -> None:
    decided = here.repo.head("main")
    here.bead("gt-z")
    here.repo.git("add", "--all")
    here.repo.git("commit", "--quiet", "--amend", "-m", "another plan", env={"GIT_COMMITTER_DATE": f"@{START} +0000"})
    status = here.json("status", "--at", iso(START + DAY))
    assert status["trunk"]["commit"] == decided
    assert here.error("bead", "show", "gt-z", "--at", iso(START + DAY))["code"] == "not-found"
    assert here.json("why", "gt-b", "--at", iso(START + DAY))["blocked_by"][0]["introduced"]["commit"] == decided


def test_before_all_history(here: TownHelper) -> None:
    error = here.error("status", "--at", "1999-12-31")
    assert error["code"] == "not-found"
    assert error["message"] == "the trunk (main) has no commit as old as 1999-12-31T00:00:00Z"
    begun = here.json("status", "--at", iso(START - 1))
    assert (begun["ledger"]["tip"], begun["convoys"]) == (None, [])
    assert here.json("log", "--at", iso(START - 1))["entries"] == []
    assert [entry["event"] for entry in here.json("log", "--at", iso(START))["entries"]] == ["file"]


def test_a_revision_goes_before_a_date(here: TownHelper) -> None:
    here.bead("gt-c")
    commit(here.repo, START + DAY)
    here.repo.git("branch", "2090-01-01", "main~1")
    assert "gt-c" not in {bead["id"] for bead in here.json("bead", "list", "--at", "2090-01-01")["beads"]}


def test_a_revision_that_is_searched_for(here: TownHelper) -> None:
    here.bead("gt-c")
    wanted = commit(here.repo, START + 100)
    here.bead("gt-d")
    commit(here.repo, START + 200, "another")
    assert here.json("status", "--at", ":/a commit")["trunk"]["commit"] == wanted
    assert here.error("status", "--at", ":/nothing of the kind")["code"] == "not-found"
    assert here.error("status", "--at", ":/")["code"] == "not-found"


@pytest.mark.parametrize("text", ["soon", "yesterday-ish", "", "--all", "2030-13-01", "main~99"])
def test_what_is_neither_a_revision_nor_a_time(here: TownHelper, text: str) -> None:
    error = here.error("status", "--at", text)
    assert error["code"] == "not-found"
    assert "2030-01-31" in error["hint"]


def test_notes_are_those_of_then(here: TownHelper) -> None:
    here.repo.config("gitconvoy.dispatch", "off")
    assert any("dispatches nothing" in line for line in here.json("status")["notes"])
    assert here.json("status", "--at", iso(START))["notes"] == here.json("status", "--at", "HEAD")["notes"] == []
    here.branch("topic")
    here.repo.write("README", "more\n")
    commit(here.repo, START + DAY)
    assert any("dispatches nothing" in line for line in here.json("status", "--at", "topic")["notes"]), "that is now"


def test_rigs_are_read_as_they_stood_then(make_repo: Callable[[str], GitRepo]) -> None:
    made = rig_town(make_repo)
    made.there.git("commit", "--quiet", "--amend", "-m", "begin", env={"GIT_COMMITTER_DATE": f"@{START - 1} +0000"})
    made.web.bead("web-a", title="As it was")
    commit(made.there, START)
    made.here.bead("gt-b", depends_on=["web-a"])
    planned = commit(made.here.repo, START + 10)
    made.web.bead("web-a", title="As it is", status="closed")
    commit(made.there, START + DAY)
    made.here.repo.write("README", "more\n")
    later = commit(made.here.repo, START + 2 * DAY)

    def seen(*at: str) -> tuple[str, str]:
        bead = made.here.json("bead", "show", "web-a", *at)["bead"]
        return bead["title"], bead["status"]

    assert seen() == seen("--at", later) == seen("--at", iso(START + DAY)) == ("As it is", "closed")
    assert seen("--at", planned) == seen("--at", iso(START + DAY - 1)) == ("As it was", "open")
    blocked = made.here.json("why", "gt-b", "--at", planned)["blocked_by"]
    assert [(each["id"], each["message"]) for each in blocked] == [("web-a", "web-a is not closed")]
    away = made.here.json("status", "--at", "main~2")["notes"]
    assert any("its trunk has no commit as old as" in line for line in away), away


def test_a_shallow_clone_says_what_it_lacks(here: TownHelper, make_repo: Callable[[str], GitRepo]) -> None:
    here.repo.write("README", "more\n")
    commit(here.repo, START + DAY)
    clone = TownHelper(here.repo.clone(here.path.with_name("clone"), "--depth", "1", "--no-single-branch"))
    for text in ("HEAD~1", iso(START - DAY)):
        assert "git fetch --unshallow" in clone.error("status", "--at", text)["hint"], text
    assert parts(clone, START + DAY) == {"gt-a": "active", "gt-b": "blocked"}
    assert clone.json("why", "gt-b")["blocked_by"][0]["introduced"] is None
    assert [entry["event"] for entry in clone.json("log")["entries"]] == ["dispatch"]
