"""Settings that cannot be meant dispatch nothing, and it is said why; they are no failures of beads (SPEC 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from handing import claim, flow
from rigfixtures import rigs
from workshops import FLOW, Workshop, close_workshop, open_workshop

from gitconvoy.dispatch import breaker

MakeRepo = Callable[[str], GitRepo]


@pytest.fixture
def workshop(repo: GitRepo, tmp_path: Path) -> Iterator[Workshop]:
    made = open_workshop(repo, tmp_path)
    yield made
    close_workshop(made)


@pytest.mark.parametrize(
    "setting",
    [
        ("gitconvoy.branchPrefix", "../x"),
        ("gitconvoy.logLimit", "xx"),
        ("gitconvoy.keepLogs", "xx"),
        ("gitconvoy.setupTimeout", "-1"),
        ("gitconvoy.setup", "'unb"),
        ("gitconvoy.copy", "/etc"),
        ("gitconvoy.submodules", "vielleicht"),
        ("gitconvoy.breaker", "zz"),
        ("gitconvoy.dispatcher.script.workplace", "moon"),
    ],
    ids=lambda setting: setting[0],
)
def test_nothing_is_dispatched_and_status_says_why(workshop: Workshop, setting: tuple[str, str]) -> None:
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.here.repo.config(*setting)
    workshop.plan("gt-a")
    workshop.here.ok("launch", FLOW)
    workshop.here.ok("scan")
    assert workshop.here.events()[-1] == f"launch {FLOW}"
    assert workshop.here.ledger().bead("gt-a").failures == 0
    assert breaker.read_all(workshop.here.open().common_dir) == {}
    data = workshop.here.json("status")
    (note,) = [note for note in data["notes"] if setting[0] in note]
    assert note.startswith("nothing is dispatched by this machine: ")
    assert "()" not in note
    assert data["dispatcher"] == {"name": "script", "defined": False}
    assert setting[0] in workshop.here.json("why", "gt-a")["next_step"]
    assert setting[0] in workshop.here.error("sling", "gt-a")["message"]


def test_once_it_is_mended_it_goes_on(workshop: Workshop) -> None:
    workshop.worker('sys.exit(gitconvoy("done", "--no-code"))')
    workshop.here.repo.config("gitconvoy.branchPrefix", "../x")
    workshop.begin()
    workshop.here.repo.git("config", "--unset", "gitconvoy.branchPrefix")
    workshop.here.ok("scan")
    workshop.event(f"complete {FLOW}")


def test_settings_of_a_rigs_repository_count_for_that_rig_alone(make_repo: MakeRepo) -> None:
    place = rigs(make_repo, "api", "ui")
    here = place.here
    here.repo.config("gitconvoy.dispatcher", "script")
    here.repo.config("gitconvoy.dispatcher.script.command", "true")
    here.repo.config("gitconvoy.dispatcher.script.onExit", "fail")
    place["api"].config("gitconvoy.setupTimeout", "-1")
    place.plan("api-a", "ui-a")
    dispatched = [each.split()[1] for each in here.events() if each.startswith("dispatch ")]
    assert dispatched == ["ui-a"]
    here.ok("kill", "--all")
    here.ok("resume", "--all")
    assert here.ledger().bead("api-a").attempt == 0
    assert any("rig api" in note and "gitconvoy.setupTimeout" in note for note in here.json("status")["notes"])
    error = here.error("sling", "api-a")
    assert (error["code"], "gitconvoy.setupTimeout" in error["message"]) == ("configuration", True)
    place["api"].git("config", "--unset", "gitconvoy.setupTimeout")
    assert here.json("sling", "api-a")["dispatched"][0]["bead"] == "api-a"
    here.ok("kill", "--all")


def test_the_last_failure_is_told_while_it_holds_a_bead_back(repo: GitRepo) -> None:
    here = flow(repo, "gt-a", "gt-b")
    for reason in ("no disk", "no  network\n\nat all"):
        claim(here)
        here.ok("--actor", "ada", "fail", "gt-a", "--reason", reason)
        repo.git("worktree", "list")
        told = {rule["rule"]: rule["message"] for rule in here.json("why", "gt-a")["rules"]}
        assert told["backoff"].endswith(f"; the last one: {' '.join(reason.split())}")
        assert "no disk" not in told["attempts"], "that rule passes"
        (row,) = here.json("status", FLOW)["blocked"]
        assert "the last one:" in row["reasons"][0]["message"]
        here.ok("bead", "retry", "gt-a")
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  max_attempts: 1\n")
    here.commit("one is enough")
    claim(here)
    here.ok("--actor", "ada", "fail", "gt-a", "--reason", "no luck")
    (stuck,) = here.json("status")["stuck"]
    assert stuck == {"bead": "gt-a", "reason": "it is exhausted: 1 attempts have failed; the last one: no luck"}
    told = {rule["rule"]: rule["message"] for rule in here.json("why", "gt-a")["rules"]}
    assert told["attempts"].endswith("; the last one: no luck")


@pytest.mark.parametrize(("key", "usual"), [("gitconvoy.paused", "false"), ("gitconvoy.wake", "true")])
def test_the_remedy_for_a_word_that_is_no_boolean_decides_nothing(repo: GitRepo, key: str, usual: str) -> None:
    here = flow(repo, "gt-a")
    repo.config(key, "huh")
    error = here.error("status")
    assert key in error["message"]
    assert error["hint"] == f"set it to true or to false; where it is not set, it is {usual}"
