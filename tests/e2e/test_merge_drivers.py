"""Branches that changed the same plan files meet, by real git commands (SPEC 3, 6)."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gitfixtures import GitRepo
from hookedtowns import A_FILE, NO_HOOKS, OPEN, PLAN, HookedTown, hooked_town
from merging import merged, on_branch, replaced

C_FILE = f".convoy/convoys/{OPEN}.yaml"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    made = hooked_town(tmp_path_factory, tmp_path / "town")
    made.bead("gt-a", labels=["x", "y"], depends_on=["gt-x"], notes="n", status="open")
    made.ok("tidy", "--no-commit")
    made.saved("More to merge")
    return made


def prefer(here: HookedTown, **fields: Any) -> None:
    """Write gt-a with some fields changed; they stand side by side."""
    known: dict[str, Any] = {"labels": ["x", "y"], "depends_on": ["gt-x"], "notes": "n", "status": "open"}
    here.bead("gt-a", **{**known, **fields})


def both_ways(here: HookedTown, one: str, two: str, path: str = A_FILE) -> str:
    """The file after merging one branch into the other, which is the same both ways."""
    texts = []
    for ours, theirs in ((one, two), (two, one)):
        merged(here, theirs, onto=ours)
        assert here.repo.status() == []
        texts.append(here.repo.read(path))
    assert texts[0] == texts[1]
    return texts[0]


def test_different_fields_of_one_bead(here: HookedTown) -> None:
    on_branch(here, "one", lambda: prefer(here, title="Another title", labels=["x", "y", "one"]))
    on_branch(here, "two", lambda: prefer(here, labels=["two", "x"], depends_on=["gt-b2", "gt-x"], status="closed"))
    assert both_ways(here, "one", "two") == (
        "id: gt-a\ntitle: Another title\nlabels:\n  - one\n  - two\n  - x\ndepends_on:\n  - gt-b2\n  - gt-x\n"
        "notes: n\nstatus: closed\n"
    )
    merged(here, "two", onto="one", code=1, drivers=False)


def test_more_beads_tracked_by_both_and_the_plan_file_beside_them(here: HookedTown) -> None:
    def track(bead: str) -> None:
        here.bead(bead, status="open")
        here.convoy(OPEN, "gt-a", "gt-b", bead, status="open")
        here.ok("tidy", "--no-commit")

    on_branch(here, "one", lambda: track("gt-c"))
    on_branch(here, "two", lambda: track("gt-d"))
    assert PLAN in here.files("one")
    assert "  - gt-a\n  - gt-b\n  - gt-c\n  - gt-d\n" in both_ways(here, "one", "two", C_FILE)
    assert [each["code"] for each in here.json("validate")["problems"]] == ["stale-plan"]
    here.bead("gt-e", status="open")
    here.does("add", ".convoy")
    here.does("commit", "--quiet", "-m", "The next commit")
    assert PLAN in here.files("HEAD")
    assert here.json("validate")["problems"] == []


@pytest.mark.parametrize("drivers", [True, False])
def test_two_branches_that_close_different_beads_of_one_convoy(here: HookedTown, drivers: bool) -> None:
    on_branch(here, "one", lambda: here.close("gt-a"))
    on_branch(here, "two", lambda: here.close("gt-b"))
    for ours, theirs in (("one", "two"), ("two", "one")):
        merged(here, theirs, onto=ours, drivers=drivers)
        assert [here.repo.read(f".convoy/beads/{bead}.yaml").count("closed") for bead in ("gt-a", "gt-b")] == [1, 1]
        assert here.json("validate")["problems"] == []


def test_a_conflict_is_marked_in_its_field_alone(here: HookedTown) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One", labels=["x"]))
    on_branch(here, "two", lambda: prefer(here, title="Two", status="closed"))
    said = merged(here, "two", onto="one", code=1)
    assert f"gitconvoy: {A_FILE}: both sides changed title" in said
    assert "CONFLICT" in said
    ours, theirs = labels(here, "one", "two")
    assert here.repo.read(A_FILE) == (
        f"id: gt-a\n<<<<<<< {ours}\ntitle: One\n=======\ntitle: Two\n>>>>>>> {theirs}\nlabels:\n  - x\n"
        "depends_on:\n  - gt-x\nnotes: n\nstatus: closed\n"
    )
    assert here.repo.status() == [f"UU {A_FILE}"]
    (problem,) = here.json("validate", "--staged", code=3)["problems"][:1]
    assert problem["path"] == A_FILE
    here.does("checkout", "--merge", "--", A_FILE)
    assert "<<<<<<< " in here.repo.read(A_FILE), "git can do it again"


def labels(here: HookedTown, ours: str, theirs: str) -> tuple[str, str]:
    """What git calls the sides; before 2.44 it does not say."""
    version = tuple(int(part) for part in here.repo.git("version").split()[2].split(".")[:2])
    return ("HEAD", theirs) if version >= (2, 44) else ("ours", "theirs")


def test_both_added_the_same_file(here: HookedTown) -> None:
    on_branch(here, "one", lambda: here.bead("gt-n", title="New", labels=["one"], status="open"))
    on_branch(here, "two", lambda: here.bead("gt-n", title="New", labels=["two"], notes="n"))
    text = both_ways(here, "one", "two", ".convoy/beads/gt-n.yaml")
    assert text == "id: gt-n\ntitle: New\nlabels:\n  - one\n  - two\nnotes: n\nstatus: open\n"


def test_rebase_cherry_pick_and_stash(here: HookedTown) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, labels=["x", "y", "z"]))
    expected = both_ways(here, "one", "two")
    here.quietly("switch", "--quiet", "-C", "rebased", "two")
    here.does(*NO_HOOKS, "rebase", "--quiet", "one")
    assert here.repo.read(A_FILE) == expected
    here.quietly("switch", "--quiet", "-C", "picked", "one")
    here.does(*NO_HOOKS, "cherry-pick", "two")
    assert here.repo.read(A_FILE) == expected
    here.quietly("switch", "--quiet", "-C", "stashed", "main")
    prefer(here, labels=["x", "y", "z"])
    here.does("stash", "--quiet")
    here.quietly("reset", "--quiet", "--hard", "one")
    here.does("stash", "pop", "--quiet")
    assert here.repo.read(A_FILE) == expected
    here.quietly("checkout", "--force", "--quiet", "main")


def test_in_a_linked_worktree_and_by_the_older_strategy(here: HookedTown, tmp_path: Path) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, labels=["x", "y", "z"]))
    expected = both_ways(here, "one", "two")
    linked = here.repo.worktree(tmp_path / "a linked one", "linked")
    for strategy in ("ort", "recursive"):
        linked.git("reset", "--hard", "--quiet", "one")
        linked.git(*NO_HOOKS, "merge", "--quiet", "--no-edit", "-s", strategy, "two")
        assert linked.read(A_FILE) == expected


def test_octopus_where_git_itself_can(here: HookedTown) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: here.close("gt-b"))
    merged(here, "one", "two")
    assert "title: One" in here.repo.read(A_FILE)
    assert "closed" in here.repo.read(".convoy/beads/gt-b.yaml")


def test_deleted_here_and_changed_there_is_gits_own_conflict(here: HookedTown) -> None:
    on_branch(here, "one", lambda: here.repo.git("rm", "--quiet", "--", A_FILE))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    assert "modify/delete" in merged(here, "two", onto="one", code=1)


def test_what_cannot_be_merged_by_fields_is_merged_by_lines(here: HookedTown) -> None:
    on_branch(here, "one", lambda: here.repo.write(A_FILE, "id: gt-a\ntitle: [\nstatus: open\n"))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    said = merged(here, "two", onto="one", code=1)
    assert "cannot be merged by its fields" in said
    text = here.repo.read(A_FILE)
    assert "title: [" in text
    assert "title: Two" in text


def test_what_has_no_lines_is_a_conflict_and_ours_stays(here: HookedTown) -> None:
    on_branch(here, "one", lambda: (here.path / A_FILE).write_bytes(here.repo.read(A_FILE).encode("utf-16")))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    merged(here, "one", onto="two", code=1)
    assert here.repo.status() == [f"UU {A_FILE}"]
    assert here.repo.read(A_FILE) == here.repo.show("two", A_FILE)
    line = driver(here).replace("%O", "b").replace("%A", A_FILE).replace("%B", "t").replace("%L", "7")
    assert here.repo.run("-c", f"alias.ask=!{line} #", "ask").returncode == 1, (
        "above 128 is an error for git, not a conflict"
    )


def driver(here: HookedTown) -> str:
    return here.repo.git("config", "merge.gitconvoy-bead.driver")


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_a_driver_that_cannot_run_loses_nothing(here: HookedTown, python: str) -> None:
    here.repo.config("merge.gitconvoy-bead.driver", driver(here).replace(shlex.quote(sys.executable), python))
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    on_branch(here, "far", lambda: replaced(here, A_FILE, "status: open", "status: blocked"))
    merged(here, "far", onto="one")
    merged(here, "two", onto="one", code=1)
    text = here.repo.read(A_FILE)
    assert "title: One" in text
    assert "title: Two" in text


def test_names_of_files_and_branches_are_data(here: HookedTown) -> None:
    odd = ".convoy/beads/$(touch hacked) 'quoted' %A/gt-o.yaml"
    here.repo.write(odd, "id: gt-o\ntitle: O\nlabels:\n  - x\nstatus: open\n")
    here.saved("An odd folder")
    on_branch(here, "$(touch${IFS}hacked)", lambda: replaced(here, odd, "  - x\n", "  - x\n  - y\n"))
    on_branch(here, "two", lambda: replaced(here, odd, "  - x\n", "  - z\n"))
    merged(here, "$(touch${IFS}hacked)", onto="two")
    assert here.repo.read(odd) == "id: gt-o\ntitle: O\nlabels:\n  - y\n  - z\nstatus: open\n"
    assert not (here.path / "hacked").exists()


def test_settings_and_custom_statuses(here: HookedTown) -> None:
    config = ".convoy/config.yaml"
    here.repo.write(config, here.repo.read(config) + "statuses:\n  shipped: done\ndispatch:\n  max_workers: 3\n")
    here.saved("Settings")
    on_branch(here, "one", lambda: replaced(here, config, "  max_workers: 3\n", "  max_workers: 5\n  lease: 1h\n"))
    on_branch(here, "two", lambda: replaced(here, config, "  max_workers: 3\n", "  max_workers: 3\n  paused: true\n"))
    text = both_ways(here, "one", "two", config)
    assert "dispatch:\n  max_workers: 5\n" in text
    assert "  lease: 1h\n" in text
    assert "  paused: true\n" in text
    on_branch(here, "three", lambda: prefer(here, status="shipped"))
    on_branch(here, "four", lambda: prefer(here, status="blocked"))
    assert "status: shipped" in both_ways(here, "three", "four")


def test_a_clone_without_drivers_merges_lines(here: HookedTown, tmp_path: Path) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, status="closed"))
    clone: GitRepo = here.repo.clone(tmp_path / "clone")
    clone.git("switch", "--quiet", "-c", "mine", "origin/one")
    clone.git("merge", "--quiet", "--no-edit", "origin/two")
    assert "title: One" in clone.read(A_FILE)
    assert "status: closed" in clone.read(A_FILE)


def test_what_was_decided_for_one_bead_is_not_replayed_into_another(here: HookedTown) -> None:
    here.repo.config("rerere.enabled", "true")
    here.repo.config("rerere.autoUpdate", "true")
    b_file = ".convoy/beads/gt-b.yaml"
    here.repo.write(b_file, here.repo.read(A_FILE).replace("gt-a", "gt-b"))
    here.saved("Twins")
    for path, branches in ((A_FILE, ("one", "two")), (b_file, ("three", "four"))):
        for name, who in zip(branches, ("mia", "bo"), strict=True):
            on_branch(here, name, partial(replaced, here, path, "status:", f"assignee: {who}\nstatus:"))
    merged(here, "two", onto="one", code=1)
    here.repo.write(A_FILE, here.repo.show("two", A_FILE))
    here.saved("Merged: bo does it")
    said = merged(here, "four", onto="three", code=1)
    assert "previous resolution" not in said
    assert "assignee: mia" in here.repo.read(b_file)
    here.quietly("reset", "--quiet", "--hard")
    merged(here, "two", onto="one", code=1)
    assert here.repo.read(A_FILE) == here.repo.show("two", A_FILE), "of the same bead it is"
    assert here.repo.status() == [f"M  {A_FILE}"] or here.repo.status() == []


def test_merged_twice_into_one_another_with_conflicts(here: HookedTown) -> None:
    """A criss-cross merge: git merges the two bases first, which leaves markers in what it calls the base."""
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    for name, other in (("left", "one"), ("right", "two")):
        here.quietly("switch", "--quiet", "-c", name, other)
        here.quietly("merge", "--quiet", "--no-edit", "-s", "ours", "two" if other == "one" else "one")
    on_branch(here, "left2", lambda: prefer(here, title="One", labels=["x"]), start="left")
    on_branch(here, "right2", lambda: prefer(here, title="Two", status="closed"), start="right")
    said = merged(here, "right2", onto="left2", code=1)
    assert "cannot be merged by its fields" in said
    text = here.repo.read(A_FILE)
    assert [text.count(each) for each in ("title: One\n", "title: Two\n", "status: closed", "<<<<<<<")] == [1, 1, 1, 1]


def test_conflicts_in_the_style_that_git_is_told(here: HookedTown) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, title="Two"))
    here.repo.config("merge.conflictStyle", "zdiff3")
    merged(here, "two", onto="one", code=1)
    assert "title: One\n||||||| base\ntitle: Title of gt-a\n=======\ntitle: Two\n" in here.repo.read(A_FILE)


def test_patches_and_reverts(here: HookedTown, tmp_path: Path) -> None:
    on_branch(here, "one", lambda: prefer(here, title="One"))
    on_branch(here, "two", lambda: prefer(here, labels=["x", "y", "z"]))
    expected = both_ways(here, "one", "two")
    (patch,) = here.quietly("format-patch", "-1", "two", "-o", str(tmp_path / "patches")).splitlines()
    here.quietly("switch", "--quiet", "-C", "mailed", "one")
    here.does(*NO_HOOKS, "am", "-3", patch)
    assert here.repo.read(A_FILE) == expected
    here.does(*NO_HOOKS, "revert", "--no-edit", "one")
    assert here.repo.read(A_FILE) == here.repo.show("two", A_FILE)
