"""From launch to completion with real git: dispatch commits, waves, failures, leases, steering (SPEC 4, 7)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from gitfixtures import GitRepo
from townfixtures import TownHelper, town
from waiting import until

from gitconvoy.dispatch import leases
from gitconvoy.engine import facts, settle
from gitconvoy.engine.draft import Draft
from gitconvoy.engine.local import START
from gitconvoy.git import commits
from gitconvoy.ledger import chain

CONFIG = ".convoy/config.yaml"
FLOW = "hq-cv-flow"


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo)


def settings(here: TownHelper, **dispatch: object) -> None:
    """Write the `dispatch` block of the settings; the caller commits."""
    lines = "".join(f"  {key}: {value}\n" for key, value in dispatch.items())
    here.repo.write(
        CONFIG, f"format: 1\nprefix: gt\ndispatch:\n{lines}".replace("True", "true").replace("False", "false")
    )


def diamond(here: TownHelper, **convoy: object) -> None:
    """gt-a <- gt-b, gt-c <- gt-d, staged."""
    here.bead("gt-a")
    here.bead("gt-b", depends_on=["gt-a"])
    here.bead("gt-c", depends_on=["gt-a"])
    here.bead("gt-d", depends_on=["gt-b", "gt-c"])
    here.convoy(FLOW, "gt-a", "gt-b", "gt-c", "gt-d", **convoy)
    here.commit("plan")


def lone(here: TownHelper, **convoy: object) -> None:
    here.bead("gt-a")
    here.convoy(FLOW, "gt-a", **convoy)
    here.commit("plan")


def as_worker(here: TownHelper, *words: str, worker: str = "gt/polecat-1") -> dict[str, object]:
    return here.json("--actor", worker, *words)


def dispatched(answer: dict[str, object]) -> list[tuple[str, str, int]]:
    rows = answer["dispatched"]
    assert isinstance(rows, list)
    assert all(len(row["commit"]) == 40 for row in rows)
    return [(row["bead"], row["worker"], row["attempt"]) for row in rows]


def assert_linear(here: TownHelper) -> None:
    """The ledger is one line from its root, sound, and says `init` first and only once."""
    assert here.repo.git("rev-list", "--merges", "convoy-ledger") == ""
    assert here.events()[0] == "init town"
    assert sum(event == "init town" for event in here.events()) == 1
    here.repo.git("fsck", "--strict", "--no-dangling")


def test_from_launch_to_completion(here: TownHelper) -> None:
    diamond(here)
    before = (here.repo.head(), here.repo.status(), here.repo.git("symbolic-ref", "HEAD"))
    first = here.json("launch", FLOW)
    assert (first["convoy_id"], first["status"], first["warnings"]) == (FLOW, "open", [])
    assert dispatched(first) == [("gt-a", "gt/polecat-1", 1)]
    assert here.events() == ["init town", f"launch {FLOW}", "dispatch gt-a to gt/polecat-1 (attempt 1)"]
    assert dispatched(here.json("launch", FLOW)) == [], "launching once more dispatches nothing twice"
    second = as_worker(here, "done", "gt-a", "--reason", "all green")
    assert second["status"] == "closed"
    assert dispatched(second) == [("gt-b", "gt/polecat-1", 1), ("gt-c", "gt/polecat-2", 1)]
    assert dispatched(as_worker(here, "done", "gt-b")) == []
    assert dispatched(as_worker(here, "done", "gt-c", worker="gt/polecat-2")) == [("gt-d", "gt/polecat-1", 1)]
    as_worker(here, "done", "gt-d")
    assert here.events()[-2:] == ["done gt-d", f"complete {FLOW}"]
    status = here.json("status", FLOW)
    assert (status["convoy"]["status"], status["convoy"]["outcome"]) == ("closed", "done")
    assert status["progress"] == {"total": 4, "closed": 4}
    assert (here.repo.head(), here.repo.status(), here.repo.git("symbolic-ref", "HEAD")) == before
    assert_linear(here)


def test_every_dispatch_is_a_commit_with_its_trailers(here: TownHelper) -> None:
    diamond(here)
    answer = here.json("launch", FLOW)
    commit = answer["dispatched"][0]["commit"]
    assert commit == here.repo.head("convoy-ledger")
    keys = ("Event", "Id", "Bead", "Worker", "Attempt", "Trunk", "Cause", "Actor")
    fields = "%x00".join(f"%(trailers:key=Convoy-{key},valueonly)" for key in keys)
    told = [part.strip() for part in here.repo.git("log", "-1", f"--format={fields}", commit).split("\0")]
    assert told == ["dispatch", FLOW, "gt-a", "gt/polecat-1", "1", here.repo.head(), "command", "Test Person"]
    assert here.repo.head(f"{commit}:plan") == here.repo.head("HEAD:.convoy")
    assert len(here.ledger().bead("gt-a").token or "") >= 16


def test_a_fact_in_the_ledger_leaves_the_files_alone(here: TownHelper) -> None:
    diamond(here)
    here.ok("launch", FLOW)
    as_worker(here, "done", "gt-a")
    assert "status" not in here.repo.show("HEAD", ".convoy/beads/gt-a.yaml")
    assert here.repo.status() == []
    assert here.state().ledger.bead("gt-a").file_status == "open"


def test_failures_are_kept_back_and_tried_again(here: TownHelper) -> None:
    settings(here, backoff="1s")
    lone(here)
    here.ok("launch", FLOW)
    failed = as_worker(here, "fail", "gt-a", "--reason", "no luck")
    assert (failed["status"], failed["failures"], failed["dispatched"]) == ("open", 1, [])
    assert failed["not_before"]
    assert here.json("blocked")["beads"][0]["reasons"][0]["rule"] == "backoff"
    again = until(lambda: dispatched(here.json("scan")), "the retry")
    assert again == [("gt-a", "gt/polecat-1", 2)]
    record = here.ledger().bead("gt-a")
    assert (record.attempt, record.failures, record.not_before) == (2, 1, None)


def test_exhausted_beads_wait_for_a_person(here: TownHelper) -> None:
    settings(here, max_attempts=1)
    lone(here)
    here.ok("launch", FLOW)
    as_worker(here, "fail", "gt-a")
    assert dispatched(here.json("scan")) == []
    stranded = here.json("stranded")["convoys"]
    assert [(row["class"], row["reasons"][0]["rule"]) for row in stranded] == [("stuck", "attempts")]
    assert "bead retry gt-a" in here.json("why", "gt-a")["next_step"]
    here.ok("bead", "retry", "gt-a")
    here.ok("scan")
    assert here.ledger().bead("gt-a").attempt == 2


def test_a_mountain_goes_on_past_failed_beads(here: TownHelper) -> None:
    settings(here, max_attempts=1)
    here.bead("gt-a")
    here.bead("gt-b", depends_on=["gt-a"])
    here.bead("gt-c", touches=["x"])
    here.convoy(FLOW, "gt-a", "gt-b", "gt-c", mountain=True)
    here.commit("plan")
    here.ok("launch", FLOW)
    as_worker(here, "fail", "gt-a", "--reason", "cannot be done")
    assert here.json("status", FLOW)["unreachable"] == ["gt-b"]
    as_worker(here, "done", "gt-c", worker="gt/polecat-2")
    assert here.events()[-1] == f"complete {FLOW}"
    assert here.json("status", FLOW)["convoy"]["outcome"] == "partial"


def test_an_attempt_whose_lease_ran_out_expires(here: TownHelper) -> None:
    settings(here, auto=False)
    lone(here)
    here.ok("launch", FLOW)
    claim = here.json("next", "--claim")
    assert (claim["bead"]["id"], claim["worker"], claim["attempt"]) == ("gt-a", "Test Person", 1)
    assert dispatched(here.json("scan")) == []
    assert here.ledger().bead("gt-a").live
    here.ok("heartbeat", "gt-a")
    leases.write(here.open().common_dir, leases.Lease("gt-a", claim["token"], int(time.time()) - 1))
    here.ok("scan")
    record = here.ledger().bead("gt-a")
    assert (record.live, record.failures, record.not_before) == (False, 1, None)
    assert here.events()[-1] == "expire gt-a"
    assert here.error("done", "gt-a", "--token", claim["token"])["code"] == "not-live"
    assert here.json("next", "--claim")["attempt"] == 2
    assert here.error("done", "gt-a", "--token", claim["token"])["code"] == "stale-token"


def test_a_pushed_assignment_has_no_lease_before_its_first_heartbeat(here: TownHelper) -> None:
    settings(here, lease="1s")
    lone(here)
    here.ok("launch", FLOW)
    since = here.ledger().bead("gt-a").since or 0
    until(lambda: time.time() > since + 2, "the time of a lease")
    here.ok("scan")
    assert here.ledger().bead("gt-a").live
    tip = here.repo.head("convoy-ledger")
    beat = as_worker(here, "heartbeat", "gt-a")
    assert beat["lease_until"]
    assert here.repo.head("convoy-ledger") == tip, "a heartbeat is no event"
    until(lambda: here.ok("scan") and here.ledger().bead("gt-a").failures, "the end of the lease")
    assert "expire gt-a" in here.events()


def test_a_dispatch_whose_worker_never_began_is_queued_again(here: TownHelper) -> None:
    """What a crash between record and start leaves behind: the commit, and nothing else."""
    settings(here, auto=False)
    lone(here)
    here.ok("launch", FLOW)
    opened = here.open()
    state = opened.state()
    draft = Draft(state, replace(opened.local(state.plan), via=START), cause="command", actor="ada")
    facts.dispatch(draft, "gt-a", convoy=FLOW, worker="gt/nux", via=START, token=settle.new_token())
    base = commits.commit(opened.repo, state.ledger.tip or "").tree
    prepared = chain.prepare(opened.repo, state.ledger, base, state.plan.tree, draft.events)
    assert chain.publish(opened.repo, prepared, "test")
    assert here.ledger().bead("gt-a").live
    here.ok("scan")
    record = here.ledger().bead("gt-a")
    assert (record.live, record.attempt, record.failures) == (False, 1, 0)
    assert here.events()[-1] == "requeue gt-a"
    assert here.json("next", "--claim")["attempt"] == 2


def test_without_auto_only_people_dispatch(here: TownHelper) -> None:
    settings(here, auto=False)
    diamond(here)
    assert dispatched(here.json("launch", FLOW)) == []
    assert dispatched(here.json("scan")) == []
    assert [row["id"] for row in here.json("ready")["beads"]] == ["gt-a"]
    assert [(row["bead"], row["commit"]) for row in here.json("feed", "--dry-run")["dispatched"]] == [("gt-a", None)]
    assert not here.ledger().bead("gt-a").live
    assert dispatched(here.json("feed", FLOW)) == [("gt-a", "gt/polecat-1", 1)]
    assert here.error("feed", "hq-cv-none")["code"] == "not-found"


def test_capacity_is_obeyed_and_freed(here: TownHelper) -> None:
    settings(here, max_workers=1)
    here.bead("gt-a")
    here.bead("gt-b", priority=0)
    here.convoy(FLOW, "gt-a", "gt-b")
    here.commit("plan")
    assert dispatched(here.json("launch", FLOW)) == [("gt-b", "gt/polecat-1", 1)]
    assert here.json("stranded")["convoys"] == []
    assert dispatched(as_worker(here, "done", "gt-b")) == [("gt-a", "gt/polecat-1", 1)]


def test_pause_and_resume(here: TownHelper) -> None:
    diamond(here)
    here.ok("launch", FLOW)
    here.ok("pause", FLOW, "--reason", "lunch")
    assert dispatched(as_worker(here, "done", "gt-a")) == [], "what ran may finish, nothing new starts"
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["paused"]
    assert here.json("status", FLOW)["convoy"]["paused"] is True
    assert here.json("pause", FLOW)["changed"] is False
    assert len(dispatched(here.json("resume", FLOW))) == 2
    assert here.json("resume", FLOW)["changed"] is False


def test_pause_and_resume_all(here: TownHelper) -> None:
    lone(here)
    here.ok("pause", "--all")
    assert dispatched(here.json("launch", FLOW)) == []
    assert here.json("status")["paused"]
    assert dispatched(here.json("resume", "--all")) == [("gt-a", "gt/polecat-1", 1)]
    for words in (["pause"], ["resume"], ["pause", FLOW, "--all"]):
        assert here.error(*words, code=2)["code"] == "nothing-named"


def test_resume_names_the_file_that_pauses_too(here: TownHelper) -> None:
    lone(here, paused=True)
    here.ok("launch", FLOW)
    here.ok("pause", FLOW)
    answer = here.json("resume", FLOW)
    assert answer["paused"] is True
    assert f".convoy/convoys/{FLOW}.yaml" in answer["still_paused_by"][0]
    assert answer["dispatched"] == []
    assert f".convoy/convoys/{FLOW}.yaml" in here.run("resume", FLOW).err


def test_this_machine_alone_can_be_paused(here: TownHelper) -> None:
    here.repo.config("gitconvoy.paused", "true")
    lone(here)
    assert dispatched(here.json("launch", FLOW)) == []
    assert here.error("feed")["code"] == "paused"
    assert here.error("next", "--claim")["code"] == "paused"
    assert any("paused" in who for who in here.json("status")["paused"])


def test_close_and_reopen(here: TownHelper) -> None:
    diamond(here)
    here.ok("launch", FLOW)
    assert here.error("close", FLOW)["code"] == "open-beads"
    here.ok("close", FLOW, "--force", "--reason", "enough")
    assert here.json("status", FLOW)["convoy"]["close_reason"] == "enough"
    assert dispatched(as_worker(here, "done", "gt-a")) == [], "an attempt may finish in a closed convoy"
    assert here.json("list")["convoys"] == []
    answer = here.json("reopen", FLOW)
    assert (answer["commit"], len(answer["dispatched"])) == (None, 2)
    assert here.error("reopen", FLOW)["code"] == "not-closed"


def test_reopen_edits_the_file_that_says_closed(here: TownHelper) -> None:
    lone(here, status="closed", close_reason="enough")
    answer = here.json("reopen", FLOW)
    assert answer["commit"] == here.repo.head()
    assert here.files() == [f".convoy/convoys/{FLOW}.yaml", f".convoy/plans/{FLOW}.yaml"]
    assert "close_reason" not in here.repo.read(f".convoy/convoys/{FLOW}.yaml")
    assert here.ledger().bead("gt-a").live
    assert here.repo.status() == []


def test_closing_a_staged_convoy_cancels_it(here: TownHelper) -> None:
    lone(here)
    here.ok("close", FLOW)
    assert here.events() == ["init town", f"close {FLOW}"]
    assert here.error("launch", FLOW)["code"] == "closed"


def test_an_owned_convoy_is_landed_by_its_owner(here: TownHelper) -> None:
    lone(here, owned=True)
    here.ok("launch", FLOW)
    assert here.error("land", FLOW)["code"] == "not-complete"
    as_worker(here, "done", "gt-a")
    assert here.json("status", FLOW)["convoy"]["status"] == "open"
    assert here.json("status", FLOW)["completion"] == "done"
    assert [row["class"] for row in here.json("stranded")["convoys"]] == ["waiting"]
    tip = here.repo.head("convoy-ledger")
    assert here.json("land", FLOW, "--dry-run")["changed"] is True
    assert here.repo.head("convoy-ledger") == tip
    here.ok("land", FLOW)
    assert here.json("status", FLOW)["convoy"]["status"] == "closed"
    assert here.events()[-1] == f"land {FLOW}"


def test_unsling_takes_back_without_counting(here: TownHelper) -> None:
    settings(here, auto=False)
    lone(here)
    here.ok("launch", FLOW)
    token = here.json("next", "--claim")["token"]
    here.ok("unsling", "gt-a", "--reason", "wrong one")
    record = here.ledger().bead("gt-a")
    assert (record.live, record.failures) == (False, 0)
    assert here.error("done", "gt-a", "--token", token)["code"] == "not-live"
    assert here.error("unsling", "gt-a")["code"] == "not-live"


def test_check_completes(here: TownHelper) -> None:
    lone(here)
    here.ok("launch", FLOW)
    here.repo.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: A\nstatus: closed\n")
    here.commit("done by hand")
    assert [row["convoy"] for row in here.json("check", "--dry-run")["completed"]] == [FLOW]
    assert here.events()[-1].startswith("dispatch")
    found = here.json("check", FLOW)["completed"]
    assert [(row["convoy"], row["outcome"], row["status"]) for row in found] == [(FLOW, "done", "closed")]
    assert here.json("check")["completed"] == []
    assert here.error("check", "hq-cv-none")["code"] == "not-found"


def test_a_convoy_that_completed_goes_on_with_a_reopened_bead(here: TownHelper) -> None:
    lone(here)
    here.ok("launch", FLOW)
    as_worker(here, "done", "gt-a")
    assert here.json("status", FLOW)["convoy"]["status"] == "closed"
    here.ok("bead", "reopen", "gt-a")
    here.ok("scan")
    assert here.json("status", FLOW)["convoy"]["status"] == "open"
    assert here.ledger().bead("gt-a").attempt == 2
    as_worker(here, "done", "gt-a")
    assert here.events().count(f"complete {FLOW}") == 2


def test_scan_is_idempotent(here: TownHelper) -> None:
    diamond(here)
    here.ok("launch", FLOW)
    tip = here.repo.head("convoy-ledger")
    for _ in range(3):
        assert here.json("scan")["events"] == []
    assert here.repo.head("convoy-ledger") == tip
    assert "in order" in here.ok("scan")


def test_a_waiting_scan_has_loaded_nothing_heavy() -> None:
    """It may lie there for hours: what it waits with is the standard library and click."""
    heavy = "('pygit2', 'ruamel', 'ruamel.yaml', 'jsonschema', 'filelock', 'rich')"
    code = f"import sys, gitconvoy.cli.care, gitconvoy.engine.waiting; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_scan_when_the_folder_is_gone_exits_quietly(here: TownHelper) -> None:
    gone = str(here.path / "gone")
    answer = here.run("-C", gone, "scan", "--at", str(int(time.time()) + 999))
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_scan_waits_for_the_end_of_a_rebase(here: TownHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    from gitconvoy.cli import care

    lone(here, status="open")
    marker = here.path / ".git" / "rebase-merge"
    marker.mkdir()
    monkeypatch.setattr(care, "IDLE_SECONDS", 0)
    assert here.ok("scan", "--when-idle") == ""
    assert here.events() == []
    marker.rmdir()
    here.ok("scan", "--when-idle")
    assert here.ledger().bead("gt-a").live


def test_a_worker_that_cannot_be_started_leaves_it_partly_done(here: TownHelper) -> None:
    """The launch stands; the dispatch is recorded, and so is its failure."""
    here.repo.config("gitconvoy.dispatcher", "script")
    here.repo.config("gitconvoy.dispatcher.script.command", "true")
    here.repo.write(".git/gitconvoy/attempts", "in the way of the folder")
    lone(here)
    answer = here.json("launch", FLOW, code=5)
    assert answer["dispatched"] == []
    assert [row["bead"] for row in answer["failed"]] == ["gt-a"]
    assert [event.split()[0] for event in here.events()] == ["init", "launch", "dispatch", "dispatch-failed"]
    record = here.ledger().bead("gt-a")
    assert (record.live, record.failures, record.token) == (False, 1, None)
    here.bead("gt-z")
    here.commit("more")
    assert [row["bead"] for row in here.json("sling", "gt-z", "--no-convoy", code=1)["failed"]] == ["gt-z"]


def lost_once(here: TownHelper, meddle: Callable[[], object]) -> Callable[[Draft], None]:
    """A request during whose first decision somebody else moves the ledger."""
    calls: list[int] = []

    def request(draft: Draft) -> None:
        calls.append(1)
        if len(calls) == 1:
            meddle()
        facts.launch(draft, FLOW)

    return request


def test_a_lost_race_is_decided_anew(here: TownHelper) -> None:
    """Foreign git moves the ref between decision and publication: nothing is lost, nothing doubled."""
    from gitconvoy.engine.react import transact

    here.bead("gt-a")
    here.bead("gt-z")
    here.convoy(FLOW, "gt-a")
    here.convoy("hq-cv-z", "gt-z")
    here.commit("plan")
    here.ok("pause", "hq-cv-z")

    def meddle() -> None:
        tip = here.repo.head("convoy-ledger")
        message = "convoy: resume hq-cv-z\n\nConvoy-Event: resume\nConvoy-Id: hq-cv-z"
        made = here.repo.git("commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", message)
        here.repo.git("update-ref", "refs/heads/convoy-ledger", made, tip)

    outcome = transact(here.open(), lost_once(here, meddle))
    assert [each.bead for each in outcome.dispatched] == ["gt-a"]
    assert here.events() == [
        "init town", "pause hq-cv-z", "resume hq-cv-z", f"launch {FLOW}", "dispatch gt-a to gt/polecat-1 (attempt 1)"
    ]  # fmt: skip
    assert_linear(here)
