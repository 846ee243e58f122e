"""Where blocking links come from: the commit that wrote each, with its author and date (SPEC 8 `why`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gitconvoy.errors import BadFiles
from gitconvoy.git import read
from gitconvoy.git.repo import Repo
from gitconvoy.git.versions import Version, versions
from gitconvoy.model import kinds
from gitconvoy.model.clock import iso
from gitconvoy.model.plan import Plan
from gitconvoy.rules.facts import Blocker
from gitconvoy.yamlio.reader import load

_MOST = 200
"""How many versions of a file are looked at."""
_BLOCKS = "blocks"
"""The type of a link that names none."""


def origins(
    plan: Plan, trunk: str | None, repo_of: Callable[[str], Repo], blockers: Iterable[Blocker]
) -> dict[Blocker, dict[str, Any] | None]:
    """Blocker -> {commit, at, author, subject} of the commit that wrote the link into its holder's file.

    None where history does not say: it ends before (a shallow clone), or the trunk of then is gone. `trunk` is the
    commit that the plan was read from, `repo_of` gives the repository of a bead.
    """
    histories: dict[str, _History] = {}
    found: dict[Blocker, dict[str, Any] | None] = {}
    for blocker in blockers:
        holder = blocker.holder
        if holder not in histories:
            abroad = plan.abroad.get(holder)
            histories[holder] = _History(repo_of(holder), abroad.commit if abroad is not None else trunk, holder)
        commit = histories[holder].introduced(blocker.target, blocker.type)
        found[blocker] = _told(histories[holder].repo, commit) if commit is not None else None
    return found


def _told(repo: Repo, commit: str) -> dict[str, Any]:
    info = read.commit(repo, commit)
    return {
        "commit": commit,
        "at": iso(info.time),
        "author": info.author,
        "subject": info.message.partition("\n")[0],
    }


class _History:
    """The versions of one bead's file, wherever below `.convoy/beads` it lay."""

    def __init__(self, repo: Repo, tip: str | None, bead: str) -> None:
        self.repo = repo
        self._bead = bead
        self._versions: list[Version] = []
        self._read: dict[str, Mapping[str, Any] | bytes] = {}
        if tip is not None and read.resolve(repo, tip) == tip:
            patterns = [f"{folder}/**/{bead}.yaml" for folder in (kinds.BEAD.folder, kinds.ARCHIVE)]
            self._versions = versions(repo, tip, patterns, _MOST)

    def introduced(self, target: str, type_: str) -> str | None:
        """The newest commit that has the link where none of its parents does."""
        for version in self._versions:
            if self._has(version.after, target, type_) and not any(
                self._has(blob, target, type_) for blob in version.before
            ):
                return version.commit if version.whole else None
        return None

    def _has(self, blob: str | None, target: str, type_: str) -> bool:
        if blob is None:
            return False
        if blob not in self._read:
            data = read.blob(self.repo, blob)
            try:
                self._read[blob] = load(data, self._bead)
            except BadFiles:
                self._read[blob] = data
        found = self._read[blob]
        if isinstance(found, bytes):
            return target.encode() in found  # a file in conflict, say: who named the bead there is near enough
        return (target, type_) in _links(found)


def _links(document: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """(target, type) of each link of a document, whatever else is wrong with it."""
    listed = document.get("depends_on")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, Mapping):
            yield item.get("id"), item.get("type", _BLOCKS)
        else:
            yield item, _BLOCKS
