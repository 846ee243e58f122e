"""Which branches there are, for `base_branch` (SPEC 6 `missing-branch`)."""

from __future__ import annotations

from collections.abc import Callable

from gitconvoy.engine import settings
from gitconvoy.engine.settings import HEADS
from gitconvoy.engine.town import Town
from gitconvoy.git import read


def branch_exists(town: Town) -> Callable[[str], bool]:
    """A function that tells whether a branch exists, here or as a remote has it."""
    repo = town.repo
    places = (HEADS, *(f"refs/remotes/{remote}/" for remote in settings.remotes(repo)))
    here = read.head_ref(repo)
    return lambda name: here == HEADS + name or any(read.ref(repo, place + name) is not None for place in places)
