"""Files of the plan that git moves, renames, converts or throws away, with real hooks (SPEC 3.1, 6, 9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitfixtures import new_repo
from hookedtowns import A_FILE, B_FILE, CLOSING, DISPATCHED, OPEN, PLAN, X_FILE, HookedTown, hooked_town

ATTRIBUTES = ".convoy/.gitattributes"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


def test_clean(here: HookedTown) -> None:
    here.repo.write(".gitignore", "build/\n")
    here.saved("Ignore")
    here.repo.write("build/out.o", "x\n")
    here.bead("gt-untracked")
    before = sorted(here.path.glob(".git/gitconvoy/*"))
    said = here.does("clean", "-fdx")
    assert said.splitlines() == ["Removing .convoy/beads/gt-untracked.yaml", "Removing build/"]
    assert sorted(here.path.glob(".git/gitconvoy/*")) == before
    here.ok("scan")
    assert here.news() == []
    here.sound()


def test_beads_in_a_sub_folder(here: HookedTown) -> None:
    (here.path / ".convoy/beads/old").mkdir()
    here.does("mv", A_FILE, B_FILE, ".convoy/beads/old/")
    assert "gitconvoy" not in here.does("commit", "--quiet", "-m", "Move them")
    assert here.news() == []
    here.sound()


def test_rename_of_the_plan_folder(here: HookedTown) -> None:
    here.does("mv", ".convoy", "plan")
    before = here.repo.status()
    said = here.does("commit", "-m", "Rename it", code=1)
    assert f".convoy/convoys/{OPEN}.yaml: convoy {OPEN} is open and cannot be deleted" in said
    assert here.repo.status() == before
    said = here.does("commit", "--quiet", "--no-verify", "-m", "Rename it all the same")
    assert said.startswith("gitconvoy: the trunk (main) holds no .convoy folder: nothing is dispatched\nhint: ")
    answer = here.run("scan")
    assert (answer.code, "live attempts of gt-a" in answer.err) == (1, True)
    assert here.news() == []
    here.quietly("revert", "--no-edit", "HEAD")
    here.ok("scan")
    assert here.news() == []
    here.sound()


def test_rename_that_only_changes_case(here: HookedTown) -> None:
    renamed = A_FILE.replace("gt-a", "GT-A")
    here.does("mv", A_FILE, renamed)
    said = here.does("commit", "-m", "Louder", code=1)
    assert f"{renamed}:1:1: holds the id gt-a, but its name says GT-A" in said
    assert "hint: rename the file to gt-a.yaml, or write id: GT-A" in said
    assert here.news() == []
    here.does("reset", "--quiet", "--hard")
    here.sound()


def test_files_that_differ_only_in_case(here: HookedTown) -> None:
    here.repo.write(A_FILE.replace("gt-a", "GT-A"), "id: GT-A\ntitle: Louder\n")
    here.repo.git("add", "--all")
    said = here.does("commit", "-m", "Both", code=1)
    assert "GT-A" in said
    assert "gt-a" in said
    assert here.news() == []


def test_line_ends_of_windows(here: HookedTown) -> None:
    here.repo.config("core.autocrlf", "true")
    assert (here.path / ATTRIBUTES).is_file()
    file = here.path / here.close()
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "Saved by another editor")
    assert "\r" not in here.repo.show("HEAD", A_FILE)
    assert here.news() == CLOSING
    here.quietly("checkout", "--quiet", "HEAD~1")
    here.quietly("checkout", "--quiet", "main")
    assert b"\r" not in file.read_bytes()
    here.sound()


def test_symbolic_link_in_place_of_a_bead(here: HookedTown, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("id: gt-x\ntitle: Secret\nstatus: closed\n")
    (here.path / X_FILE).unlink()
    (here.path / X_FILE).symlink_to(secret)
    said = here.does("commit", "-a", "-m", "Link", code=1)
    assert f"{X_FILE}:1:1: " in said
    assert "Secret" not in said
    here.does("commit", "--quiet", "-a", "--no-verify", "-m", "Link")
    assert (here.news(), secret.read_text().count("\n")) == ([], 3)
    assert here.run("validate").code == 3
    here.sound(valid=False)


def test_plan_file_through_a_link(here: HookedTown, tmp_path: Path) -> None:
    (here.path / ".convoy/plans").rename(tmp_path / "plans")
    (here.path / ".convoy/plans").symlink_to(tmp_path / "plans")
    before = (tmp_path / f"plans/{OPEN}.yaml").read_text()
    here.widen()
    here.repo.git("add", ".convoy/beads", ".convoy/convoys")
    said = here.does("commit", "--quiet", "-m", "Wider")
    assert f"gitconvoy: rewrote {PLAN}" in said
    assert "gt-c" in here.repo.show("HEAD", PLAN)
    assert (tmp_path / f"plans/{OPEN}.yaml").read_text() == before


def test_plan_folder_that_is_a_link(here: HookedTown, tmp_path: Path) -> None:
    (here.path / ".convoy").rename(tmp_path / "plan")
    (here.path / ".convoy").symlink_to(tmp_path / "plan")
    here.repo.git("add", "--all")
    said = here.does("commit", "-m", "Elsewhere", code=1)
    assert ".convoy:1:1: is a symbolic link or no plain file" in said
    said = here.does("commit", "--quiet", "--no-verify", "-m", "Elsewhere")
    assert "holds no .convoy folder: nothing is dispatched" in said
    assert here.run("scan").code == 1
    assert here.news() == []


def test_submodule_in_place_of_the_plan(here: HookedTown, tmp_path: Path) -> None:
    library = new_repo(tmp_path / "library")
    library.write("config.yaml", "format: 1\n")
    library.commit("Code")
    here.repo.git("rm", "--quiet", "-r", ".convoy")
    here.repo.git("submodule", "--quiet", "add", str(library.path), ".convoy")
    said = here.does("commit", "-m", "Elsewhere", code=1)
    assert ".convoy: is a symbolic link or no plain file" in said
    said = here.does("commit", "--quiet", "--no-verify", "-m", "Elsewhere")
    assert "holds no .convoy folder: nothing is dispatched" in said
    assert here.run("scan").code == 1
    assert here.news() == []
