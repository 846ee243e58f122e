"""Branches that are right by themselves and wrong together, merged where no hook and no driver runs (SPEC 4, 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hookedtowns import NO_HOOKS, OPEN, PLAN, HookedTown, hooked_town
from merging import on_branch, without_drivers

OTHER = "hq-cv-side"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    """The open convoy has gt-c and gt-d, too, which a merge opens; another open one has gt-e."""
    made = hooked_town(tmp_path_factory, tmp_path / "town")
    for bead in ("gt-c", "gt-d", "gt-e"):
        made.bead(bead, status="blocked")
    made.convoy(OPEN, "gt-a", "gt-b", "gt-c", "gt-d", status="open")
    made.convoy(OTHER, "gt-e", status="open")
    made.ok("tidy", "--no-commit")
    made.saved("More")
    made.ok("scan")
    return made


def land(here: HookedTown, *branches: str) -> str:
    """Both branches get onto the trunk as a forge would merge them, then somebody looks; what the scan says."""
    for branch in branches:
        here.does(*NO_HOOKS, *without_drivers(), "merge", "--quiet", "--no-edit", branch)
    before = len(here.events())
    here.ok("scan")
    return "\n".join(here.events()[before:])


def opened(here: HookedTown, bead: str, **fields: Any) -> str:
    return here.bead(bead, **fields, status="open")


def problems(here: HookedTown, code: int = 1) -> list[tuple[str, str]]:
    found = here.json("validate", code=code)["problems"]
    return [(each["code"], each["severity"]) for each in found]


def rule(here: HookedTown, bead: str) -> dict[str, str]:
    """The rules that keep a bead back, and why."""
    return {each["rule"]: each["message"] for each in here.json("why", bead)["rules"] if each["ok"] is False}


def test_a_cycle_of_two_clean_branches(here: HookedTown) -> None:
    on_branch(here, "one", lambda: opened(here, "gt-c", depends_on=["gt-d"]))
    on_branch(here, "two", lambda: (opened(here, "gt-d", depends_on=["gt-c"]), opened(here, "gt-e")))
    events = land(here, "one", "two")
    assert "dispatch gt-e" in events
    assert "dispatch gt-c" not in events
    assert "dispatch gt-d" not in events
    assert ("cycle", "error") in problems(here)
    assert "cycle" in str(rule(here, "gt-c")), rule(here, "gt-c")
    said = here.run("validate").out + here.run("validate").err
    assert "gt-c -> gt-d -> gt-c" in said
    shown = here.ok("status", OPEN)
    assert "cycle" in shown


def test_a_link_to_a_bead_that_the_other_branch_removed(here: HookedTown) -> None:
    def remove() -> None:
        here.repo.git("rm", "--quiet", ".convoy/beads/gt-d.yaml")
        here.convoy(OPEN, "gt-a", "gt-b", "gt-c", status="open")

    on_branch(here, "one", remove)
    on_branch(here, "two", lambda: (opened(here, "gt-c", depends_on=["gt-d"]), opened(here, "gt-e")))
    events = land(here, "one", "two")
    assert "dispatch gt-e" in events
    assert "dispatch gt-c" not in events
    assert ("dangling", "error") in problems(here)
    assert "gt-d" in str(rule(here, "gt-c"))
    assert "does not exist" in str(rule(here, "gt-c"))


def test_a_convoy_that_tracks_what_the_other_branch_removed(here: HookedTown) -> None:
    on_branch(here, "one", lambda: here.repo.git("rm", "--quiet", ".convoy/beads/gt-x.yaml"))
    on_branch(here, "two", lambda: (here.convoy(OTHER, "gt-e", "gt-x", status="open"), opened(here, "gt-e")))
    events = land(here, "one", "two")
    assert "dispatch gt-e" in events
    assert ("missing-tracked", "error") in problems(here)
    assert "complete" not in events


def test_a_bead_that_both_branches_track_in_convoys_of_their_own(here: HookedTown) -> None:
    on_branch(here, "one", lambda: (opened(here, "gt-y"), here.convoy("hq-cv-one", "gt-y", status="open")))
    on_branch(
        here,
        "two",
        lambda: (opened(here, "gt-y"), here.convoy("hq-cv-two", "gt-y", status="open"), opened(here, "gt-e")),
    )
    events = land(here, "one", "two")
    assert "dispatch gt-e" in events
    assert "dispatch gt-y" not in events
    assert ("tracked-twice", "error") in problems(here)
    assert "hq-cv-one" in str(rule(here, "gt-y"))
    assert "hq-cv-two" in str(rule(here, "gt-y"))
    assert "hq-cv-two" in here.ok("status", "hq-cv-one")


def test_stale_plan_files_are_a_warning_and_the_next_commit_or_tidy_mends_them(here: HookedTown) -> None:
    def link(bead: str, *on: str) -> None:
        here.bead(bead, depends_on=list(on), status="blocked")
        here.ok("tidy", "--no-commit")

    on_branch(here, "one", lambda: link("gt-c", "gt-b"))
    on_branch(here, "two", lambda: here.bead("gt-d", depends_on=["gt-c"], status="blocked"))
    land(here, "one", "two")
    assert problems(here, code=0) == [("stale-plan", "warning")]
    tip = here.repo.head()
    here.ok("tidy")
    assert here.files("HEAD") == [PLAN]
    assert problems(here, code=0) == []
    here.quietly("reset", "--quiet", "--hard", tip)
    here.bead("gt-z", status="blocked")
    here.does("add", ".convoy")
    here.does("commit", "--quiet", "-m", "The next commit")
    assert PLAN in here.files("HEAD")
    assert problems(here, code=0) == []
