"""What `done` wants of a branch before it takes the work, and that it is harmless twice (SPEC 7, 9)."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from handing import FLOW, Worker, claim, flow, status
from townfixtures import TownHelper

from gitconvoy.dispatch import handins, leases
from gitconvoy.engine import react as transactions
from gitconvoy.engine.handin.done import Wish, hand_in
from gitconvoy.engine.react import react, transact
from gitconvoy.engine.town import Town


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    """A flow of gt-a, to be merged directly."""
    return flow(repo, "gt-a")


@pytest.fixture
def worker(here: TownHelper) -> Worker:
    """The worker of gt-a, with one commit."""
    made = claim(here)
    made.edit("a.py", "a\n")
    return made


def test_a_branch_without_commits_is_refused(here: TownHelper) -> None:
    made = claim(here)
    error = made.refused()
    assert error["code"] == "no-commits"
    assert "--no-code" in error["hint"]
    here.commit("the trunk goes on")
    made.tree.git("merge", "--quiet", "--no-edit", "main")
    assert made.refused()["code"] == "no-commits", "what the trunk has is no work"
    here.ok("--actor", "ada", "done", "gt-a", "--no-code")
    assert status(here, "gt-a") == ("closed", "done")
    assert here.events()[-2] == "done gt-a"


def test_closing_the_bead_alone_is_no_work(here: TownHelper) -> None:
    made = claim(here)
    made.edit(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: Title of gt-a\nstatus: closed\n")
    assert made.refused()["code"] == "no-commits"


def test_uncommitted_changes_are_named(worker: Worker) -> None:
    worker.tree.write("a.py", "more\n")
    worker.tree.write("new.py", "new\n")
    error = worker.refused()
    assert error["code"] == "uncommitted"
    assert "a.py, new.py" in error["message"]
    worker.tree.git("add", "--all")
    assert worker.refused()["code"] == "uncommitted"
    worker.tree.git("reset", "--quiet", "--hard")
    assert worker.done()["status"] == "closed"


def test_ignored_files_are_no_changes(worker: Worker) -> None:
    worker.edit(".gitignore", "build/\n")
    worker.tree.write("build/out.o", "binary\n")
    assert worker.done()["status"] == "closed"


def test_an_operation_in_progress_is_refused(worker: Worker) -> None:
    worker.tree.git("rebase", "--quiet", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 's/^pick/edit/'"})
    assert worker.refused()["code"] == "in-progress"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".convoy/config.yaml", "format: 1\nprefix: gt\n"),
        (".convoy/beads/gt-b.yaml", "id: gt-b\ntitle: Of somebody else\n"),
        (".convoy/beads/gt-new.yaml", "id: gt-new\ntitle: A bead of its own\n"),
        (".convoy/beads/gt-new.yaml", "id: gt-new\ntitle: A child of another\nparent: gt-b\n"),
        (".convoy/beads/gt-new.yaml", "parent: [\n"),
        (".convoy/beads/deep/gt-b.yaml", "id: gt-b\ntitle: Twice\nparent: gt-a\n"),
        (".convoy/archive/gt-old.yaml", "id: gt-old\ntitle: Old\nparent: gt-a\n"),
        (f".convoy/convoys/{FLOW}.yaml", f"id: {FLOW}\ntitle: Mine\ntracks: []\nstatus: closed\n"),
        (".convoy/schemas/bead.schema.json", "{}\n"),
        (".convoy/notes.txt", "hello\n"),
    ],
)
def test_changes_of_the_plan_are_refused_by_name(repo: GitRepo, path: str, text: str) -> None:
    here = flow(repo, "gt-a", "gt-b")
    made = claim(here)
    assert made.bead == "gt-a"
    made.tree.write(path, text)
    made.edit("a.py", "a\n")
    error = made.refused()
    assert error["code"] == "foreign-changes"
    assert path in error["message"]


def test_links_and_deletions_in_the_plan_are_refused(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b")
    made = claim(here)
    made.edit("a.py", "a\n")
    kid = made.tree.path / ".convoy/beads/gt-kid.yaml"
    kid.symlink_to("/etc/passwd")
    made.tree.commit("a link")
    assert "gt-kid.yaml" in made.refused()["message"]
    made.tree.git("rm", "--quiet", str(kid), ".convoy/beads/gt-a.yaml")
    made.tree.commit("its own file is gone")
    assert "gt-a.yaml" in made.refused()["message"]


def test_its_own_file_new_children_and_plan_files_are_a_workers_business(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b")
    made = claim(here)
    made.tree.write(".convoy/beads/gt-a.yaml", "id: gt-a\ntitle: Title of gt-a\nnotes: tricky\n")
    made.tree.write(".convoy/beads/gt-kid.yaml", "id: gt-kid\ntitle: Found\nparent: gt-a\n")
    made.tree.write(f".convoy/plans/{FLOW}.yaml", "convoy: hq-cv-flow\nwaves: []\n")
    made.edit("a.py", "a\n")
    assert made.done()["status"] == "closed"
    assert "notes: tricky" in repo.read(".convoy/beads/gt-a.yaml")


def test_what_the_branch_took_over_from_the_trunk_is_not_its_change(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b")
    made = claim(here)
    made.edit("a.py", "a\n")
    here.bead("gt-b", title="Changed by a person")
    here.commit("a person plans")
    made.tree.git("merge", "--quiet", "--no-edit", "main")
    assert made.done()["status"] == "closed"


def test_boxes_that_are_not_ticked_refuse_unless_forced(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    criteria = '"- [x] it runs\\n- [ ] it is fast\\n  * [ ] and small\\n"'
    here.bead("gt-a", acceptance_criteria=criteria)
    here.commit("criteria")
    made = claim(here)
    made.edit("a.py", "a\n")
    error = made.refused()
    assert error["code"] == "unchecked"
    assert "2 acceptance criteria are not ticked: it is fast, and small" in error["message"]
    assert here.error("--actor", "ada", "done", "gt-a", "--no-code")["code"] == "unchecked"
    ticked = made.tree.read(".convoy/beads/gt-a.yaml").replace("[ ] it is fast", "[x] it is fast")
    made.edit(".convoy/beads/gt-a.yaml", ticked)
    assert "and small" in made.refused()["message"], "what counts is the file on the branch"
    assert made.done("--force")["status"] == "closed"
    trailers = repo.git("log", "--format=%(trailers:key=Convoy-Force,valueonly)", "convoy-ledger").split()
    assert trailers == ["--force"]


def check(here: TownHelper, code: str, **more: str) -> None:
    """Set up the check of the rig gt: a line of Python."""
    here.repo.config("gitconvoy.rig.gt.verify", shlex.join([sys.executable, "-c", code]))
    for key, value in more.items():
        here.repo.config(f"gitconvoy.rig.gt.{key}", value)


def test_the_check_runs_in_the_worktree_and_its_result_is_in_the_event(worker: Worker) -> None:
    here = worker.here
    here.repo.config(
        "gitconvoy.rig.gt.verify",
        shlex.join(
            [sys.executable, "-c", "import sys; open('a.py').read(); print(sys.argv)", "{bead}", "{branch}:{base}"]
        ),
    )
    worker.done("--reason", "all green")
    reason = here.json("log", "--event", "submit")["entries"][0]["reason"]
    assert reason.startswith("all green\nverified in ")
    assert "gt-a work/gt-a-1:main" in reason


def test_a_check_that_fails_refuses_with_the_end_of_its_output(worker: Worker) -> None:
    check(worker.here, "import os; print('x' * 99999); print('3 tests failed', os.environ['GITCONVOY_BEAD']); exit(4)")
    error = worker.refused()
    assert error["code"] == "verify"
    assert "exit code 4" in error["message"]
    assert "3 tests failed gt-a" in error["hint"]
    assert len(error["hint"]) < 10000


def test_a_check_that_hangs_is_ended(worker: Worker) -> None:
    check(worker.here, "import time; print('waiting', flush=True); time.sleep(600)", verifyTimeout="1s")
    error = worker.refused()
    assert "time limit" in error["message"]
    assert "waiting" in error["hint"]


def test_the_lease_is_renewed_while_the_check_runs(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  lease: 3s\n")
    here.commit("a short lease")
    made = claim(here)
    made.edit("a.py", "a\n")
    command = [sys.executable, "-m", "gitconvoy", "-C", str(here.path), "scan"]
    lease, kept = repo.path / ".git" / "gitconvoy" / "leases" / "gt-a", repo.path.parent / "kept"
    check(
        here,
        "import pathlib, subprocess, time; time.sleep(4.5); "
        f"subprocess.run({command!r}, check=True); pathlib.Path({str(kept)!r}).write_text(open({str(lease)!r}).read())",
    )
    began = leases.read_all(repo.path / ".git")["gt-a"].expires
    assert made.done()["status"] == "closed"
    assert json.loads(kept.read_text())["expires"] > began
    assert not any(event.startswith("expire") for event in here.events())


def test_the_lease_of_a_later_attempt_is_left_alone_while_the_check_runs(repo: GitRepo) -> None:
    here = flow(repo, "gt-a")
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  lease: 1s\n")
    here.commit("a short lease")
    repo.config("gitconvoy.wake", "false")
    made = claim(here)
    made.edit("a.py", "a\n")
    command = [sys.executable, "-m", "gitconvoy", "-C", str(here.path)]
    lease = str(repo.path / ".git" / "gitconvoy" / "leases" / "gt-a")
    renewed = f"import pathlib, time; lease = pathlib.Path({lease!r}); time.sleep(1); said = lease.read_text(); "
    script = (
        f"import subprocess; run = lambda *words: subprocess.run([*{command!r}, *words], check=True); "
        "run('unsling', 'gt-a'); run('--actor', 'bob', 'next', '--claim'); "
        f"{renewed} assert json.loads(said)['token'] == {made.token!r}, 'it is bobs'"
    )
    check(here, f"import json; {script}")
    error = here.error("done", "gt-a", "--branch", made.branch, "--token", made.token)
    assert "it is bobs" in error["hint"]


@pytest.mark.parametrize("command", ["true {secret}", "true '"])
def test_a_check_that_cannot_be_meant_is_a_configuration_error(worker: Worker, command: str) -> None:
    worker.here.repo.config("gitconvoy.rig.gt.verify", command)
    assert worker.here.error(*worker.words(), code=2)["code"] == "configuration"


def test_only_its_worker_or_its_token_speaks_for_an_attempt(worker: Worker) -> None:
    here = worker.here
    words = ["done", "gt-a", "--branch", worker.branch]
    assert here.error("--actor", "bob", *words)["code"] == "not-yours"
    assert here.error("--actor", "bob", *words, "--token", "stale")["code"] == "stale-token"
    here.ok("--actor", "bob", *words, "--token", worker.token)
    assert status(here, "gt-a") == ("closed", "done")


def test_a_stale_token_is_refused_and_the_branch_is_kept(worker: Worker) -> None:
    here, tip = worker.here, worker.tree.head()
    here.ok("unsling", "gt-a")
    second = claim(here, "bob")
    error = here.error(*worker.words(), "--token", worker.token)
    assert error["code"] == "stale-token"
    assert "your branch and files are untouched" in error["hint"]
    assert worker.tree.head() == tip
    second.edit("b.py", "b\n")
    assert second.done()["status"] == "closed"
    assert here.error(*worker.words(), "--token", worker.token)["code"] == "not-live"


@pytest.mark.parametrize(
    ("branch", "code"),
    [("main", "bad-branch"), ("convoy-ledger", "bad-branch"), ("nowhere", "no-branch"), ("-x", "bad-branch")],
)
def test_which_branches_can_be_handed_in(worker: Worker, branch: str, code: str) -> None:
    worker.tree.git("update-ref", "refs/heads/-x", "HEAD")
    assert worker.here.error("--actor", "ada", "done", "gt-a", f"--branch={branch}")["code"] == code


def test_the_branch_of_another_attempt_is_not_ones_own(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b", merge="local")
    one, two = claim(here, "ada"), claim(here, "bob")
    one.edit("a.py", "a\n")
    one.done()
    assert here.error("--actor", "bob", "done", two.bead, "--branch", one.branch)["code"] == "bad-branch"


def test_flags_that_exclude_each_other(worker: Worker) -> None:
    assert worker.here.error(*worker.words("--no-code"), code=2)["code"] == "options-clash"


def test_done_twice_is_harmless(worker: Worker) -> None:
    first = worker.done()
    events, tip, trunk = worker.here.events(), worker.tree.head(), worker.here.repo.head()
    second = worker.done()
    assert (first["again"], second["again"]) == (False, True)
    assert (second["status"], second["merged_as"]) == ("closed", first["merged_as"])
    assert (worker.here.events(), worker.tree.head(), worker.here.repo.head()) == (events, tip, trunk)
    assert worker.here.json("done", "gt-a", "--token", worker.token)["again"]
    assert worker.here.error("--actor", "bob", "done", "gt-a")["code"] == "not-live"


def test_done_twice_while_it_waits_is_harmless(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", merge="mr")
    made = claim(here)
    made.edit("a.py", "a\n")
    assert made.done()["status"] == "submitted"
    assert made.done()["again"]
    assert here.events().count("submit gt-a") == 1
    more = made.edit("b.py", "b\n")
    assert not made.done()["again"], "more work is handed in anew"
    assert here.ledger().bead("gt-a").submitted == more
    assert here.events().count("submit gt-a") == 2


def test_a_word_without_code_is_harmless_twice(here: TownHelper) -> None:
    claim(here)
    for again in (False, True):
        assert here.json("--actor", "ada", "done", "gt-a", "--no-code")["again"] is again


class Killed(BaseException):
    """As if the process had been killed here."""


def die(*_: object, **__: object) -> object:
    raise Killed


@pytest.mark.parametrize("step", ["note", "branch", "event"])
@pytest.mark.parametrize("repair", ["done", "scan"])
def test_what_died_in_between_is_repaired(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, step: str, repair: str
) -> None:
    """Killed before the branch moved, before the event, before the merge."""
    here = worker.here

    target = {"note": "handin.done.merging.advance", "branch": "handin.done.transact", "event": "react._act_on"}[step]
    with monkeypatch.context() as patch:
        patch.setattr(f"gitconvoy.engine.{target}", die)
        with pytest.raises(Killed):
            hand_in(Town.open(here.path, "ada"), Wish("gt-a", branch=worker.branch))
    assert here.repo.status() == []
    assert handins.read_one(here.path / ".git", "gt-a") is not None
    if repair == "scan":
        here.ok("scan")
        if step == "note":
            assert here.ledger().bead("gt-a").in_flight, "nothing was promised yet"
    if repair == "done" or step == "note":
        assert worker.done()["status"] == "closed"
    assert status(here, "gt-a") == ("closed", "done")
    assert [event for event in here.events() if event.endswith(" gt-a")] == ["submit gt-a", "merged gt-a"]
    assert here.repo.git("rev-list", "--count", "--merges", "main") == "1"
    assert worker.tree.git("log", "--format=%s", f"main~1..{worker.branch}").splitlines() == [
        "Close gt-a: Title of gt-a",
        "work",
    ]
    assert handins.read_one(here.path / ".git", "gt-a") is None


def hasty(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Something happens between the note and the event of the next `done`."""

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr("gitconvoy.engine.handin.done.transact", transact)
        meanwhile()
        return transact(*args, **more)

    monkeypatch.setattr("gitconvoy.engine.handin.done.transact", late)


