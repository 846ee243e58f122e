"""The server's hook: put in, proven, chained before what is there, taken out again, printed for forges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gitfixtures import GitRepo
from servers import HOOK, Server, served
from townfixtures import TownHelper

A = ".convoy/beads/gt-a.yaml"


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A town, and a server that has all of it; its hook is taken away."""
    made = served(tmp_path_factory.mktemp("served"), tmp_path)
    (made.repo.path / "hooks" / "pre-receive").unlink()
    made.repo.git("config", "--unset", "gitconvoy.python")
    return made


def broken(here: TownHelper) -> None:
    """Commit what no server takes."""
    here.repo.write(A, "id: gt-a\n")
    here.commit("broken")


def test_put_in_proven_and_taken_out(there: Server) -> None:
    admin = TownHelper(there.repo)
    assert admin.json("hooks", "status", "--server", code=1)["hooks"][0]["reached"] is False
    (change,) = admin.json("hooks", "install", "--server")["hooks"]
    assert (change["name"], change["action"]) == ("pre-receive", "created")
    assert there.repo.git("config", "gitconvoy.python") == sys.executable
    assert admin.json("hooks", "install", "--server")["hooks"][0]["action"] == "unchanged"
    assert admin.json("hooks", "status", "--server")["hooks"][0]["reached"] is True
    broken(there.town)
    assert "[schema]" in there.refuses("main")
    assert admin.json("hooks", "uninstall", "--server")["hooks"][0]["action"] == "removed"
    assert not (there.repo.path / "hooks" / "pre-receive").exists()
    assert there.repo.run("config", "gitconvoy.python").returncode == 1
    there.takes("main")


def test_the_hook_of_somebody_else_gets_all_that_git_tells(there: Server) -> None:
    own = there.repo.path / "hooks" / "pre-receive"
    text = '#!/bin/sh\nset -eu\nwhile read -r old new ref; do echo "mine: $old $new $ref" >&2; done\n'
    own.write_text(text)
    own.chmod(0o755)
    admin = TownHelper(there.repo)
    assert admin.json("hooks", "install", "--server")["hooks"][0]["action"] == "chained"
    good = there.town.repo.head()
    told = there.takes("HEAD:refs/heads/one", "HEAD:refs/heads/two", "HEAD:refs/tags/v1")
    wanted = {f"mine: {'0' * 40} {good} refs/{name}" for name in ("heads/one", "heads/two", "tags/v1")}
    assert wanted == {line for line in told.splitlines() if line.startswith("mine")}
    there.town.repo.write("notes.txt", "one\n")
    there.town.commit("notes")
    assert f" {there.town.repo.head()} refs/heads/main" in there.takes("main")
    broken(there.town)
    assert "mine" not in there.refuses("main")
    admin.ok("hooks", "uninstall", "--server")
    assert own.read_text() == text


def test_a_copy_from_print_finds_gitconvoy_on_path(there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put where a forge keeps hooks; GitLab and others start them in the same way."""
    shown = TownHelper(there.repo).ok("hooks", "install", "--server", "--print")
    assert shown == HOOK.read_text()
    hook = there.repo.path / "hooks" / "pre-receive"
    hook.write_text(shown)
    hook.chmod(0o755)
    broken(there.town)
    git = Path(there.repo.git("--exec-path"))
    monkeypatch.setenv("PATH", os.pathsep.join(("/usr/bin", "/bin", str(git))))
    assert "there is no gitconvoy here" in there.refuses("main")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert "[schema]" in there.refuses("main")


def test_options_that_do_not_go_together(there: Server) -> None:
    admin = TownHelper(there.repo)
    assert admin.error("hooks", "install", "--server", "--rigs", code=2)["code"] == "usage"
    assert admin.error("hooks", "install", "--print", code=2)["code"] == "usage"


def test_a_repository_with_sha256_names_is_refused_clearly(there: Server, tmp_path: Path) -> None:
    other = GitRepo(tmp_path / "sha256.git")
    there.repo.git("init", "--quiet", "--bare", "--object-format=sha256", str(other.path))
    other.config("gitconvoy.python", sys.executable)
    lines = f"{'0' * 64} {'1' * 64} refs/heads/main\n"
    done = subprocess.run(
        [HOOK],
        cwd=other.path,
        env={**os.environ, "GIT_DIR": "."},
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "uses SHA-256 object names" in done.stderr


def test_a_worktree_that_is_pushed_to_is_a_server_too(there: Server, tmp_path: Path) -> None:
    """Not bare: git starts its hook in the git directory, with the worktree around it."""
    target = there.repo.clone(tmp_path / "desk")
    target.config("receive.denyCurrentBranch", "updateInstead")
    TownHelper(target).ok("hooks", "install", "--server")
    there.town.repo.git("remote", "set-url", "origin", str(target.path))
    broken(there.town)
    taken, said = there.push("main")
    assert (taken, "[schema]" in said) == (False, True)


def test_what_git_does_not_tell_is_refused(there: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gitconvoy", "hook-run", "pre-receive"],
        cwd=there.repo.path, input="nonsense\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is not what git tells a pre-receive hook" in done.stderr
