"""A town whose rigs have repositories of their own, for tests of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitfixtures import GitRepo
from handing import Worker
from townfixtures import TownHelper, town

FLOW = "hq-cv-flow"
CONFIG = """\
format: 1
prefix: gt
rigs:
  gt:
    prefixes: [gt]
{rigs}dispatch:
{dispatch}"""


@dataclass(slots=True)
class Rigs:
    """The town and the repositories of its rigs, which are called like their prefixes."""

    here: TownHelper
    repos: dict[str, GitRepo]
    dispatch: dict[str, Any]

    def __getitem__(self, rig: str) -> GitRepo:
        return self.repos[rig]

    def plan(self, *beads: str, merge: str = "direct", launch: bool = True, **rig_settings: Any) -> None:
        """Beads of the town in one convoy, committed and launched: `api-a`, or `ui-a<api-a` (behind api-a).

        A bead that is called `api-a!` gets no file here; `rig_settings` are those of every rig but the town's own.
        """
        ids = []
        for each in beads:
            bead, _, needs = each.partition("<")
            ids.append(bead.removesuffix("!"))
            if not bead.endswith("!"):
                self.here.bead(bead, depends_on=needs.split(",") if needs else [])
        extra = "".join(f"    {key}: {value}\n" for key, value in rig_settings.items())
        rigs = "".join(f"  {name}:\n    prefixes: [{name}]\n{extra}" for name in self.repos)
        dispatch = "".join(f"  {key}: {value}\n" for key, value in self.dispatch.items())
        self.here.repo.write(".convoy/config.yaml", CONFIG.format(rigs=rigs, dispatch=dispatch))
        self.here.convoy(FLOW, *ids, merge=merge)
        self.here.commit("plan")
        if launch:
            self.here.ok("launch", FLOW, "--force")

    def worktree(self, bead: str, attempt: int = 1) -> Path:
        """Where an attempt works by default."""
        rig = bead.partition("-")[0]
        root = self.here.path if rig == "gt" else self.repos[rig].path
        return root / ".git" / "gitconvoy" / "worktrees" / f"{bead}-{attempt}"

    def claim(self, name: str = "ada") -> Worker:
        """The next ready bead for a worker, with a worktree of its rig's repository on a branch of its own."""
        found = self.here.json("--actor", name, "next", "--claim")
        assert found["bead"] is not None, "nothing was ready"
        bead, attempt = found["bead"]["id"], found["attempt"]
        repo = self.repos.get(bead.partition("-")[0], self.here.repo)
        branch = f"work/{name}-{attempt}"
        tree = repo.worktree(repo.path.parent / f"{repo.path.name}-{bead}-{attempt}", branch)
        return Worker(self.here, bead, name, branch, tree, found["token"])

    def move(self, rig: str) -> Callable[[], None]:
        """Rename a rig's repository away; the function brings it back."""
        path = self.repos[rig].path
        away = path.with_name(f"{path.name}.away")
        path.rename(away)
        return lambda: _back(away, path)


def _back(away: Path, path: Path) -> None:
    away.rename(path)


def rigs(make_repo: Callable[[str], GitRepo], *names: str, hooks: bool = False, **dispatch: Any) -> Rigs:
    """A town, and beside it a repository for each of these rigs."""
    here = town(make_repo("town"), hooks=hooks)
    repos = {name: make_repo(f"repo of {name}") for name in names}
    for name, repo in repos.items():
        repo.write(f"{name}.txt", f"{name}\n")
        repo.commit(f"begin {name}")
        here.repo.config(f"gitconvoy.rig.{name}.path", f"../repo of {name}")
    return Rigs(here, repos, {"max_workers": 9, "backoff": "1h", **dispatch})
