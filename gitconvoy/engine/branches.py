"""Which branches there are, for the base branches that convoys and rigs name (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable

from gitconvoy.engine.settings import HEADS, remotes
from gitconvoy.engine.town import Town
from gitconvoy.git import read


def branch_exists(town: Town) -> Callable[[str], bool]:
    """A function that tells whether a branch exists here or, as far as this clone knows, on a remote."""
    places = (HEADS, *(f"refs/remotes/{remote}/" for remote in remotes(town.repo)))
    return lambda name: any(read.ref(town.repo, place + name) is not None for place in places)
