"""Who the person at this clone is, by git's own rules."""

from __future__ import annotations

import re
from typing import cast

from gitconvoy.git import config
from gitconvoy.git.repo import Repo

FALLBACK = ("gitconvoy", "gitconvoy@localhost")
_EDGE = r"[^\x00-\x20\x7f.,:;<>\"'\\]"
_PLAIN = re.compile(rf"{_EDGE}(?:[^<>]*{_EDGE})?")
"""A name, or an address, from which git takes nothing away."""


def identity(repo: Repo) -> tuple[str, str]:
    """Name and address that git would put down as committer; a neutral pair where no identity is set up.

    The committer, as the author of a commit that is being replayed may be somebody else.
    """
    if "identity" not in repo.memo:
        repo.memo["identity"] = _as_set(repo) or _as_git_says(repo)
    return cast(tuple[str, str], repo.memo["identity"])


def _as_set(repo: Repo) -> tuple[str, str] | None:
    """The settings that git takes first, where it would take them as they are: most people have them."""
    found = []
    for part in ("name", "email"):
        value = repo.env.get(f"GIT_COMMITTER_{part.upper()}")
        if value is None:
            value = config.get(repo, f"committer.{part}") or config.get(repo, f"user.{part}") or ""
        if not (value.isprintable() and _PLAIN.fullmatch(value)):
            return None
        found.append(value)
    return found[0], found[1]


def _as_git_says(repo: Repo) -> tuple[str, str]:
    said = repo.git("var", "GIT_COMMITTER_IDENT", ok=(0, 128))
    name, _, rest = said.stdout.decode("utf-8", "replace").rpartition(" <")
    email = rest.partition(">")[0]
    return (name, email) if said.returncode == 0 and name else FALLBACK
