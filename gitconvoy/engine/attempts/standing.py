"""Where the branches of a repository stand, the town's own or a rig's, as attempts need to know it (SPEC 7)."""

from __future__ import annotations

from collections.abc import Mapping

from gitconvoy.dataclass import dataclass
from gitconvoy.dispatch import workplace_settings
from gitconvoy.engine import settings as settings_
from gitconvoy.engine.attempts import bases
from gitconvoy.engine.attempts.places import Places
from gitconvoy.errors import ConvoyError
from gitconvoy.git import refs
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import BRANCH_PREFIX
from gitconvoy.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Taken:
    """Names of branches that cannot be made in a repository; it is looked at only when somebody asks."""

    repo: Repo

    def __contains__(self, name: object) -> bool:
        from gitconvoy.git import worktrees  # only who begins an attempt asks

        return bool(worktrees.clashes(self.repo, str(name)))


def branch_tip(repo: Repo, trunk: str, name: str) -> str | None:
    """The commit of a branch by its short name, of the trunk's branch and of those that only a remote has, too."""
    if name == settings_.trunk_branch(repo, trunk):
        return refs.ref(repo, trunk)
    return next(
        (tip for place in settings_.branch_places(repo) if (tip := refs.ref(repo, place + name)) is not None), None
    )


def places_in(
    repo: Repo, trunk: str, plan: Plan, *, root: str = "", rigs: Mapping[str, Places] | None = None
) -> Places:
    """Where attempts work in a repository whose trunk is this ref: a rig's (at `root`), or the town's with `rigs`."""
    branch = settings_.trunk_branch(repo, trunk)
    prefix, trouble = BRANCH_PREFIX, ""
    try:
        workplace_settings.check(repo)
        prefix = workplace_settings.branch_prefix(repo)
    except ConvoyError as error:
        trouble = in_words(error)
    tips = {name: tip for name in bases.named(plan, branch) if (tip := branch_tip(repo, trunk, name)) is not None}
    return Places(branch, prefix, tips, Taken(repo), root, trouble, rigs or {})


def in_words(error: ConvoyError) -> str:
    """What is wrong, and the remedy."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
