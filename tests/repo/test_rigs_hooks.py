"""Hooks in the repository of a rig wake the towns that keep work there, and leave everybody else alone."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from rigtowns import FLOW, RigTown, rig_town, two_beads
from townfixtures import TownHelper
from waiting import until
from workshops import processes_of

from gitconvoy.engine import seen
from gitconvoy.git.repo import Repo
from gitconvoy.hooking.install import install
from gitconvoy.hooking.rigs import wake_towns

MakeRepo = Callable[[str], GitRepo]
CALLS = "#!/bin/sh\n[ \"$2\" = -c ] && exit 0\nprintf '%s ' \"$@\" >>'{file}'\necho >>'{file}'\n"


@pytest.fixture
def made(make_repo: MakeRepo) -> RigTown:
    """A town with a convoy over both repositories, hooks in both, which has looked."""
    found = rig_town(make_repo, hooks=True)
    two_beads(found)
    found.here.ok("hooks", "install", "--rigs")
    found.here.ok("scan")
    return found


def note_of(made: RigTown) -> Path:
    """Where the town says what it waits for in the rig's repository."""
    name = hashlib.sha1(os.fsencode(made.here.path / ".git")).hexdigest()
    return made.web.path / ".git/gitconvoy/towns" / name


def calls(made: RigTown, tmp_path: Path) -> Callable[[], list[str]]:
    """Let the rig's hooks run a stand-in for Python; a function that gives the calls since it was asked last."""
    file, python = tmp_path / "calls", tmp_path / "python"
    python.write_text(CALLS.format(file=file))
    python.chmod(0o755)
    install(Repo.discover(made.web.path), str(python))

    def since() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line.split("hook-run ")[1].split()[0] for line in lines]

    return since


def quiet(made: RigTown) -> None:
    """Wait for the scans that hooks left behind."""
    until(lambda: not processes_of(made.here.path), "the end of all scans")


def test_what_install_does_there(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo)
    two_beads(made)
    mine = made.there.write(".git/hooks/post-commit", "#!/bin/sh\necho mine >>ran\n")
    mine.chmod(0o755)
    found = made.here.json("hooks", "install", "--rigs")
    (rig,) = found["rigs"]
    assert (rig["rig"], rig["path"], rig["trouble"]) == ("web", str(made.web.path), "")
    assert {each["action"] for each in rig["hooks"]} == {"created", "chained"}
    assert "echo mine" in mine.read_text()
    first = note_of(made).read_text().splitlines()
    tree = made.there.git("rev-parse", "main:.convoy")
    assert first == [f"town {made.here.path}", f"refs/heads/main {tree}"]
    again = made.here.json("hooks", "install", "--rigs")
    assert {each["action"] for each in again["rigs"][0]["hooks"]} == {"unchanged"}
    assert TownHelper(made.there).json("hooks", "status")["ok"]


def test_install_says_what_it_cannot_do(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo)
    made.away()
    found = made.here.json("hooks", "install", "--rigs", code=5)
    assert found["rigs"][0]["trouble"] == f"there is no folder {made.web.path}"
    assert {each["action"] for each in found["hooks"]} == {"created"}
    assert "nothing was done there" in made.here.run("hooks", "install", "--rigs").err


def test_closing_by_hand_there_wakes_the_town(made: RigTown) -> None:
    made.web.bead("web-a", status="closed")
    made.web.commit("done by hand")
    until(lambda: "dispatch gt-b to gt/polecat-1 (attempt 1)" in made.here.events(), "the town's reaction")
    quiet(made)
    made.here.ok("--actor", "gt/polecat-1", "done", "gt-b", "--no-code")
    assert made.here.events()[-1] == f"complete {FLOW}"


def test_a_new_bead_there_wakes_the_town(made: RigTown) -> None:
    made.here.convoy("hq-cv-more", "web-more", status="open")
    made.here.repo.git("add", "--all")
    made.here.repo.git("commit", "--quiet", "--no-verify", "-m", "ahead of it")
    made.web.bead("web-more")
    made.web.commit("here it is")
    until(lambda: any("dispatch web-more" in each for each in made.here.events()), "the dispatch")
    quiet(made)


