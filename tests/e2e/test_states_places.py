"""Where a town may live: worktrees, submodules, bare and shallow clones, odd HEADs, other people's folders (SPEC 6)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo, new_repo
from hookedtowns import A_FILE, CLOSING, DISPATCHED, OPEN, HookedTown, hooked_town


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> HookedTown:
    return hooked_town(tmp_path_factory, tmp_path / "town")


def there(here: HookedTown, path: Path) -> HookedTown:
    """The same town, seen from another worktree or clone."""
    return HookedTown(GitRepo(path), here.begun)


def test_linked_worktree(here: HookedTown, tmp_path: Path) -> None:
    assert "gitconvoy" not in here.does("worktree", "add", "-b", "side", str(tmp_path / "side"))
    side = there(here, tmp_path / "side")
    side.close()
    assert "gitconvoy" not in side.does("commit", "-a", "-m", "Close it on the side")
    assert side.news() == []
    assert DISPATCHED in here.does("merge", "--quiet", "side")
    assert here.news() == side.news() == CLOSING
    here.sound()
    side.sound()


def test_trunk_checked_out_twice(here: HookedTown, tmp_path: Path) -> None:
    here.does("worktree", "add", "--force", str(tmp_path / "twin"), "main")
    twin = there(here, tmp_path / "twin")
    twin.close()
    assert DISPATCHED in twin.does("commit", "--quiet", "-a", "-m", "Close it there")
    assert here.news() == CLOSING
    twin.sound()
    here.sound(f"M  {A_FILE}")
    here.does("reset", "--quiet", "--hard")
    here.ok("scan")
    assert here.news() == CLOSING
    here.sound()


def test_trunk_checked_out_nowhere(here: HookedTown) -> None:
    here.closing_branch()
    here.quietly("switch", "--quiet", "-c", "elsewhere")
    here.does("branch", "--force", "main", "topic")
    assert here.news() == [], "git runs no hook"
    here.ok("scan")
    assert here.news() == CLOSING
    here.sound()


def test_town_in_a_submodule(here: HookedTown, tmp_path: Path) -> None:
    parent = new_repo(tmp_path / "parent")
    parent.git("submodule", "--quiet", "add", str(here.path), "town")
    parent.commit("A town inside")
    inner = taking_over(parent.path / "town")
    inner.close()
    assert DISPATCHED in inner.does("commit", "--quiet", "-a", "-m", "Close it")
    assert inner.events()[-2:] == CLOSING
    inner.sound()
    assert parent.status() == [" M town"]
    assert (here.news(), here.repo.status()) == ([], [])


def taking_over(path: Path) -> HookedTown:
    """A clone that becomes the one that dispatches, with hooks of its own."""
    made = HookedTown(GitRepo(path))
    made.repo.config("gitconvoy.wake", "false")
    made.repo.config("gitconvoy.dispatch", "local")
    made.ok("hooks", "install")
    made.ok("scan")
    made.begun = len(made.events())
    return made


def test_town_with_submodules(here: HookedTown, tmp_path: Path, library: GitRepo) -> None:
    here.repo.git("submodule", "--quiet", "add", str(library.path), "library")
    here.close()
    here.repo.git("add", "--all")
    assert DISPATCHED in here.does("commit", "--quiet", "-m", "Close it, with a library")
    assert here.news() == CLOSING
    here.sound()
    inner = GitRepo(here.path / "library")
    inner.write("more.txt", "more\n")
    inner.commit("More")
    here.sound(" M library")


@pytest.fixture
def library(tmp_path: Path) -> GitRepo:
    made = new_repo(tmp_path / "library")
    made.write("code.txt", "code\n")
    made.commit("Code")
    return made


def test_bare_repository(here: HookedTown, tmp_path: Path) -> None:
    here.quietly("branch", "--quiet", "spare")
    bare = taking_over(here.repo.clone(tmp_path / "bare.git", "--bare").path)
    here.close()
    here.saved("Close it")
    here.repo.git("push", "--quiet", str(bare.path), "main")
    assert bare.news() == [], "git runs no hook of ours for a push"
    bare.ok("scan")
    assert bare.news() == CLOSING
    assert bare.error("bead", "add", "More")["code"] == "bare"
    assert bare.run("audit").code == 0


def test_shallow_clone(here: HookedTown, tmp_path: Path) -> None:
    here.saved("More history")
    clone = taking_over(here.repo.clone(tmp_path / "shallow", "--depth", "1").path)
    assert clone.repo.git("rev-parse", "--is-shallow-repository") == "true"
    clone.close()
    assert DISPATCHED in clone.does("commit", "--quiet", "-a", "-m", "Close it")
    assert clone.events() == [*here.events(), *CLOSING], "it goes on where the shared ledger ends"
    clone.sound()


def test_detached_head(here: HookedTown) -> None:
    here.does("switch", "--quiet", "--detach")
    here.close()
    assert "gitconvoy" not in here.does("commit", "--quiet", "-a", "-m", "On no branch")
    here.ok("scan")
    assert here.news() == []
    here.sound()
    assert DISPATCHED in here.does("switch", "--quiet", "-C", "main")
    assert here.news() == CLOSING


def test_orphan_branch(here: HookedTown) -> None:
    here.does("switch", "--quiet", "--orphan", "another")
    assert here.repo.status() == []
    here.bead("gt-z", status="open")
    here.convoy("hq-cv-z", "gt-z", status="open")
    here.repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\n")
    here.repo.git("add", "--all")
    said = here.does("commit", "--quiet", "-m", "A root")
    assert said == "gitconvoy: rewrote .convoy/plans/hq-cv-z.yaml\n"
    assert here.repo.git("rev-list", "--count", "HEAD") == "1"
    here.ok("scan")
    assert here.news() == []
    here.sound()


def test_first_commit_of_all(tmp_path: Path) -> None:
    here = HookedTown(new_repo(tmp_path / "new"))
    here.repo.config("gitconvoy.wake", "false")
    here.ok("init", "--prefix", "gt")
    here.repo.git("update-ref", "-d", "HEAD")
    here.bead("gt-z", status="open")
    here.convoy("hq-cv-z", "gt-z", status="open")
    here.repo.git("add", "--all")
    said = here.does("commit", "--quiet", "-m", "The first")
    assert "dispatched gt-z to gt/polecat-1 (attempt 1)" in said
    assert here.events() == ["init town", "launch hq-cv-z", "dispatch gt-z to gt/polecat-1 (attempt 1)"]
    here.sound()


def test_upkeep_of_the_object_store(here: HookedTown) -> None:
    before = here.repo.git("for-each-ref")
    here.does("pack-refs", "--all", "--prune")
    here.does("reflog", "expire", "--expire=now", "--all")
    here.does("repack", "-a", "-d", "-q")
    here.does("prune", "--expire=now")
    here.does("gc", "--quiet", "--aggressive", "--prune=now")
    assert here.repo.git("for-each-ref") == before
    here.sound()
    here.close()
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "Close it")
    assert here.news() == CLOSING
    here.sound()


def tell(words: list[str], here: HookedTown, *before: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours as a process."""
    command = [*before, sys.executable, "-m", "gitconvoy", "-C", str(here.path), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def powerless() -> list[str]:
    """What to put before a command so that it minds the permissions of files."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root minds no permissions, and there is no setpriv to give that up")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


def test_read_only_clone(here: HookedTown) -> None:
    before = powerless()
    here.close()
    here.saved("Close it")
    folders = [here.path, *(folder for folder in here.path.rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    for file in (here.path / ".git/gitconvoy").iterdir():
        file.chmod(0o444)
    try:
        said = tell(["status", OPEN], here, *before)
        scan = tell(["scan"], here, *before)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert (said.returncode, said.stderr) == (0, "")
    assert scan.returncode == 1
    assert "Permission denied" in scan.stderr
    assert "hint: check with `ls -l` who owns it" in scan.stderr
    assert here.news() == []


def test_repository_of_another_user(here: HookedTown) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to another user")
    for place in (here.path, here.path / ".git"):
        os.chown(place, 12345, 12345)
    here.close()
    assert "dubious ownership" in here.does("commit", "--quiet", "-a", "-m", "Close it", code=128)
    error = here.error("scan", code=1)
    remedy = f"git config --global --add safe.directory {here.path}"
    assert (error["code"], remedy in error["hint"]) == ("other-owner", True)
    here.does(*remedy.split()[1:])
    assert DISPATCHED in here.does("commit", "--quiet", "-a", "-m", "Close it")
    assert here.news() == CLOSING
    here.sound()
