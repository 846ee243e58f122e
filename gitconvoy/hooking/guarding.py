"""Which branches a server's hook guards: the trunk has to be one that people push to (SPEC 9)."""

from __future__ import annotations

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import Refused
from gitconvoy.git import config, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.ledger.read import REF
from gitconvoy.model.kinds import ROOT

TRUNK_KEY = "gitconvoy.trunk"


@dataclass(frozen=True, slots=True)
class Guard:
    """What the hook of a server looks at beside the ledger."""

    trunk: str | None
    """Full name of the branch; None where neither git config nor HEAD names one."""
    pinned: bool
    """Whether git config names it (`gitconvoy.trunk`), not HEAD."""
    exists: bool
    candidates: tuple[str, ...] = ()
    """Where it does not exist: the branches that hold a plan, by their short names."""

    @property
    def trouble(self) -> str:
        """Why no push of a plan is looked at; empty where it is."""
        if self.exists:
            return ""
        named = "gitconvoy.trunk" if self.pinned else "HEAD"
        if self.trunk is None:
            return f"no plan that is pushed here is looked at: {named} names no branch"
        name = self.trunk.removeprefix(refs.HEADS)
        return (
            f"no plan that is pushed here is looked at, unless to {name}: {named} names it, and there is no such branch"
        )

    @property
    def remedy(self) -> str:
        """What whoever owns the server runs."""
        return f"git config {TRUNK_KEY} {self.candidates[0] if self.candidates else 'BRANCH'}"


def trunk_of(repo: Repo) -> str | None:
    """The full name of the server's trunk: `gitconvoy.trunk`, else the branch that HEAD names."""
    pinned = config.get(repo, TRUNK_KEY)
    name = refs.end_of(repo, refs.HEADS + pinned.removeprefix(refs.HEADS) if pinned else "HEAD")
    return name if name.startswith(refs.HEADS) else None  # git itself is asked: libgit2 takes HEAD more narrowly


def guard(repo: Repo) -> Guard:
    """What is guarded as the server is set up now."""
    trunk = trunk_of(repo)
    exists = trunk is not None and refs.ref(repo, trunk) is not None
    pinned = bool(config.get(repo, TRUNK_KEY))
    return Guard(trunk, pinned, exists, () if exists else _with_plans(repo))


def pin(repo: Repo, name: str | None) -> Guard:
    """Name the trunk in git config: `name`, else what is named there, HEAD's branch, or the only one with a plan.

    Where it cannot be told nothing is named. Refused for a name that no trunk can have.
    """
    if name is not None:
        _require_name(repo, name)
    found = guard(repo)
    if name is None and not found.pinned:
        known = found.trunk.removeprefix(refs.HEADS) if found.exists and found.trunk else None
        name = known or (found.candidates[0] if len(found.candidates) == 1 else None)
    if name is None:
        return found
    config.set_local(repo, TRUNK_KEY, name.removeprefix(refs.HEADS))
    return guard(repo)


def _require_name(repo: Repo, name: str) -> None:
    short = name.removeprefix(refs.HEADS)
    ledger = refs.HEADS + short == REF
    if ledger or repo.git("check-ref-format", "--branch", short, check=False).text != short:
        what = "the ledger's own branch" if ledger else "no name of a branch"
        raise Refused(f"{name[:80]!r} is {what}", hint="name the branch that holds the plan", code="configuration")


def _with_plans(repo: Repo) -> tuple[str, ...]:
    return tuple(
        name.removeprefix(refs.HEADS)
        for name, tip in sorted(refs.refs(repo, refs.HEADS).items())
        if name != REF and trees.tree_at(repo, tip, ROOT) is not None
    )
