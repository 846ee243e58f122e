"""Who the person at this clone is, by git's own rules."""

from __future__ import annotations

from typing import cast

from gitconvoy.git.repo import Repo

FALLBACK = ("gitconvoy", "gitconvoy@localhost")


def identity(repo: Repo) -> tuple[str, str]:
    """Name and address that git would put down as committer; a neutral pair where no identity is set up.

    The committer, as the author of a commit that is being replayed may be somebody else.
    """
    if "identity" not in repo.memo:
        said = repo.git("var", "GIT_COMMITTER_IDENT", ok=(0, 128))
        name, _, rest = said.stdout.decode("utf-8", "replace").rpartition(" <")
        email = rest.partition(">")[0]
        repo.memo["identity"] = (name, email) if said.returncode == 0 and name else FALLBACK
    return cast(tuple[str, str], repo.memo["identity"])
