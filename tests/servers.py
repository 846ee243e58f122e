"""A bare repository whose `pre-receive` is gitconvoy's, and a clone that pushes to it with real git."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from gitfixtures import GitRepo, new_repo
from townfixtures import TownHelper, chain

HOOK = Path(__file__).parents[1] / "hooks" / "pre-receive"
LEDGER = "refs/heads/convoy-ledger"


@dataclass(slots=True)
class Server:
    """The bare repository, as the remote `origin` of a town."""

    repo: GitRepo
    town: TownHelper

    def push(self, *refs: str, force: bool = False) -> tuple[bool, str]:
        """Push; whether all of it was taken, and what the terminal shows without `remote: `."""
        done = self.town.repo.run("push", *(["--force"] if force else []), "origin", *refs)
        said = "".join(f"{line.removeprefix('remote: ').rstrip()}\n" for line in done.stderr.splitlines())
        return done.returncode == 0, said

    def takes(self, *refs: str, force: bool = False) -> str:
        """Push what must be taken; what was said."""
        taken, said = self.push(*refs, force=force)
        assert taken, said
        return said

    def refuses(self, *refs: str, force: bool = False) -> str:
        """Push what must be refused, without any trace left on the server; what was said."""
        before = self.stands()
        taken, said = self.push(*refs, force=force)
        assert not taken, said
        assert self.stands() == before
        assert "Traceback" not in said
        return said

    def stands(self) -> tuple[str, list[str]]:
        """All refs, and all files of the git directory."""
        refs = self.repo.git("for-each-ref", "--format=%(refname) %(objectname)")
        return refs, sorted(str(file.relative_to(self.repo.path)) for file in self.repo.path.rglob("*"))

    def tip(self, ref: str) -> str:
        """Where a ref stands there."""
        return self.repo.git("rev-parse", ref)


_made: dict[str, Path] = {}


def served(base: Path, target: Path) -> Server:
    """gt-a <- gt-b <- gt-c in an open convoy, gt-a at work, gt-x in none, at `target`; the server beside has all of it.

    A copy of what is made once in `base`.
    """
    if "chain" not in _made:
        server(chain(new_repo(base / "repo")), "main", "convoy-ledger")
        _made["chain"] = base
    for name in ("repo", "server.git"):
        shutil.copytree(_made["chain"] / name, target / name, symlinks=True)
    return Server(GitRepo(target / "server.git"), TownHelper(GitRepo(target / "repo")))


def server(town: TownHelper, *refs: str) -> Server:
    """A server with the hook, to which these refs were pushed."""
    path = town.path.parent / "server.git"
    town.repo.git("init", "--quiet", "--bare", str(path))
    made = Server(GitRepo(path), town)
    (path / "hooks").mkdir(exist_ok=True)
    shutil.copy(HOOK, path / "hooks" / "pre-receive")
    made.repo.config("gitconvoy.python", sys.executable)
    town.repo.git("remote", "add", "origin", "../server.git")
    if refs:
        made.takes(*refs)
    return made
