"""Which branches there are, for `base_branch` (SPEC 6 `missing-branch`); and whether the one here plans otherwise."""

from __future__ import annotations

from collections.abc import Callable

from gitconvoy.dataclass import dataclass
from gitconvoy.engine import settings
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.git import commits, personal, refs, trees
from gitconvoy.git.repo import Repo
from gitconvoy.model.kinds import CONFIG_PATH, ROOT
from gitconvoy.model.plan import Config
from gitconvoy.store import load


def branch_exists(town: Town, config: Config | None = None) -> Callable[[str, str], bool]:
    """A function that tells whether a branch exists, here or as a remote has it, in the repository of a rig.

    Where that is away nobody can tell, and another rule says so. `config`: the settings in force, the trunk's if None.
    """
    homes = town.homes(config or _settings(town))

    def exists(branch: str, rig: str) -> bool:
        home = homes.get(rig)
        if home is None:
            return _is_in(town.repo, branch)
        return bool(home.trouble) or _is_in(home.repo(), branch)

    return exists


def _settings(town: Town) -> Config:
    """Those of the trunk, without anything else of its plan."""
    return load.from_paths(town.repo, town.trunk(), [CONFIG_PATH]).config


@dataclass(frozen=True, slots=True)
class Apart:
    """What is checked out holds another plan than the trunk. `branch` None: HEAD is detached.

    `changed`: it has changes of its own, which a merge would bring; else the trunk alone has moved on.
    """

    branch: str | None
    changed: bool


def apart(town: Town) -> Apart | None:
    """Whether HEAD's `.convoy` is another one than the trunk's; None where it is the same, or HEAD stands on the trunk.

    In the middle of a rebase, a bisect and the like git has detached HEAD, and it says nothing of what is planned.
    """
    repo, trunk, here = town.repo, town.trunk(), refs.head_ref(town.repo)
    head = refs.head(repo)
    if repo.worktree is None or trunk is None or head in (None, trunk) or here == town.settings.trunk:
        return None
    plans = trees.tree_at(repo, head, ROOT), trees.tree_at(repo, trunk, ROOT)
    if plans[0] == plans[1] or (here is None and personal.operation_in_progress(repo) is not None):
        return None
    base = commits.merge_base(repo, head, trunk)
    before = trees.tree_at(repo, base, ROOT) if base is not None else None
    return Apart(here.removeprefix(HEADS) if here is not None else None, changed=plans[0] != before)


def _is_in(repo: Repo, branch: str) -> bool:
    places = (HEADS, *(f"refs/remotes/{remote}/" for remote in settings.remotes(repo)))
    here = refs.head_ref(repo)
    return here == HEADS + branch or any(refs.ref(repo, place + branch) is not None for place in places)