def test_whoever_adopts_the_work_first_does_no_harm(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.here
    hasty(monkeypatch, lambda: here.ok("scan"))
    answer = worker.done()
    assert (answer["status"], answer["merged_as"], answer["again"]) == ("closed", here.repo.head("main"), False)
    assert [event for event in here.events() if event.endswith(" gt-a")] == ["submit gt-a", "merged gt-a"]
    assert worker.done()["again"]


def test_whoever_adopts_the_work_and_dies_leaves_the_rest_to_us(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = worker.here

    def adopt_and_die() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("gitconvoy.engine.react._act_on", die)
            with pytest.raises(Killed):
                react(here.open())
        assert here.events()[-1] == "submit gt-a"

    hasty(monkeypatch, adopt_and_die)
    assert worker.done()["status"] == "closed"
    assert [event for event in here.events() if event.endswith(" gt-a")] == ["submit gt-a", "merged gt-a"]


def test_adopted_work_that_conflicts_says_so(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.here
    here.repo.write("a.py", "mine\n")
    here.commit("the same file")
    hasty(monkeypatch, lambda: here.ok("scan"))
    ended = worker.end()
    assert (ended.code, "conflicts in a.py" in ended.out) == (5, True), ended
    error = here.error(*worker.words())
    assert (error["code"], "conflicts in a.py" in error["message"]) == ("not-live", True)
    assert f"{worker.branch} is kept" in error["hint"]


def test_a_person_who_merges_meanwhile_does_no_harm(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.here
    hasty(monkeypatch, lambda: here.repo.git("merge", "--quiet", "--no-edit", worker.branch))
    assert worker.done()["status"] == "closed"
    assert status(here, "gt-a") == ("closed", "done")


def test_an_attempt_that_is_lost_after_all_is_refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.here

    def take_back() -> None:
        here.ok("scan")
        here.ok("unsling", "gt-a", "--reason", "on second thoughts")

    here.repo.write("a.py", "being edited\n")
    hasty(monkeypatch, take_back)
    error = here.error(*worker.words())
    assert (error["code"], error["message"]) == (
        "not-live",
        "attempt 1 of gt-a was taken back (on second thoughts)",
    )
    assert "a.py" not in here.repo.git("ls-tree", "--name-only", "main").splitlines()


@pytest.mark.parametrize("verb", ["done", "fail", "heartbeat"])
@pytest.mark.parametrize("by", ["token", "actor"])
def test_who_speaks_too_late_hears_what_became_of_the_attempt(repo: GitRepo, verb: str, by: str) -> None:
    here = flow(repo, "gt-a", merge="mr")
    worker = claim(here)
    worker.edit("a.py", "a\n")
    worker.done()
    here.ok("unsling", "gt-a")
    words = ["--actor", "ada", verb, "gt-a"] if by == "actor" else [verb, "gt-a", "--token", worker.token]
    error = here.error(*words)
    assert (error["code"], error["message"]) == ("not-live", "attempt 1 of gt-a was taken back")
    assert f"{worker.branch} is kept; a person decides" in error["hint"]
    assert "bead close" not in error["hint"]
    second = claim(here, "bob")
    error = here.error(*words)
    assert error["code"] == ("stale-token" if by == "token" else "not-yours")
    assert error["message"] == "attempt 1 of gt-a was taken back; attempt 2 is bob's"
    here.ok("fail", "gt-a", "--token", second.token, "--reason", "no luck")
    late = here.error(verb, "gt-a", "--token", second.token)
    assert late["message"] == "attempt 2 of gt-a has failed (no luck)"


def test_a_bead_that_nobody_was_given(here: TownHelper) -> None:
    error = here.error("done", "gt-a")
    assert error["message"] == "gt-a has no live attempt (it is open)"
    assert "bead close gt-a" in error["hint"]
    assert "bead close" not in here.error("done", "gt-a", "--token", "made-up")["hint"]


def test_a_note_of_a_later_attempt_is_not_forgotten(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that saw the note of a lost attempt ends after the next attempt wrote its own."""
    here, common = worker.here, worker.here.path / ".git"
    handins.write(common, handins.Handin("gt-a", "lost", worker.branch, worker.tree.head(), here.repo.head()))
    real = transactions._merge

    def late(*args: Any) -> Any:
        handins.write(common, handins.Handin("gt-a", worker.token, worker.branch, "later", here.repo.head()))
        return real(*args)

    monkeypatch.setattr(transactions, "_merge", late)
    transactions.react(here.open())
    note = handins.read_one(common, "gt-a")
    assert note is not None
    assert note.token == worker.token


def test_a_note_of_a_lost_attempt_submits_nothing(worker: Worker) -> None:
    here = worker.here
    note = handins.Handin("gt-a", "another", worker.branch, worker.tree.head(), here.repo.head())
    handins.write(here.path / ".git", note)
    here.ok("scan")
    assert here.ledger().bead("gt-a").in_flight
    (here.path / ".git/gitconvoy/handins/gt-a.json").write_text("{")
    here.ok("scan")
    assert worker.done()["status"] == "closed"


def test_a_base_branch_without_the_beads_file(repo: GitRepo) -> None:
    repo.git("branch", "bare-code")
    here = flow(repo, "gt-a", base_branch="bare-code")
    claimed = here.json("--actor", "ada", "next", "--claim")
    tree = repo.worktree(Path(f"{here.path}-bare"), "work/bare")
    tree.git("reset", "--quiet", "--hard", "bare-code")
    made = Worker(here, "gt-a", "ada", "work/bare", tree, claimed["token"])
    code = made.edit("a.py", "a\n")
    answer = made.done()
    assert answer["status"] == "closed"
    assert tree.head() == code, "there is no file in which to close it"
    assert repo.show("bare-code", "a.py") == "a\n"
    record = here.ledger().bead("gt-a")
    assert (record.status, record.outcome) == ("closed", "done")
    assert "status" not in repo.read(".convoy/beads/gt-a.yaml")
