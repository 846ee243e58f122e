"""What a push adds to the ledger: a fast-forward of events that the table and the rules allow (SPEC 7, 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

from gitconvoy.audit.run import audit
from gitconvoy.audit.values import ERROR, WARNING, Finding, Step
from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Refused
from gitconvoy.git import commits, reach, trees
from gitconvoy.git.repo import Repo
from gitconvoy.git.signatures import signatures
from gitconvoy.hooking.trunk_push import require_bounded
from gitconvoy.ledger import codec
from gitconvoy.ledger.read import PLAN
from gitconvoy.model.kinds import ROOT

_BY_HAND = frozenset({"launch", "close", "land", "reopen"})
"""What catching up with the trunk does to convoys. Beads may live in other repositories, and so may causes."""
AHEAD = 300
"""Seconds that the clock of whoever wrote a commit may be ahead of the server's."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How many commits were looked at, and what was found in them, oldest first."""

    commits: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What the push is refused for."""
        return tuple(each for each in self.findings if each.severity == ERROR)


def judge_ledger(
    repo: Repo, old: str | None, new: str, *, trunks: Collection[str], now: int, signed: bool = False
) -> Judged:
    """Judge the commits that a push adds to the ledger, which stood at `old` (None: there was none).

    `trunks` are the trunk's tips before and after the push; `signed`: each commit has to carry a good signature.
    Refused where the push is no fast-forward, BadFiles where it leads to no ledger, or comes from none.
    """
    chain = commits.first_parents(repo, new, old)
    if chain is None:
        raise _no_fast_forward(repo, old or "", new)
    for tree in {plan for each in chain if (plan := trees.tree_at(repo, each, PLAN)) is not None}:
        require_bounded(repo, tree, "a plan that the ledger keeps")
    trunk = _TrunkHistory(repo, trunks, chain, old)

    def look(step: Step, plan: str | None) -> Iterator[Finding]:
        if step.at > now + AHEAD:
            ahead = step.at - now
            yield step.finding(
                "time", f"its date lies {ahead} s ahead of this server's clock, and holds up all after it"
            )
        yield from trunk.look(step, plan)

    report = audit(repo, new, since=old, look=look)
    found = [*report.findings, *(_unsigned(repo, chain) if signed else ())]
    place = {commit: number for number, commit in enumerate(reversed(chain))}
    return Judged(len(chain), tuple(sorted(found, key=lambda each: place[each.commit])))


def _no_fast_forward(repo: Repo, old: str, new: str) -> Refused:
    if commits.is_ancestor(repo, old, new):
        return Refused(
            f"{new[:10]} reaches {old[:10]}, where the ledger stands here, by way of a merge",
            hint="the ledger is a chain of single commits: take the merge back",
            code="push-merged",
        )
    return Refused(
        f"{new[:10]} does not follow {old[:10]}, where the ledger stands here: what happened cannot be taken back",
        hint="gitconvoy sync does what happened in your clone again on top of it; never push it with --force",
        code="push-diverged",
    )


def _unsigned(repo: Repo, chain: list[str]) -> Iterator[Finding]:
    for each in signatures(repo, chain[::-1]):
        if not each.good:
            info = commits.commit(repo, each.commit)
            parsed = codec.parse_message(info.message)
            trailers = parsed.trailers if parsed is not None else {}
            ids = tuple(trailers[name] for name in ("Convoy-Bead", "Convoy-Id") if name in trailers)
            kind = parsed.event if parsed is not None else ""
            yield Finding(each.commit, info.time, kind, "signature", each.words, ids)


class _TrunkHistory:
    """Whether what ledger commits were decided on ever was on the trunk.

    Which of a merge's parents was the trunk before, git does not tell (`git pull` turns them round), so every commit in
    the trunk's history counts. One that never came here was amended away: a warning, as long as some commit of the
    trunk has the plan that was decided on.
    """

    def __init__(self, repo: Repo, trunks: Collection[str], written: Collection[str], since: str | None) -> None:
        self._repo = repo
        self._trunks = trunks
        before = dict(self._named(since)).get("Convoy-Trunk") if since is not None else None
        named = {commit for each in written for _, commit in self._named(each)} | ({before} if before else set())
        self._here = frozenset(commit for commit in named if commits.is_commit(repo, commit))
        self._outside = reach.outside_of(repo, self._here, trunks)
        self._last = before
        """The newest commit of the trunk that was decided on before."""

    def _named(self, commit: str) -> Iterator[tuple[str, str]]:
        parsed = codec.parse_message(commits.commit(self._repo, commit).message)
        for name in ("Convoy-Trunk", "Convoy-Cause"):
            if parsed is not None and name in parsed.trailers:
                yield name, parsed.trailers[name]

    def _known(self, commit: str | None) -> bool:
        return commit in self._here and commit not in self._outside

    def look(self, step: Step, plan: str | None) -> Iterator[Finding]:
        """What is wrong with the commits that a step names."""
        trunk, cause = step.event.trunk, step.event.cause
        if (cause in self._outside and cause != trunk) or self._invented(step):
            yield step.finding("cause", f"the commit {cause[:10]}, which it names as its cause, is not on the trunk")
        if trunk is None:
            return
        if self._known(trunk):
            yield from self._outdated(step, trunk)
            return
        where = "is not on the trunk" if trunk in self._here else "never came to the trunk"
        if plan not in self._plans:  # None: as the trunk was where it has no plan at all
            what = "the plan that it was decided on" if plan is not None else "no plan, as this one"
            yield step.finding("plan", f"no commit of the trunk has {what}: {trunk[:10]} {where}")
        elif trunk in self._here:
            yield step.finding("trunk", f"the commit {trunk[:10]} that it was decided on {where}", severity=WARNING)

    def _invented(self, step: Step) -> bool:
        """Whether a convoy went where a person may take it, by a commit that the trunk decided on does not have."""
        event = step.event
        by_hand = event.kind in _BY_HAND and event.bead is None and event.cause not in ("command", "scan")
        return by_hand and self._known(step.event.trunk) and not self._known(step.event.cause)

    def _outdated(self, step: Step, trunk: str) -> Iterator[Finding]:
        """A dispatch on a plan that the ledger had gone past: what was added to it since may forbid it."""
        last = self._last
        if last is None or not self._known(last) or not reach.is_behind(self._repo, trunk, last):
            self._last = trunk
        elif step.event.kind == "dispatch":
            said = f"it was decided on the trunk's commit {trunk[:10]}, when {last[:10]} had been decided on before"
            yield step.finding("outdated", said)

    @cached_property
    def _plans(self) -> frozenset[str | None]:
        """The `.convoy` trees of all commits in the trunk's history; None for those that have none."""
        reached = {commit for tip in self._trunks for commit, _ in reach.new_commits(self._repo, tip, ())}
        found = {
            tree: trees.child(self._repo, tree, ROOT) for tree in {commits.commit(self._repo, c).tree for c in reached}
        }
        return frozenset(found.values())
