"""Merge drivers are set with the hooks, shown, and taken out again (SPEC 6)."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from doctoring import of, only
from gitfixtures import GitRepo
from townfixtures import TownHelper, town

from gitconvoy.git.repo import Repo
from gitconvoy.hooking import drivers

ATTRIBUTES = ".convoy/.gitattributes"
OWN = ("merge.mine.driver", "cat %B >>%A")
NAMES = [f"gitconvoy-{kind}" for kind in ("bead", "convoy", "config", "plan")]


@pytest.fixture
def here(repo: GitRepo) -> TownHelper:
    return town(repo, hooks=True)


def configured(here: TownHelper) -> list[str]:
    done = here.repo.run("config", "--local", "--name-only", "--get-regexp", r"^merge\.")
    return done.stdout.splitlines()


def states(here: TownHelper) -> list[tuple[str, bool, bool]]:
    return [(each["name"], each["set"], each["declared"]) for each in here.json("hooks", "status")["drivers"]]


def test_set_with_the_hooks_and_taken_out_with_them(here: TownHelper) -> None:
    here.repo.config(*OWN)
    assert states(here) == [(name, True, True) for name in NAMES]
    command = here.repo.git("config", "merge.gitconvoy-bead.driver")
    assert command.startswith(f"{shlex.quote(sys.executable)} -I -m gitconvoy merge-driver bead -- %O %A %B %L %P")
    before = here.repo.git("config", "--local", "--list")
    here.ok("hooks", "install")
    here.ok("init")
    assert here.repo.git("config", "--local", "--list") == before
    here.ok("hooks", "uninstall")
    assert configured(here) == [OWN[0]]
    found = here.json("hooks", "status", code=1)["drivers"]
    assert [each["set"] for each in found] == [False] * 4
    assert "git merges lines" in here.run("hooks", "status").err


def test_the_interpreter_is_quoted(here: TownHelper) -> None:
    python = "/opt/it's 100%/python"
    assert drivers.set_up(Repo.discover(here.path), python)
    state = drivers.status(Repo.discover(here.path))[0]
    assert (state.python, state.current) == (python, True)
    assert "100%%" in state.command
    assert not drivers.set_up(Repo.discover(here.path), python)


def test_doctor_sees_what_lacks_and_sets_it(here: TownHelper, tmp_path: Path) -> None:
    assert of(here, "merge-drivers") == []
    here.repo.git("config", "--remove-section", "merge.gitconvoy-bead")
    assert only(here, "merge-drivers")["subject"] == "gitconvoy-bead"
    assert of(here, "merge-drivers", "--fix") == [("warning", "gitconvoy-bead", True)]
    drivers.set_up(Repo.discover(here.path), str(tmp_path / "gone"))
    assert only(here, "merge-drivers")["severity"] == "warning"
    assert of(here, "merge-drivers", "--fix")[0][2]
    assert of(here, "merge-drivers") == []
    here.repo.config("merge.gitconvoy-bead.driver", "cat %B >%A")
    assert of(here, "merge-drivers") == [("note", "gitconvoy-bead", False)]
    here.repo.write(ATTRIBUTES, "* text eol=lf\n")
    assert ("note", ATTRIBUTES, False) in of(here, "merge-drivers")


def test_no_hooks_no_word_of_drivers(here: TownHelper) -> None:
    here.ok("hooks", "uninstall")
    assert of(here, "merge-drivers") == []


def test_tidy_and_init_add_the_lines_to_attributes_of_older_towns(here: TownHelper) -> None:
    full = here.repo.read(ATTRIBUTES)
    for command, old in (("tidy", "* text eol=lf\n"), ("init", "* text eol=lf\n# mine\n*.png -text")):
        here.repo.write(ATTRIBUTES, old)
        here.commit("As it was")
        here.ok(command)
        assert here.files("HEAD") == [ATTRIBUTES]
        text = here.repo.read(ATTRIBUTES)
        assert text.startswith(old)
        assert text.removeprefix(old).strip() == full.removeprefix("* text eol=lf\n").strip()
        assert all(declared for _, _, declared in states(here))


@pytest.mark.parametrize("own", ["*.yaml -merge\n", "beads/** merge=ours\n", "* binary\n"])
def test_who_says_how_to_merge_is_left_alone(here: TownHelper, own: str) -> None:
    here.repo.write(ATTRIBUTES, own)
    here.commit("Mine")
    head = here.repo.head()
    here.ok("tidy")
    here.ok("init")
    assert (here.repo.head(), here.repo.read(ATTRIBUTES)) == (head, own)


def test_tidy_beside_other_changes_that_are_not_committed(here: TownHelper) -> None:
    here.repo.write(ATTRIBUTES, "* text eol=lf\n")
    here.commit("As it was")
    here.bead("gt-new", status="open")
    here.ok("tidy")
    assert here.files("HEAD") == [ATTRIBUTES]
    assert here.repo.status() == ["?? .convoy/beads/gt-new.yaml"]


def test_plan_files_are_folded_on_forges(here: TownHelper) -> None:
    said = here.repo.git("check-attr", "linguist-generated", "--", ".convoy/plans/x.yaml", ".convoy/beads/x.yaml")
    assert [line.rsplit(" ", 1)[1] for line in said.splitlines()] == ["set", "unspecified"]
