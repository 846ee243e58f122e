"""Which branch a server guards, and how much a push may cost it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from doctoring import of
from gitfixtures import GitRepo
from servers import Server, served
from townfixtures import TownHelper

A = ".convoy/beads/gt-a.yaml"


@pytest.fixture
def there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A town, and a server that has all of it and the hook."""
    return served(tmp_path_factory.mktemp("served"), tmp_path)


@pytest.fixture
def empty(there: Server, tmp_path: Path) -> Server:
    """The same town and a server to which nothing was pushed; its HEAD names a branch that nobody has."""
    bare = GitRepo(tmp_path / "empty.git")
    there.repo.git("init", "--quiet", "--bare", "--initial-branch=master", str(bare.path))
    there.town.repo.git("remote", "set-url", "origin", str(bare.path))
    return Server(bare, there.town)


def broken(here: TownHelper) -> None:
    """Commit what no server takes."""
    here.repo.write(A, "id: gt-a\n")
    here.commit("broken")


def test_a_trunk_that_nobody_pushes_is_told_to_all(empty: Server) -> None:
    admin = TownHelper(empty.repo)
    answer = admin.run("hooks", "install", "--server")
    assert answer.code == 0
    assert "master: HEAD names it, and there is no such branch" in answer.err
    said = empty.takes("main")
    assert "gitconvoy: no plan is checked here: the trunk is to be master" in said
    guards = admin.json("hooks", "status", "--server")["guards"]
    assert guards == {"trunk": "refs/heads/master", "pinned": False, "exists": False, "candidates": ["main"]}
    assert "git config gitconvoy.trunk main" in admin.run("hooks", "status", "--server").err
    assert of(admin, "server") == [("warning", "master", False)]
    admin.ok("hooks", "install", "--server")
    assert empty.repo.git("config", "gitconvoy.trunk") == "main", "the only branch with a plan"
    assert of(admin, "server") == []
    assert "guards main (named by gitconvoy.trunk) and convoy-ledger" in admin.ok("hooks", "status", "--server")
    broken(empty.town)
    assert "[schema]" in empty.refuses("main")
    assert "no plan is checked" not in empty.takes("HEAD~1:refs/heads/topic")


def test_a_trunk_by_name(empty: Server) -> None:
    admin = TownHelper(empty.repo)
    assert "main: gitconvoy.trunk names it" in admin.run("hooks", "install", "--server", "--trunk", "main").err
    assert "no plan is checked" not in empty.takes("main")
    broken(empty.town)
    assert "[schema]" in empty.refuses("main")
    for name in ("convoy-ledger", "a..b", "--upload-pack=x"):
        assert admin.error("hooks", "install", "--server", f"--trunk={name}")["code"] == "configuration"
    assert empty.repo.git("config", "gitconvoy.trunk") == "main"
    assert empty.town.error("hooks", "install", "--trunk", "main", code=2)["code"] == "usage"
    admin.ok("hooks", "uninstall", "--server")
    assert of(admin, "server") == []


def test_the_branch_that_head_names_is_pinned(there: Server) -> None:
    admin = TownHelper(there.repo)
    (there.repo.path / "hooks" / "pre-receive").unlink()
    assert admin.json("hooks", "install", "--server")["guards"]["pinned"]
    there.repo.git("symbolic-ref", "HEAD", "refs/heads/nowhere")
    broken(there.town)
    assert "[schema]" in there.refuses("main")
    (there.repo.path / "hooks" / "pre-receive").chmod(0o644)
    assert of(admin, "server", code=1) == [("error", "pre-receive", False)]


def limited(there: Server, work: str, **settings: str) -> str:
    """What it says that some work met the limits of a server; in a process of its own, as limits are for good."""
    for key, value in settings.items():
        there.repo.config(f"gitconvoy.{key}", value)
    code = (
        "from pathlib import Path; from gitconvoy.git.repo import Repo; from gitconvoy.hooking.limits import limited\n"
        "from gitconvoy.errors import ConvoyError\n"
        f"try:\n    with limited(Repo.discover(Path('.'))):\n        {work}\n"
        "except ConvoyError as error:\n    print(error.code, error.message, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=there.repo.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_push_may_cost(there: Server) -> None:
    said = limited(there, "any(False for _ in iter(int, 1))", receiveTime="1s")
    assert said.startswith("push-too-costly it takes more than 1 s of processor time push less at once")
    said = limited(there, "bytes(1 << 30)", receiveMemory="500m")
    assert said.startswith("push-too-costly it takes more than 500 MiB of memory")
    assert limited(there, "bytes(1 << 28)") == ""
    assert limited(there, "pass", receiveTime="soon").startswith("configuration gitconvoy.receiveTime: ")


def test_a_push_that_costs_too_much_is_refused(there: Server) -> None:
    there.repo.config("gitconvoy.receiveMemory", "1m")
    there.town.bead("gt-y")
    there.town.commit("more")
    said = there.refuses("main")
    assert "the push is refused, as it cannot be checked: it takes more than 1 MiB of memory" in said
    there.repo.git("config", "--unset", "gitconvoy.receiveMemory")
    there.takes("main")
