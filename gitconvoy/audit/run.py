"""The audit of a ledger branch, whole or from a commit on: in any clone, without writing anything (SPEC 7, 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from gitconvoy.audit.judge import judge
from gitconvoy.audit.surroundings import Surroundings
from gitconvoy.audit.values import ERROR, WARNING, Books, Finding, Step
from gitconvoy.audit.walk import Walk
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import GitError
from gitconvoy.git import commits, objects, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import check_format, read_ledger
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


def audit(
    repo: Repo,
    tip: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    since: str | None = None,
    look: Callable[[Step, str | None], Iterable[Finding]] | None = None,
) -> Report:
    """Check every commit of a ledger branch against the event table and the rules, or those behind `since` alone.

    `since` is a first-parent ancestor of `tip` (else ValueError), at which the ledger is taken for right. What is found
    behind it is what an audit of the whole finds there. `look` may add findings of its own to each step and the plan
    that it was decided on. GitError where a commit is missing, BadFiles where the branch is no ledger, or of a newer
    format. `progress` is told (done, total), now and then.
    """
    check_format(repo, tip)
    chain = commits.first_parents(repo, tip, since)
    if chain is None:
        raise ValueError(f"{since} is no first-parent ancestor of {tip}")
    objects.expect(repo, len(chain))
    ledger = read_ledger(repo, since)
    walk = Walk(repo, chain, since, Books.of(ledger))
    plans = _Plans(repo)
    trunks = _Trunks(repo, ledger.trunk)
    for number, step in enumerate(walk):
        if step is not None:
            walk.found += judge(step, plans.of(walk.plan), walk.books)
            walk.found += trunks.look(step, walk.plan)
            walk.found += look(step, walk.plan) if look is not None else ()
            walk.close(step)
        if progress is not None and number % 100 == 0:
            progress(number, len(chain))
    place = {oid: number for number, oid in enumerate(reversed(chain))}
    return Report(tip, len(chain), tuple(sorted(walk.found, key=lambda finding: place[finding.commit])))


_ID = re.compile(r"[0-9a-f]{40}")


class _Plans:
    """The plan of each `.convoy` tree; consecutive commits mostly share it."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._tree: str | None = None
        self._last = Surroundings(load.from_tree(repo, None))

    def of(self, tree: str | None) -> Surroundings:
        if tree != self._tree:
            plan = load.following(self._repo, self._last.plan, tree)
            self._tree, self._last = tree, Surroundings(plan, self._last)
        return self._last


class _Trunks:
    """Whether the plan that a commit keeps is that of the trunk commit which it names."""

    def __init__(self, repo: Repo, last: str | None) -> None:
        """`last`: the trunk commit that was decided on before."""
        self._repo = repo
        self._last = last
        self._trees: dict[str, str | None] = {}

    def look(self, step: Step, plan: str | None) -> list[Finding]:
        before, trunk = self._last, step.event.trunk
        if trunk is None:
            return []
        self._last = trunk
        if not _ID.fullmatch(trunk):
            return [step.finding("trunk", "what it names as the trunk commit is no commit's id")]
        if trunk not in self._trees:
            if refs.resolve(self._repo, trunk) is None:
                bare = "; and it keeps no plan: what it was decided on cannot be looked at" if plan is None else ""
                message = f"the trunk commit {trunk[:10]} is not here: amended away, or not fetched{bare}"
                return [step.finding("trunk", message, severity=WARNING)] if trunk != before or bare else []
            try:
                self._trees[trunk] = trees.tree_at(self._repo, trunk, ROOT)
            except GitError:
                return [step.finding("trunk", f"the trunk commit {trunk[:10]} cannot be read")]
        if self._trees[trunk] != plan:
            message = f"the plan that it keeps is not that of the trunk commit {trunk[:10]} which it names"
            return [step.finding("plan", message)]
        return []
