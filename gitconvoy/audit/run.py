"""The audit of a ledger branch: from its root to its tip, in any clone, without writing anything (SPEC 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitconvoy.audit.judge import judge
from gitconvoy.audit.surroundings import Surroundings
from gitconvoy.audit.values import ERROR, WARNING, Finding, Step
from gitconvoy.audit.walk import Walk
from gitconvoy.errors import GitError
from gitconvoy.git import read
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import check_format
from gitconvoy.model.kinds import ROOT
from gitconvoy.store import load


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has found, oldest commit first."""

    tip: str
    checked: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing but warnings was found."""
        return all(finding.severity != ERROR for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape of SPEC 8."""
        findings = [finding.as_dict() for finding in self.findings]
        return {"ok": self.ok, "tip": self.tip, "commits_checked": self.checked, "findings": findings}


def audit(repo: Repo, tip: str, progress: Callable[[int, int], None] | None = None) -> Report:
    """Check every commit of a ledger branch against the event table and the rules.

    GitError where one is missing, BadFiles where the branch is no ledger, or of a newer format.
    `progress` is told (done, total), now and then.
    """
    check_format(repo, tip)
    commits = read.first_parents(repo, tip, None) or []
    walk = Walk(repo, commits)
    plans = _Plans(repo)
    trunks = _Trunks(repo)
    for number, step in enumerate(walk):
        if step is not None:
            walk.found += judge(step, plans.of(walk.plan), walk.books)
            walk.found += trunks.look(step, walk.plan)
            walk.close(step)
        if progress is not None and number % 100 == 0:
            progress(number, len(commits))
    place = {oid: number for number, oid in enumerate(reversed(commits))}
    return Report(tip, len(commits), tuple(sorted(walk.found, key=lambda finding: place[finding.commit])))


class _Plans:
    """The plan of each `.convoy` tree; consecutive commits mostly share it."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._tree: str | None = None
        self._last = Surroundings(load.from_tree(repo, None))

    def of(self, tree: str | None) -> Surroundings:
        if tree != self._tree:
            self._tree, self._last = tree, Surroundings(load.from_tree(self._repo, tree), self._last)
        return self._last


class _Trunks:
    """Whether the plan that a commit keeps is that of the trunk commit which it names."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._trees: dict[str, str | None] = {}
        self._unknown: set[str] = set()

    def look(self, step: Step, plan: str | None) -> list[Finding]:
        trunk = step.event.trunk
        if trunk is None or trunk in self._unknown:
            return []
        if trunk not in self._trees:
            if read.resolve(self._repo, trunk) is None:
                self._unknown.add(trunk)
                message = f"the trunk commit {trunk[:10]} is not here: amended away, or not fetched"
                return [step.finding("trunk", message, severity=WARNING)]
            try:
                self._trees[trunk] = read.tree_at(self._repo, trunk, ROOT)
            except GitError:
                return [step.finding("trunk", f"the trunk commit {trunk[:10]} cannot be read")]
        if self._trees[trunk] != plan:
            message = f"the plan that it keeps is not that of the trunk commit {trunk[:10]} which it names"
            return [step.finding("plan", message)]
        return []