def test_the_note_follows_each_look(made: RigTown, tmp_path: Path) -> None:
    before = note_of(made).read_text()
    made.web.bead("web-a", priority=0)
    made.web.commit("sooner")
    until(lambda: note_of(made).read_text() != before, "the look")
    quiet(made)
    since = calls(made, tmp_path)
    made.there.write("src", "x\n")
    made.web.commit("code")
    assert since() == []


def test_commits_that_concern_nobody_start_nothing(made: RigTown, tmp_path: Path) -> None:
    made.there.write("src", "1\n")
    made.web.commit("code")  # notes for itself what was looked at
    quiet(made)
    since = calls(made, tmp_path)
    made.there.write("src", "2\n")
    made.web.commit("code")
    made.web.branch("topic")
    made.web.bead("web-a", status="closed")
    made.there.git("add", "--all")
    made.there.git("commit", "--quiet", "--no-verify", "-m", "on a branch")
    worker = made.there.worktree(tmp_path / "worker", "convoy/web-a-1")
    worker.write("src", "3\n")
    worker.commit("work")
    assert since() == []
    made.there.git("switch", "--quiet", "main")
    made.there.git("merge", "--quiet", "--no-verify", "topic")
    assert since() == ["post-merge"]


def test_a_repository_without_a_plan(make_repo: MakeRepo, tmp_path: Path) -> None:
    made = rig_town(make_repo, hooks=True)
    made.here.bead("web-a")
    made.here.convoy(FLOW, "web-a", status="open")
    made.here.commit("plan")
    made.here.ok("hooks", "install", "--rigs")
    made.here.ok("scan")
    assert note_of(made).read_text().splitlines()[1:] == ["refs/heads/main -"]
    made.web.commit("code")
    since = calls(made, tmp_path)
    made.web.commit("code")
    assert since() == []
    made.web.bead("web-b")
    made.web.commit("its first bead")
    assert since() == ["pre-commit", "post-commit"]


def test_a_branch_that_handed_in_work_waits_for(made: RigTown, tmp_path: Path) -> None:
    made.there.write("src", "1\n")
    made.web.commit("code")
    quiet(made)
    since = calls(made, tmp_path)
    made.there.git("branch", "release")
    with note_of(made).open("a") as file:
        file.write(f"refs/heads/release {made.there.head()}\n")
    made.web.commit("elsewhere")
    assert since() == []
    made.there.git("switch", "--quiet", "release")
    made.web.commit("there")
    assert since() == ["post-commit"]


def test_a_damaged_note_and_others_harm_nobody(made: RigTown) -> None:
    note_of(made).with_name("damaged").write_text("refs/heads/main\n")
    note_of(made).with_name("odd").write_text(f"town {made.here.path}\nrefs/heads/main {'1' * 40} {'2' * 40}\n")
    note_of(made).with_name("relative").write_text(f"town repo\nrefs/heads/main {'1' * 40}\n")
    folder = Repo.discover(made.web.path).common_dir
    assert [file for file, _ in seen.watches(folder).items()] == [note_of(made)]
    done = made.there.run("commit", "--allow-empty", "-m", "x")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("why", ["gone", "off", "elsewhere"])
def test_notes_of_towns_that_wait_no_longer_are_dropped(made: RigTown, why: str) -> None:
    if why == "gone":
        shutil.rmtree(made.here.path)
    if why == "off":
        made.here.repo.config("gitconvoy.dispatch", "off")
    if why == "elsewhere":
        made.here.repo.git("config", "--unset", "gitconvoy.rig.web.path")
    made.web.bead("web-a", priority=0)
    made.there.git("add", "--all")
    made.there.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "change")
    assert wake_towns(Repo.discover(made.web.path)) == ()
    assert not note_of(made).exists()


def test_two_towns_and_one_rig(made: RigTown, make_repo: MakeRepo) -> None:
    other = TownHelper(make_repo("other town"))
    other.repo.config("gitconvoy.wake", "false")
    other.ok("init", "--prefix", "web", "--no-hooks")
    other.repo.config("gitconvoy.rig.web.path", str(made.web.path))
    other.convoy("hq-cv-o", "web-a", status="open")
    other.commit("plan")
    other.ok("hooks", "install", "--rigs")
    other.ok("scan")
    assert len(list(note_of(made).parent.iterdir())) == 2
    made.web.bead("web-a", status="closed")
    made.web.commit("done")
    until(lambda: other.events()[-1:] == ["complete hq-cv-o"], "the other town's reaction")
    until(lambda: any("dispatch gt-b" in each for each in made.here.events()), "the town's reaction")
    quiet(made)
    until(lambda: not processes_of(other.path), "the end of all scans")


