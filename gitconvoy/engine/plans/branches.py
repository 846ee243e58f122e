"""Which branches there are, for `base_branch` (SPEC 6 `missing-branch`)."""

from __future__ import annotations

from collections.abc import Callable

from gitconvoy.engine import settings
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.git import read
from gitconvoy.git.repo import Repo
from gitconvoy.model.plan import Config


def branch_exists(town: Town, config: Config | None = None) -> Callable[[str, str], bool]:
    """A function that tells whether a branch exists, here or as a remote has it, in the repository of a rig.

    Where that is away nobody can tell, and another rule says so. `config`: the settings in force, the trunk's if None.
    """
    homes = town.homes(config or town.plan().config)

    def exists(branch: str, rig: str) -> bool:
        home = homes.get(rig)
        if home is None:
            return _is_in(town.repo, branch)
        return bool(home.trouble) or _is_in(home.repo(), branch)

    return exists


def _is_in(repo: Repo, branch: str) -> bool:
    places = (HEADS, *(f"refs/remotes/{remote}/" for remote in settings.remotes(repo)))
    here = read.head_ref(repo)
    return here == HEADS + branch or any(read.ref(repo, place + branch) is not None for place in places)
