"""Workers of tests that hand in what they did on a branch of their own, each in a worktree of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gitfixtures import GitRepo
from townfixtures import Answer, TownHelper, town

from gitconvoy.dispatch import handins

FLOW = "hq-cv-flow"


@dataclass(slots=True)
class Worker:
    """A claimed bead, and the worktree of its branch."""

    here: TownHelper
    bead: str
    name: str
    branch: str
    tree: GitRepo
    token: str

    def edit(self, path: str, text: str, message: str = "work") -> str:
        """Write a file in the worktree and commit it; the commit."""
        self.tree.write(path, text)
        return self.tree.commit(message)

    def words(self, *more: str) -> list[str]:
        """`done` as this worker says it."""
        return ["--actor", self.name, "done", self.bead, "--branch", self.branch, *more]

    def done(self, *more: str) -> dict[str, Any]:
        """Hand in, which must succeed; the answer."""
        return self.here.json(*self.words(*more))

    def refused(self, *more: str) -> dict[str, Any]:
        """Hand in, which must be refused without a trace in the ledger and on the branch; the error."""
        before = (self.tree.head(), self.here.events())
        error = self.here.error(*self.words(*more))
        assert (self.tree.head(), self.here.events()) == before
        return error

    def end(self, *more: str) -> Answer:
        """Hand in, however that ends."""
        return self.here.run(*self.words(*more))


def claim(here: TownHelper, name: str = "ada") -> Worker:
    """The next ready bead for a worker, with a worktree on the branch `work/<bead>-<attempt>` from main."""
    found = here.json("--actor", name, "next", "--claim")
    assert found["bead"] is not None, "nothing was ready"
    bead, attempt = found["bead"]["id"], found["attempt"]
    branch = f"work/{bead}-{attempt}"
    tree = here.repo.worktree(here.path.parent / f"{here.path.name}-{bead}-{attempt}", branch)
    return Worker(here, bead, name, branch, tree, found["token"])


def flow(repo: GitRepo, *beads: str, merge: str = "direct", hooks: bool = False, **convoy: Any) -> TownHelper:
    """A town whose open convoy tracks these beads, which only claims take: `gt-a` or `gt-b<gt-a` (behind gt-a)."""
    here = town(repo, hooks=hooks)
    repo.write(".convoy/config.yaml", "format: 1\nprefix: gt\ndispatch:\n  auto: false\n  max_workers: 9\n")
    ids = []
    for each in beads:
        bead, _, needs = each.partition("<")
        here.bead(bead, depends_on=needs.split(",") if needs else [])
        ids.append(bead)
    here.convoy(FLOW, *ids, status="open", merge=merge, **convoy)
    here.commit("plan")
    here.ok("scan")
    return here


def status(here: TownHelper, bead: str) -> tuple[str, str | None]:
    """Effective status and outcome of a bead."""
    found = here.json("why", bead)
    return found["status"], found["outcome"]


def try_again_now(here: TownHelper) -> None:
    """Let the time come at which what is in the way of handed-in work is looked at again."""
    common = here.path / ".git"
    for note in handins.read_all(common).values():
        if note.retry_at is not None:
            handins.write(common, replace(note, retry_at=0))