def test_a_rig_that_is_a_town_reacts_for_itself_too(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo, hooks=True)
    made.there.config("gitconvoy.wake", "false")
    made.web.ok("init", "--prefix", "web")
    two_beads(made)
    made.here.ok("hooks", "install", "--rigs")
    made.here.ok("scan")
    made.web.bead("web-own")
    made.web.convoy("hq-cv-there", "web-own", status="open")
    made.web.bead("web-a", status="closed")
    made.web.commit("both")
    assert "dispatch web-own to web/polecat-1 (attempt 1)" in made.web.events()
    until(lambda: any("dispatch gt-b" in each for each in made.here.events()), "the town's reaction")
    quiet(made)


def test_without_hooks_there_the_next_scan_sees_it(make_repo: MakeRepo) -> None:
    made = rig_town(make_repo)
    two_beads(made)
    made.here.ok("scan")
    assert not (made.web.path / ".git/gitconvoy").exists(), "nothing is written to a repository without being asked"
    made.web.bead("web-a", status="closed")
    made.web.commit("done")
    made.here.ok("scan")
    assert any("dispatch gt-b" in each for each in made.here.events())


def test_merging_there_by_hand_wakes_the_town(made: RigTown, tmp_path: Path) -> None:
    made.here.ok("unsling", "web-a")
    quiet(made)
    token = made.here.json("--actor", "ada", "next", "--claim")["token"]
    tree = made.there.worktree(tmp_path / "ada", "work/web-a")
    tree.write("src/feature", "x\n")
    tree.commit("the work")
    made.here.ok("--actor", "ada", "done", "web-a", "--branch", "work/web-a", "--token", token)
    assert made.here.events()[-1] == "submit web-a"
    assert f"refs/heads/main {made.there.head()}" in note_of(made).read_text().splitlines()[2:]
    made.there.git("merge", "--quiet", "--squash", "work/web-a")
    made.there.git("commit", "--quiet", "-m", "all of it")
    until(lambda: "merged web-a" in made.here.events(), "the town's reaction")
    quiet(made)
    assert "dispatch gt-b to gt/polecat-1 (attempt 1)" in made.here.events()


def test_status_and_uninstall_there(made: RigTown) -> None:
    found = made.here.json("hooks", "status", "--rigs")
    (rig,) = found["rigs"]
    assert (rig["rig"], rig["path"], rig["ok"], rig["trouble"]) == ("web", str(made.web.path), True, "")
    assert {each["reached"] for each in rig["hooks"]} == {True}
    (gone,) = made.here.json("hooks", "uninstall", "--rigs")["rigs"]
    assert ({each["action"] for each in gone["hooks"]}, gone["kept"]) == ({"removed"}, "")
    assert not note_of(made).exists()
    after = made.here.json("hooks", "status", "--rigs", code=1)
    assert (after["rigs"][0]["ok"], "install --rigs" in after["rigs"][0]["trouble"]) == (False, True)
    assert "rigs" not in made.here.json("hooks", "uninstall")
    told = made.here.run("hooks", "status", "--rigs")
    assert f"rig web, {made.web.path}:" in told.out
    made.away()
    assert made.here.json("hooks", "status", "--rigs", code=1)["rigs"][0]["trouble"].startswith("there is no folder")
    assert made.here.json("hooks", "uninstall", "--rigs", code=5)["rigs"][0]["hooks"] == []


@pytest.mark.parametrize("who", ["another town", "itself"])
def test_uninstall_leaves_what_others_need_there(made: RigTown, who: str) -> None:
    if who == "itself":
        made.there.config("gitconvoy.dispatch", "local")
    else:
        note_of(made).with_name("other").write_text(f"town {made.web.path}\nrefs/heads/main -\n")
    (rig,) = made.here.json("hooks", "uninstall", "--rigs")["rigs"]
    assert (rig["hooks"], bool(rig["kept"]), note_of(made).exists()) == ([], True, False)
    assert (made.web.path / ".git/hooks/post-commit").exists()
